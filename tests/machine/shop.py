"""A shop of several functions, whose aliases users call, and which are released together."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any

import boto3
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

import recover_deployments
from bluegreen.request.upload import place_by_request
from tests.crash.world.driver import context_of
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, Deployer, installed, zip_of
from tests.machine.faults import Call, acting
from tests.machine.walk import DEPLOY_ASL, REGION, Run, handlers_of

RELEASE_ASL = DEPLOY_ASL.with_name("release.asl.json")
FUNCTIONS_ASL = DEPLOY_ASL.with_name("functions.asl.json")
NAMES = (FUNCTION, "Orders", "Prices", "Stock", "Tax")

Aliases = dict[str, tuple[str, dict[str, float]]]
BLUE: Aliases = {name: ("1", {}) for name in NAMES}
GREEN: Aliases = {name: ("2", {}) for name in NAMES}


class Shop:
    """What a test does with the shop, and what it sees of it from outside."""

    def __init__(self, deployer: Deployer, names: tuple[str, ...] = NAMES) -> None:
        self.deployer, self.aws, self.names = deployer, deployer.aws, names
        self.served: Counter[tuple[str, str]] = Counter()
        self.harmed: Counter[tuple[str, str]] = Counter()
        self.users_are_gone = False
        for name in names:
            if name != FUNCTION:
                self.aws.create_function(name, GOOD % 1)

    def upload(self, name: str, source: str = GOOD % 2) -> dict[str, str]:
        """An artifact of a function, where a release may name it."""
        key = place_by_request(name, "new.zip")
        version = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=zip_of(source))["VersionId"]
        return {"bucket": BUCKET, "key": key, "version_id": version}

    def document(self, sources: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """New code for every function, good unless `sources` has another one."""
        given = sources or {}
        functions = [
            {"function": name, "artifact": self.upload(name, given.get(name, GOOD % 2))} for name in self.names
        ]
        return {"functions": functions, "waves": [{"most": 2}, {}]} | more

    def release(self, sources: Mapping[str, str] | None = None, name: str | None = None, **more: Any) -> Run:
        """Such a release, from its start to its end."""
        return self.run(self.document(sources, **more), name)

    def run(self, document: Mapping[str, Any], name: str | None = None) -> Run:
        """A document, from its start to its end."""
        return self.aws.walk(document, name, RELEASE_ASL)

    def sweep(self, release: str) -> Run:
        """RecoverDeployments looks after everything; the execution that goes on with the release, to its end."""
        (record,) = (item for item in self.deployer.items(f"release#{release}") if item["sk"] == "record")
        with self.aws.acting("RecoverDeployments"):
            recovered = recover_deployments.handler({}, context_of("RecoverDeploymentsFunction"))
        assert release in recovered["recovered"], "nobody goes on with the release"
        machine = self.aws.machine_arn(RELEASE_ASL).replace(":stateMachine:", ":execution:")
        number = record.get("recoveries", 0) + 1
        return self.aws.finish(f"{machine}:{release}-recovery-{number}")

    def uploaded(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document as an object in releases/ of the bucket: what an execution is started with then."""
        key, text = "releases/by-hand/document.json", json.dumps(document)
        version = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text)["VersionId"]
        return {"release": {"bucket": BUCKET, "key": key, "version_id": version}}

    def children(self, run: Run) -> list[list[dict[str, Any]]]:
        """The histories of the executions that the release's started, and of theirs."""
        machines = [arn for arn in self.aws.executions(FUNCTIONS_ASL) if f":{_name(run)}-" in arn]
        children = [child for arn in machines for child in self.aws.children_of(arn)]
        return [self.aws.finish(arn).history for arn in (*machines, *children)]

    def users_call(self, times_a_second: float = 1) -> None:
        """From now on users call every function, and count what they get by the version that served them."""
        backend = lambda_backends[DEFAULT_ACCOUNT_ID][REGION]

        def call(name: str) -> None:
            if self.users_are_gone:
                return
            answer: dict[str, str] = {}
            try:
                backend.invoke(name, ALIAS, json.dumps({"user": 1}), {}, answer)
            except LambdaClientError:
                self.harmed[name, "no version"] += 1
                return
            version = answer["X-Amz-Executed-Version"]
            (self.harmed if "X-Amz-Function-Error" in answer else self.served)[name, version] += 1

        for each in self.names:
            self.aws.every(1 / times_a_second, partial(call, each))

    def aliases(self) -> Aliases:
        """Of each function the alias's main version, and the weights beside it."""
        return {name: self.alias(name) for name in self.names}

    def alias(self, name: str) -> tuple[str, dict[str, float]]:
        """Of one function."""
        alias = boto3.client("lambda").get_alias(FunctionName=name, Name=ALIAS)
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def digests(self) -> dict[str, str]:
        """The code of each $LATEST."""
        lambda_ = boto3.client("lambda")
        return {name: lambda_.get_function_configuration(FunctionName=name)["CodeSha256"] for name in self.names}

    def versions(self, name: str) -> list[str]:
        """What is published of a function."""
        answer = boto3.client("lambda").list_versions_by_function(FunctionName=name)
        return [each["Version"] for each in answer["Versions"] if each["Version"] != "$LATEST"]

    @contextmanager
    def sees_moves(self, moved: list[tuple[str, str]]) -> Iterator[None]:
        """Notes each alias that gets all of green ("2"), and each that goes back to blue alone ("back")."""

        def watcher(call: Call, attempt: Callable[[], Any]) -> Any:
            answer = attempt()
            name = call.url.partition("/functions/")[2].partition("/")[0]
            if call.operation == "UpdateAlias" and name in self.names:
                version, weights = self.alias(name)
                if not weights:
                    moved.append((name, "back" if version == "1" else version))
            return answer

        with self.aws.watched(watcher):
            yield

    @contextmanager
    def table_is_away_in(self, *states: str, attempts: int) -> Iterator[None]:
        """DynamoDB answers so many reads of one item by each of these states not at all."""
        with ExitStack() as faults:
            for state in states:
                faults.enter_context(self.aws.fails("GetItem", "ServiceUnavailable", times=attempts, state=state))
            yield

    def record(self, run: Run) -> dict[str, Any]:
        """The release's record."""
        name = run.arn.rpartition(":")[2]
        (record,) = (item for item in self.deployer.items(f"release#{name}") if item["sk"] == "record")
        return record

    def members(self, run: Run) -> list[dict[str, Any]]:
        """What the release knows of each function."""
        items = self.deployer.items(f"release#{_name(run)}")
        return [item for item in items if item["sk"].startswith("member#")]

    def states(self, run: Run) -> dict[str, str]:
        """How the deployment of each function ended; "" where there is none."""
        name = run.arn.rpartition(":")[2]
        records = {
            item["function"]: item["state"]
            for item in self.deployer.items(f"deployment#{name}.")
            if item["sk"] == "record"
        }
        return {each: records.get(each, "") for each in self.names}

    def locks(self) -> list[str]:
        """The keys of all locks that are held."""
        return [item["pk"] for item in self.deployer.items("lock#")]


def _name(run: Run) -> str:
    return run.arn.rpartition(":")[2]


@contextmanager
def open_shop(names: tuple[str, ...] = NAMES, **world: Any) -> Iterator[Shop]:
    """The deployer, installed, and the shop's functions."""
    with installed(handlers_of(DEPLOY_ASL, RELEASE_ASL, FUNCTIONS_ASL), **world) as deployer:
        deployer.aws.machine_arn(RELEASE_ASL)
        yield Shop(deployer, names)


def at(shop: Shop, state: str, do: Callable[[], object], number: int = 1) -> AbstractContextManager[None]:
    """Do something once: when the release enters that state for the time with this number."""
    seen = [0]

    def hook(_: str, name: str, moment: str) -> None:
        if (name, moment) == (state, "entered"):
            seen[0] += 1
            if seen[0] == number:
                with acting(None, immune=True):
                    do()

    return shop.aws.at_states(hook)
