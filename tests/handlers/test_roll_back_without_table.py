"""RollBack takes users from green also while the table does not answer, and overwrites nobody for it."""

from contextlib import suppress

import pytest

from bluegreen.errors import AwsUnavailable, DeploymentError
from tests.handlers.desk import Desk, Desks, another_user_points_the_alias
from tests.handlers.rolling_back import blue_is_back, found
from tests.machine.deployer import ALIAS, FUNCTION


class TestATableThatDoesNotAnswer:
    """The document's facts count then, since the execution is seen in this state with it."""

    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException", "ResourceNotFoundException"])
    def test_keeps_no_user_on_green(self, shifting: Desk, code: str) -> None:
        with (
            shifting.aws.fails("UpdateItem", code, times=None),
            shifting.aws.fails("GetItem", code, times=None),
            pytest.raises(DeploymentError),
        ):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})
        shifting.run("RollBack", retries=1)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException"])
    def test_to_writes_alone_keeps_no_user_on_green(self, shifting: Desk, code: str) -> None:
        """Reads and writes are throttled apart, and allowed apart."""
        with (
            shifting.aws.fails("UpdateItem", code, times=None),
            pytest.raises(AwsUnavailable, match=f"{FUNCTION}:{ALIAS} is back at version 1.*does not answer"),
        ):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})
        assert (shifting.state(), shifting.holder()) == ("open", "first")
        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_to_writes_alone_keeps_no_user_on_a_share_that_only_the_record_knows(self, desk: Desk) -> None:
        """The shift has not been answered, so the document has none; and by this error it would count for nothing."""
        desk.to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() == ("1", {"2": 0.1})

        with desk.aws.fails("UpdateItem", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.failed("GreenUnhealthy").run("RollBack")

        assert desk.deployer.alias() == ("1", {})

    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException"])
    def test_to_writes_alone_does_not_overwrite_an_alias_that_another_user_moved_afterwards(
        self, shifting: Desk, code: str
    ) -> None:
        """They give green the very share that it had, before the record is closed."""
        with shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})
        another_user_points_the_alias("1", {"2": 0.1})

        with shifting.aws.fails("UpdateItem", code, times=None), pytest.raises(DeploymentError):
            shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {"2": 0.1})
        shifting.run("RollBack", retries=2)
        assert shifting.outcome() == ("moved_afterwards", "as_it_was", {"1": 0.9, "2": 0.1})

    def test_is_said_with_what_was_done(self, shifting: Desk) -> None:
        with (
            shifting.aws.fails("GetItem", "ReadTimeout", times=None),
            pytest.raises(AwsUnavailable, match=f"{FUNCTION}:{ALIAS} is back at version 1.*does not answer"),
        ):
            shifting.run("RollBack")

    def test_from_the_first_attempt_on_keeps_no_user_on_a_share_of_green(self, shifting: Desk) -> None:
        with shifting.aws.fails("GetItem", "ReadTimeout", times=None):
            with (
                shifting.aws.fails("UpdateAlias", "TooManyRequestsException", times=None),
                pytest.raises(AwsUnavailable),
            ):
                shifting.run("RollBack")
            with pytest.raises(AwsUnavailable, match="is back at version 1"):
                shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {})

    def test_takes_everything_from_green_later_as_long_as_the_alias_is_where_the_last_shift_left_it(
        self, desks: Desks
    ) -> None:
        """The first attempt may have failed to see its execution. Users must not stay on green for that."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")

        with desk.aws.fails("GetItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable, match="is back at"):
            desk.failed().run("RollBack", retries=1)

        assert desk.deployer.alias() == ("1", {})

    def test_is_no_leave_to_take_everything_from_green_later(self, desks: Desks) -> None:
        """An earlier attempt may have closed the record, and another deployment of the same version be complete."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")
        another_user_points_the_alias("2")

        with (
            desk.aws.fails("GetItem", "ReadTimeout", times=None),
            pytest.raises(AwsUnavailable, match="by hand: `aws lambda update-alias"),
        ):
            desk.failed().run("RollBack", retries=1)

        assert desk.deployer.alias() == ("2", {})

    @pytest.mark.parametrize("error", ["GreenUnhealthy", "AliasMoved"])
    @pytest.mark.parametrize(("version", "weights"), [("2", {}), ("1", {"2": 0.3})])
    def test_is_no_leave_to_overwrite_another_user(
        self, shifting: Desk, error: str, version: str, weights: dict[str, float]
    ) -> None:
        """CheckHealth found it: no shift can be under way that may have given green its next share."""
        another_user_points_the_alias(version, weights)
        shifting.failed(error, "CheckHealth says so")

        with (
            shifting.aws.fails("GetItem", "AccessDeniedException", times=None),
            pytest.raises(AwsUnavailable, match="unclear who moved it"),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)
        assert shifting.record()["alias_outcome"] == "changed_by_others"
        assert shifting.deployer.alias() == (version, weights)

    @pytest.mark.parametrize("traffic", ["AllAtOnce", "Adaptive"])
    def test_keeps_no_user_on_a_green_that_a_shift_without_an_answer_gave_a_share(
        self, desks: Desks, traffic: str
    ) -> None:
        desk = desks(traffic=traffic).to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() != ("1", {})

        with desk.aws.fails("GetItem", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.failed("AwsUnavailable", "no answer").run("RollBack")

        assert desk.deployer.alias() == ("1", {})

    def test_that_refuses_one_write_is_no_leave_to_take_back_a_share_of_the_next_deployment(
        self, shifting: Desk, desks: Desks
    ) -> None:
        shifting.run("RollBack")
        second = desks("second").to("ShiftAlias")
        second.run("ShiftAlias")

        with (
            shifting.aws.fails("UpdateItem", "TransactionConflictException", times=None),
            suppress(DeploymentError),
        ):
            shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {"2": 0.1})

    def test_does_not_keep_blue_from_its_users_for_the_sake_of_its_doubts(self, shifting: Desk) -> None:
        with (
            shifting.aws.fails("Invoke", "AccessDeniedException", times=1),
            shifting.aws.fails("UpdateItem", "ProvisionedThroughputExceededException", skip=3, times=6) as untaken,
        ):
            shifting.run("RollBack")

        assert (untaken.met, "doubts" in shifting.record()) == (6, False)
        assert "Whether version 1 is well could not be seen" in found(shifting)["doubts"]
        assert blue_is_back(shifting)

    def test_finds_on_a_retry_that_blue_is_back(self, desks: Desks) -> None:
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.failed("GreenUnhealthy")

        for retries in range(2):
            away = desk.aws.fails("GetItem", "ReadTimeout", times=None)
            with away, pytest.raises(AwsUnavailable, match=f"{FUNCTION}:{ALIAS} is back at version 1"):
                desk.run("RollBack", retries=retries)

    def test_leaves_a_green_that_every_look_found_healthy(self, desks: Desks) -> None:
        """CompleteDeployment may have closed the record, and its reply be lost: then the record says green."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")
        look = desk.document["bake"]["look"] | {"next": "complete"}
        desk.document = desk.document | {"bake": desk.document["bake"] | {"look": look}}

        with desk.aws.fails("GetItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            desk.failed("States.Timeout", "no answer").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
