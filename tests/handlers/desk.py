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
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.aws import client as aws_client
from bluegreen.aws import table
from bluegreen.document import Plan
from bluegreen.ledger import deployments
from bluegreen.request.upload import place_by_request
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TABLE, TARGET, Deployer, zip_of
from tests.machine.faults import acting, denied
from tests.machine.invocation import Context, Handler
from tests.machine.walk import DEPLOY_ASL, handlers_of
from tests.template.stack import named_in

IDLE = {"StartAt": "Idle", "States": {"Idle": {"Type": "Wait", "Seconds": 1, "End": True}}}
TO_GREEN = ["OpenDeployment", "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"]
TASKS = {name: state for name, state in json.loads(DEPLOY_ASL.read_text())["States"].items() if state["Type"] == "Task"}


def function_of(state: str) -> str:
    """The function that a Task state runs."""
    return f"{named_in(TASKS[state])}Function"


def context_of(function: str, **more: Any) -> LambdaContext:
    """What Lambda hands the handler of that function beside the event."""
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
    return cast(LambdaContext, Context(function, "$LATEST", arn, **more))


def alarms_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The alarms that the log sets off, by the field that the template's metric filters read."""
    return [record.alarm for record in caplog.records if hasattr(record, "alarm")]


def kept(document: dict[str, Any], path: str | None, answer: Any) -> dict[str, Any]:
    """The document with an answer at its ResultPath."""
    if path is None:
        return document
    first, _, rest = path.removeprefix("$").removeprefix(".").partition(".")
    if not first:
        return dict(answer)
    return document | {first: kept(document[first], f"$.{rest}", answer) if rest else answer}


