"""
A deployment that ends in the middle is recovered, also if its event is lost, and no call fails.

The sweep is invoked as EventBridge would, at the target of its rule with an event of the schedule, because five minutes
between two of them are too long for a test. Sweeps of the schedule itself are lost, so that it is known who cleaned up.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from sandbox.demo.callers import Tally
from sandbox.testing import allow, eventually, policy
from tests.e2e.installed import (
    ALL_AT_ONCE,
    PREPARED,
    REFUSED,
    SHIFT,
    STAGED,
    Calculator,
    Installed,
    code,
    without_repeated_looks,
)

pytestmark = pytest.mark.xdist_group("e2e")

PATIENCE_SECONDS = 90
BY_THE_SECOND = {"period_seconds": 1, "delay_seconds": 2}
HALF_FOR_AN_HOUR = {"traffic": {"steps": [{"weight": 0.5, "bake_seconds": 3600}]}, "health": BY_THE_SECOND}
HALF_FOR_SECONDS = {"traffic": {"steps": [{"weight": 0.5, "bake_seconds": 5}]}, "health": BY_THE_SECOND}

EVENT = "RecoverDeploymentsFunctionExecutionEndedBadly"
SWEEP = "RecoverDeploymentsFunctionSweep"
UPLOADED = "ReceiveUploadFunctionArtifactUploaded"


class Inbox:
    """A subscriber to the notifications."""

    def __init__(self, installed: Installed) -> None:
        self._sqs = installed.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="inbox")["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        let_in = allow("sqs:SendMessage", found["QueueArn"], Principal={"Service": "sns.amazonaws.com"})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy(let_in)})
        topic = installed.physical("NotificationsTopic")
        installed.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=found["QueueArn"])
        self._messages: list[dict[str, Any]] = []

    def under(self, subject: str) -> list[str]:
        """The texts that came under a subject."""
        while got := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                self._messages.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Message"] for message in self._messages if message.get("Subject") == subject]


class Called:
    """A calculator that is called all the while, and a deployment of it that stands at half and half."""

    def __init__(self, installed: Installed, calculator: Calculator, tally: Tally) -> None:
        self._installed = installed
        self._calculator = calculator
        self.tally = tally
        self.name = calculator.name
        self.code = self.code_of("$LATEST")

    def start(self) -> str:
        """A deployment that would bake for an hour; its id."""
        return self._installed.start(self._calculator.request("v2", **HALF_FOR_AN_HOUR))

    def split(self) -> str:
        """The same, as soon as callers have met its green."""
        deployment = self.start()
        eventually(lambda: self.met_green, seconds=PATIENCE_SECONDS)
        assert self.serving == "1 and 2"
        return deployment

    @property
    def met_green(self) -> bool:
        return self.tally.served["2"] > 0

    @property
    def serving(self) -> str:
        return self._calculator.serving

    def code_of(self, qualifier: str) -> str:
        functions = self._installed.client("lambda")
        found = functions.get_function_configuration(FunctionName=self.name, Qualifier=qualifier)
        return str(found["CodeSha256"])

    def is_as_left(self, deployment: str) -> bool:
        """No recovery has run."""
        record = self._installed.record(deployment)
        return self.serving == "1 and 2" and record["state"] == "open" and self.code_of("$LATEST") != self.code


@pytest.fixture(scope="module")
def inbox(installed: Installed) -> Inbox:
    return Inbox(installed)


@pytest.fixture
def called(installed: Installed, calculator: Calculator) -> Iterator[Called]:
    """Nothing but right answers may come, from whichever version."""
    with installed.callers(calculator.name, callers=4, per_second=16) as callers:
        called = Called(installed, calculator, callers.during())
        yield called
    assert called.tally.served.total() > 0
    assert (called.tally.failed, called.tally.lost) == ({}, [])


def stop(installed: Installed, deployment: str) -> None:
    installed.client("stepfunctions").stop_execution(executionArn=installed.execution(deployment))
    assert status(installed, deployment) == "ABORTED"


def running(installed: Installed, deployment: str) -> bool:
    return status(installed, deployment) == "RUNNING"


def status(installed: Installed, deployment: str) -> str:
    execution = installed.execution(deployment)
    return str(installed.client("stepfunctions").describe_execution(executionArn=execution)["status"])


def sweep(installed: Installed) -> list[str]:
    """The deployments that it recovered."""
    events, name = installed.client("events"), installed.rule(SWEEP)
    rule = events.describe_rule(Name=name)
    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(5 minutes)")
    [target] = events.list_targets_by_rule(Rule=name)["Targets"]
    event = {"source": "aws.events", "detail-type": "Scheduled Event", "resources": [rule["Arn"]], "detail": {}}
    answer = installed.client("lambda").invoke(FunctionName=target["Arn"], Payload=json.dumps(event))
    said = json.load(answer["Payload"])
    assert "FunctionError" not in answer, said
    return list(said["recovered"])


def assert_recovered(installed: Installed, inbox: Inbox, called: Called, deployment: str, ended: str) -> None:
    """The alias is at blue alone, everything is as it was before, and people are told."""
    record = eventually(lambda: closed(installed, deployment), seconds=PATIENCE_SECONDS)
    status = eventually(lambda: at_rest(installed, called.name), seconds=PATIENCE_SECONDS)
    assert (called.serving, called.code_of("$LATEST")) == ("1", called.code)
    assert (record["state"], record["error"], record["serving"]) == ("RolledBack", "DeploymentAbandoned", "1")
    assert f"The execution {deployment} is {ended} and did not end its deployment." in record["cause"]
    assert f"{called.name}:PROD is back at version 1. $LATEST " in record["cause"]
    subject = f"Rolled back: {called.name}:PROD is at version 1"
    told = eventually(lambda: inbox.under(subject), seconds=PATIENCE_SECONDS)
    said = {text.partition("\n\n`bluegreen watch ")[0] for text in told}
    assert said == {f"DeploymentAbandoned: {record['cause']}\n\nStarted by: StartExecution."}
    assert (status["serving"], status["last"]["cause"]) == ("1", record["cause"])


def closed(installed: Installed, deployment: str) -> dict[str, Any]:
    """The record, once it says how the deployment ended; empty before."""
    record = installed.record(deployment)
    return record if "ended_at" in record else {}


def at_rest(installed: Installed, function: str) -> dict[str, Any]:
    """What `bluegreen status` says, once the alias's lock is free; empty before."""
    _, status = installed.forked_command("status", function)
    return status if status["running"] is None else {}


