"""The pace under a whole deployment: how dense its calls are, what they wait for, and what a fault of the pace does."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen.aws import pacing, table
from bluegreen.aws.client import client
from tests.bluegreen.aws.town import item, most
from tests.machine.deployer import BAD_UNDER_TRAFFIC, GOOD, TABLE, TARGET, Deployer
from tests.machine.test_deploy import CANARY_5
from tests.machine.walk import Run


class Sent:
    """The calls in Lambda's bucket of 15, as Lambda got them: when, and which operation."""

    def __init__(self, deployer: Deployer) -> None:
        self._clock = deployer.aws.clock
        self.calls: list[tuple[float, str]] = []

    def note(self, event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        if operation not in pacing.LIMITS:
            self.calls.append((self._clock.now(), operation))


@pytest.fixture
def sent(deployer: Deployer) -> Iterator[Sent]:
    found = Sent(deployer)
    events = client("lambda", TARGET).meta.events
    events.register_last("before-send.lambda", found.note)
    yield found
    events.unregister("before-send.lambda", found.note)


def took(run: Run, state: str) -> float:
    """Seconds from the first time that the state was entered to the last time that it was left."""
    of_state = [
        datetime.fromisoformat(event["timestamp"]).timestamp()
        for event in run.history
        if state in (event.get(f"state{what}EventDetails", {}).get("name") for what in ("Entered", "Exited"))
    ]
    return of_state[-1] - of_state[0]


def test_a_canary_never_calls_more_often_than_lambda_allows_and_is_hardly_slower(
    deployer: Deployer, sent: Sent
) -> None:
    deployer.users_call()
    begun = deployer.aws.clock.now()
    with mock.patch.dict(os.environ):
        del os.environ["CALLS_PER_SECOND"]
        assert deployer.deploy().path == CANARY_5
    unpaced, calls = deployer.aws.clock.now() - begun, len(sent.calls)
    begun = deployer.aws.clock.now()
    assert deployer.deploy(GOOD % 3).path == CANARY_5

    assert most([moment for moment, _ in sent.calls[calls:]]) <= pacing.CONTROL_PLANE.most
    assert len(sent.calls) == 2 * calls
    assert deployer.aws.clock.now() - begun == pytest.approx(unpaced, abs=1)


def test_a_rollback_waits_for_no_queue_of_others(deployer: Deployer, sent: Sent) -> None:
    deployer.users_call()

    def others_take_turns() -> None:
        now = round(deployer.aws.clock.now() * 1000)
        found: dict[str, Any] = table.get(**item()) or {**item()}
        if found.get("undoing_until", 0) <= now:
            taken = found | {"next_at": now + 15_000}
            boto3.client("dynamodb").put_item(TableName=TABLE, Item=table.values(taken))

    deployer.aws.every(1, others_take_turns)
    run = deployer.deploy(BAD_UNDER_TRAFFIC)

    assert run.ended == "RolledBack"
    assert deployer.alias() == ("1", {})
    assert took(run, "RollBack") < 3
    back = max(moment for moment, operation in sent.calls if operation == "UpdateAlias")
    (entered,) = [
        datetime.fromisoformat(event["timestamp"]).timestamp()
        for event in run.history
        if event.get("stateEnteredEventDetails", {}).get("name") == "RollBack"
    ]
    assert back - entered < 1, "users are back on blue"


def test_a_deployment_that_is_held_up_by_a_rollback_goes_on_when_that_is_over(deployer: Deployer) -> None:
    until = round((deployer.aws.clock.now() + 55) * 1000)
    held = item() | {"next_at": until, "undoing_until": until}
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=table.values(held))

    run = deployer.deploy(traffic="AllAtOnce")

    assert run.ended == "Deployed"
    assert took(run, "OpenDeployment") == pytest.approx(55, abs=2)


@pytest.mark.parametrize("source", [GOOD % 2, BAD_UNDER_TRAFFIC], ids=["good", "bad"])
@pytest.mark.parametrize(
    "code", ["ReadTimeout", "ProvisionedThroughputExceededException", "InternalServerError", "AccessDeniedException"]
)
def test_a_pace_that_fails_changes_nothing(deployer: Deployer, sent: Sent, code: str, source: str) -> None:
    deployer.users_call()

    with deployer.aws.fails("Pace", code, times=None) as away:
        run = deployer.deploy(source)

    assert run.ended == ("Deployed" if source == GOOD % 2 else "RolledBack")
    assert run.path.count("RollBack") == (source != GOOD % 2)
    assert most([moment for moment, _ in sent.calls]) <= pacing.CONTROL_PLANE.most
    assert away.met < len(sent.calls)


@pytest.mark.parametrize("state", ["OpenDeployment", "UpdateCode", "PublishVersion", "ShiftAlias", "RollBack"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_handler_that_is_killed_while_it_takes_its_turn_is_tried_again(
    deployer: Deployer, state: str, when: Any
) -> None:
    deployer.users_call()
    source, end = (BAD_UNDER_TRAFFIC, "RolledBack") if state == "RollBack" else (GOOD % 2, "Deployed")

    with deployer.aws.fails("Pace", "HandlerKilled", state=state, when=when) as killed:
        run = deployer.deploy(source)

    assert killed.met == 1
    assert run.ended == end
    assert deployer.items("lock#") == []


def test_a_handler_that_waits_for_half_of_its_time_is_tried_again(deployer: Deployer) -> None:
    begun = deployer.aws.clock.now()

    def a_long_rollback_goes_on() -> None:
        now = deployer.aws.clock.now()
        if now < begun + 320:
            held = item() | {"undoing_until": round((now + 5) * 1000)}
            boto3.client("dynamodb").put_item(TableName=TABLE, Item=table.values(held))

    a_long_rollback_goes_on()
    deployer.aws.every(2, a_long_rollback_goes_on)
    run = deployer.deploy(traffic="AllAtOnce")

    failed = [
        event["lambdaFunctionFailedEventDetails"]
        for event in run.history
        if "lambdaFunctionFailedEventDetails" in event
    ]
    assert run.ended == "Deployed"
    assert [each["error"] for each in failed] == ["AwsUnavailable"]
    assert "a rollback is under way, whose calls go first; nothing was sent to us-east-1" in failed[0]["cause"]
    assert 320 < took(run, "OpenDeployment") < 340
