"""RecoverDeployments undoes by the record alone what another stack version began."""

from typing import Any

import boto3
import pytest

from bluegreen.errors import DeploymentError
from tests.handlers.desk import Desk, another_user_points_the_alias, aws_answers, just_before, put
from tests.handlers.recovering import SWEEP, ended_badly, is_whole, recover
from tests.machine.deployer import ALIAS, FUNCTION

pytestmark = pytest.mark.usefixtures("role_of_recovery")


class TestADeploymentThatAnotherStackVersionBegan:
    """Its plan cannot be read, and its record has what this version does not know. The record says how to undo it."""

    def begun(self, desk: Desk, shifts: int = 1) -> Desk:
        desk.to("ShiftAlias")
        for _ in range(shifts):
            desk.run("ShiftAlias")
        desk.stop()
        return self.of_another(desk)

    def of_another(self, desk: Desk) -> Desk:
        put({"pk": f"deployment#{desk.name}", "sk": "plan", "a field": "of another version"})
        put(desk.record() | {"a field": "of another version"})
        return desk

    @pytest.mark.parametrize("shifts", [1, 2])
    def test_is_undone(self, desk: Desk, shifts: int) -> None:
        self.begun(desk, shifts)

        recover(ended_badly(desk))

        assert is_whole(desk)
        assert desk.outcome() == ("back", "put_back", "1")

    def test_leaves_what_another_user_chose_after_the_alias_was_back(self, desk: Desk) -> None:
        self.begun(desk, 2)
        with desk.aws.fails("TransactWriteItems", "InternalServerError", times=None), pytest.raises(DeploymentError):
            recover(SWEEP)
        assert desk.deployer.alias() == ("1", {})
        another_user_points_the_alias("2")

        recover(SWEEP)

        assert (desk.deployer.alias(), desk.state()) == (("2", {}), "RolledBack")
        assert desk.outcome() == ("moved_afterwards", "as_it_was", "2")

    def test_has_another_revision_for_a_shift_that_hangs(self, desk: Desk) -> None:
        desk.to("ShiftAlias")

        def is_stopped() -> None:
            desk.stop()
            self.of_another(desk)
            recover(SWEEP)

        with just_before("lambda", "UpdateAlias", is_stopped), pytest.raises(DeploymentError):
            desk.run("ShiftAlias")

        assert (desk.deployer.alias(), desk.state()) == (("1", {}), "RolledBack")

    def test_is_looked_at_again_if_the_alias_does_not_show_blue_yet(self, desk: Desk) -> None:
        self.begun(desk)
        unchanged: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)

        with aws_answers("lambda", "UpdateAlias", unchanged), pytest.raises(DeploymentError, match="first"):
            recover(SWEEP)

        assert (desk.state(), desk.deployer.notified()) == ("undoing", [])

    @pytest.mark.parametrize(
        ("weights", "serving"), [({"2": 0.3}, {"1": 0.7, "2": 0.3}), ({"2": 0.5}, {"1": 0.5, "2": 0.5})]
    )
    def test_leaves_an_alias_that_another_user_split(
        self, desk: Desk, weights: dict[str, float], serving: dict[str, float]
    ) -> None:
        self.begun(desk)
        another_user_points_the_alias("1", weights)

        assert recover(ended_badly(desk)) == ["first"]

        assert desk.deployer.alias() == ("1", weights)
        assert (desk.state(), desk.holder()) == ("RolledBack", None)
        assert desk.outcome() == ("changed_by_others", "put_back", serving)

    def test_takes_back_weights_that_lambda_sets_and_calls_no_operator(self, desk: Desk) -> None:
        self.begun(desk)
        another_user_points_the_alias("1", {"2": 0.07})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            recover(SWEEP)

        assert is_whole(desk)
        assert desk.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]

    def test_ends_also_if_another_user_deleted_the_alias(self, desk: Desk) -> None:
        self.begun(desk)
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)

        assert recover(SWEEP) == ["first"]

        assert (desk.state(), desk.holder(), desk.outcome()) == ("RolledBack", None, ("gone", "put_back", None))
        assert desk.deployer.notified() == [f"Stopped: {FUNCTION}:{ALIAS} is gone"]