def assert_deploys(installed: Installed, calculator: Calculator) -> None:
    assert installed.deploy(calculator.request("v2")).path == ALL_AT_ONCE
    assert calculator.serving == "2"


@pytest.fixture(autouse=True)
def no_sweeps(installed: Installed) -> Iterator[None]:
    """But those of the test itself."""
    with installed.deliveries("lose", SWEEP):
        yield


def test_a_deployment_that_a_person_aborts_gives_blue_everybody_within_seconds_and_rings_no_alarm(
    installed: Installed, called: Called
) -> None:
    deployment = called.split()

    exit_code, said = installed.forked_command("abort", called.name, "--reason", "too many complaints")

    assert (exit_code, said["end"], said["error"], said["serving"]) == (0, "RolledBack", "Aborted", "1")
    record = installed.record(deployment)
    given, back = (datetime.fromisoformat(at) for at in (record["orders"][0]["at"], record["alias_returned_at"]))
    seconds = (back - given).total_seconds()
    print(f"{seconds:.1f} seconds from the order to everybody on blue")
    assert seconds < 60
    assert record["cause"].startswith("Aborted by arn:aws:"), record["cause"]
    assert "too many complaints" in record["cause"]
    assert [order["order"] for order in record["orders"]] == ["abort"]
    ended = installed.ended(deployment)
    assert (ended.end, ended.error) == ("RolledBack", "Aborted")
    assert status(installed, deployment) == "FAILED", "an execution that is ABORTED rings the alarm DeploymentCutShort"
    assert called.code_of("$LATEST") == called.code


def test_a_stopped_deployment_is_put_back_by_the_event_alone(
    installed: Installed, inbox: Inbox, calculator: Calculator, called: Called
) -> None:
    deployment = called.split()

    stop(installed, deployment)

    assert_recovered(installed, inbox, called, deployment, "ABORTED")
    assert_deploys(installed, calculator)


def test_a_deployment_that_runs_out_of_time_is_put_back_by_the_event_alone(
    installed: Installed, inbox: Inbox, calculator: Calculator, called: Called
) -> None:
    for seconds in (8, 24, 72):  # how many it takes to the bake is a matter of the machine
        with time_limit(installed, seconds):
            deployment = called.start()
        eventually(lambda: called.met_green or not running(installed, deployment), seconds=PATIENCE_SECONDS)  # noqa: B023
        if called.met_green:
            break
        eventually(lambda: closed(installed, deployment), seconds=PATIENCE_SECONDS)  # noqa: B023
    assert called.met_green

    eventually(lambda: not running(installed, deployment), seconds=PATIENCE_SECONDS)

    assert status(installed, deployment) == "TIMED_OUT"
    assert_recovered(installed, inbox, called, deployment, "TIMED_OUT")
    assert_deploys(installed, calculator)