class Desk:
    """A deployment whose states a test runs by hand; its execution runs until the test ends it."""

    def __init__(self, deployer: Deployer, idle: Path, name: str, request: Any) -> None:
        self.deployer = deployer
        self.aws = deployer.aws
        self.name = name
        self.document = request
        self.arn = ""
        self._idle = idle
        self.started_at = ""
        self.request = request
        self._handlers = handlers_of()
        self._idling, self._over = threading.Event(), threading.Event()
        self._entered: list[list[dict[str, Any]]] = []

    def start(self) -> None:
        """Its execution begins, and stays RUNNING."""

        def idle() -> None:
            self._idling.set()
            self._over.wait(60)

        self.aws.after(0.5, idle)
        self.arn = self.aws.start(self.request, self.name, self._idle)
        assert self._idling.wait(60)
        described = boto3.client("stepfunctions").describe_execution(executionArn=self.arn)
        self.started_at = (
            described["startDate"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )

    def end(self) -> None:
        """Its execution is over, and no handler has ended the deployment."""
        if self._over.is_set():
            return
        self._over.set()
        self.aws.finish(self.arn)

    def stop(self) -> None:
        """Another user stops its execution: no Catch runs."""
        self.aws.stop(self.arn)
        self.end()

    def event(self, state: str, *, retries: int = 0) -> dict[str, Any]:
        """
        What the state machine sends the state's handler.

        RejectDeployment gets the failure alone, also if OpenDeployment did its work: then its answer was lost.
        """
        document = self.document
        if state in ("OpenDeployment", "RecoverPrevious"):
            document = self.request
        if state == "RejectDeployment":
            document = self.document["failure"]
        return {
            "document": document,
            "execution": self.arn,
            "started": self.started_at,
            "state": state,
            "retries": retries,
        } | ({"token": f"token-{retries}"} if state == "AwaitApproval" else {})

    def run(self, state: str, *, retries: int = 0, due: bool = True) -> dict[str, Any]:
        """
        Call a state's handler with the document, and keep what it answers as the machine does.

        For CheckHealth a look is due now, unless the test waits for it itself.
        """
        if state == "CheckHealth" and due:
            self.document = kept(self.document, "$.bake.look.due_at", 0.0)
        event = self.event(state, retries=retries)
        with self.in_state(state, event["document"], event.get("token", "")):
            answer = self.invoke(state, event)
        self.document = kept(self.document, TASKS[state]["ResultPath"], answer)
        return answer

    def invoke(self, state: str, event: dict[str, Any]) -> dict[str, Any]:
        """Call a state's handler with any event. The execution's history does not say that it is in that state."""
        function = function_of(state)
        self.aws.clock.sleep(0.01)  # so that each step of the audit has a time of its own
        with self.aws.acting(state):
            answer = self._handlers[function](json.loads(json.dumps(event)), context_of(function))
        return json.loads(json.dumps(answer))  # type: ignore[no-any-return]

    @contextmanager
    def in_state(self, state: str, document: Any, token: str = "") -> Iterator[None]:
        """
        Its execution's history says that it is in this state, with this document; the innermost of several does.

        A state that waits for a task token shows the one of its latest attempt.
        """
        entered = {"name": state, "input": json.dumps(document)}
        event = {"timestamp": datetime.now(UTC), "type": "TaskStateEntered", "id": 1}
        events = [event | {"stateEnteredEventDetails": entered}]
        if token:
            scheduled = {"resourceType": "lambda", "resource": "invoke", "parameters": {"Payload": {"token": token}}}
            details = scheduled | {"region": "us-east-1", "parameters": json.dumps(scheduled["parameters"])}
            events.insert(0, event | {"type": "TaskScheduled", "id": 2, "taskScheduledEventDetails": details})
        self._entered.append(events)
        try:
            with _before_call("stepfunctions", "GetExecutionHistory", self._history):
                yield
        finally:
            self._entered.pop()

    def _history(self, params: dict[str, Any], **_: Any) -> Any:
        if json.loads(params["body"])["executionArn"] == self.arn:
            return SimpleNamespace(status_code=200), {"events": self._entered[-1] if self._entered else []}
        return None

    @property
    def plan(self) -> Plan:
        """What the ledger has."""
        plan = deployments.plan_of(self.name)
        assert plan is not None
        return plan

    def to(self, state: str) -> "Desk":
        """Everything that comes before a state of the way to the first shift."""
        for before in TO_GREEN[: TO_GREEN.index(state)]:
            self.run(before)
        return self

    def failed(self, error: str = "GreenUnhealthy", cause: str = "green failed 9 of 10") -> "Desk":
        """What a Catch leaves in the document."""
        kept_beside = self.document if isinstance(self.document, dict) else {}
        self.document = kept_beside | {
            "failure": {"Error": error, "Cause": json.dumps({"errorMessage": cause, "errorType": error})}
        }
        return self

    def record(self) -> dict[str, Any]:
        """The record as the table has it; {} if there is none."""
        items = self.deployer.items(f"deployment#{self.name}")
        return next((item for item in items if item["pk"] == f"deployment#{self.name}" and item["sk"] == "record"), {})

    def state(self) -> str | None:
        """The record's state."""
        return self.record().get("state")

    def outcome(self) -> tuple[str | None, str | None, Any]:
        """What the record says became of the alias and of $LATEST, and who serves."""
        record = self.record()
        return record.get("alias_outcome"), record.get("latest_outcome"), record.get("serving")

    def steps(self) -> list[tuple[str, dict[str, Any]]]:
        """The audit: which state left which evidence."""
        partition = f"steps#{self.name}"
        items = [item for item in self.deployer.items(partition) if item["pk"] == partition]
        items.sort(key=lambda item: str(item["sk"]))
        return [(str(item["sk"]).split("#")[1], json.loads(item["evidence"])) for item in items]

    def evidence(self, state: str) -> dict[str, Any]:
        """What the last step of that state left in the audit."""
        return [evidence for each, evidence in self.steps() if each == state][-1]

    def holder(self) -> str | None:
        """The deployment that holds the alias's lock."""
        locks = self.deployer.items(f"lock#{TARGET.key}")
        return str(locks[0]["deployment"]) if locks else None


def told(deployer: Deployer) -> list[str]:
    """
    The texts that people were told since they were last asked for, in order, but for those of beginnings.

    Each ends with who started the deployment; what can be done next is left out.
    """
    return [
        re.sub(r"(\n\nStarted by: .*)\n\n.*", r"\1", message["Message"], flags=re.S) for message in deployer.messages()
    ]


class Desks:
    """Deployments beside each other, and what other people do."""

    def __init__(self, deployer: Deployer, folder: Path) -> None:
        self.deployer = deployer
        self._idle = folder / "idle.asl.json"
        self._idle.write_text(json.dumps(IDLE))
        self._open: list[Desk] = []

    def __call__(self, name: str = "first", source: str = GOOD % 2, **request: Any) -> Desk:
        """A deployment of this source, unless the request names another artifact."""
        function = request.setdefault("function", FUNCTION)
        folder = function if re.fullmatch(r"[A-Za-z0-9_-]+", str(function)) else FUNCTION
        artifact = request.pop("artifact", None) or self.deployer.upload(source, place_by_request(folder, "new.zip"))
        return self.asked_for({"artifact": artifact} | request, name)

    def asked_for(self, request: Any, name: str = "first") -> Desk:
        """A deployment of this request, which may be a wrong one."""
        desk = Desk(self.deployer, self._idle, name, request)
        self._open.append(desk)
        desk.start()
        return desk

    def close(self) -> None:
        """End every execution."""
        for desk in self._open:
            desk.end()


def put(item: dict[str, Any]) -> None:
    """An item of the table, as no handler of this stack version writes it."""
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=table.values(item))


