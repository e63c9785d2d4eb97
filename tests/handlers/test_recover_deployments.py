"""RecoverDeployments makes whole what an execution left behind: at the event of its end, and by a sweep."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import boto3
import pytest

import recover_deployments
from await_approval import TOLD_WITHIN_ATTEMPTS
from bluegreen.aws import functions, table
from bluegreen.decisions.gates import Decision
from bluegreen.errors import AwsUnavailable, DeploymentError
from bluegreen.ledger import approvals, deployments
from bluegreen.ledger.locks import Lock
from bluegreen.news import words
from bluegreen.opening import proof
from bluegreen.target import Target
from tests.handlers.desk import (
    TO_GREEN,
    Desk,
    Desks,
    alarms_in,
    another_user_points_the_alias,
    aws_answers,
    context_of,
    in_its_role,
    just_before,
    put,
    stopped_beside_an_unwell_blue,
    the_lock_is_still_there,
    told,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TARGET, Deployer
from tests.machine.faults import HandlerTimedOut, acting

SWEEP: dict[str, Any] = {"id": "e1", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def ended_badly(desk: Desk, status: str = "ABORTED") -> dict[str, Any]:
    """As EventBridge tells of it."""
    return {
        "id": "e2",
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": desk.arn, "name": desk.name, "status": status},
    }


@pytest.fixture(autouse=True)
def the_role(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM lets the handler do what its role may."""
    monkeypatch.setattr(recover_deployments, "handler", in_its_role(recover_deployments.handler, "RecoverDeployments"))


def the_tag_is_gone() -> None:
    """Another user took it away, so that the deployer may touch the function no more."""
    boto3.client("lambda").untag_resource(Resource=TARGET.arn, TagKeys=["bluegreen:managed"])


def blue_is_gone(desk: Desk) -> None:
    """Another user deleted the version that is to serve again; Lambda allows that once green has all of the alias."""
    with mock.patch.object(proof, "must_be_in"):  # the handler had seen its execution before that was stopped
        desk.run("ShiftAlias")
    boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")


def recover(event: dict[str, Any]) -> list[str]:
    found: dict[str, list[str]] = recover_deployments.handler(event, context_of("RecoverDeploymentsFunction"))
    return found["recovered"]


def the_last_first(locks: list[Lock], number: int) -> list[Lock]:
    """In place of dice."""
    return sorted(locks, key=lambda lock: lock.deployment)[::-1]


