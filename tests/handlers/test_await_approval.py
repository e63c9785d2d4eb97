"""AwaitApproval: a token that is kept, a decision that may have come before it, and a time that may be over."""

from typing import Any

import pytest

from bluegreen.decisions.gates import Decision
from bluegreen.errors import ApprovalRefused, ApprovalTimedOut, AwsUnavailable, DeploymentOver
from bluegreen.ledger import approvals, deployments
from bluegreen.ledger.owner import of_deployment
from tests.handlers.desk import Desk, Desks, told
from tests.machine.faults import acting


@pytest.fixture
def desk(desks: Desks) -> Desk:
    return desks(approval={"required": True, "timeout_seconds": 600}).to("ShiftAlias")


def decided(which: str) -> None:
    made = {"step": 1, "decision": which, "by": "API by bob", "at": "2026-01-05T09:00:00.000Z", "reason": "so"}
    assert approvals.decide(of_deployment("first"), Decision.model_validate(made))


def test_keeps_the_token_of_the_last_attempt_and_the_time_of_the_first(desk: Desk) -> None:
    desk.run("AwaitApproval")
    (first,) = approvals.asked(of_deployment("first"))
    desk.aws.clock.sleep(100)

    desk.run("AwaitApproval", retries=1)

    (again,) = approvals.asked(of_deployment("first"))
    assert (first.task_token, again.task_token) == ("token-0", "token-1")
    assert again.ends_at == first.ends_at
    assert "token-0" not in str(desk.steps())


def test_tells_people_once_what_waits_until_when_and_how_to_decide(desk: Desk) -> None:
    desk.run("AwaitApproval")
    desk.run("AwaitApproval", retries=1)

    (message,) = desk.deployer.messages()
    text = message["Message"]
    (waits,) = approvals.asked(of_deployment("first"))
    for part in (
        "Step 1",
        "10 % of the alias",
        waits.ends_at,
        "`bluegreen approve first --step 1`",
        "`bluegreen reject first --step 1 ",
    ):
        assert part in text


def test_tells_people_again_if_sns_did_not_answer(desk: Desk) -> None:
    with desk.aws.fails("Publish", "ServiceUnavailable", times=None):
        with pytest.raises(AwsUnavailable, match="people could not be told yet"):
            desk.run("AwaitApproval")
        desk.run("AwaitApproval", retries=3)
    desk.run("AwaitApproval", retries=1)

    assert len(told(desk.deployer)) == 1


def test_does_not_wait_if_the_deployment_was_undone_meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort between the reading of the record and the writing of the token sees no token to end the waiting by."""
    ask = approvals.ask

    def after_an_abort(*of: Any) -> Any:
        with acting(None, immune=True):
            deployments.begin_undoing("first", "Aborted", "a person said so")
        return ask(*of)

    monkeypatch.setattr(approvals, "ask", after_an_abort)
    with pytest.raises(DeploymentOver, match="was undone before it waited"):
        desk.run("AwaitApproval")

    assert told(desk.deployer) == []


def test_goes_on_at_once_if_the_decision_came_before_the_token(desk: Desk) -> None:
    decided("approved")

    with desk.aws.fails("SendTaskSuccess", "InvalidToken") as sent:
        desk.run("AwaitApproval")

    assert sent.met == 1
    assert told(desk.deployer) == []


def test_stops_if_it_was_rejected_before(desk: Desk) -> None:
    decided("rejected")

    with pytest.raises(ApprovalRefused, match=r"Step 1 was rejected by API by bob at .*: so"):
        desk.run("AwaitApproval")


def test_stops_once_the_time_is_over_and_no_decision_can_be_on_its_way(desk: Desk) -> None:
    desk.run("AwaitApproval")
    desk.aws.clock.sleep(601)
    with pytest.raises(AwsUnavailable, match="a decision may still be on its way"):
        desk.run("AwaitApproval", retries=1)
    desk.aws.clock.sleep(30)

    with pytest.raises(ApprovalTimedOut, match="No person approved step 1 within 10 min"):
        desk.run("AwaitApproval", retries=1)


def test_counts_an_approval_that_came_in_time_also_later(desk: Desk) -> None:
    desk.run("AwaitApproval")
    decided("approved")
    desk.aws.clock.sleep(601)

    with desk.aws.fails("SendTaskSuccess", "InvalidToken") as sent:
        desk.run("AwaitApproval", retries=1)

    assert sent.met == 1
