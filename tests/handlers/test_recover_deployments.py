"""RecoverDeployments makes whole what an execution left behind, at an event or in a sweep, and nothing else."""

import random
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

import recover_deployments
from bluegreen.errors import AwsUnavailable, DeploymentError
from tests.handlers.desk import (
    TO_GREEN,
    Desk,
    Desks,
    another_user_points_the_alias,
    aws_answers,
    context_of,
    just_before,
    put,
    the_lock_is_still_there,
)
from tests.handlers.recovering import (
    SWEEP,
    as_step_functions_says,
    ended_badly,
    is_whole,
    recover,
    the_last_first,
    the_tag_is_gone,
)
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, TARGET

pytestmark = pytest.mark.usefixtures("role_of_recovery")


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


def test_a_tag_that_is_set_again_lets_the_next_sweep_put_blue_back(stopped: Desk) -> None:
    the_tag_is_gone()
    with pytest.raises(DeploymentError):
        recover(SWEEP)

    boto3.client("lambda").tag_resource(Resource=TARGET.arn, Tags={"bluegreen:managed": "true"})

    recover(SWEEP)
    assert is_whole(stopped)


@pytest.mark.parametrize("seconds", [0, 700])
def test_one_throttle_does_not_cost_the_code_of_latest(stopped: Desk, seconds: int) -> None:
    stopped.aws.clock.sleep(seconds)

    with stopped.aws.fails("UpdateFunctionCode", "TooManyRequestsException", times=3):
        recover(SWEEP)

    assert is_whole(stopped)


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


def test_a_table_that_takes_no_writes_undoes_nothing(stopped: Desk) -> None:
    """It cannot be known then which deployment has the alias meanwhile."""
    with stopped.aws.fails("UpdateItem", "ServiceUnavailable", times=None), pytest.raises(DeploymentError):
        recover(ended_badly(stopped))

    assert stopped.deployer.alias() == ("1", {"2": 0.1})


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
