"""RollBack says what it cannot undo, for it is gone or may not be touched, and what a person can do."""

import boto3
import pytest

from bluegreen.errors import AwsRefused, RollbackImpossible, Untagged
from tests.handlers.desk import Desk, alarms_in, another_user_points_the_alias, another_user_publishes, told
from tests.handlers.rolling_back import blue_is_back
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TARGET


def blue_is_gone(desk: Desk) -> None:
    """Another user deleted it; Lambda allows that once green has all of the alias."""
    desk.run("ShiftAlias")
    boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")


class TestWhatIsGone:
    @pytest.mark.parametrize("shifted", [False, True])
    def test_an_alias_is_said_to_be_and_ends_the_deployment(self, desk: Desk, shifted: bool) -> None:
        desk.to("ShiftAlias")
        if shifted:
            desk.run("ShiftAlias")
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)

        desk.failed().run("RollBack")

        assert desk.outcome() == ("gone", "put_back", None)
        assert (desk.state(), desk.holder()) == ("RolledBack", None)
        assert desk.deployer.notified() == [f"Stopped: {FUNCTION}:{ALIAS} is gone"]

    def test_a_function_is_said_to_be_and_ends_the_deployment(self, shifting: Desk) -> None:
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)
        boto3.client("lambda").delete_function(FunctionName=FUNCTION)

        shifting.run("RollBack")

        assert shifting.outcome() == ("function_gone", "gone", None)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)
        assert f"Someone else deleted {FUNCTION}, with its versions and aliases" in str(shifting.record()["cause"])
        assert "update-alias" not in str(shifting.record()["cause"])

    def test_a_blue_leaves_the_alias_at_green_and_says_what_there_is(self, shifting: Desk) -> None:
        blue_is_gone(shifting)

        with pytest.raises(
            RollbackImpossible, match=r"someone else deleted version 1, so .* stays at version 2"
        ) as why:
            shifting.run("RollBack")

        assert "update-alias" not in str(why.value)
        assert f"bluegreen rollback {FUNCTION} --alias {ALIAS} --to VERSION" in str(why.value)
        assert shifting.outcome() == ("blue_gone", "keeps_the_new", "2")
        assert shifting.record()["latest_attempts"] == 1
        assert (shifting.state(), shifting.holder()) == ("RollbackFailed", None)
        assert shifting.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} stays at version 2"]

    def test_a_blue_is_said_to_be_again_by_a_retry(self, shifting: Desk) -> None:
        blue_is_gone(shifting)
        with pytest.raises(RollbackImpossible) as first:
            shifting.run("RollBack")

        with pytest.raises(RollbackImpossible) as second:
            shifting.run("RollBack", retries=1)

        assert str(first.value) == str(second.value)
        assert len(shifting.deployer.notified()) == 1

    def test_a_blue_is_no_loss_while_the_alias_is_another_users(self, shifting: Desk) -> None:
        another_user_publishes(GOOD % 9)
        another_user_points_the_alias("3")
        boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")

        shifting.run("RollBack")

        assert shifting.outcome()[::2] == ("changed_by_others", "3")

    @pytest.mark.parametrize("operation", ["GetAlias", "UpdateAlias"])
    def test_a_permission_on_the_alias_says_the_command(self, shifting: Desk, operation: str) -> None:
        with (
            shifting.aws.fails(operation, "AccessDeniedException", times=None),
            pytest.raises(AwsRefused, match="--function-version 1 --routing-config"),
        ):
            shifting.run("RollBack")


class TestARefusalThatRepeatingDoesNotMend:
    def untag(self) -> None:
        boto3.client("lambda").untag_resource(Resource=TARGET.arn, TagKeys=["bluegreen:managed"])

    def test_names_the_tag_and_how_to_set_it_and_calls_an_operator_once(
        self, shifting: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.untag()

        for retries in range(3):
            with pytest.raises(Untagged, match="has lost its tag bluegreen:managed = true"):
                shifting.run("RollBack", retries=retries)

        (text,) = told(shifting.deployer)
        assert f"aws lambda tag-resource --resource {TARGET.arn} --tags bluegreen:managed=true" in text
        assert f"bluegreen adopt {FUNCTION}" in text
        assert "is not authorized to perform: lambda:GetAlias" in text
        assert alarms_in(caplog) == ["RollbackFailed"] * 3

    def test_is_over_once_the_tag_is_set_again(self, shifting: Desk) -> None:
        self.untag()
        with pytest.raises(Untagged):
            shifting.run("RollBack")

        boto3.client("lambda").tag_resource(Resource=TARGET.arn, Tags={"bluegreen:managed": "true"})

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("operation", ["GetAlias", "UpdateAlias"])
    def test_calls_an_operator_at_once_while_users_meet_green(self, shifting: Desk, operation: str) -> None:
        with shifting.aws.fails(operation, "AccessDeniedException", times=None), pytest.raises(AwsRefused):
            shifting.run("RollBack")

        assert shifting.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]

    def test_calls_no_operator_for_code_that_no_user_meets(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "AccessDeniedException", times=None), pytest.raises(AwsRefused):
            shifting.run("RollBack")

        assert shifting.deployer.notified() == []
