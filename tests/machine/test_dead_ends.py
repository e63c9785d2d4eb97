"""What is gone, or may not be touched any more, ends a deployment at once and truthfully, and no other after it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest

import recover_deployments
from tests.handlers.desk import another_user_points_the_alias, aws_answers, context_of, told
from tests.machine.deployer import ALIAS, BAD_UNDER_TRAFFIC, FUNCTION, GOOD, TARGET, Deployer, alarm
from tests.machine.walk import Run

AT_30 = {"steps": [{"weight": 0.3, "bake_seconds": 600}]}
FINAL_BAKE = {"steps": [{"weight": 1, "bake_seconds": 600}], "keep_control": 0}
"""Green has all of the alias in it. Lambda deletes no version that an alias gives a share."""
TAG = "bluegreen:managed"


def functions() -> Any:
    return boto3.client("lambda")


def delete_everything() -> None:
    functions().delete_alias(FunctionName=FUNCTION, Name=ALIAS)
    functions().delete_function(FunctionName=FUNCTION)


def sweep(deployer: Deployer) -> None:
    """It raises for what it could not recover."""
    with deployer.aws.acting("RecoverDeployments"):
        recover_deployments.handler({"id": "sweep", "detail": {}}, context_of("RecoverDeploymentsFunction"))


def seconds_from(run: Run, state: str) -> float:
    """From the run's last time in that state to its end."""
    entered = [event for event in run.history if event.get("stateEnteredEventDetails", {}).get("name") == state]
    began, ended = (datetime.fromisoformat(event["timestamp"]) for event in (entered[-1], run.history[-1]))
    return (ended - began).total_seconds()


def test_a_function_deleted_under_a_canary_ends_the_deployment_within_a_minute(deployer: Deployer) -> None:
    deployer.aws.after(100, delete_everything)

    run = deployer.deploy(traffic=AT_30)

    assert (run.ended, run.error) == ("RolledBack", "FunctionGone")
    assert run.path[-3:] == ["CheckHealth", "RollBack", "RolledBack"]
    assert seconds_from(run, "CheckHealth") < 60
    record = deployer.record(run)
    assert (record["state"], record["alias_outcome"], record["latest_outcome"]) == (
        *("RolledBack", "function_gone", "gone"),
    )
    assert f"There is no function {FUNCTION}" in record["cause"]
    assert "update-alias" not in record["cause"]
    assert deployer.items("lock#") == []
    assert deployer.notified() == [f"Stopped: {FUNCTION}:{ALIAS} is gone"]
    sweep(deployer)


def test_the_next_deployment_of_a_deleted_function_is_refused_and_of_a_new_one_by_that_name_works(
    deployer: Deployer,
) -> None:
    deployer.aws.after(100, delete_everything)
    deployer.deploy(traffic=AT_30)

    refused = deployer.deploy(GOOD % 3)
    deployer.aws.create_function(FUNCTION, GOOD % 1)
    after = deployer.deploy(GOOD % 3)

    assert (refused.ended, "there is no function" in refused.cause) == ("Rejected", True)
    assert after.ended == "Deployed"


def test_an_alias_deleted_under_a_canary_ends_the_deployment_within_a_minute(deployer: Deployer) -> None:
    deployer.aws.after(100, lambda: functions().delete_alias(FunctionName=FUNCTION, Name=ALIAS))

    run = deployer.deploy(traffic=AT_30)

    assert (run.ended, run.error) == ("RolledBack", "NotFound")
    assert seconds_from(run, "CheckHealth") < 60
    assert deployer.record(run)["alias_outcome"] == "gone"
    assert f"Someone else deleted {FUNCTION}:{ALIAS}" in deployer.record(run)["cause"]
    assert deployer.items("lock#") == []
    sweep(deployer)