@contextmanager
def time_limit(installed: Installed, seconds: int) -> Iterator[None]:
    """Of executions that start meanwhile, instead of three days."""
    states = installed.client("stepfunctions")
    definition = states.describe_state_machine(stateMachineArn=installed.machine)["definition"]
    hurried = json.dumps(json.loads(definition) | {"TimeoutSeconds": seconds})
    states.update_state_machine(stateMachineArn=installed.machine, definition=hurried)
    try:
        yield
    finally:
        states.update_state_machine(stateMachineArn=installed.machine, definition=definition)


def test_a_stopped_deployment_whose_event_is_lost_is_put_back_by_the_sweep(
    installed: Installed, inbox: Inbox, calculator: Calculator, called: Called
) -> None:
    deployment = called.split()
    with installed.deliveries("lose", EVENT) as lost:
        stop(installed, deployment)
        eventually(lost, seconds=PATIENCE_SECONDS)
    assert called.is_as_left(deployment)

    recovered = sweep(installed)

    assert recovered == [deployment]
    assert_recovered(installed, inbox, called, deployment, "ABORTED")
    assert_deploys(installed, calculator)


def test_a_sweep_leaves_a_deployment_alone_that_still_runs(installed: Installed, called: Called) -> None:
    deployment = called.split()

    recovered = sweep(installed)

    assert (recovered, called.is_as_left(deployment), running(installed, deployment)) == ([], True, True)
    stop(installed, deployment)
    eventually(lambda: closed(installed, deployment), seconds=PATIENCE_SECONDS)


def test_the_next_deployment_recovers_from_a_stopped_one_and_then_deploys(
    installed: Installed, inbox: Inbox, calculator: Calculator, called: Called
) -> None:
    stopped = called.split()
    with installed.deliveries("lose", EVENT) as lost:
        stop(installed, stopped)
        eventually(lost, seconds=PATIENCE_SECONDS)
    assert called.is_as_left(stopped)

    ended = installed.deploy(calculator.request("v2", **HALF_FOR_SECONDS))

    recovered = ["OpenDeployment", "RecoverPrevious", *PREPARED]
    assert without_repeated_looks(ended.path) == [
        *recovered,
        *STAGED,
        *SHIFT * 2,
        "CompleteDeployment",
        "OldVersions?",
        "Deployed",
    ]
    assert called.serving == "2"
    record = installed.record(stopped)
    assert (record["state"], record["error"], record["serving"]) == ("RolledBack", "DeploymentAbandoned", "1")
    subject = f"Rolled back: {called.name}:PROD is at version 1"
    assert eventually(lambda: inbox.under(subject), seconds=PATIENCE_SECONDS)


def test_of_two_starts_at_once_one_deploys_and_the_other_says_who_is_in_its_way(
    installed: Installed, calculator: Calculator, called: Called
) -> None:
    request = calculator.request("v2", **HALF_FOR_SECONDS)
    with ThreadPoolExecutor(2) as both_at_once:
        both = list(both_at_once.map(installed.start, [request, request]))

    ends = {deployment: installed.ended(deployment) for deployment in both}

    first, second = sorted(both, key=lambda deployment: ends[deployment].end)
    assert (ends[first].end, called.serving) == ("Deployed", "2")
    assert (ends[second].path, ends[second].error) == (REFUSED, "DeploymentInProgress")
    cause = str(ends[second].cause)
    assert f"{called.name}:PROD is being deployed to by {first}; " in cause
    assert f"/executions/details/{installed.execution(first)}" in cause
    record = installed.record(second)
    assert (record["state"], record["error"], record["cause"]) == ("Rejected", "DeploymentInProgress", cause)


def test_an_upload_whose_event_comes_twice_is_one_deployment(
    installed: Installed, calculator: Calculator, called: Called
) -> None:
    folder, known = f"functions/{called.name}", installed.executions()
    installed.upload(f"{folder}/deployment.json", json.dumps(HALF_FOR_SECONDS).encode())
    started = installed.watch_calls("StartExecution", "ReceiveUploadFunction")

    with installed.deliveries("twice", UPLOADED):
        installed.upload(f"{folder}/v2.zip", code("v2"))
        deployment = installed.started_beside(known)
        eventually(lambda: started() == 2, seconds=PATIENCE_SECONDS)

    assert installed.ended(deployment).end == "Deployed"
    assert installed.executions() - known == {deployment}
    assert called.serving == "2"
