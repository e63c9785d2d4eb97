"""RollBack touches nothing that another user, another attempt or the next deployment did."""

from typing import Any

import boto3
import pytest

from bluegreen.errors import (
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    PreconditionFailed,
    StillInProgress,
)
from tests.handlers.desk import (
    Desk,
    Desks,
    another_user_points_the_alias,
    another_user_updates_the_code,
    aws_answers,
    just_before,
)
from tests.handlers.rolling_back import at_last, blue_is_back, found
from tests.machine.deployer import ALIAS, FUNCTION, GOOD


class TestAnotherUser:
    @pytest.mark.parametrize(
        ("version", "weights", "serving"),
        [
            ("2", {}, "2"),
            ("1", {"2": 0.5}, {"1": 0.5, "2": 0.5}),
            ("1", {"2": 0.3}, {"1": 0.7, "2": 0.3}),
            ("2", {"1": 0.1}, {"2": 0.9, "1": 0.1}),
        ],
    )
    def test_weights_that_another_user_set_are_not_overwritten(
        self, shifting: Desk, version: str, weights: dict[str, float], serving: Any
    ) -> None:
        another_user_points_the_alias(version, weights)

        shifting.failed("AliasMoved", "Someone else moved it").run("RollBack")

        assert shifting.deployer.alias() == (version, weights)
        assert shifting.outcome() == ("changed_by_others", "put_back", serving)
        assert shifting.holder() is None

    def test_who_moved_the_alias_before_the_first_shift_is_not_overwritten(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        another_user_points_the_alias("2")

        desk.failed("AliasMoved", "Someone else moved it").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
        assert desk.outcome() == ("never_moved", "put_back", "2")

    def test_who_moves_the_alias_right_before_the_handler_is_not_overwritten(self, shifting: Desk) -> None:
        with (
            just_before("lambda", "UpdateAlias", lambda: another_user_points_the_alias("2")),
            pytest.raises(PreconditionFailed),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("2", {})
        assert shifting.outcome() == ("changed_by_others", "put_back", "2")

    def test_an_alias_pointed_to_green_stays_while_lambda_moves_concurrency(self, shifting: Desk) -> None:
        """Lambda adds weights then, but it gives no version everything."""
        another_user_points_the_alias("2")

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("2", {})
        assert shifting.outcome() == ("changed_by_others", "put_back", "2")

    def test_who_moves_it_to_green_once_blue_is_back_is_not_overwritten(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        with shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})
        another_user_points_the_alias("2")

        shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("2", {})
        assert shifting.outcome() == ("moved_afterwards", "as_it_was", "2")

    def test_who_put_other_code_into_latest_keeps_it(self, shifting: Desk) -> None:
        theirs = another_user_updates_the_code(shifting.deployer, GOOD % 9)

        shifting.run("RollBack")

        assert shifting.deployer.digest() == theirs
        assert shifting.deployer.alias() == ("1", {})
        assert shifting.outcome() == ("back", "changed_by_others", "1")

    def test_who_puts_other_code_into_latest_right_before_the_handler_keeps_it(self, shifting: Desk) -> None:
        theirs: list[str] = []

        def update() -> None:
            theirs.append(another_user_updates_the_code(shifting.deployer, GOOD % 9))

        with just_before("lambda", "UpdateFunctionCode", update), pytest.raises(PreconditionFailed):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert [shifting.deployer.digest()] == theirs
        assert (shifting.state(), shifting.outcome()) == ("RolledBack", ("back", "changed_by_others", "1"))

    def test_who_changed_the_settings_of_latest_keeps_them(self, shifting: Desk) -> None:
        boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=512)

        shifting.run("RollBack")

        assert boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION)["MemorySize"] == 512
        assert blue_is_back(shifting)


