"""The function that an examination makes, and everything that belongs to it."""

import io
import json
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from bluegreen import clock
from bluegreen.aws.client import in_our_words
from bluegreen.aws.logs import own_group
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import DeploymentError, NotFound
from bluegreen.ledger import forgetting
from bluegreen.target import Target
from bluegreen_cli.commands.adopt import ready
from bluegreen_cli.doctor.pace import Pace
from bluegreen_cli.doctor.services import Services
from bluegreen_cli.stack import Stack

PREFIX = "bluegreen-doctor-"
PATH = "/bluegreen-doctor/"
"""The path of its roles in IAM, by which a later run finds what a killed doctor left."""
TAG = "bluegreen:doctor"
RUNTIME = "python3.13"
WHOLE, SPLIT = "whole", "split"
"""The aliases whose metrics are counted: one without weights, and one with."""
HALF = 0.5

NAME = re.compile(rf"{PREFIX}(?P<when>\d{{8}}T\d{{6}}Z)-[0-9a-f]{{4}}")
ABANDONED_SECONDS = 3600
"""An examination takes a quarter of an hour, so a doctor whose function is older than this was killed."""

SOURCE = '''
"""A throw-away function of `bluegreen doctor`: {what}."""

import json
import time


def handler(event, context):
    fails = bool({fails})
    metrics = [{{"Name": "Replies"}}, {{"Name": "ServerErrors"}}]
    written = {{"Namespace": "BlueGreen/Functions", "Dimensions": [["FunctionName", "Version"]], "Metrics": metrics}}
    about = {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [written]}}
    line = {{"FunctionName": context.function_name, "Version": context.function_version}}
    print(json.dumps(line | {{"_aws": about, "Replies": 1, "ServerErrors": int(fails)}}))
    if fails:
        raise RuntimeError("as the doctor wants it")
    return {{"doctor": event.get("doctor")}}
'''


def code(what: str, *, bad: bool = False) -> bytes:
    """The zip of a version. A bad one passes the smoke test and fails for the doctor's calls."""
    source = SOURCE.format(what=what, fails='"doctor" in event' if bad else 'event.get("fail")')
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr(zipfile.ZipInfo("index.py", (1980, 1, 1, 0, 0, 0)), source)
    return file.getvalue()


FIRST = code("as it is made")


@dataclass
class Patient:
    """
    The function, which has two versions that differ in their description, and three aliases.

    `serving` is the code behind the alias that deployments move.
    """

    target: Target
    stack: Stack
    services: Services
    pace: Pace
    first: str = ""
    second: str = ""
    serving: bytes = FIRST

    @property
    def name(self) -> str:
        """The name of the function and of its role."""
        return self.target.function

    @property
    def arn(self) -> str:
        """The ARN of the function."""
        return self.target.arn

    @property
    def missing(self) -> Target:
        """A function that does not exist."""
        return missing_beside(self.target)

    def create(self, role: str | None) -> None:
        """Raises an error of AWS as it is."""
        role = role or make_role(
            self.services, self.name, self.stack, trust={"Service": "lambda.amazonaws.com"}, may=[self._may_log()]
        )
        api = self.services.functions
        self._create_function(role)
        ready(self.target)
        self.first = api.publish_version(FunctionName=self.name)["Version"]
        api.update_function_configuration(FunctionName=self.name, Description="its second version")
        ready(self.target)
        self.second = api.publish_version(FunctionName=self.name)["Version"]
        ready(self.target, self.second)
        self.create_alias(self.target.alias, self.second)
        self.create_alias(WHOLE, self.first)
        self.create_alias(SPLIT, self.first, {self.second: HALF})

    def create_alias(self, name: str, version: str, weights: dict[str, float] | None = None) -> None:
        """Create one more alias."""
        routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
        self.services.functions.create_alias(FunctionName=self.name, Name=name, FunctionVersion=version, **routing)

    def _may_log(self) -> dict[str, Any]:
        """Its metrics are lines of its log."""
        return {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{self.target.beside_logs(own_group(self.name))}:*",
        }

    def _create_function(self, role: str) -> None:
        until = time.monotonic() + self.pace.patience_for_settings
        while True:
            try:
                self.services.functions.create_function(
                    FunctionName=self.name,
                    Runtime=RUNTIME,
                    Handler="index.handler",
                    Role=role,
                    Code={"ZipFile": FIRST},
                    Description="made by `bluegreen doctor`, which deletes it",
                    Timeout=5,
                    Tags={OPT_IN_TAG: OPTED_IN, TAG: mark(self.stack)},
                )
                return
            except ClientError as error:
                if "cannot be assumed" not in str(error) or time.monotonic() > until:
                    raise
                clock.sleep(min(3.0, self.pace.between_looks))


def mark(stack: Stack) -> str:
    """The tag's value: roles are the same in all regions, and stacks may have the same name."""
    return f"{stack.region}/{stack.name}"


