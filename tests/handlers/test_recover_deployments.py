"""RecoverDeployments makes whole what an execution left behind."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

import recover_deployments
from bluegreen import news
from bluegreen.aws import functions
from bluegreen.edge import metrics
from bluegreen.errors import AwsUnavailable, DeploymentError
from tests.handlers.desk import (
    TO_GREEN,
    Desk,
    Desks,
    aws_answers,
    just_before,
    somebody_points_the_alias,
    the_lock_is_still_there,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TABLE
from tests.machine.faults import HandlerTimedOut
from tests.machine.invocation import Context

ARN = "arn:aws:lambda:us-east-1:123456789012:function:RecoverDeployments"
EVERY_FEW_MINUTES = {"id": "e1", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def ended_badly(desk: Desk, status: str = "ABORTED") -> dict[str, Any]:
    """As EventBridge tells of it."""
    return {
        "id": "e2",
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": desk.arn, "name": desk.name, "status": status},
    }


def blue_is_gone() -> None:
    """Somebody deleted the version that is to serve again; Lambda allows that once no alias names it."""
    lambda_ = boto3.client("lambda")
    route: Any = {"FunctionName": FUNCTION, "Name": ALIAS, "FunctionVersion": "2"}
    lambda_.update_alias(**route, RoutingConfig={"AdditionalVersionWeights": {}})
    lambda_.delete_function(FunctionName=FUNCTION, Qualifier="1")


def recover(event: dict[str, Any]) -> list[str]:
    context = Context("RecoverDeploymentsFunction", "$LATEST", ARN)
    found: dict[str, list[str]] = recover_deployments.handler(event, context)
    return found["recovered"]


def fails_the_first_time(do: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A fault of ours that only one deployment meets."""
    first = [ValueError("ours")]

    def sometimes(asked: Any) -> Any:
        if first:
            raise first.pop()
        return do(asked)

    return sometimes


@pytest.fixture
def stopped(desk: Desk) -> Desk:
    """Somebody stopped it when green had its first share."""
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.stop()
    return desk


def is_whole(desk: Desk) -> bool:
    return (
        desk.deployer.alias() == ("1", {})
        and desk.deployer.digest() == desk.document["plan"]["latest"]["sha256"]
        and desk.holder() is None
        and desk.state() == "RolledBack"
    )


@pytest.mark.parametrize("told", [True, False], ids=["event", "sweep"])
def test_what_was_stopped_half_way_is_made_whole(stopped: Desk, told: bool) -> None:
    assert recover(ended_badly(stopped) if told else EVERY_FEW_MINUTES) == ["first"]

    assert is_whole(stopped)
    record = stopped.record() or {}
    assert (record["error"], record["serving"]) == ("DeploymentAbandoned", "1")
    assert "ABORTED" in record["cause"]


def test_the_audit_says_what_it_did(stopped: Desk) -> None:
    recover(EVERY_FEW_MINUTES)

    state, evidence = stopped.steps()[-1]
    assert state == "RecoverDeployments"
    assert (evidence["error"], evidence["serving"]) == ("DeploymentAbandoned", "1")


@pytest.mark.parametrize("seen", ["OpenDeployment", "PublishVersion"])
def test_a_deployment_that_goes_on_and_is_stopped_while_it_is_looked_at_is_made_whole(desk: Desk, seen: str) -> None:
    """The record that was there before its end says nothing of what it did until then."""
    if seen == "OpenDeployment":
        with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")
    else:
        desk.to("PublishVersion")

    def goes_on_and_is_stopped() -> None:
        for state in [*TO_GREEN[TO_GREEN.index(seen) :]]:
            desk.run(state)
        desk.stop()

    with just_before("stepfunctions", "DescribeExecution", goes_on_and_is_stopped):
        recover(EVERY_FEW_MINUTES)

    assert is_whole(desk)


def test_a_sweep_that_has_no_time_left_for_a_look_fails_nobody(stopped: Desk) -> None:
    context = Context("RecoverDeploymentsFunction", "$LATEST", ARN, timeout_seconds=200)

    assert recover_deployments.handler(EVERY_FEW_MINUTES, context) == {"recovered": []}

    assert stopped.state() == "open"
    assert recover(EVERY_FEW_MINUTES) == ["first"]


