"""RecoverDeployments calls an operator where a person must help, and for nothing that passes by itself."""

import json
from unittest import mock

import boto3
import pytest

from bluegreen.errors import AwsUnavailable, DeploymentError
from bluegreen.opening import proof
from tests.handlers.desk import Desk, alarms_in, aws_answers, just_before, put, told
from tests.handlers.recovering import SWEEP, as_step_functions_says, ended_badly, is_whole, recover, the_tag_is_gone
from tests.machine.deployer import ALIAS, FUNCTION, TARGET, Deployer

pytestmark = pytest.mark.usefixtures("role_of_recovery")


def blue_is_gone(desk: Desk) -> None:
    """Another user deleted the version that is to serve again; Lambda allows that once green has all of the alias."""
    with mock.patch.object(proof, "must_be_in"):  # the handler had seen its execution before that was stopped
        desk.run("ShiftAlias")
    boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")


def test_a_lock_that_cannot_be_read_sets_off_the_alarm(deployer: Deployer, caplog: pytest.LogCaptureFixture) -> None:
    put({"pk": "lock#odd", "sk": "lock", "kind": "lock"})

    with pytest.raises(DeploymentError, match="lock#odd"):
        recover(SWEEP)

    assert alarms_in(caplog) == ["RollbackFailed"]


def test_an_operator_who_must_help_is_told_the_command_and_not_every_few_minutes(stopped: Desk) -> None:
    the_tag_is_gone()

    for _ in range(3):
        with pytest.raises(DeploymentError):
            recover(SWEEP)
        stopped.aws.clock.sleep(300)

    (text,) = told(stopped.deployer)
    assert f"aws lambda tag-resource --resource {TARGET.arn} --tags bluegreen:managed=true" in text
    assert f"bluegreen adopt {FUNCTION}" in text
    assert "by hand: aws lambda update-alias --function-name BonusCalculatorLambda --name PROD" in text
    assert "--function-version 1 --routing-config AdditionalVersionWeights={}" in text


def test_a_tag_that_is_gone_calls_an_operator_also_before_any_user_met_green(desk: Desk) -> None:
    desk.to("ShiftAlias").stop()
    the_tag_is_gone()

    with pytest.raises(DeploymentError):
        recover(SWEEP)

    assert desk.deployer.notified() == [f"HELD UP: a deployment of {FUNCTION}:{ALIAS} cannot be closed"]


def test_a_blue_that_is_gone_ends_the_deployment_and_is_told_once(stopped: Desk) -> None:
    blue_is_gone(stopped)

    recover(SWEEP)
    recover(SWEEP)

    assert (stopped.state(), stopped.outcome()) == ("RollbackFailed", ("blue_gone", "keeps_the_new", "2"))
    assert stopped.deployer.items("lock#") == []
    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} stays at version 2"]


def test_a_function_that_is_gone_ends_the_deployment_and_fails_no_sweep(stopped: Desk) -> None:
    boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)
    boto3.client("lambda").delete_function(FunctionName=FUNCTION)

    recover(SWEEP)

    assert (stopped.state(), stopped.outcome()) == ("RolledBack", ("function_gone", "gone", None))
    assert stopped.deployer.items("lock#") == []
    assert stopped.deployer.notified() == [f"Stopped: {FUNCTION}:{ALIAS} is gone"]


def test_what_aws_did_not_let_happen_happens_the_next_time_and_calls_no_operator(stopped: Desk) -> None:
    with stopped.aws.fails("UpdateAlias", "ServiceException", times=None), pytest.raises(DeploymentError):
        recover(SWEEP)
    assert stopped.state() == "undoing"

    recover(SWEEP)

    assert is_whole(stopped)
    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_what_aws_does_not_let_happen_for_a_long_time_calls_an_operator(stopped: Desk) -> None:
    with stopped.aws.fails("UpdateAlias", "ServiceException", times=None):
        for _ in range(2):
            with pytest.raises(DeploymentError, match="first"):
                recover(SWEEP)
            stopped.aws.clock.sleep(600)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


@pytest.mark.parametrize("operation", ["DescribeExecution", "GetItem"])
def test_a_throttle_is_no_failure_of_what_runs_well(desk: Desk, operation: str) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")

    with desk.aws.fails(operation, "ThrottlingException", times=6):
        assert recover(SWEEP) == []

    assert (desk.state(), desk.deployer.notified()) == ("open", [])