def fails_the_first_time(do: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A fault of the handler that only one deployment meets."""
    first = [ValueError("a fault of the handler")]

    def sometimes(asked: Any) -> Any:
        if first:
            raise first.pop()
        return do(asked)

    return sometimes


@pytest.fixture
def stopped(desk: Desk) -> Desk:
    """Another user stopped it when green had its first share."""
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.stop()
    return desk


def is_whole(desk: Desk) -> bool:
    return (
        desk.deployer.alias() == ("1", {})
        and desk.deployer.digest() == str(desk.record()["latest_sha256"])
        and desk.deployer.items("lock#") == []
        and desk.state() == "RolledBack"
    )


@pytest.mark.parametrize("told", [True, False], ids=["event", "sweep"])
def test_what_was_stopped_half_way_is_made_whole(stopped: Desk, told: bool) -> None:
    assert recover(ended_badly(stopped) if told else SWEEP) == ["first"]

    assert is_whole(stopped)
    assert stopped.outcome() == ("back", "put_back", "1")
    assert stopped.record()["error"] == "DeploymentAbandoned"
    assert "ABORTED" in stopped.record()["cause"]


def test_the_audit_says_what_the_recovery_did(stopped: Desk) -> None:
    recover(SWEEP)

    state, evidence = stopped.steps()[-1]
    assert (state, evidence["error"]) == ("RecoverDeployments", "DeploymentAbandoned")
    assert (evidence["outcome"]["alias"], evidence["outcome"]["serving"]) == ({"kind": "back"}, "1")
    assert evidence["outcome"]["latest"]["kind"] == "put_back"


def test_people_are_told_that_blue_is_unwell(desks: Desks) -> None:
    desk = stopped_beside_an_unwell_blue(desks)

    recover(SWEEP)

    assert (desk.state(), desk.deployer.alias()) == ("RolledBack", ("2", {}))
    (text,) = told(desk.deployer)
    assert "But version 2 is unwell itself: it raised RuntimeError." in text


@pytest.mark.parametrize("seen", ["OpenDeployment", "PublishVersion"])
def test_a_deployment_that_goes_on_and_is_stopped_while_it_is_looked_at_is_made_whole(desk: Desk, seen: str) -> None:
    """The record that was there before its end says nothing of what it did until then."""
    if seen == "OpenDeployment":
        with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")
    else:
        desk.to("PublishVersion")

    def goes_on_and_is_stopped() -> None:
        for state in TO_GREEN[TO_GREEN.index(seen) :]:
            desk.run(state)
        desk.stop()

    with just_before("stepfunctions", "DescribeExecution", goes_on_and_is_stopped):
        recover(SWEEP)

    assert is_whole(desk)


def test_a_sweep_that_has_no_time_left_for_a_look_leaves_it_to_the_next_sweep(stopped: Desk) -> None:
    context = context_of("RecoverDeploymentsFunction", timeout_seconds=200)

    assert recover_deployments.handler(SWEEP, context) == {"recovered": []}

    assert stopped.state() == "open"
    assert recover(SWEEP) == ["first"]


def test_the_reason_of_a_rollback_that_never_came_to_its_end_is_not_forgotten(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    with desk.aws.fails("UpdateAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.failed("GreenUnhealthy", "green failed 9 of 10").run("RollBack")
    desk.stop()

    recover(ended_badly(desk))

    record = desk.record()
    assert (record["state"], record["error"]) == ("RolledBack", "GreenUnhealthy")
    why = "green failed 9 of 10. The execution first is ABORTED and did not end its deployment."
    assert record["cause"].startswith(f"{why} {FUNCTION}:{ALIAS} is back at version 1.")
    assert desk.evidence("RecoverDeployments")["cause"] == record["cause"]


def test_a_rollback_that_begins_while_the_recovery_looks_says_why(stopped: Desk) -> None:
    """A handler that outlives its execution, and does not finish either."""
    stopped.failed("GreenUnhealthy", "green failed 9 of 10")

    def begins() -> None:
        with stopped.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            stopped.run("RollBack")

    with just_before("dynamodb", "UpdateItem", begins):
        recover(SWEEP)

    record = stopped.record()
    assert (record["state"], record["error"]) == ("RolledBack", "GreenUnhealthy")
    assert record["cause"].startswith(f"green failed 9 of 10. {FUNCTION}:{ALIAS} is back at version 1.")


def test_items_that_the_handler_cannot_read_keep_no_other_end_untold(stopped: Desk) -> None:
    put({"pk": "deployment#odd", "sk": "record", "kind": "untold", "function": FUNCTION, "started_at": "2026"})
    put({"pk": "lock#odd", "sk": "lock", "kind": "lock"})
    with stopped.aws.fails("Publish", "InternalError", times=None):
        recover(ended_badly(stopped))
    assert stopped.deployer.notified() == []

    with pytest.raises(DeploymentError, match="lock#odd"):
        recover(SWEEP)

    assert len(stopped.deployer.notified()) == 1


def test_a_lock_that_cannot_be_read_sets_off_the_alarm(deployer: Deployer, caplog: pytest.LogCaptureFixture) -> None:
    put({"pk": "lock#odd", "sk": "lock", "kind": "lock"})

    with pytest.raises(DeploymentError, match="lock#odd"):
        recover(SWEEP)

    assert alarms_in(caplog) == ["RollbackFailed"]


def test_an_audit_entry_that_looks_like_a_lock_undoes_no_deployment(desks: Desks) -> None:
    """A role that may write audit entries chooses their attributes; a lock names the execution of its record."""
    over = desks("over", GOOD % 3).to("SmokeTest")
    over.failed().run("RollBack")
    over.end()
    running = desks("running").to("ShiftAlias")
    running.run("ShiftAlias")
    before = running.record()
    forged = {**TARGET.model_dump(), "held_by": over.arn, "deployment": "running", "kind": "lock", "new_code": True}
    put({"pk": "steps#running", "sk": "a#b#c", "evidence": "{}"} | forged)
    live = TARGET.model_copy(update={"alias": "LIVE"})
    put(forged | {"pk": f"lock#{live.key}", "sk": "lock", "alias": "LIVE"})

    recover(SWEEP)

    assert running.deployer.alias() == ("1", {"2": 0.1})
    assert (running.record(), running.holder()) == (before, "running")


@pytest.mark.parametrize("name", ["nope", "running"])
def test_an_event_about_an_execution_that_runs_tells_people_nothing(desks: Desks, name: str) -> None:
    running = desks("running").to("ShiftAlias")
    event = ended_badly(running)

    recover(event | {"detail": event["detail"] | {"name": name, "status": "RUNNING"}})

    assert running.deployer.notified() == []


def test_an_end_that_step_functions_does_not_show_yet_is_looked_at_again(stopped: Desk) -> None:
    runs: dict[str, Any] = {
        "executionArn": stopped.arn,
        "name": stopped.name,
        "status": "RUNNING",
        "startDate": datetime.fromtimestamp(0, UTC),
    }
    with aws_answers("stepfunctions", "DescribeExecution", runs):
        stopped.aws.after(30, lambda: runs.update(status="ABORTED", stopDate=datetime.fromtimestamp(0, UTC)))
        assert recover(ended_badly(stopped)) == ["first"]

    assert is_whole(stopped)


def test_a_deployment_that_goes_on_after_its_end_is_left_alone(desk: Desk) -> None:
    """Redriven: the event of its end comes late."""
    desk.to("ShiftAlias").run("ShiftAlias")

    assert recover(ended_badly(desk, "FAILED")) == []

    assert desk.deployer.alias() == ("1", {"2": 0.1})


def test_the_last_of_one_sweep_need_not_be_the_last_of_the_next(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desks("first").to("ShiftAlias")
    first.stop()
    desks.deployer.aws.create_function("Another", GOOD % 1)
    second = desks("second", function="Another").to("ShiftAlias")
    second.stop()
    monkeypatch.setattr(random, "sample", the_last_first)

    assert recover(SWEEP) == ["second", "first"]


def test_people_are_told_also_if_many_recoveries_take_long(
    stopped: Desk, desks: Desks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lambda ends the function after ten minutes."""
    for name in ("a", "b", "c", "d", "e", "f", "told"):
        stopped.aws.create_function(f"Of-{name}", GOOD % 1)
        desk = desks(name, function=f"Of-{name}").to("SmokeTest")
        if name == "told":
            with desk.aws.fails("Publish", "InternalError", times=None):
                desk.failed().run("RollBack")
        desk.stop()
    the_tag_is_gone()
    describe = functions.describe

    def hangs(target: Target, *version: str) -> functions.Function:
        found = describe(target, *version)
        return found.model_copy(update={"updating": "InProgress"}) if target.function.startswith("Of-") else found

    monkeypatch.setattr(functions, "describe", hangs)
    monkeypatch.setattr(random, "sample", the_last_first)

    def times_out() -> None:
        raise HandlerTimedOut

    stopped.aws.after(600, times_out)

    with pytest.raises(DeploymentError, match="first, f, e, d, c, b, a"):
        recover(SWEEP)

    assert "Rolled back: Of-told:PROD is at version 1" in stopped.deployer.notified()
    assert alarms_in(caplog) == ["RollbackFailed"]


def test_people_are_told_once(stopped: Desk) -> None:
    recover(ended_badly(stopped))
    recover(ended_badly(stopped))
    recover(SWEEP)

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


@pytest.mark.parametrize("event", [True, False], ids=["event", "sweep"])
def test_people_who_could_not_be_told_of_an_end_are_told_later(stopped: Desk, event: bool) -> None:
    with stopped.aws.fails("Publish", "InternalFailure", times=None):
        recover(ended_badly(stopped))
    assert is_whole(stopped)
    assert stopped.deployer.notified() == []

    recover(ended_badly(stopped) if event else SWEEP)

    assert stopped.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]


