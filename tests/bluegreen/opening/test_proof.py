"""Whether an event comes from the execution that it names, where the ledger cannot prove it."""

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.aws.client import client
from bluegreen.errors import AccessDenied, AwsUnavailable, NotTheHolder
from bluegreen.opening import proof
from tests.bluegreen.aws.answers import answered
from tests.handlers.desk import Desk
from tests.machine.deployer import Deployer

Prove = Callable[[str], Any]

WAYS: list[Prove] = [
    lambda arn: proof.must_be_running(arn, started_at="2026-01-05T09:00:00.000Z", document={}),
    lambda arn: proof.must_be_in(arn, "RollBack", {}),
]
EITHER_WAY = pytest.mark.parametrize("prove", WAYS, ids=["by its input", "by its state"])


def by_input(desk: Desk, **more: Any) -> str:
    known: dict[str, Any] = {"started_at": desk.started_at, "document": desk.request} | more
    return proof.must_be_running(desk.arn, **known)


def off(desk: Desk, seconds: float) -> str:
    return clock.iso(clock.moment(desk.started_at) + seconds)


@EITHER_WAY
class TestAnExecution:
    def test_that_has_ended_sends_no_event(self, desk: Desk, prove: Prove) -> None:
        desk.stop()

        with pytest.raises(NotTheHolder, match="is ABORTED, so this event is not from it; nothing was changed"):
            prove(desk.arn)

    def test_that_step_functions_does_not_show_is_asked_for_again(self, deployer: Deployer, prove: Prove) -> None:
        arn = executions.arn_of(os.environ["STATE_MACHINE_ARN"], "unseen")

        with pytest.raises(AwsUnavailable, match="does not show the execution"):
            prove(arn)

    @pytest.mark.parametrize("arn", ["", "first", "arn:aws:states:us-east-1:123456789012:stateMachine:idle"])
    def test_without_an_arn_of_its_own_is_none(self, deployer: Deployer, prove: Prove, arn: str) -> None:
        with pytest.raises(NotTheHolder, match="is no execution of the deployer; nothing was changed"):
            prove(arn)

    def test_that_may_not_be_seen_is_no_forgery(self, desk: Desk, prove: Prove) -> None:
        """RollBack would not be tried again after that."""
        with desk.aws.fails("DescribeExecution", "AccessDeniedException", times=None), pytest.raises(AccessDenied):
            prove(desk.arn)

    def test_is_asked_for_again_if_step_functions_does_not_answer(self, desk: Desk, prove: Prove) -> None:
        with desk.aws.fails("DescribeExecution", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            prove(desk.arn)


class TestTheInput:
    def test_of_a_running_execution_with_its_time_is_believed(self, desk: Desk) -> None:
        assert by_input(desk) == desk.started_at

    @pytest.mark.parametrize(
        "document", [{}, None, [], {"function": "Other"}, "text"], ids=["nothing", "none", "list", "another", "text"]
    )
    def test_of_another_execution_is_not_believed(self, desk: Desk, document: Any) -> None:
        with pytest.raises(NotTheHolder, match="has another input than this event; nothing was changed"):
            by_input(desk, document=document)

    def test_with_more_is_not_believed(self, desk: Desk) -> None:
        with pytest.raises(NotTheHolder, match="another input"):
            by_input(desk, document=desk.request | {"traffic": "AllAtOnce"})

    def test_that_is_not_json_is_not_believed(self, desk: Desk) -> None:
        described = client("stepfunctions").describe_execution(executionArn=desk.arn)

        with (
            answered(client("stepfunctions"), "DescribeExecution", lambda: described | {"input": "no JSON"}),
            pytest.raises(NotTheHolder, match="another input"),
        ):
            by_input(desk)


class TestTheTime:
    @pytest.mark.parametrize("seconds", [-0.004, 0.004])
    def test_is_what_step_functions_says_also_if_the_event_is_some_milliseconds_off(
        self, desk: Desk, seconds: float
    ) -> None:
        assert off(desk, seconds) != desk.started_at

        assert by_input(desk, started_at=off(desk, seconds)) == desk.started_at

    @pytest.mark.parametrize("seconds", [-0.5, -0.01, 0.01, 0.5])
    def test_of_another_moment_is_not_believed(self, desk: Desk, seconds: float) -> None:
        with pytest.raises(NotTheHolder, match="did not begin at"):
            by_input(desk, started_at=off(desk, seconds))

    @pytest.mark.parametrize("started_at", ["2020-01-01T00:00:00.000Z", "yesterday", ""])
    def test_that_is_another_or_none_is_not_believed(self, desk: Desk, started_at: str) -> None:
        with pytest.raises(NotTheHolder, match="did not begin at"):
            by_input(desk, started_at=started_at)


def history(*entered: tuple[str, str]) -> dict[str, Any]:
    """As GetExecutionHistory answers, the newest state first."""
    return {
        "events": [
            {
                "timestamp": datetime.fromtimestamp(0, UTC),
                "type": "TaskStateEntered",
                "id": len(entered) - number,
                "stateEnteredEventDetails": {"name": name, "input": input_},
            }
            for number, (name, input_) in enumerate(entered)
        ]
    }


class TestTheState:
    """The machine of a desk has one state, which waits and gets the request."""

    def test_that_the_execution_is_in_is_believed_with_its_document(self, desk: Desk) -> None:
        proof.must_be_in(desk.arn, "Idle", desk.request)

    def test_that_the_execution_is_not_seen_in_is_asked_for_again(self, desk: Desk) -> None:
        with pytest.raises(AwsUnavailable, match="is not seen in the state RollBack; nothing was changed"):
            proof.must_be_in(desk.arn, "RollBack", desk.request)

    @pytest.mark.parametrize("document", [{}, None, "text", {"function": "Other"}])
    def test_is_not_believed_with_another_document(self, desk: Desk, document: Any) -> None:
        with pytest.raises(NotTheHolder, match="has another document than this event; nothing was changed"):
            proof.must_be_in(desk.arn, "Idle", document)

    def test_is_not_believed_with_more_in_its_document(self, desk: Desk) -> None:
        with pytest.raises(NotTheHolder, match="another document"):
            proof.must_be_in(desk.arn, "Idle", desk.request | {"failure": {}})

    def test_is_not_believed_with_a_document_that_is_no_json(self, desk: Desk) -> None:
        with (
            answered(client("stepfunctions"), "GetExecutionHistory", lambda: history(("RollBack", "no JSON"))),
            pytest.raises(NotTheHolder, match="another document"),
        ):
            proof.must_be_in(desk.arn, "RollBack", {})

    def test_that_the_execution_has_left_is_not_believed(self, desk: Desk) -> None:
        left = history(("Rejected", "{}"), ("RollBack", json.dumps(desk.request)))

        with (
            answered(client("stepfunctions"), "GetExecutionHistory", lambda: left),
            pytest.raises(AwsUnavailable, match="not seen in the state RollBack"),
        ):
            proof.must_be_in(desk.arn, "RollBack", desk.request)

    def test_that_no_history_tells_of_is_asked_for_again(self, desk: Desk) -> None:
        with (
            answered(client("stepfunctions"), "GetExecutionHistory", history),
            pytest.raises(AwsUnavailable, match="not seen in the state Idle"),
        ):
            proof.must_be_in(desk.arn, "Idle", desk.request)

    def test_is_asked_for_again_if_step_functions_does_not_answer(self, desk: Desk) -> None:
        with (
            desk.aws.fails("GetExecutionHistory", "ServiceUnavailable", times=None),
            pytest.raises(AwsUnavailable, match="ServiceUnavailable"),
        ):
            proof.must_be_in(desk.arn, "Idle", desk.request)


@pytest.mark.parametrize(
    ("shown", "sent", "is_the_same"),
    [
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, True),
        ({"a": "half ?"}, {"a": "half \ud83d"}, True),
        ({"half \N{REPLACEMENT CHARACTER}": 1}, {"half \ud83d": 1}, True),
        ({"?": 1}, {"\ud83d": 2, "?": 1}, False),
        ({"a": "?"}, {"a": "!"}, False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 1, "b": 1}, False),
        ([1], [1, 1], False),
        ([], {}, False),
        (None, {}, False),
    ],
)
def test_two_documents_are_the_same_as_far_as_every_service_shows_them_alike(
    shown: Any, sent: Any, is_the_same: bool
) -> None:
    assert proof.same(shown, sent) is is_the_same


