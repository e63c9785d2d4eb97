"""RecoverDeployments tells of an approval that is waited for and that nobody heard of."""

from typing import Any

import boto3
import pytest

from await_approval import TOLD_WITHIN_ATTEMPTS
from bluegreen.aws import table
from bluegreen.decisions.gates import Decision
from bluegreen.ledger import approvals, deployments
from bluegreen.ledger.owner import of_deployment
from tests.handlers.desk import Desk, Desks
from tests.handlers.recovering import SWEEP, ended_badly, recover
from tests.machine.deployer import ALIAS, FUNCTION
from tests.machine.faults import acting

pytestmark = pytest.mark.usefixtures("role_of_recovery")


class TestAnApprovalThatNobodyHeardOf:
    """SNS refused every attempt of AwaitApproval that could tell people."""

    @pytest.fixture
    def waiting(self, desks: Desks) -> Desk:
        desk = desks(approval={"required": True, "timeout_seconds": 600}).to("ShiftAlias")
        with desk.aws.fails("Publish", "InternalError", times=None):
            desk.run("AwaitApproval", retries=TOLD_WITHIN_ATTEMPTS)
        assert desk.deployer.messages() == []
        return desk

    def test_is_told_by_the_next_sweep_once(self, waiting: Desk) -> None:
        recover(SWEEP)
        recover(SWEEP)

        (message,) = waiting.deployer.messages()
        (asked,) = approvals.asked(of_deployment("first"))
        assert message["Subject"] == f"Waits: {FUNCTION}:{ALIAS} needs an approval"
        for part in ("Step 1", "10 % of the alias", asked.ends_at, "`bluegreen approve first"):
            assert part in message["Message"]
        assert (waiting.state(), waiting.deployer.alias()) == ("open", ("1", {}))

    def test_is_told_by_a_later_sweep_while_sns_refuses_and_fails_none(self, waiting: Desk) -> None:
        with waiting.aws.fails("Publish", "InternalError", times=None):
            assert recover(SWEEP) == []
        assert waiting.deployer.messages() == []

        recover(SWEEP)

        assert len(waiting.deployer.messages()) == 1

    @pytest.mark.parametrize("operation", ["Query", "UpdateItem"])
    def test_fails_no_sweep_while_the_table_does_not_answer(self, waiting: Desk, operation: str) -> None:
        """A sweep queries locks and untold ends first. Then come approvals and releases, whose queries fail here."""
        skip, times = (2, 3) if operation == "Query" else (0, None)
        with waiting.aws.fails(operation, "ServiceUnavailable", skip=skip, times=times) as fault:
            assert recover(SWEEP) == []

        assert fault.met
        assert waiting.state() == "open"

    def test_is_left_to_the_next_sweep_if_little_time_is_left(
        self, waiting: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slowly() -> list[Any]:
            waiting.aws.clock.sleep(550)
            return []

        with monkeypatch.context() as patched:
            patched.setattr(deployments, "untold", slowly)
            assert recover(SWEEP) == []
        assert waiting.deployer.messages() == []

        recover(SWEEP)

        assert len(waiting.deployer.messages()) == 1

    def test_that_cannot_be_read_fails_no_sweep(self, waiting: Desk) -> None:
        with acting(None, immune=True):
            item = {"pk": approvals.asked_partition(of_deployment("first")), "sk": "step#0009", "step": "nine"}
            boto3.resource("dynamodb").Table(table.name()).put_item(Item=item)

        assert recover(SWEEP) == []

        assert len(waiting.deployer.messages()) == 1

    def test_is_told_no_more_once_it_is_decided(self, waiting: Desk) -> None:
        made = {"step": 1, "decision": "approved", "by": "API by bob", "at": "2026-01-05T09:00:00.000Z"}
        with acting(None, immune=True):
            approvals.decide(of_deployment("first"), Decision.model_validate(made))

        recover(SWEEP)

        assert waiting.deployer.messages() == []

    def test_is_told_no_more_once_its_time_is_over(self, waiting: Desk) -> None:
        waiting.aws.clock.sleep(601)

        recover(SWEEP)

        assert waiting.deployer.messages() == []

    def test_is_told_no_more_once_the_deployment_is_undone(self, waiting: Desk) -> None:
        deployments.begin_undoing("first", "Aborted", "a person said so")

        recover(SWEEP)

        assert waiting.deployer.messages() == []

    def test_is_left_alone_where_another_execution_ended(self, waiting: Desk) -> None:
        recover(ended_badly(waiting, "FAILED"))

        assert waiting.deployer.messages() == []


def test_a_later_step_that_nobody_heard_of_is_told_with_its_own_share(desks: Desks) -> None:
    """CheckHealth tells it at its next look, unless a pause keeps that back."""
    desk = desks(
        traffic={"steps": [{"weight": 0.1, "bake_seconds": 300}, {"weight": 0.5, "bake_seconds": 0, "approve": True}]}
    )
    desk.to("ShiftAlias").run("ShiftAlias")
    approvals.ask(of_deployment("first"), 2, 600)

    recover(SWEEP)

    (message,) = desk.deployer.messages()
    assert "Step 2, which gives green 50 % of the alias, waits" in message["Message"]
