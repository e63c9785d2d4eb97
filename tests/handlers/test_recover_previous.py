"""RecoverPrevious undoes the deployment of an execution that ended with the lock, so that the next can begin."""

from contextlib import suppress
from typing import Any

import boto3
import pytest

import recover_deployments
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentError,
    DeploymentInterrupted,
    StillInProgress,
)
from tests.handlers.desk import (
    Desk,
    Desks,
    another_user_points_the_alias,
    another_user_publishes,
    aws_answers,
    context_of,
    just_before,
    stopped_beside_an_unwell_blue,
    the_lock_is_still_there,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD


@pytest.fixture
def dead(desk: Desk) -> Desk:
    """Another user stopped it when green had its first share."""
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.stop()
    return desk


@pytest.fixture
def second(dead: Desk, desks: Desks) -> Desk:
    """The next deployment."""
    return desks("second", GOOD % 3)


def live_alias() -> None:
    boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")


def opened(desk: Desk) -> dict[str, Any]:
    """As the machine does: recover, and open again."""
    with pytest.raises(DeploymentInterrupted):
        desk.run("OpenDeployment")
    desk.run("RecoverPrevious")
    return desk.run("OpenDeployment")


def is_undone(desk: Desk) -> bool:
    return (
        desk.deployer.alias() == ("1", {})
        and desk.deployer.digest() == str(desk.record()["latest_sha256"])
        and desk.state() == "RolledBack"
        and desk.holder() != desk.name
    )


class TestADeploymentWhoseExecutionHasEnded:
    @pytest.mark.parametrize("ended", ["end", "stop"])
    def test_is_undone_before_the_next_opens(self, desk: Desk, desks: Desks, ended: str) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        getattr(desk, ended)()
        second = desks("second", GOOD % 3)

        opened(second)

        assert is_undone(desk)
        assert desk.record()["error"] == "DeploymentAbandoned"
        assert desk.outcome() == ("back", "put_back", "1")
        assert second.holder() == "second"
        assert second.plan.latest.sha256 == desk.record()["latest_sha256"]
        assert second.plan.blue.version == "1"

    def test_lets_the_next_be_deployed(self, dead: Desk, second: Desk) -> None:
        opened(second)

        for state in ("UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias", "ShiftAlias"):
            second.run(state)

        assert second.deployer.alias() == ("3", {})

    def test_of_a_version_that_was_published_before_is_undone_too(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        desk = desks(artifact={"version": "2"})
        desk.run("OpenDeployment")
        desk.run("ShiftAlias")
        assert desk.deployer.alias() == ("1", {"2": 0.1})
        desk.stop()

        opened(desks("second", GOOD % 3))

        assert desk.deployer.alias() == ("1", {})
        assert (desk.state(), desk.outcome()) == ("RolledBack", ("back", "not_part", "1"))

    def test_that_had_changed_nothing_is_closed_as_refused(self, desk: Desk, desks: Desks) -> None:
        with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")
        desk.stop()

        opened(desks("second", GOOD % 3))

        assert desk.state() == "Rejected"

    def test_that_was_complete_is_not_undone(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("CompleteDeployment")
        the_lock_is_still_there(desk)
        desk.stop()
        second = desks("second", GOOD % 3)

        opened(second)

        assert desk.deployer.alias() == ("2", {})
        assert desk.state() == "Deployed"
        assert second.plan.blue.version == "2"

    def test_of_another_alias_is_undone_for_the_sake_of_latest(self, dead: Desk, desks: Desks) -> None:
        live_alias()
        second = desks("second", GOOD % 3, alias="LIVE")

        opened(second)

        assert is_undone(dead)
        assert second.state() == "open"

    def test_of_the_alias_and_one_of_another_alias_are_undone_together(self, desk: Desk, desks: Desks) -> None:
        live_alias()
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.stop()
        live = desks("live", artifact={"version": "2"}, alias="LIVE")
        live.run("OpenDeployment")
        live.stop()
        second = desks("second", GOOD % 3, alias="LIVE")

        second.run("RecoverPrevious")

        assert second.evidence("RecoverPrevious") == {"recovered": ["live", "first"]}
        assert (is_undone(desk), live.state()) == (True, "RolledBack")

    def test_whose_weights_lambda_sets_is_undone(self, dead: Desk, second: Desk) -> None:
        """Lambda moves the provisioned concurrency to green."""
        another_user_points_the_alias("1", {"2": 0.07})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            second.run("RecoverPrevious")

        assert is_undone(dead)

    def test_whose_blue_is_unwell_is_undone_and_told_so(self, desks: Desks) -> None:
        dead = stopped_beside_an_unwell_blue(desks)

        desks("second", GOOD % 4).run("RecoverPrevious")

        assert (dead.state(), dead.deployer.alias()) == ("RolledBack", ("2", {}))
        assert dead.record()["doubts"] == "But version 2 is unwell itself: it raised RuntimeError."

    def test_that_step_functions_does_not_show_yet_is_not_taken_for_ended(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        second = desks("second", GOOD % 3)

        with (
            desk.aws.fails("DescribeExecution", "ExecutionDoesNotExist", skip=1),
            pytest.raises(StillInProgress, match="does not show"),
        ):
            second.run("RecoverPrevious")

        assert desk.deployer.alias() == ("1", {"2": 0.1})
        assert desk.state() == "open"

    def test_that_step_functions_has_forgotten_is_undone(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.aws.clock.sleep(100 * 24 * 3600)
        second = desks("second", GOOD % 3)

        with desk.aws.fails("DescribeExecution", "ExecutionDoesNotExist", skip=1, times=None):
            second.run("RecoverPrevious")

        assert is_undone(desk)

    def test_is_told_of_and_is_in_both_audits(self, dead: Desk, second: Desk) -> None:
        second.run("RecoverPrevious")

        assert dead.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]
        assert dead.evidence("RecoverDeployments")["error"] == "DeploymentAbandoned"
        assert second.steps() == [("RecoverPrevious", {"recovered": ["first"]})]

    def test_whose_code_of_latest_cannot_be_put_back_does_not_keep_the_next_from_opening(
        self, dead: Desk, second: Desk
    ) -> None:
        """Users are safe: no operator is called, and the state is retried until $LATEST is given up."""
        with dead.aws.fails("UpdateFunctionCode", "AccessDeniedException", times=None):
            for retries in range(12):
                with suppress(AwsUnavailable, StillInProgress):
                    second.run("RecoverPrevious", retries=retries)
                    break

        assert (dead.state(), dead.outcome()) == ("RolledBack", ("back", "not_tried_again", "1"))
        assert dead.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]
        second.run("OpenDeployment")

    def test_whose_blue_is_gone_is_closed_and_lets_the_next_begin(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.stop()
        boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")

        second = desks("second", GOOD % 3)
        second.run("RecoverPrevious")

        assert desk.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} stays at version 2"]
        assert (desk.state(), desk.holder()) == ("RollbackFailed", None)
        second.run("OpenDeployment")
        assert second.plan.blue.version == "2"


class TestADeploymentThatRuns:
    def test_is_left_alone(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        before = desk.deployer.everything(), desk.record(), desk.steps(), desk.deployer.items("lock#")
        second = desks("second", GOOD % 3)

        second.run("RecoverPrevious")

        assert second.evidence("RecoverPrevious") == {"recovered": []}
        assert (desk.deployer.everything(), desk.record(), desk.steps(), desk.deployer.items("lock#")) == before

    def test_with_new_code_for_another_alias_is_not_in_the_way_of_a_version(self, desk: Desk, desks: Desks) -> None:
        """A version that is published needs no $LATEST, and OpenDeployment would not refuse it."""
        live_alias()
        desk.to("ShiftAlias")
        interrupted = desks("interrupted", artifact={"version": "2"}, alias="LIVE")
        interrupted.run("OpenDeployment")
        interrupted.stop()
        second = desks("second", artifact={"version": "2"}, alias="LIVE")

        opened(second)

        assert (interrupted.state(), second.state(), desk.state()) == ("RolledBack", "open", "open")


class TestTheHandler:
    def test_leaves_the_request_in_the_document(self, dead: Desk, second: Desk) -> None:
        second.run("RecoverPrevious")

        assert second.document == second.request

    def test_may_be_repeated(self, dead: Desk, second: Desk) -> None:
        second.run("RecoverPrevious")
        record = dead.record()

        second.run("RecoverPrevious", retries=1)

        assert second.evidence("RecoverPrevious") == {"recovered": []}
        assert dead.record() == record
        assert len(dead.deployer.notified()) == 1

    def test_does_not_undo_its_own_deployment(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        before = desk.record()

        desk.run("RecoverPrevious")

        assert (desk.record(), desk.holder()) == (before, "first")

    @pytest.mark.parametrize(
        "operation",
        [
            "DescribeExecution",
            "Query",
            "GetItem",
            "GetAlias",
            "UpdateAlias",
            "GetFunction",
            "UpdateFunctionCode",
            "UpdateItem",
            "TransactWriteItems",
            "PutItem",
        ],
    )
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_finishes_after_any_call_that_went_unanswered(
        self, dead: Desk, second: Desk, operation: str, when: Any
    ) -> None:
        """The state machine retries what these errors say."""
        with (
            dead.aws.fails(operation, "ReadTimeout", times=None, when=when) as unanswered,
            suppress(AwsUnavailable, StillInProgress),
        ):
            second.run("RecoverPrevious")

        second.run("RecoverPrevious", retries=1)

        assert unanswered.met
        assert is_undone(dead)
        assert dead.deployer.items("lock#") == []

    @pytest.mark.parametrize(("service", "operation"), [("lambda", "GetAlias"), ("dynamodb", "TransactWriteItems")])
    def test_is_safe_beside_the_sweep(self, dead: Desk, second: Desk, service: str, operation: str) -> None:
        sweep = {"id": "e1", "source": "aws.events", "detail": {}}

        def recover() -> None:
            recover_deployments.handler(sweep, context_of("RecoverDeploymentsFunction"))

        with just_before(service, operation, recover), suppress(DeploymentError):
            second.run("RecoverPrevious")

        second.run("RecoverPrevious", retries=1)
        assert is_undone(dead)
        assert len(dead.deployer.notified()) == 1