def test_documents_are_compared_that_are_nested_deeper_than_python_recurses() -> None:
    def nested(value: Any) -> Any:
        for _ in range(10_000):
            value = {"a": [value]}
        return value

    assert proof.same(nested(1), nested(1))
    assert not proof.same(nested(1), nested(2))


def shown(state: str, document: str = "{}", parameters: str = "") -> AbstractContextManager[Any]:
    """What the history says of the execution."""
    return mock.patch.object(executions, "state_entered", return_value=executions.Entered(state, document, parameters))


class TestTheDocumentOfARollback:
    def test_is_the_one_that_is_shown(self, desk: Desk) -> None:
        with shown("RollBack", '{"failure": "shown"}'):
            assert proof.document_of(desk.arn, ["RollBack"], {"failure": "sent"}) == {"failure": "shown"}

    @pytest.mark.parametrize("document", ["", "null", "[]", "{"])
    def test_is_the_event_s_if_none_is_shown(self, desk: Desk, document: str) -> None:
        with shown("RollBack", document):
            assert proof.document_of(desk.arn, ["RollBack"], {"failure": "sent"}) == {"failure": "sent"}

    def test_is_the_event_s_if_no_state_is_shown(self, desk: Desk) -> None:
        with mock.patch.object(executions, "state_entered", return_value=None):
            assert proof.document_of(desk.arn, ["RollBack"], {"failure": "sent"}) == {"failure": "sent"}

    def test_is_none_in_another_state(self, desk: Desk) -> None:
        with (
            shown("Bake"),
            pytest.raises(AwsUnavailable, match="not seen in the state PutBackFailed or RollBackRelease;"),
        ):
            proof.document_of(desk.arn, ["PutBackFailed", "RollBackRelease"], {})


class TestATaskToken:
    @pytest.mark.parametrize("parameters", ["", "{", "[]", '{"Payload": "x"}', '{"Payload": {"token": "true"}}'])
    def test_is_believed_unless_another_one_is_shown(self, desk: Desk, parameters: str) -> None:
        with shown("AwaitApproval", parameters=parameters):
            proof.must_be_in(desk.arn, "AwaitApproval", {}, "true")

    def test_of_somebody_else_is_refused(self, desk: Desk) -> None:
        with (
            shown("AwaitApproval", parameters='{"Payload": {"token": "true"}}'),
            pytest.raises(NotTheHolder, match="waits for another task token; nothing was changed"),
        ):
            proof.must_be_in(desk.arn, "AwaitApproval", {}, "made-up")
