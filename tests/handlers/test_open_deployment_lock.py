"""OpenDeployment takes the lock: one deployment at a time has an alias, and one puts new code into $LATEST."""

import boto3
import pytest

from bluegreen.errors import AwsUnavailable, DeploymentInProgress, DeploymentInterrupted
from tests.handlers.desk import Desk, Desks, another_user_publishes, just_before
from tests.machine.deployer import ALIAS, FUNCTION, GOOD


class TestTheLock:
    def test_refuses_a_second_deployment_while_the_first_runs(self, desk: Desk, desks: Desks) -> None:
        desk.run("OpenDeployment")
        second = desks("second", GOOD % 3)

        with pytest.raises(DeploymentInProgress) as refusal:
            second.run("OpenDeployment")

        assert "is being deployed to by first" in str(refusal.value)
        assert desk.arn in str(refusal.value)
        assert f"`bluegreen watch first`), or abort it (`bluegreen abort {FUNCTION} --alias {ALIAS}`)" in str(
            refusal.value
        )
        assert second.record() == {}
        assert desk.holder() == "first"

    def test_is_taken_by_another_alias_of_its_own(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.run("OpenDeployment")

        second = desks("second", artifact={"version": "1"}, alias="LIVE")
        second.run("OpenDeployment")

        assert second.state() == "NothingToDeploy"
        assert desk.state() == "open"

    def test_of_two_aliases_is_no_leave_for_two_to_change_latest(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.run("OpenDeployment")

        second = desks("second", GOOD % 3, alias="LIVE")
        with pytest.raises(DeploymentInProgress, match=r"first puts new code into \$LATEST .* alias PROD"):
            second.run("OpenDeployment")

        assert (second.record(), desk.state()) == ({}, "open")

    def test_of_latest_is_had_by_the_deployment_that_opened_first(self, desk: Desk, desks: Desks) -> None:
        """It is not the one that started first."""
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        second = desks("second", GOOD % 3, alias="LIVE").to("ShiftAlias")

        with pytest.raises(DeploymentInProgress, match=r"second puts new code into \$LATEST .* alias LIVE"):
            desk.run("OpenDeployment")

        second.failed().run("RollBack")
        desk.run("OpenDeployment", retries=1)
        assert (desk.state(), second.state()) == ("open", "RolledBack")

    def test_of_latest_is_not_taken_by_a_deployment_of_a_version(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        another_user_publishes(GOOD % 2)
        second = desks("second", artifact={"version": "2"}, alias="LIVE")
        second.run("OpenDeployment")

        desk.run("OpenDeployment")
        second.failed().run("RollBack")

        assert (desk.state(), second.state()) == ("open", "RolledBack")

    @pytest.mark.parametrize("ended", ["end", "stop"])
    @pytest.mark.parametrize("alias", [ALIAS, "LIVE"])
    def test_of_an_execution_that_has_ended_is_not_taken_before_its_deployment_is_recovered(
        self, desk: Desk, desks: Desks, ended: str, alias: str
    ) -> None:
        """By the alias, and by $LATEST for another alias."""
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.to("ShiftAlias").run("ShiftAlias")
        getattr(desk, ended)()
        second = desks("second", GOOD % 3, alias=alias)
        before = desk.deployer.everything(), desk.record(), desk.steps(), desk.deployer.items("lock#")

        with pytest.raises(DeploymentInterrupted, match=f"first holds the lock of {FUNCTION}:{ALIAS}"):
            second.run("OpenDeployment")

        assert (desk.deployer.everything(), desk.record(), desk.steps(), desk.deployer.items("lock#")) == before
        assert second.record() == {}

    def test_of_an_execution_that_step_functions_does_not_show_is_not_taken(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        second = desks("second", GOOD % 3)

        with (
            desk.aws.fails("DescribeExecution", "ExecutionDoesNotExist", skip=1),
            pytest.raises(DeploymentInterrupted),
        ):
            second.run("OpenDeployment")

        assert desk.deployer.alias() == ("1", {"2": 0.1})
        assert (desk.state(), desk.holder()) == ("open", "first")

    def test_that_is_contended_is_asked_for_again(self, desk: Desk) -> None:
        with desk.aws.fails("TransactWriteItems", "TransactionCanceledException"), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")

        desk.run("OpenDeployment", retries=1)

        assert desk.holder() == "first"

    def test_that_is_freed_while_it_is_asked_for_is_asked_for_again(self, desk: Desk, desks: Desks) -> None:
        desk.run("OpenDeployment")
        second = desks("second", GOOD % 3)

        def first_is_rejected() -> None:
            desk.failed().run("RejectDeployment")

        with just_before("dynamodb", "TransactWriteItems", first_is_rejected):
            second.run("OpenDeployment")

        assert (desk.state(), second.holder()) == ("Rejected", "second")