@pytest.mark.parametrize(
    "gone", [delete_everything, lambda: functions().delete_alias(FunctionName=FUNCTION, Name=ALIAS)]
)
def test_what_is_deleted_right_before_the_completion_is_not_waited_for(
    deployer: Deployer, gone: Callable[[], None]
) -> None:
    def at_the_last_state(_: str, state: str, moment: str) -> None:
        if (state, moment) == ("CompleteDeployment", "entered"):
            gone()

    with deployer.aws.at_states(at_the_last_state):
        run = deployer.deploy(traffic="AllAtOnce")

    assert run.path[-3:] == ["CompleteDeployment", "RollBack", "RolledBack"]
    assert run.path.count("CompleteDeployment") == 1
    assert seconds_from(run, "CompleteDeployment") < 60
    assert deployer.items("lock#") == []


def test_a_blue_deleted_in_the_final_bake_of_a_bad_green_is_told_at_once_with_who_serves(deployer: Deployer) -> None:
    deployer.users_call()
    deployer.aws.clock.sleep(600)
    deployer.aws.after(30, lambda: functions().delete_function(FunctionName=FUNCTION, Qualifier="1"))
    alarm("sales", "OK")
    deployer.aws.after(200, lambda: alarm("sales", "ALARM"))

    run = deployer.deploy(BAD_UNDER_TRAFFIC, traffic=FINAL_BAKE, health={"alarms": ["sales"]})

    assert run.ended == "RollbackFailed"
    assert seconds_from(run, "CheckHealth") < 60
    record = deployer.record(run)
    assert (record["state"], record["alias_outcome"], record["serving"]) == ("RollbackFailed", "blue_gone", "2")
    assert f"someone else deleted version 1, so {FUNCTION}:{ALIAS} stays at version 2" in run.cause
    assert "update-alias" not in run.cause
    assert deployer.items("lock#") == []
    assert deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} stays at version 2"]
    sweep(deployer)
    assert deployer.deploy(GOOD % 3, traffic="AllAtOnce").ended == "Deployed"


def test_a_blue_deleted_in_the_final_bake_of_a_good_green_is_no_loss(deployer: Deployer) -> None:
    deployer.aws.after(30, lambda: functions().delete_function(FunctionName=FUNCTION, Qualifier="1"))

    run = deployer.deploy(traffic=FINAL_BAKE)

    assert run.ended == "Deployed"
    assert deployer.alias() == ("2", {})


def test_a_tag_that_is_gone_under_a_canary_calls_an_operator_at_once_and_the_rollback_succeeds_once_it_is_set(
    deployer: Deployer,
) -> None:
    def untag() -> None:
        functions().untag_resource(Resource=TARGET.arn, TagKeys=[TAG])

    called: list[tuple[float, list[str]]] = []

    def look() -> None:
        called.append((deployer.aws.clock.now(), told(deployer)))

    def tag() -> None:
        functions().tag_resource(Resource=TARGET.arn, Tags={TAG: "true"})

    deployer.aws.after(100, untag)
    deployer.aws.after(400, look)
    deployer.aws.after(700, tag)

    run = deployer.deploy(traffic=AT_30)

    assert (run.ended, run.error) == ("RolledBack", "Untagged")
    assert deployer.alias() == ("1", {})
    ((_, (text,)),) = called
    assert f"{FUNCTION} has lost its tag {TAG} = true" in text
    assert f"aws lambda tag-resource --resource {TARGET.arn} --tags {TAG}=true" in text
    assert f"bluegreen adopt {FUNCTION}" in text
    assert deployer.record(run)["state"] == "RolledBack"
    assert deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]
    assert deployer.deploy(GOOD % 3, traffic="AllAtOnce").ended == "Deployed"


def test_a_tag_that_is_set_after_half_an_hour_is_seen_by_the_sweep(deployer: Deployer) -> None:
    deployer.aws.after(100, lambda: functions().untag_resource(Resource=TARGET.arn, TagKeys=[TAG]))
    run = deployer.deploy(traffic=AT_30)
    assert (run.ended, deployer.record(run)["state"]) == ("RollbackFailed", "undoing")
    functions().tag_resource(Resource=TARGET.arn, Tags={TAG: "true"})

    sweep(deployer)

    assert deployer.alias() == ("1", {})
    assert deployer.record(run)["state"] == "RolledBack"