def new_name(now: float) -> str:
    """A name with the time of creation, so that a later run can tell a left function from one in use."""
    return f"{PREFIX}{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def missing_beside(target: Target) -> Target:
    """The function that the doctor asks for and does not make."""
    return target.model_copy(update={"function": f"{target.function}-missing"})


def role_for_tags(name: str) -> str:
    """The role of `tags.py`."""
    return f"{name}-tags"


def made_at(name: str) -> float | None:
    """When a function or role of the doctor's was made; None for any other name."""
    found = NAME.match(name)
    if not found:
        return None
    return datetime.strptime(found["when"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def make_role(
    services: Services, name: str, stack: Stack, *, trust: dict[str, str], may: list[dict[str, Any]] | None = None
) -> str:
    """A role that may do what the statements say; its ARN."""
    statement = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
    role: str = services.roles.create_role(
        Path=PATH,
        RoleName=name,
        AssumeRolePolicyDocument=_policy([statement]),
        Description="made by `bluegreen doctor`, which deletes it",
        Tags=[{"Key": TAG, "Value": mark(stack)}],
    )["Role"]["Arn"]
    if may:
        services.roles.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=_policy(may))
    return role


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def left_behind(services: Services, stack: Stack) -> list[str]:
    """The names of what the doctor of this stack has made, the oldest first: functions, and roles without one."""
    found: set[str] = set()
    with in_our_words():
        for page in services.functions.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if made_at(function["FunctionName"]) and _is_of(services, function["FunctionArn"], stack):
                    found.add(function["FunctionName"])
        for page in services.roles.get_paginator("list_roles").paginate(PathPrefix=PATH):
            for role in page["Roles"]:
                tags = services.roles.list_role_tags(RoleName=role["RoleName"])["Tags"]
                if made_at(role["RoleName"]) and {"Key": TAG, "Value": mark(stack)} in tags:
                    found.add(NAME.match(role["RoleName"])[0])  # type: ignore[index]  # made_at has matched it
    return sorted(found)


def _is_of(services: Services, arn: str, stack: Stack) -> bool:
    tags: dict[str, str] = services.functions.list_tags(Resource=arn).get("Tags", {})
    return tags.get(TAG) == mark(stack)


def remove(services: Services, stack: Stack, target: Target, patience: float) -> list[str]:
    """
    Delete the function and all that belongs to it; return what AWS did not delete, and why.

    Its roles go last, since the next run finds the function by them.
    """
    left = [*_tried(_removals(services, stack, target, patience))]
    return left or [*_tried(_removals_of_roles(services, target.function))]


Removal = tuple[str, Callable[[], object]]


def _tried(removals: Iterator[Removal]) -> Iterator[str]:
    for what, act in removals:
        try:
            with in_our_words():
                act()
        except NotFound:
            continue
        except DeploymentError as error:
            yield f"{what}: {error}"


def _removals(services: Services, stack: Stack, target: Target, patience: float) -> Iterator[Removal]:
    name = target.function
    yield f"the function {name}", lambda: services.functions.delete_function(FunctionName=name)
    yield f"the log group of {name}", lambda: services.logs.delete_log_group(logGroupName=f"/aws/lambda/{name}")
    yield f"the records of {name} in {stack.table}", lambda: _forget(services, stack, target, patience)
    places = (f"functions/{name}/", f"restored/{target.account}/{target.region}/{name}/")
    for place in places:
        yield f"s3://{stack.bucket}/{place}", lambda place=place: _empty(services, stack.bucket, place)  # type: ignore[misc]


def _removals_of_roles(services: Services, name: str) -> Iterator[Removal]:
    for role in (role_for_tags(name), name):
        yield f"the role {role}", lambda role=role: delete_role(services, role)  # type: ignore[misc]


def _forget(services: Services, stack: Stack, target: Target, patience: float) -> None:
    """A deployment whose function is gone ends by itself, at its next state."""
    until = time.monotonic() + patience
    asked_for = (target, missing_beside(target))
    while _is_deploying(services, stack, target) or any(forgetting.is_live(each) for each in asked_for):
        if time.monotonic() > until:
            raise DeploymentError("a deployment of it has not ended yet; `bluegreen doctor --clean` removes them later")
        clock.sleep(1)
    for each in asked_for:
        forgetting.forget(each)


def _is_deploying(services: Services, stack: Stack, target: Target) -> bool:
    """Whether Step Functions runs an execution for it; one that has just begun has no record yet."""
    pages = services.executions.get_paginator("list_executions").paginate(
        stateMachineArn=stack.machine, statusFilter="RUNNING"
    )
    return any(each["name"].startswith(target.function) for page in pages for each in page["executions"])


def _empty(services: Services, bucket: str, place: str) -> None:
    """Delete every version of every object there."""
    for page in services.objects.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=place):
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            services.objects.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def delete_role(services: Services, name: str) -> None:
    """A role that is gone already is no error."""
    try:
        for policy in services.roles.list_role_policies(RoleName=name)["PolicyNames"]:
            services.roles.delete_role_policy(RoleName=name, PolicyName=policy)
        services.roles.delete_role(RoleName=name)
    except services.roles.exceptions.NoSuchEntityException:
        return