def test_why_a_rollback_began_that_never_came_to_its_end_is_not_forgotten(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    with desk.aws.fails("UpdateAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.failed("GreenUnhealthy", "green failed 9 of 10").run("RollBack")
    desk.stop()

    recover(ended_badly(desk))

    record = desk.record() or {}
    assert (record["state"], record["error"]) == ("RolledBack", "GreenUnhealthy")
    assert record["cause"].startswith("green failed 9 of 10. The execution first is ABORTED")


def test_a_record_that_nobody_can_read_keeps_nobody_from_being_told(stopped: Desk) -> None:
    boto3.resource("dynamodb").Table(TABLE).put_item(
        Item={"pk": "deployment#odd", "sk": "record", "kind": "untold", "function": FUNCTION, "started_at": "2026"}
    )
    boto3.resource("dynamodb").Table(TABLE).put_item(Item={"pk": "lock#odd", "sk": "lock", "kind": "lock"})
    with stopped.aws.fails("Publish", "InternalError", times=None):
        recover(ended_badly(stopped))
    assert stopped.deployer.notified() == []

    recover(EVERY_FEW_MINUTES)

    assert len(stopped.deployer.notified()) == 1


def test_an_end_that_step_functions_does_not_show_yet_is_looked_at_again(stopped: Desk) -> None:
    runs: dict[str, Any] = {"executionArn": stopped.arn, "name": stopped.name, "status": "RUNNING"}
    with aws_answers("stepfunctions", "DescribeExecution", runs):
        stopped.aws.after(30, lambda: runs.update(status="ABORTED", stopDate=datetime.fromtimestamp(0, UTC)))
        assert recover(ended_badly(stopped)) == ["first"]

    assert is_whole(stopped)


def test_one_that_goes_on_after_its_end_is_nobodys_failure(desk: Desk) -> None:
    """Redriven: the event of its end comes late."""
    desk.to("ShiftAlias").run("ShiftAlias")

    assert recover(ended_badly(desk, "FAILED")) == []

    assert desk.deployer.alias() == ("1", {"2": 0.1})


def test_whoever_comes_last_in_one_sweep_need_not_be_last_in_the_next(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desks("first").to("ShiftAlias")
    first.stop()
    desks.deployer.aws.create_function("Another", GOOD % 1)
    second = desks("second", function="Another").to("ShiftAlias")
    second.stop()
    monkeypatch.setattr(random, "sample", lambda locks, number: sorted(locks, key=lambda lock: lock.deployment)[::-1])

    assert recover(EVERY_FEW_MINUTES) == ["second", "first"]


def test_people_are_told_however_many_take_long(
    stopped: Desk, desks: Desks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda ends the function after ten minutes."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    monkeypatch.setattr(metrics.provider, "namespace", "BlueGreen")
    for name in ("a", "b", "c", "d", "e", "f", "told"):
        stopped.aws.create_function(f"Of-{name}", GOOD % 1)
        desk = desks(name, function=f"Of-{name}").to("SmokeTest")
        if name == "told":
            with desk.aws.fails("Publish", "InternalError", times=None):
                desk.failed().run("RollBack")
        desk.stop()
    blue_is_gone()
    describe = functions.describe

    def hangs(function: str, *version: str) -> functions.Function:
        found = describe(function, *version)
        return found.model_copy(update={"updating": "InProgress"}) if function.startswith("Of-") else found

    monkeypatch.setattr(functions, "describe", hangs)
    monkeypatch.setattr(random, "sample", lambda locks, number: sorted(locks, key=lambda lock: lock.deployment)[::-1])

    def times_out() -> None:
        raise HandlerTimedOut

    stopped.aws.after(600, times_out)

    with pytest.raises(DeploymentError, match="first, f, e, d, c, b, a"):
        recover(EVERY_FEW_MINUTES)

    assert "Rolled back: Of-told:PROD is at version 1" in stopped.deployer.notified()
    assert '"Name":"RollbackFailed"' in capsys.readouterr().out


def test_people_are_told_once(stopped: Desk) -> None:
    recover(ended_badly(stopped))
    recover(ended_badly(stopped))
    recover(EVERY_FEW_MINUTES)

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


@pytest.mark.parametrize("event", [True, False], ids=["event", "sweep"])
def test_people_whom_nobody_told_of_an_end_are_told(stopped: Desk, event: bool) -> None:
    with stopped.aws.fails("Publish", "InternalFailure", times=None):
        recover(ended_badly(stopped))
    assert is_whole(stopped)
    assert stopped.deployer.notified() == []

    recover(ended_badly(stopped) if event else EVERY_FEW_MINUTES)

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_an_end_that_cannot_be_told_keeps_back_no_other_and_is_seen(
    stopped: Desk, desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped.aws.create_function("Other", GOOD % 1)
    other = desks("other", function="Other").to("SmokeTest")
    with stopped.aws.fails("Publish", "InternalError", times=None):
        for desk in (stopped, other):
            desk.failed().run("RollBack")

    monkeypatch.setattr(news, "_words", fails_the_first_time(news._words))

    with pytest.raises(DeploymentError, match=r"not told of.*: (first|other)$"):
        recover(EVERY_FEW_MINUTES)

    (told,) = stopped.deployer.notified()
    recover(EVERY_FEW_MINUTES)
    (told_later,) = stopped.deployer.notified()
    assert {told, told_later} == {f"Rolled back: {name}:{ALIAS} is at version 1" for name in (FUNCTION, "Other")}


def test_people_are_told_of_what_was_stopped_before_it_touched_anything(desk: Desk) -> None:
    with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.run("OpenDeployment")
    desk.stop()

    recover(ended_badly(desk))

    assert (desk.state(), desk.holder()) == ("Rejected", None)
    assert desk.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]


OF_ANOTHER_RELEASE = {"plan": '{"a field": "of another release"}'}


@pytest.mark.parametrize("shifts", [1, 2])
def test_the_alias_of_a_deployment_that_another_release_began_is_put_back(desk: Desk, shifts: int) -> None:
    desk.to("ShiftAlias")
    for _ in range(shifts):
        desk.run("ShiftAlias")
    desk.stop()
    boto3.resource("dynamodb").Table(TABLE).put_item(Item=(desk.record() or {}) | OF_ANOTHER_RELEASE)

    recover(ended_badly(desk))

    assert desk.deployer.alias() == ("1", {})
    assert (desk.state(), desk.holder()) == ("RolledBack", None)
    assert "so $LATEST was not looked at" in (desk.record() or {})["cause"]


def test_what_somebody_chose_after_the_alias_was_back_is_theirs_also_beside_another_release(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.stop()
    table = boto3.resource("dynamodb").Table(TABLE)
    table.put_item(Item=(desk.record() or {}) | OF_ANOTHER_RELEASE)
    with desk.aws.fails("TransactWriteItems", "InternalServerError", times=None), pytest.raises(DeploymentError):
        recover(EVERY_FEW_MINUTES)
    assert desk.deployer.alias() == ("1", {})
    somebody_points_the_alias("2")

    recover(EVERY_FEW_MINUTES)

    assert (desk.deployer.alias(), desk.state()) == (("2", {}), "RolledBack")


def test_a_shift_that_hangs_meets_another_revision_also_beside_another_release(desk: Desk) -> None:
    desk.to("ShiftAlias")

    def is_stopped() -> None:
        desk.stop()
        table = boto3.resource("dynamodb").Table(TABLE)
        table.put_item(Item=(desk.record() or {}) | OF_ANOTHER_RELEASE)
        recover(EVERY_FEW_MINUTES)

    with just_before("lambda", "UpdateAlias", is_stopped), pytest.raises(DeploymentError):
        desk.run("ShiftAlias")

    assert (desk.deployer.alias(), desk.state()) == (("1", {}), "RolledBack")


def test_an_alias_that_does_not_show_blue_yet_is_looked_at_again_also_beside_another_release(stopped: Desk) -> None:
    table = boto3.resource("dynamodb").Table(TABLE)
    table.put_item(Item=(stopped.record() or {}) | OF_ANOTHER_RELEASE)
    stale: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)

    with aws_answers("lambda", "GetAlias", stale), pytest.raises(DeploymentError, match="first"):
        recover(EVERY_FEW_MINUTES)

    assert (stopped.state(), stopped.deployer.notified()) == ("undoing", [])


def test_an_alias_that_somebody_split_beside_another_release_is_left_to_a_person(stopped: Desk) -> None:
    table = boto3.resource("dynamodb").Table(TABLE)
    table.put_item(Item=(stopped.record() or {}) | OF_ANOTHER_RELEASE)
    somebody_points_the_alias("1", {"2": 0.3})

    with pytest.raises(DeploymentError, match="first"):
        recover(ended_badly(stopped))

    assert stopped.deployer.alias() == ("1", {"2": 0.3})
    assert (stopped.state(), stopped.holder()) == ("undoing", "first")
    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]

    somebody_points_the_alias("2")
    recover(EVERY_FEW_MINUTES)

    assert stopped.deployer.alias() == ("2", {})
    assert (stopped.state(), stopped.holder()) == ("RolledBack", None)
    assert "Another release of this deployer began it" in (stopped.record() or {})["cause"]


def test_weights_that_lambda_sets_call_nobody_also_beside_another_release(stopped: Desk) -> None:
    table = boto3.resource("dynamodb").Table(TABLE)
    table.put_item(Item=(stopped.record() or {}) | OF_ANOTHER_RELEASE)
    somebody_points_the_alias("1", {"2": 0.07})
    in_progress = {"Status": "IN_PROGRESS"}

    with (
        aws_answers("lambda", "GetProvisionedConcurrencyConfig", in_progress),
        pytest.raises(DeploymentError, match="first"),
    ):
        recover(EVERY_FEW_MINUTES)

    assert (stopped.state(), stopped.deployer.notified()) == ("undoing", [])

    with aws_answers("lambda", "GetProvisionedConcurrencyConfig", in_progress):
        stopped.aws.after(5, lambda: somebody_points_the_alias("1", {"2": 0.1}))
        recover(EVERY_FEW_MINUTES)

    assert (stopped.deployer.alias(), stopped.state()) == (("1", {}), "RolledBack")


def test_an_alias_that_somebody_deleted_ends_also_what_another_release_began(stopped: Desk) -> None:
    table = boto3.resource("dynamodb").Table(TABLE)
    table.put_item(Item=(stopped.record() or {}) | OF_ANOTHER_RELEASE)
    boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)

    assert recover(EVERY_FEW_MINUTES) == ["first"]

    record = stopped.record() or {}
    assert (record["state"], record["serving"], stopped.holder()) == ("RolledBack", "none", None)
    assert f"Someone else deleted {FUNCTION}:{ALIAS}; nothing serves by that name." in record["cause"]
    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is gone"]


def test_what_still_runs_is_left_alone(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")

    assert recover(EVERY_FEW_MINUTES) == []

    assert desk.deployer.alias() == ("1", {"2": 0.1})
    assert (desk.state(), desk.holder()) == ("open", "first")


def test_what_ended_as_it_should_is_left_alone(desk: Desk) -> None:
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("CompleteDeployment")
    desk.end()

    assert recover(ended_badly(desk)) == []
    assert recover(EVERY_FEW_MINUTES) == []
    assert desk.deployer.alias() == ("2", {})


def test_a_lock_that_is_there_without_its_deployment_is_freed_and_nothing_else(desk: Desk) -> None:
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("CompleteDeployment")
    the_lock_is_still_there(desk)
    desk.stop()

    recover(EVERY_FEW_MINUTES)

    assert desk.deployer.alias() == ("2", {})
    assert (desk.state(), desk.holder()) == ("Deployed", None)


def test_an_event_that_comes_late_does_not_touch_the_next_deployment(stopped: Desk, desks: Desks) -> None:
    recover(ended_badly(stopped))
    second = desks("second").to("ShiftAlias")
    second.run("ShiftAlias")

    assert recover(ended_badly(stopped)) == []

    assert second.deployer.alias() == ("1", {"2": 0.1})
    assert second.holder() == "second"


def test_one_that_cannot_be_recovered_holds_up_no_other(stopped: Desk, desks: Desks) -> None:
    stopped.aws.create_function("Other", GOOD % 1)
    other = desks("other", function="Other").to("ShiftAlias")
    other.run("ShiftAlias")
    other.stop()
    blue_is_gone()

    with pytest.raises(DeploymentError, match="first"):
        recover(EVERY_FEW_MINUTES)

    assert other.state() == "RolledBack"
    assert stopped.state() == "undoing"


def test_who_must_help_is_told_the_command_and_not_every_few_minutes(stopped: Desk) -> None:
    blue_is_gone()

    for _ in range(3):
        with pytest.raises(DeploymentError):
            recover(EVERY_FEW_MINUTES)
        stopped.aws.clock.sleep(300)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_what_aws_did_not_let_happen_happens_the_next_time_and_calls_nobody(stopped: Desk) -> None:
    with stopped.aws.fails("UpdateAlias", "ServiceException", times=None), pytest.raises(DeploymentError):
        recover(EVERY_FEW_MINUTES)
    assert stopped.state() == "undoing"

    recover(EVERY_FEW_MINUTES)

    assert is_whole(stopped)
    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_what_aws_does_not_let_happen_for_a_long_time_calls_a_person(stopped: Desk) -> None:
    with stopped.aws.fails("UpdateAlias", "ServiceException", times=None):
        for _ in range(2):
            with pytest.raises(DeploymentError, match="first"):
                recover(EVERY_FEW_MINUTES)
            stopped.aws.clock.sleep(600)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


@pytest.mark.parametrize("operation", ["DescribeExecution", "GetItem"])
def test_a_throttle_is_no_failure_of_what_runs_well(desk: Desk, operation: str) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")

    with desk.aws.fails(operation, "ThrottlingException", times=6):
        assert recover(EVERY_FEW_MINUTES) == []

    assert (desk.state(), desk.deployer.notified()) == ("open", [])


def test_what_cannot_be_looked_at_for_a_minute_is_not_passed_over_in_silence(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")

    with (
        desk.aws.fails("DescribeExecution", "ThrottlingException", times=None),
        pytest.raises(DeploymentError, match="first"),
    ):
        recover(EVERY_FEW_MINUTES)

    assert (desk.state(), desk.deployer.notified()) == ("open", [])


def as_step_functions_says(desk: Desk, error: str, cause: str) -> dict[str, Any]:
    return {"executionArn": desk.arn, "name": desk.name, "status": "FAILED", "error": error, "cause": cause} | {
        "stopDate": datetime.fromtimestamp(desk.aws.clock.now(), UTC)
    }


def test_who_has_tried_for_half_an_hour_calls_a_person_at_once(stopped: Desk) -> None:
    said = as_step_functions_says(stopped, "RollbackFailed", "the alias could not be written")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("UpdateAlias", "ServiceException", times=None),
        pytest.raises(DeploymentError, match="first"),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_who_could_not_even_begin_to_roll_back_has_not_tried_for_half_an_hour(stopped: Desk) -> None:
    """RollBack ends at once where it cannot read the document; then one throttle is no reason to call anybody."""
    said = as_step_functions_says(stopped, "RollbackFailed", "1 validation error for Failed")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("UpdateAlias", "ServiceException", times=3),
    ):
        assert recover(ended_badly(stopped, "FAILED")) == ["first"]

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_the_command_reaches_people_also_while_the_table_is_away(stopped: Desk) -> None:
    cause = json.dumps({"errorType": "AwsUnavailable", "errorMessage": "By hand: `aws lambda update-alias`."})
    said = as_step_functions_says(stopped, "RollbackFailed", cause)
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("GetItem", "ProvisionedThroughputExceededException", times=None),
        pytest.raises(AwsUnavailable),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == ["ROLLBACK FAILED: first may have left its alias split"]


def test_nobody_is_called_for_an_ordinary_failure_while_the_table_is_away(stopped: Desk) -> None:
    said = as_step_functions_says(stopped, "GreenUnhealthy", "green failed")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("GetItem", "ProvisionedThroughputExceededException", times=None),
        pytest.raises(AwsUnavailable),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == []


def test_nobody_is_called_for_a_table_that_is_away_for_a_moment(stopped: Desk) -> None:
    said = as_step_functions_says(stopped, "RollbackFailed", "by hand")
    with (
        aws_answers("stepfunctions", "DescribeExecution", said),
        stopped.aws.fails("GetItem", "ProvisionedThroughputExceededException", times=3),
    ):
        recover(ended_badly(stopped, "FAILED"))

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


@pytest.mark.parametrize("shifted", [True, False])
def test_nobody_is_called_for_code_that_no_user_meets(desk: Desk, shifted: bool) -> None:
    stopped = desk.to("ShiftAlias")
    if shifted:
        stopped.run("ShiftAlias")
    stopped.stop()
    with stopped.aws.fails("UpdateFunctionCode", "ServiceException", times=None):
        for _ in range(2):
            with pytest.raises(DeploymentError, match="first"):
                recover(EVERY_FEW_MINUTES)
            stopped.aws.clock.sleep(600)
        assert stopped.deployer.notified() == []
        recover(EVERY_FEW_MINUTES)

    assert "$LATEST keeps the new code. The last attempt" in (stopped.record() or {})["cause"]
    assert stopped.deployer.alias() == ("1", {})


@pytest.mark.parametrize("seconds", [0, 700])
def test_one_throttle_does_not_cost_the_code_of_latest(stopped: Desk, seconds: int) -> None:
    stopped.aws.clock.sleep(seconds)

    with stopped.aws.fails("UpdateFunctionCode", "TooManyRequestsException", times=3):
        recover(EVERY_FEW_MINUTES)

    assert is_whole(stopped)


def test_a_fault_of_ours_calls_a_person_as_well(stopped: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluegreen.rollback.recovery.undo", lambda *_, **__: 1 // 0)

    with pytest.raises(DeploymentError, match="first"):
        recover(EVERY_FEW_MINUTES)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_a_rejection_that_was_not_written_down_keeps_its_reason(desk: Desk) -> None:
    with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.run("OpenDeployment")
    said = as_step_functions_says(desk, "AwsUnavailable", '{"errorMessage": "AWS could not answer"}')
    desk.stop()

    with aws_answers("stepfunctions", "DescribeExecution", said):
        recover(ended_badly(desk, "FAILED"))

    record = desk.record() or {}
    assert [record[name] for name in ("state", "error", "cause")] == [
        "Rejected",
        "AwsUnavailable",
        "AWS could not answer",
    ]


def test_a_passing_hiccup_is_got_over_within_the_same_event(stopped: Desk) -> None:
    with stopped.aws.fails("UpdateAlias", "ServiceException", times=4):
        assert recover(ended_badly(stopped)) == ["first"]

    assert is_whole(stopped)


def test_who_is_too_late_calls_nobody(desk: Desk) -> None:
    """It is stopped while its last state still runs, and that closes it before recovery begins to undo it."""
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.stop()

    with just_before("stepfunctions", "DescribeExecution", lambda: desk.run("CompleteDeployment")):
        recover(ended_badly(desk))

    assert desk.deployer.alias() == ("2", {})
    assert desk.state() == "Deployed"
    assert desk.deployer.notified() == [f"Deployed: {FUNCTION}:{ALIAS} is at version 2"]


def test_a_table_that_does_not_answer_undoes_nothing(stopped: Desk) -> None:
    """Whose deployment the alias is meanwhile cannot be known then."""
    with stopped.aws.fails("UpdateItem", "ServiceUnavailable", times=None), pytest.raises(DeploymentError):
        recover(ended_badly(stopped))

    assert stopped.deployer.alias() == ("1", {"2": 0.1})


def test_people_are_told_of_what_could_not_even_be_written_down(desk: Desk) -> None:
    desk.stop()

    recover(ended_badly(desk, "FAILED"))

    assert desk.deployer.notified() == ["Rejected: first touched nothing"]


def test_a_person_who_could_not_be_called_is_called_the_next_time(stopped: Desk) -> None:
    blue_is_gone()
    with stopped.aws.fails("Publish", "InternalFailure", times=None), pytest.raises(DeploymentError):
        recover(EVERY_FEW_MINUTES)

    with pytest.raises(DeploymentError):
        recover(EVERY_FEW_MINUTES)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_an_alias_that_somebody_mended_meanwhile_is_theirs(stopped: Desk) -> None:
    somebody_points_the_alias("2")

    recover(EVERY_FEW_MINUTES)

    assert stopped.deployer.alias() == ("2", {})
    assert stopped.holder() is None
    assert "Someone else moved" in (stopped.record() or {})["cause"]


def test_nothing_held_is_nothing_to_do(desk: Desk) -> None:
    assert recover(EVERY_FEW_MINUTES) == []