def test_a_tag_that_is_gone_before_the_completion_calls_an_operator_and_the_deployment_completes_once_it_is_set(
    deployer: Deployer,
) -> None:
    def at_the_last_state(_: str, state: str, moment: str) -> None:
        if (state, moment) == ("CompleteDeployment", "entered"):
            functions().untag_resource(Resource=TARGET.arn, TagKeys=[TAG])
            deployer.aws.after(300, lambda: functions().tag_resource(Resource=TARGET.arn, Tags={TAG: "true"}))

    with deployer.aws.at_states(at_the_last_state):
        run = deployer.deploy(traffic="AllAtOnce")

    assert run.ended == "Deployed"
    held_up, deployed = deployer.notified()
    assert held_up == f"HELD UP: {FUNCTION}:{ALIAS} is at version 2"
    assert deployed.startswith("Deployed: ")


def test_an_alias_at_blue_that_a_guard_rail_lets_nobody_write_holds_no_later_deployment_up(deployer: Deployer) -> None:
    with deployer.aws.fails("UpdateAlias", "AccessDeniedException", times=None):
        run = deployer.deploy()

    assert (run.ended, run.error) == ("RolledBack", "AccessDenied")
    assert seconds_from(run, "RollBack") < 600
    assert (deployer.alias(), deployer.items("lock#")) == (("1", {}), [])
    assert deployer.record(run)["alias_outcome"] == "back"
    sweep(deployer)
    assert deployer.deploy(GOOD % 3, traffic="AllAtOnce").ended == "Deployed"


def test_provisioned_concurrency_that_lambda_could_not_allocate_is_rolled_back_and_harms_no_later_deployment(
    deployer: Deployer,
) -> None:
    answer = {"Status": "FAILED", "StatusReason": "FUNCTION_ERROR_INIT_FAILURE"}
    deployer.aws.after(60, lambda: another_user_points_the_alias("2", {"1": 1.0}))  # as Lambda does

    with aws_answers("lambda", "GetProvisionedConcurrencyConfig", answer):
        run = deployer.deploy(traffic=FINAL_BAKE)
        after = deployer.deploy(GOOD % 3, traffic="AllAtOnce")

    assert (run.ended, run.error) == ("RolledBack", "UpdateFailed")
    assert "could not allocate the provisioned concurrency" in run.cause
    assert "FUNCTION_ERROR_INIT_FAILURE" in run.cause
    assert after.ended == "Deployed"
    assert deployer.alias() == ("3", {})


def test_a_weight_that_lambda_left_before_a_deployment_is_taken_away_by_its_first_shift(deployer: Deployer) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")
    another_user_points_the_alias("2", {"1": 1.0})

    run = deployer.deploy(GOOD % 3, traffic="AllAtOnce")

    assert run.ended == "Deployed"
    assert deployer.record(run)["blue"] == "1"
    assert deployer.alias() == ("3", {})


@pytest.mark.parametrize("error", ["Runtime.ExitError", "Runtime.OutOfMemory", "Lambda.Unknown", "Sandbox.Timedout"])
@pytest.mark.parametrize(
    "state",
    ["OpenDeployment", "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias", "CheckHealth"],
)
def test_a_handler_that_is_killed_is_run_again_in_every_state(deployer: Deployer, state: str, error: str) -> None:
    with deployer.aws.state_fails(state, error, times=2, when="after"):
        assert deployer.deploy(traffic="AllAtOnce").ended == "Deployed"


def test_a_client_of_step_functions_that_timed_out_on_lambda_is_no_failure(deployer: Deployer) -> None:
    with deployer.aws.state_fails("ShiftAlias", "Lambda.ClientExecutionTimeoutException", times=3, when="after"):
        assert deployer.deploy(traffic="AllAtOnce").ended == "Deployed"
