"""
One deployment, state by state: a test calls a handler as the machine would, and looks at AWS between the calls.

    desk.to("ShiftAlias")
    with desk.aws.fails("UpdateAlias", "ReadTimeout", when="after"):
        desk.run("ShiftAlias")
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3

from bluegreen.aws import client as aws_client
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TABLE, Deployer
from tests.machine.invocation import Context
from tests.machine.walk import DEPLOY_ASL, handlers_of

IDLE = {"StartAt": "Idle", "States": {"Idle": {"Type": "Wait", "Seconds": 1, "End": True}}}
TO_GREEN = ["OpenDeployment", "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"]


def _sections() -> dict[str, str]:
    """Where the machine keeps what each Task state learned."""
    states = json.loads(DEPLOY_ASL.read_text())["States"]
    return {name: state["ResultPath"].removeprefix("$.") for name, state in states.items() if state["Type"] == "Task"}


class Desk:
    """A deployment whose states a test runs by hand; its execution runs until the test ends it."""

    def __init__(self, deployer: Deployer, idle: Path, name: str, **request: Any) -> None:
        self.deployer = deployer
        self.aws = deployer.aws
        self.name = name
        self.document: dict[str, Any] = {"function": FUNCTION} | request
        self.arn = ""
        self._idle = idle
        self.started_at = "2026-01-05T09:00:00.000Z"
        self._handlers = handlers_of()
        self._sections = _sections()
        self._idling, self._over = threading.Event(), threading.Event()

    def start(self) -> None:
        """Its execution begins, and stays RUNNING."""

        def idle() -> None:
            self._idling.set()
            self._over.wait(60)

        self.aws.after(0.5, idle)
        self.arn = self.aws.start({}, self.name, self._idle)
        assert self._idling.wait(60)

    def end(self) -> None:
        """Its execution is over, and nobody has ended the deployment."""
        if self._over.is_set():
            return
        self._over.set()
        self.aws.finish(self.arn)

    def stop(self) -> None:
        """Somebody stops its execution: no Catch runs."""
        self.aws.stop(self.arn)
        self.end()

    def run(self, state: str, *, retries: int = 0) -> dict[str, Any]:
        """Call a state's handler with the document, and keep what it learned as the machine does."""
        sections = {"failure", *self._sections.values()} if state == "OpenDeployment" else set()
        event = {
            "document": {name: value for name, value in self.document.items() if name not in sections},
            "execution": self.arn,
            "started": self.started_at,
            "state": state,
            "retries": retries,
        }
        function = f"{state}Function"
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        learned = self._handlers[function](json.loads(json.dumps(event)), Context(function, "$LATEST", arn))
        section: dict[str, Any] = json.loads(json.dumps(learned))
        self.document = self.document | {self._sections[state]: section}
        return section

    def to(self, state: str) -> "Desk":
        """Everything that comes before a state of the way to the first shift."""
        for before in TO_GREEN[: TO_GREEN.index(state)]:
            self.run(before)
        return self

    def failed(self, error: str = "GreenUnhealthy", cause: str = "green failed 9 of 10") -> "Desk":
        """What a Catch leaves in the document."""
        self.document = self.document | {
            "failure": {"Error": error, "Cause": json.dumps({"errorMessage": cause, "errorType": error})}
        }
        return self

    def record(self) -> dict[str, Any] | None:
        """The record as the table has it."""
        key = {"pk": f"deployment#{self.name}", "sk": "record"}
        found: dict[str, Any] | None = boto3.resource("dynamodb").Table(TABLE).get_item(Key=key).get("Item")
        return found

    def state(self) -> str | None:
        """The record's state."""
        record = self.record()
        return str(record["state"]) if record else None

    def steps(self) -> list[tuple[str, dict[str, Any]]]:
        """The audit: which state left which evidence."""
        items = sorted(self.deployer.items(f"deployment#{self.name}"), key=lambda item: str(item["sk"]))
        return [
            (str(item["sk"]).split("#")[2], json.loads(item["evidence"]))
            for item in items
            if str(item["sk"]).startswith("step#")
        ]

    def holder(self) -> str | None:
        """The deployment that holds the alias's lock."""
        locks = self.deployer.items(f"lock#{FUNCTION}:{ALIAS}")
        return str(locks[0]["deployment"]) if locks else None


class Desks:
    """Deployments beside each other, and what other people do."""

    def __init__(self, deployer: Deployer, folder: Path) -> None:
        self.deployer = deployer
        self._idle = folder / "idle.asl.json"
        self._idle.write_text(json.dumps(IDLE))
        self._open: list[Desk] = []

    def __call__(self, name: str = "first", source: str = GOOD % 2, **request: Any) -> Desk:
        """A deployment of this source, unless the request names another artifact."""
        artifact = request.pop("artifact", None) or self.deployer.upload(source)
        desk = Desk(self.deployer, self._idle, name, artifact=artifact, **request)
        self._open.append(desk)
        desk.start()
        return desk

    def close(self) -> None:
        """End every execution."""
        for desk in self._open:
            desk.end()


def the_lock_is_still_there(desk: Desk) -> None:
    """As a person may restore it from a backup, without the deployment that it belonged to."""
    lock = {"function": FUNCTION, "alias": ALIAS, "held_by": desk.arn, "deployment": desk.name, "kind": "lock"}
    boto3.resource("dynamodb").Table(TABLE).put_item(Item={"pk": f"lock#{FUNCTION}:{ALIAS}", "sk": "lock"} | lock)


def somebody_points_the_alias(version: str, weights: dict[str, float] | None = None) -> None:
    """Past us, as with the console."""
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION,
        Name=ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": weights or {}},
    )


def somebody_updates_the_code(deployer: Deployer, source: str) -> str:
    """Past us; the digest of what is there now."""
    artifact = deployer.upload(source, "somebody.zip")
    answer = boto3.client("lambda").update_function_code(
        FunctionName=FUNCTION, S3Bucket=artifact["bucket"], S3Key=artifact["key"]
    )
    return str(answer["CodeSha256"])


@contextmanager
def just_before(service: str, operation: str, do: Callable[[], object]) -> Iterator[None]:
    """Something happens once, right before our handlers' next call of that operation."""
    done = threading.Event()

    def once(**_: Any) -> None:
        if not done.is_set():
            done.set()
            do()

    with _before_call(service, operation, once):
        yield
    assert done.is_set(), f"{operation} was never called"


@contextmanager
def aws_answers(service: str, operation: str, answer: dict[str, Any]) -> Iterator[None]:
    """What AWS says to our handlers where moto has nothing to say."""
    with _before_call(service, operation, lambda **_: (SimpleNamespace(status_code=200), answer)):
        yield


@contextmanager
def _before_call(service: str, operation: str, do: Callable[..., Any]) -> Iterator[None]:
    events = aws_client.client(service).meta.events  # type: ignore[call-overload]
    name = f"before-call.{re.sub('stepfunctions', 'sfn', service)}.{operation}"
    events.register(name, do)
    try:
        yield
    finally:
        events.unregister(name, do)