def the_lock_is_still_there(desk: Desk) -> None:
    """As an operator may restore it from a backup, without the deployment that it belonged to."""
    lock = {**TARGET.model_dump(), "held_by": desk.arn, "deployment": desk.name, "kind": "lock"}
    put({"pk": f"lock#{TARGET.key}", "sk": "lock"} | lock)


def another_user_points_the_alias(version: str, weights: dict[str, float] | None = None) -> None:
    """Past the deployer, as with the console."""
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION,
        Name=ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": weights or {}},
    )


def another_user_updates_the_code(deployer: Deployer, source: str) -> str:
    """Past the deployer; the digest of what is there now."""
    artifact = deployer.upload(source, "theirs.zip")
    answer = boto3.client("lambda").update_function_code(
        FunctionName=FUNCTION, S3Bucket=artifact["bucket"], S3Key=artifact["key"]
    )
    return str(answer["CodeSha256"])


def another_user_publishes(source: str) -> str:
    """Past the deployer; the number of the version, whose code $LATEST has then."""
    answer = boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(source), Publish=True)
    return str(answer["Version"])


def payload_in_s3(payload: Any) -> tuple[str, str]:
    """A place in S3 that a smoke test of FUNCTION may name, and the object version that has the payload there."""
    key = place_by_request(FUNCTION, "payload.json")
    stored = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(payload))
    return f"s3://{BUCKET}/{key}", str(stored["VersionId"])


def stopped_beside_an_unwell_blue(desks: Desks) -> Desk:
    """Version 2 is blue. It fails the smoke test that version 3 passed, whose payload S3 has."""
    blue = another_user_publishes("def handler(event, context):\n    if event['token'] == '4711': raise RuntimeError")
    another_user_points_the_alias(blue)
    place, _ = payload_in_s3({"token": "4711"})
    desk = desks(source=GOOD % 3, smoke_tests=[{"name": "login", "payload_from": place}]).to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.stop()
    return desk


def in_its_role(handler: Handler, role: str) -> Handler:
    """A handler that no state runs, as Lambda runs it: what it calls, it calls in its own role."""

    def in_role(event: Any, context: Any) -> Any:
        with acting(role):
            return handler(event, context)

    return in_role


@contextmanager
def just_before(service: str, operation: str, do: Callable[[], object]) -> Iterator[None]:
    """Another user does something once, right before the handlers' next call of that operation."""
    done = threading.Event()

    def once(**_: Any) -> None:
        if not done.is_set():
            done.set()
            with acting(None, immune=True):
                do()

    with _before_call(service, operation, once):
        yield
    assert done.is_set(), f"{operation} was never called"


@contextmanager
def aws_answers(service: str, operation: str, answer: dict[str, Any]) -> Iterator[None]:
    """What AWS says to the handlers where moto has nothing to say, provided IAM lets them ask."""

    def answered(model: Any, params: Any, **_: Any) -> Any:
        if why := denied(model.service_model.endpoint_prefix, model.name, params["url"], params["body"]):
            return _refused(403, "AccessDeniedException", why)
        return SimpleNamespace(status_code=200), answer

    with _before_call(service, operation, answered):
        yield


@contextmanager
def aws_refuses(service: str, operation: str, code: str, text: str) -> Iterator[None]:
    """What AWS refuses the handlers, in its own words."""
    with _before_call(service, operation, lambda **_: _refused(400, code, text)):
        yield


def _refused(status: int, code: str, text: str) -> Any:
    answer = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return SimpleNamespace(status_code=status), answer


@contextmanager
def _before_call(service: str, operation: str, do: Callable[..., Any]) -> Iterator[None]:
    of_target = (TARGET,) if service in ("lambda", "invoke", "cloudwatch") else ()
    events = aws_client.client(service, *of_target).meta.events  # type: ignore[call-overload]
    called = {"stepfunctions": "sfn", "invoke": "lambda"}.get(service, service)
    name = f"before-call.{called}.{operation}"
    events.register(name, do)
    try:
        yield
    finally:
        events.unregister(name, do)
