"""
Targets of the stack: other regions and accounts of the embedded AWS, made by the commands that docs/targets.md has.

    elsewhere = Elsewhere(installed)
    elsewhere.prepare()
"""

import io
import json
import re
import subprocess
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3

from sandbox.demo.account import ALIAS, BLUEGREEN
from sandbox.demo.callers import Callers, Judge, Tally
from sandbox.server import REGION, ROOT
from sandbox.testing import ACCOUNT
from tests.e2e.installed import PATIENCE_SECONDS, STACK, Installed

HOME = "home"
AWAY = "222222222222"
PLACES = {
    HOME: (ACCOUNT, REGION),
    "us": (ACCOUNT, "us-east-1"),
    "away": (AWAY, REGION),
    "away-us": (AWAY, "us-east-1"),
}
"""Two accounts with two regions each. Every place but `home` is a target of that name."""
STRANGER = "stranger"
"""A target whose role the stack's parameter TargetRoles does not have."""
EVERYWHERE = {**PLACES, STRANGER: (AWAY, "eu-west-1")}

DOCUMENTED = (ROOT / "docs" / "targets.md").read_text()
STAND_IN = "eu-west-1"
"""The region in the commands of the page."""


def role_in(account: str, region: str) -> str:
    """The ARN of the role that target.yaml makes there."""
    return f"arn:aws:iam::{account}:role/bluegreen-target-{STACK}-{region}"


TARGET_ROLES = ",".join(role_in(*where) for name, where in PLACES.items() if name != HOME)
"""For the stack's parameter: the names are known before there is any role."""


def command(beginning: str) -> str:
    """The one command of the page that begins so, on a line of its own or within a sentence."""
    (found,) = re.findall(rf"(?:^ *|`)({re.escape(beginning)}(?:\\\n|[^\n`])*)", DOCUMENTED, re.MULTILINE)
    return str(found)


def document() -> str:
    """The release's document that the page shows."""
    (found,) = re.findall(r"^ *```json\n(.*?)^ *```$", DOCUMENTED, re.DOTALL | re.MULTILINE)
    return str(found)