class TestAHandlerThatHangs:
    """Its execution has been stopped or goes on without it, and the call that it was about to make comes late."""

    def test_does_not_put_the_new_code_into_latest_after_all(self, desk: Desk) -> None:
        desk.run("OpenDeployment")

        with (
            just_before("lambda", "UpdateFunctionCode", lambda: desk.failed().run("RollBack")),
            pytest.raises(StillInProgress),
        ):
            desk.run("UpdateCode")
        with pytest.raises(DeploymentOver):
            desk.run("UpdateCode", retries=1)

        assert blue_is_back(desk)

    def test_in_a_shift_is_waited_out_where_the_revision_does_not_change(self, desk: Desk) -> None:
        """It has written its weight down and not set it; the alias is at blue, and stays as it is when that is set."""
        desk.to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        unchanged: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        with aws_answers("lambda", "UpdateAlias", unchanged):
            with pytest.raises(StillInProgress):
                desk.failed().run("RollBack", retries=9)

            desk.run("RollBack", retries=10)

        assert (desk.state(), desk.deployer.alias()) == ("RolledBack", ("1", {}))

    def test_in_an_update_is_waited_out_where_the_revision_does_not_change(self, desk: Desk) -> None:
        desk.to("SmokeTest")
        unchanged: Any = boto3.client("lambda").get_function(FunctionName=FUNCTION)
        with aws_answers("lambda", "UpdateFunctionCode", {}), aws_answers("lambda", "GetFunction", unchanged):
            with pytest.raises(DeploymentError):
                desk.failed().run("RollBack", retries=3)

            at_last(desk)

        assert desk.state() == "RolledBack"
        assert desk.outcome() == ("never_moved", "not_tried_again", "1")
        assert found(desk)["latest"]["problem"]


class TestALookAtTheAlias:
    def test_that_is_stale_overwrites_nothing(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        stale: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        desk.run("ShiftAlias")

        with aws_answers("lambda", "GetAlias", stale), pytest.raises(PreconditionFailed):
            desk.failed().run("RollBack")
        assert desk.deployer.alias() == ("1", {"2": 0.1})

        desk.run("RollBack", retries=1)
        assert blue_is_back(desk)

    def test_that_shows_no_new_revision_after_the_write_is_not_believed(self, shifting: Desk) -> None:
        unchanged: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)

        with aws_answers("lambda", "UpdateAlias", unchanged), pytest.raises(StillInProgress):
            shifting.run("RollBack", retries=30)

        assert "alias_returned_at" not in shifting.record()

    def test_that_lambda_moves_on_meanwhile_is_not_believed(self, shifting: Desk) -> None:
        """Its move of provisioned concurrency to a bad green ends between two questions."""
        shifting.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.6})

        with (
            just_before("lambda", "GetProvisionedConcurrencyConfig", lambda: another_user_points_the_alias("2")),
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
            pytest.raises(StillInProgress, match="moved on while it was read"),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)

    def test_with_weights_that_lambda_sets_puts_it_back(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.6})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.outcome() == ("back", "put_back", "1")


class TestBesideItself:
    def test_a_slower_one_does_not_touch_what_the_next_deployment_did(self, shifting: Desk, desks: Desks) -> None:
        """Two recoveries of one dead deployment; the quicker one's deployment has shifted the same version."""
        ended: list[dict[str, Any]] = []

        def quicker() -> None:
            ended.append(shifting.run("RollBack"))
            second = desks("second").to("ShiftAlias")
            second.run("ShiftAlias")

        with just_before("lambda", "GetAlias", quicker), pytest.raises(DeploymentOver):
            shifting.run("RollBack")

        assert ended
        assert shifting.deployer.alias() == ("1", {"2": 0.1})

    def test_a_slower_one_does_not_touch_what_another_user_did_after_the_quicker(self, shifting: Desk) -> None:
        """Another user gives green the very share that it had, before the record is closed."""

        def quicker() -> None:
            with (
                shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None),
                pytest.raises(AwsUnavailable),
            ):
                shifting.run("RollBack")
            another_user_points_the_alias("1", {"2": 0.1})

        with just_before("lambda", "GetAlias", quicker):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {"2": 0.1})
        assert shifting.outcome() == ("moved_afterwards", "as_it_was", {"1": 0.9, "2": 0.1})

    def test_a_slower_one_leaves_the_code_of_the_next_deployment(self, desk: Desk, desks: Desks) -> None:
        """The next deployment is of the same zip, so that $LATEST has what the dead one put there."""
        desk.to("SmokeTest").failed()

        def quicker() -> None:
            desk.run("RollBack")
            desks("second").to("SmokeTest")

        with just_before("lambda", "GetFunction", quicker), pytest.raises((DeploymentOver, AwsRefused)):
            desk.run("RollBack")

        assert desk.deployer.digest() == desk.record()["code"]

    def test_the_record_is_closed_once(self, shifting: Desk) -> None:
        with just_before("dynamodb", "TransactWriteItems", lambda: shifting.run("RollBack")):
            shifting.run("RollBack")

        assert len(shifting.deployer.notified()) == 1