def test_an_end_that_cannot_be_told_keeps_back_no_other_and_is_seen(
    stopped: Desk, desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped.aws.create_function("Other", GOOD % 1)
    other = desks("other", function="Other").to("SmokeTest")
    with stopped.aws.fails("Publish", "InternalError", times=None):
        for desk in (stopped, other):
            desk.failed().run("RollBack")

    monkeypatch.setattr(words, "of_end", fails_the_first_time(words.of_end))

    with pytest.raises(DeploymentError, match=r"people were not told: (first|other)\."):
        recover(SWEEP)

    (told,) = stopped.deployer.notified()
    recover(SWEEP)
    (told_later,) = stopped.deployer.notified()
    assert {told, told_later} == {f"Rolled back: {name}:{ALIAS} is at version 1" for name in (FUNCTION, "Other")}


def test_people_are_told_of_what_was_stopped_before_it_touched_anything(desk: Desk) -> None:
    with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.run("OpenDeployment")
    desk.stop()

    recover(ended_badly(desk))

    assert (desk.state(), desk.holder()) == ("Rejected", None)
    assert desk.deployer.notified() == [f"Rejected: {FUNCTION}:{ALIAS} was not touched"]


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


def test_what_still_runs_is_left_alone(desk: Desk) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")

    assert recover(SWEEP) == []

    assert desk.deployer.alias() == ("1", {"2": 0.1})
    assert (desk.state(), desk.holder()) == ("open", "first")


def test_what_ended_as_it_should_is_left_alone(desk: Desk) -> None:
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("CompleteDeployment")
    desk.end()

    assert recover(ended_badly(desk)) == []
    assert recover(SWEEP) == []
    assert desk.deployer.alias() == ("2", {})


def test_a_lock_that_is_there_without_its_deployment_is_freed_and_nothing_else(desk: Desk) -> None:
    desk.to("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("ShiftAlias")
    desk.run("CompleteDeployment")
    the_lock_is_still_there(desk)
    desk.stop()

    recover(SWEEP)

    assert desk.deployer.alias() == ("2", {})
    assert (desk.state(), desk.holder()) == ("Deployed", None)


def test_an_event_that_comes_late_does_not_touch_the_next_deployment(stopped: Desk, desks: Desks) -> None:
    recover(ended_badly(stopped))
    second = desks("second").to("ShiftAlias")
    second.run("ShiftAlias")

    assert recover(ended_badly(stopped)) == []

    assert second.deployer.alias() == ("1", {"2": 0.1})
    assert second.holder() == "second"


def test_a_deployment_that_cannot_be_recovered_holds_up_no_other(stopped: Desk, desks: Desks) -> None:
    stopped.aws.create_function("Other", GOOD % 1)
    other = desks("other", function="Other").to("ShiftAlias")
    other.run("ShiftAlias")
    other.stop()
    the_tag_is_gone()

    with pytest.raises(DeploymentError, match="first"):
        recover(SWEEP)

    assert other.state() == "RolledBack"
    assert stopped.state() == "undoing"


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


def test_a_tag_that_is_set_again_lets_the_next_sweep_put_blue_back(stopped: Desk) -> None:
    the_tag_is_gone()
    with pytest.raises(DeploymentError):
        recover(SWEEP)

    boto3.client("lambda").tag_resource(Resource=TARGET.arn, Tags={"bluegreen:managed": "true"})

    recover(SWEEP)
    assert is_whole(stopped)


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


def as_step_functions_says(desk: Desk, error: str, cause: str) -> dict[str, Any]:
    now = datetime.fromtimestamp(desk.aws.clock.now(), UTC)
    ended = {"executionArn": desk.arn, "name": desk.name, "status": "FAILED", "error": error, "cause": cause}
    return ended | {"startDate": now, "stopDate": now}


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


@pytest.mark.parametrize("seconds", [0, 700])
def test_one_throttle_does_not_cost_the_code_of_latest(stopped: Desk, seconds: int) -> None:
    stopped.aws.clock.sleep(seconds)

    with stopped.aws.fails("UpdateFunctionCode", "TooManyRequestsException", times=3):
        recover(SWEEP)

    assert is_whole(stopped)


def test_a_fault_of_the_handler_calls_an_operator_as_well(stopped: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluegreen.rollback.recovery.undo", lambda *_, **__: 1 // 0)

    with pytest.raises(DeploymentError, match="first"):
        recover(SWEEP)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_a_rejection_that_was_not_written_down_keeps_its_reason(desk: Desk) -> None:
    with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        desk.run("OpenDeployment")
    said = as_step_functions_says(desk, "AwsUnavailable", '{"errorMessage": "AWS could not answer"}')
    desk.stop()

    with aws_answers("stepfunctions", "DescribeExecution", said):
        recover(ended_badly(desk, "FAILED"))

    record = desk.record()
    assert [record[name] for name in ("state", "error", "cause")] == [
        "Rejected",
        "AwsUnavailable",
        "AWS could not answer",
    ]


def test_a_passing_hiccup_is_got_over_within_the_same_event(stopped: Desk) -> None:
    with stopped.aws.fails("UpdateAlias", "ServiceException", times=4):
        assert recover(ended_badly(stopped)) == ["first"]

    assert is_whole(stopped)


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


def test_a_table_that_takes_no_writes_undoes_nothing(stopped: Desk) -> None:
    """It cannot be known then which deployment has the alias meanwhile."""
    with stopped.aws.fails("UpdateItem", "ServiceUnavailable", times=None), pytest.raises(DeploymentError):
        recover(ended_badly(stopped))

    assert stopped.deployer.alias() == ("1", {"2": 0.1})


def test_people_are_told_of_what_could_not_even_be_written_down(desk: Desk) -> None:
    desk.stop()

    recover(ended_badly(desk, "FAILED"))

    assert desk.deployer.notified() == ["Rejected: first touched nothing"]


def test_an_operator_who_could_not_be_called_is_called_the_next_time(stopped: Desk) -> None:
    the_tag_is_gone()
    with stopped.aws.fails("Publish", "InternalFailure", times=None), pytest.raises(DeploymentError):
        recover(SWEEP)

    with pytest.raises(DeploymentError):
        recover(SWEEP)

    assert stopped.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]


def test_an_alias_that_another_user_mended_meanwhile_is_theirs(stopped: Desk) -> None:
    another_user_points_the_alias("2")

    recover(SWEEP)

    assert stopped.deployer.alias() == ("2", {})
    assert stopped.holder() is None
    assert stopped.outcome() == ("changed_by_others", "put_back", "2")


def test_a_sweep_without_locks_has_nothing_to_do(desk: Desk) -> None:
    assert recover(SWEEP) == []


@pytest.mark.parametrize(
    "event",
    [None, [], "text", {}, {"detail": []}, {"detail": {"executionArn": 5}}, {"detail": {"status": None}}],
    ids=repr,
)
def test_an_event_that_does_not_say_whose_end_it_tells_is_a_sweep(desk: Desk, event: Any) -> None:
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.stop()

    recovered = recover_deployments.handler(event, context_of("RecoverDeploymentsFunction"))

    assert (recovered, desk.state()) == ({"recovered": ["first"]}, "RolledBack")


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
        (asked,) = approvals.asked("first")
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
        """The queries before are for the locks and for the ends that nobody was told of."""
        skip = 2 if operation == "Query" else 0
        with waiting.aws.fails(operation, "ServiceUnavailable", skip=skip, times=None) as fault:
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
            item = {"pk": approvals.asked_partition("first"), "sk": "step#0009", "step": "nine"}
            boto3.resource("dynamodb").Table(table.name()).put_item(Item=item)

        assert recover(SWEEP) == []

        assert len(waiting.deployer.messages()) == 1

    def test_is_told_no_more_once_it_is_decided(self, waiting: Desk) -> None:
        made = {"step": 1, "decision": "approved", "by": "API by bob", "at": "2026-01-05T09:00:00.000Z"}
        with acting(None, immune=True):
            approvals.decide("first", Decision.model_validate(made))

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
    approvals.ask("first", 2, 600)

    recover(SWEEP)

    (message,) = desk.deployer.messages()
    assert "Step 2, which gives green 50 % of the alias, waits" in message["Message"]