class Elsewhere:
    """What the owners of the accounts do in each place, and what they see there."""

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self.targets: dict[str, dict[str, str]] = {}
        """As a release's document has them."""

    def prepare(self) -> None:
        """A stack of target.yaml in each place."""
        named = dict(each.split("\t") for each in self._run(HOME, command("aws cloudformation describe")).splitlines())
        line = command("aws cloudformation deploy --template-file target.yaml")
        line = line.replace("STACK_ID", named["StackId"]).replace("ROLES_FOR_TARGETS", named["RolesForTargets"])

        def make(place: str) -> None:
            region = EVERYWHERE[place][1]
            self._run(place, line.replace(STAND_IN, region))
            stack = self.client(place, "cloudformation").describe_stacks(StackName="bluegreen-target")["Stacks"][0]
            found = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
            self.targets[place] = {"region": region, "role": found["RoleArn"], "bucket": found["BucketName"]}

        at_once(make, [place for place in EVERYWHERE if place != HOME])

    def create(self, function: str, code: bytes, places: Sequence[str], *, adopted: bool = True) -> None:
        """The function with that code in these places, ready for releases by the page's command."""
        adopt = command("AWS_REGION=eu-west-1 bluegreen adopt").replace("Shop", function)

        def make(place: str) -> None:
            region = EVERYWHERE[place][1]
            trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            role = self.client(place, "iam").create_role(
                RoleName=f"{function}-{region}",
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            )["Role"]["Arn"]
            self.client(place, "lambda").create_function(
                FunctionName=function, Runtime="python3.14", Handler="index.handler", Role=role, Code={"ZipFile": code}
            )
            if adopted:
                self._run(place, adopt.replace(STAND_IN, region))

        at_once(make, places)

    def client(self, place: str, service: str) -> Any:
        """Of that account's root."""
        account, region = EVERYWHERE[place]
        return self._installed.client(service, account=account, region=region)

    def as_role(self, place: str) -> Any:
        """A client of Lambda with the target's role. The account's owner takes the role by another trust policy."""
        role, account = self.targets[place]["role"], EVERYWHERE[place][0]
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        self.client(place, "iam").update_assume_role_policy(
            RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        given = self.client(place, "sts").assume_role(RoleArn=role, RoleSessionName="owner")["Credentials"]
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        endpoint = self._installed.environment["AWS_ENDPOINT_URL"]
        return session.client("lambda", region_name=EVERYWHERE[place][1], endpoint_url=endpoint)

    def serving(self, function: str) -> dict[str, str]:
        """The code that each place's alias serves. The alias has one version, and $LATEST has the same code."""
        return {place: self._serving(place, function) for place in PLACES}

    def _serving(self, place: str, function: str) -> str:
        api = self.client(place, "lambda")
        alias = api.get_alias(FunctionName=function, Name=ALIAS)
        assert not alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"), f"{place} is split"
        found = [
            api.get_function(FunctionName=function, Qualifier=each) for each in (alias["FunctionVersion"], "$LATEST")
        ]
        assert len({each["Configuration"]["CodeSha256"] for each in found}) == 1, f"$LATEST of {place} has other code"
        with urllib.request.urlopen(found[0]["Code"]["Location"], timeout=PATIENCE_SECONDS) as answer:
            return unzipped(answer.read())

    def digests(self, place: str, function: str) -> dict[str, str]:
        """Of each version's code, and of $LATEST."""
        versions = self.client(place, "lambda").list_versions_by_function(FunctionName=function)["Versions"]
        return {each["Version"]: each["CodeSha256"] for each in versions}

    def copies(self, place: str) -> list[tuple[str, str]]:
        """Each object version in the target's bucket: its key, and the code that it has."""
        s3, bucket = self.client(place, "s3"), self.targets[place]["bucket"]
        found = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for each in s3.list_object_versions(Bucket=bucket).get("Versions", [])
        ]
        return [(each["Key"], unzipped(s3.get_object(Bucket=bucket, **each)["Body"].read())) for each in found]

    def asked_there(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What IAM was asked so far for roles of targets, and for the stack's own roles about what is elsewhere."""
        targets = [role.rpartition("/")[2] for role in TARGET_ROLES.split(",")]
        elsewhere = re.compile(rf":us-east-1:|:{AWAY}:|:role/bluegreen-target-")
        asked = [each for each in self._installed.asked() if each["role"].startswith(f"{STACK}-")]
        own = (each for each in asked if each["role"] not in targets and elsewhere.search(each["resource"]))
        return [each for each in asked if each["role"] in targets], list(own)

    def moves(self) -> Callable[[], list[str]]:
        """From now on, for each alias that is moved: the region of the target whose role moves it, or "at home"."""
        calls = self._installed.calls()
        return lambda: [
            call["role"].removeprefix(f"bluegreen-target-{STACK}-") if "-target-" in call["role"] else "at home"
            for call in calls()
            if (call["operation"], call["status"]) == ("UpdateAlias", 200)
        ]

    @contextmanager
    def called(self, function: str, per_second: Mapping[str, float]) -> Iterator[dict[str, Tally]]:
        """Users call the alias in each place so often. The function of that place must answer."""
        with ExitStack() as calling:
            yield {
                place: calling.enter_context(
                    Callers(
                        self._installed.caller(account=account, region=region),
                        function,
                        ALIAS,
                        callers=2,
                        per_second=per_second[place],
                        asks=lambda number: {"user": number},
                        is_answer=own_answer(f"arn:aws:lambda:{region}:{account}:function:{function}:{ALIAS}", region),
                    )
                ).during()
                for place, (account, region) in PLACES.items()
            }

    def _run(self, place: str, line: str) -> str:
        """Run a line of the page in a shell with credentials of the place's account; answers what it prints."""
        environment = self._installed.environment | {"AWS_ACCESS_KEY_ID": EVERYWHERE[place][0]}
        environment["PATH"] = f"{BLUEGREEN.parent}:{environment['PATH']}"
        ran = subprocess.run(
            ["bash", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout


def own_answer(arn: str, region: str) -> Judge:
    """The function with this ARN ran, in this region."""
    return lambda asked, version, reply: bool(reply == {"user": asked["user"], "region": region, "arn": arn})


def unzipped(content: bytes) -> str:
    """The one file of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        return archive.read(name).decode()


def at_once(do: Callable[[str], None], places: Sequence[str]) -> None:
    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(do, places))
