"""Executions of the deploy machine: as Step Functions knows them, and starting them."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from bluegreen.aws import executions
from bluegreen.aws.client import client
from bluegreen.errors import AccessDenied, AwsUnavailable
from tests.bluegreen.aws.answers import answered, asked
from tests.handlers.desk import Desk
from tests.machine.deployer import Deployer


def test_an_execution_that_runs_is_described_with_its_input(desk: Desk) -> None:
    found = executions.describe(desk.arn)

    assert found is not None
    assert (found.arn, found.name, found.status, found.running) == (desk.arn, "first", "RUNNING", True)
    assert json.loads(found.input) == desk.request
    assert (found.started_at > 0, found.ended_at, found.error, found.cause) == (True, 0.0, "", "")


def test_an_execution_that_was_stopped_has_ended(desk: Desk) -> None:
    desk.stop()

    found = executions.describe(desk.arn)

    assert found is not None
    assert (found.status, found.running) == ("ABORTED", False)
    assert found.ended_at >= found.started_at


def test_an_execution_that_step_functions_has_forgotten_is_none(deployer: Deployer) -> None:
    forgotten = executions.arn_of(os.environ["STATE_MACHINE_ARN"], "of-last-year")

    assert executions.describe(forgotten) is None


def test_a_step_functions_that_does_not_answer_says_nothing_about_an_execution(deployer: Deployer, desk: Desk) -> None:
    with deployer.aws.fails("DescribeExecution", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        executions.describe(desk.arn)


def event(kind: str, **details: Any) -> dict[str, Any]:
    return {"timestamp": datetime.fromtimestamp(0, UTC), "type": kind, "id": 1} | details


def entered(state: str, **more: str) -> dict[str, Any]:
    return event("TaskStateEntered", stateEnteredEventDetails={"name": state} | more)


def test_the_state_that_an_execution_is_in_is_told_with_its_document(desk: Desk) -> None:
    found = executions.state_entered(desk.arn)

    assert found is not None
    assert (found.state, json.loads(found.document), found.scheduled) == ("Idle", desk.request, "")


def test_the_state_that_was_entered_last_is_told(desk: Desk) -> None:
    events = [event("TaskScheduled"), entered("ShiftAlias", input="{}"), entered("SmokeTest", input="[]")]

    with answered(client("stepfunctions"), "GetExecutionHistory", lambda: {"events": events}) as calls:
        assert executions.state_entered(desk.arn) == ("ShiftAlias", "{}", "")

    assert [(call["executionArn"], call["reverseOrder"]) for call in calls] == [(desk.arn, True)]


def test_what_the_latest_attempt_of_a_state_was_scheduled_with_is_told(desk: Desk) -> None:
    def scheduled(token: str) -> dict[str, Any]:
        return event(
            "TaskScheduled", taskScheduledEventDetails={"parameters": json.dumps({"Payload": {"token": token}})}
        )

    events = [event("TaskStarted"), scheduled("2"), event("TaskFailed"), scheduled("1"), entered("AwaitApproval")]
    with answered(client("stepfunctions"), "GetExecutionHistory", lambda: {"events": events}):
        found = executions.state_entered(desk.arn)

    assert found == ("AwaitApproval", "", '{"Payload": {"token": "2"}}')


def test_a_state_that_was_retried_often_is_found_on_a_later_page(desk: Desk) -> None:
    retried = {"events": [event("TaskFailed")] * 100, "nextToken": "2"}
    pages = iter([retried, {"events": [event("TaskFailed"), entered("RollBack", input="{}")]}])

    with answered(client("stepfunctions"), "GetExecutionHistory", lambda: next(pages)) as calls:
        assert executions.state_entered(desk.arn) == ("RollBack", "{}", "")

    assert [call.get("nextToken") for call in calls] == [None, "2"]


def test_a_history_without_an_end_is_not_read_to_its_end(desk: Desk) -> None:
    numbers = iter(range(100))

    def page() -> dict[str, Any]:
        return {"events": [event("TaskFailed")] * 100, "nextToken": str(next(numbers))}

    with answered(client("stepfunctions"), "GetExecutionHistory", page) as calls:
        assert executions.state_entered(desk.arn) is None

    assert len(calls) == executions.MOST_EVENTS / 100


@pytest.mark.parametrize("events", [[], [event("ExecutionStarted")]], ids=["empty", "just begun"])
def test_a_history_without_a_state_tells_of_none(desk: Desk, events: list[dict[str, Any]]) -> None:
    with answered(client("stepfunctions"), "GetExecutionHistory", lambda: {"events": events}):
        assert executions.state_entered(desk.arn) is None


def test_a_state_whose_document_is_not_shown_is_told_without(desk: Desk) -> None:
    with answered(client("stepfunctions"), "GetExecutionHistory", lambda: {"events": [entered("RollBack")]}):
        assert executions.state_entered(desk.arn) == ("RollBack", "", "")


@pytest.mark.parametrize(
    ("code", "error"), [("ServiceUnavailable", AwsUnavailable), ("AccessDeniedException", AccessDenied)]
)
def test_a_history_that_cannot_be_read_is_an_error_of_ours(desk: Desk, code: str, error: type[Exception]) -> None:
    with desk.aws.fails("GetExecutionHistory", code, times=None), pytest.raises(error):
        executions.state_entered(desk.arn)


def test_the_arn_of_an_execution_follows_from_its_machine_and_its_name(desk: Desk) -> None:
    machine = desk.arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]

    assert executions.arn_of(machine, "first") == desk.arn


def test_a_request_is_started_once_by_its_name(deployer: Deployer) -> None:
    machine = os.environ["STATE_MACHINE_ARN"]

    with asked(client("stepfunctions"), "StartExecution") as calls:
        first = executions.start(machine, "upload-1", {"function": "Größe"})

    assert first == executions.arn_of(machine, "upload-1")
    assert [json.loads(call["input"]) for call in calls] == [{"function": "Größe"}]


def test_a_name_that_is_taken_is_the_deployment_that_has_it(deployer: Deployer) -> None:
    machine = os.environ["STATE_MACHINE_ARN"]

    with deployer.aws.fails("StartExecution", "ExecutionAlreadyExists"):
        assert executions.start(machine, "upload-1", {}) == executions.arn_of(machine, "upload-1")


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_a_person_looks_at_an_execution_in_the_console_of_its_partition(partition: str, region: str, host: str) -> None:
    arn = f"arn:{partition}:states:{region}:123456789012:execution:deploy:first"

    link = executions.console_link(arn)

    assert link == f"https://{host}/states/home?region={region}#/v2/executions/details/{arn}"