def test_what_cannot_be_looked_at_for_a_minute_is_not_passed_over_in_silence(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")

    with (
        desk.aws.fails("DescribeExecution", "ThrottlingException", times=None),
        pytest.raises(DeploymentError, match="first"),
    ):
        recover(SWEEP)

    assert (desk.state(), desk.deployer.notified()) == ("open", [])


def test_a_rollback_that_tried_for_half_an_hour_calls_an_operator_at_once(stopped: Desk) -> None:
    said = as_step_functions_says(stopped, "RollbackFailed", "the alias could not be written")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("UpdateAlias", "ServiceException", times=None),
        pytest.raises(DeploymentError, match="first"),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_a_rollback_that_could_not_even_begin_has_not_tried_for_half_an_hour(stopped: Desk) -> None:
    """RollBack ends at once where it cannot read the document; then one throttle is no reason to call an operator."""
    said = as_step_functions_says(stopped, "RollbackFailed", "1 validation error for Failed")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("UpdateAlias", "ServiceException", times=3),
    ):
        assert recover(ended_badly(stopped, "FAILED")) == ["first"]

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_the_command_reaches_the_operator_also_while_the_table_is_away(stopped: Desk) -> None:
    cause = json.dumps({"errorType": "AwsUnavailable", "errorMessage": "By hand: `aws lambda update-alias`."})
    said = as_step_functions_says(stopped, "RollbackFailed", cause)
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("GetItem", "ProvisionedThroughputExceededException", times=None),
        pytest.raises(AwsUnavailable),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == ["ROLLBACK FAILED: first may have left its alias split"]


def test_no_operator_is_called_for_an_ordinary_failure_while_the_table_is_away(stopped: Desk) -> None:
    said = as_step_functions_says(stopped, "GreenUnhealthy", "green failed")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("GetItem", "ProvisionedThroughputExceededException", times=None),
        pytest.raises(AwsUnavailable),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == []


def test_no_operator_is_called_for_a_table_that_is_away_for_a_moment(stopped: Desk) -> None:
    said = as_step_functions_says(stopped, "RollbackFailed", "by hand")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("GetItem", "ProvisionedThroughputExceededException", times=3),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


@pytest.mark.parametrize("code", ["ServiceException", "AccessDeniedException"])
@pytest.mark.parametrize("shifted", [True, False])
def test_no_operator_is_called_for_code_that_no_user_meets(desk: Desk, shifted: bool, code: str) -> None:
    stopped = desk.to("ShiftAlias")
    if shifted:
        stopped.run("ShiftAlias")
    stopped.stop()
    with stopped.aws.fails("UpdateFunctionCode", code, times=None):
        for _ in range(2):
            with pytest.raises(DeploymentError, match="first"):
                recover(SWEEP)
            stopped.aws.clock.sleep(600)
        assert stopped.deployer.notified() == []
        recover(SWEEP)

    assert stopped.outcome() == ("back" if shifted else "never_moved", "not_tried_again", "1")
    assert stopped.deployer.alias() == ("1", {})


def test_a_fault_of_the_handler_calls_an_operator_as_well(stopped: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluegreen.rollback.recovery.undo", lambda *_, **__: 1 // 0)

    with pytest.raises(DeploymentError, match="first"):
        recover(SWEEP)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_a_recovery_that_comes_too_late_calls_no_operator(desk: Desk) -> None:
    """It is stopped while its last state still runs, and that closes it before the recovery begins to undo it."""
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.stop()

    def completes() -> None:
        with mock.patch.object(proof, "must_be_in"):  # the handler had seen its execution before that was stopped
            desk.run("CompleteDeployment")

    with just_before("stepfunctions", "DescribeExecution", completes):
        recover(ended_badly(desk))

    assert desk.deployer.alias() == ("2", {})
    assert desk.state() == "Deployed"
    assert desk.deployer.notified() == [f"Deployed: {FUNCTION}:{ALIAS} is at version 2"]


def test_an_operator_who_could_not_be_called_is_called_the_next_time(stopped: Desk) -> None:
    the_tag_is_gone()
    with stopped.aws.fails("Publish", "InternalFailure", times=None), pytest.raises(DeploymentError):
        recover(SWEEP)

    with pytest.raises(DeploymentError):
        recover(SWEEP)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]
