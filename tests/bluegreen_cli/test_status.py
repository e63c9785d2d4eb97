"""`bluegreen status` and `bluegreen watch`: which version serves, which deployment runs, how the last one ended."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest

from bluegreen import clock
from bluegreen.ledger import checkup, deployments, waiting
from bluegreen.ledger.checkup import Checkup
from bluegreen.ledger.waiting import Waiting
from bluegreen.request.artifact import Zip
from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, FUNCTION, GOOD, TARGET, Deployer, place

ALL_AT_ONCE: dict[str, Any] = {"traffic": "AllAtOnce"}
NAME = "Shop-1"


@pytest.fixture
def meanwhile(deployer: Deployer, bluegreen: Bluegreen) -> Callable[..., Ran]:
    """Run a command 200 seconds into a deployment with a canary."""

    def run(*arguments: str) -> Ran:
        ran: list[Ran] = []
        deployer.aws.after(200, lambda: ran.append(bluegreen(*arguments)))
        artifact = deployer.upload(GOOD % 2)
        deployer.run({"function": FUNCTION, "artifact": artifact}, name=NAME)
        return ran[0]

    return run


def test_without_a_deployment_status_says_which_version_serves(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("status", FUNCTION)

    assert ran.exit_code == 0
    assert ran.stdout == (
        f"{FUNCTION}:PROD is served by version 1.\nNo deployment is under way.\nNo deployment has ended yet.\n"
    )
    assert bluegreen("status", FUNCTION, "--json").json["serving"] == "1"


def test_during_a_deployment_status_says_weights_state_last_verdict_and_time_left(
    deployer: Deployer, meanwhile: Callable[..., Ran]
) -> None:
    deployer.users_call()

    ran = meanwhile("status", FUNCTION)

    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[0] == f"{FUNCTION}:PROD is served by version 1 (90 %) and version 2 (10 %)."
    assert lines[1] == f"{NAME} is under way, in Bake."
    assert "last verdict: " in ran.stdout
    assert " left\n" in ran.stdout
    assert f"`bluegreen watch {NAME}` follows it." in ran.stdout


def test_during_a_deployment_the_json_has_the_numbers(meanwhile: Callable[..., Ran]) -> None:
    found = meanwhile("status", FUNCTION, "--json").json

    assert found["serving"] == {"1": 0.9, "2": 0.1}
    assert found["running"]["deployment"] == NAME
    assert found["running"]["status"] == "RUNNING"
    assert found["running"]["state"] == "Bake"
    assert found["running"]["green_weight"] == 0.1
    assert found["running"]["verdict"] == "not_enough"
    assert 0 <= found["running"]["seconds_left"] <= 300
    assert found["last"] is None


def test_status_needs_no_permission_for_provisioned_concurrency(
    meanwhile: Callable[..., Ran], answers: Answers
) -> None:
    answers.refuse("GetProvisionedConcurrencyConfig", "AccessDeniedException", status=403)

    assert meanwhile("status", FUNCTION).exit_code == 0


def test_an_upload_that_waits_is_shown(deployer: Deployer, bluegreen: Bluegreen) -> None:
    artifact = Zip(bucket="artifacts", key="functions/Shop/3.zip")
    assert waiting.wait(Waiting(target=TARGET, artifact=artifact, deployment="a", execution="b"), instead_of=None)

    assert f"{artifact} waits, and starts by itself" in bluegreen("status", FUNCTION).stdout
    assert bluegreen("status", FUNCTION, "--json").json["waiting"] == str(artifact)


def test_after_a_deployment_status_says_how_it_ended(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)
    deployer.aws.clock.sleep(1250)

    ran = bluegreen("status", FUNCTION)

    assert " ended Deployed 20 min ago (2026-01-05 09:00:00 UTC) with version 2. " in ran.stdout
    assert ran.stdout.startswith(
        f"{FUNCTION}:PROD is served by version 2, since 2026-01-05 09:00:00 UTC (20 min ago).\n"
    )
    assert bluegreen("status", FUNCTION, "--json").json["since"] == "2026-01-05T09:00:00.000Z"
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name="PROD", FunctionVersion="1")
    assert bluegreen("status", FUNCTION).stdout.startswith(f"{FUNCTION}:PROD is served by version 1.\n")
    assert "with version 2. Nobody watched green under traffic: this strategy has no bake.\n" in ran.stdout
    assert ran.stdout.endswith("\n  started by: StartExecution\n")


def test_after_a_rollback_status_says_why(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.users_call()
    deployer.deploy(BAD_UNDER_TRAFFIC)

    ran = bluegreen("status", FUNCTION)

    assert "ended RolledBack" in ran.stdout
    assert "GreenUnhealthy: " in ran.stdout
    assert "green failed" in ran.stdout


def test_a_request_that_was_refused_since_the_last_deployment_is_told(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)
    deployer.aws.clock.sleep(60)
    deployer.run({"function": FUNCTION, "artifact": f"s3://artifacts/{place('nothing.zip')}"}, name=NAME)

    said, as_json = bluegreen("status", FUNCTION).stdout, bluegreen("status", FUNCTION, "--json").json
    deployer.aws.clock.sleep(60)
    deployer.deploy(GOOD % 3, **ALL_AT_ONCE)
    after = bluegreen("status", FUNCTION)

    refused = (
        f"\nA later request, {NAME}, was refused 0 s ago (2026-01-05 09:01:00 UTC): InvalidRequest: artifact: there"
    )
    assert f"{refused} is no object s3://" in said
    assert as_json["refused"]["id"] == NAME
    assert "was refused" not in after.stdout


def test_a_request_that_was_refused_for_another_alias_is_not_told(deployer: Deployer, bluegreen: Bluegreen) -> None:
    boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="STAGING", FunctionVersion="1")
    deployer.run({"function": FUNCTION, "alias": "STAGING", "artifact": {"version": "9"}}, name=NAME)

    assert "was refused" not in bluegreen("status", FUNCTION).stdout
    assert "): InvalidRequest: artifact.version: " in bluegreen("status", FUNCTION, "--alias", "STAGING").stdout


def test_the_last_deployment_of_an_alias_is_found_behind_those_of_other_aliases(
    deployer: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="STAGING", FunctionVersion="1")
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)
    deployer.deploy(GOOD % 3, alias="STAGING", **ALL_AT_ONCE)
    monkeypatch.setattr(deployments, "of_function", partial(deployments.of_function, most=1))

    assert "with version 2. Nobody watched green under traffic" in bluegreen("status", FUNCTION).stdout


def test_a_deployment_that_was_stopped_is_told_apart_from_one_that_runs(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    def stop() -> None:
        deployer.aws.stop(f"{deployer.aws.machine_arn().replace(':stateMachine:', ':execution:')}:{NAME}")

    deployer.aws.after(90, stop)
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)}, name=NAME)

    ran = bluegreen("status", FUNCTION)

    assert f"{NAME} holds the lock, but its execution is ABORTED; RecoverDeployments undoes it." in ran.stdout


def test_an_execution_that_step_functions_has_forgotten_is_called_so(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    def stop() -> None:
        deployer.aws.stop(f"{deployer.aws.machine_arn().replace(':stateMachine:', ':execution:')}:{NAME}")

    deployer.aws.after(90, stop)
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)}, name=NAME)
    answers.refuse("DescribeExecution", "ExecutionDoesNotExist")

    assert "its execution is forgotten by Step Functions" in bluegreen("status", FUNCTION).stdout


def test_without_the_executions_history_status_still_says_that_a_deployment_runs(
    deployer: Deployer, meanwhile: Callable[..., Ran], answers: Answers
) -> None:
    deployer.aws.after(199, lambda: answers.refuse("GetExecutionHistory", "AccessDeniedException", status=403))

    assert f"{NAME} is under way, in its beginning." in meanwhile("status", FUNCTION).stdout


@pytest.mark.parametrize("names", [("Nowhere",), (FUNCTION, "--alias", "STAGING")])
def test_an_alias_that_does_not_exist_is_exit_code_2(
    deployer: Deployer, bluegreen: Bluegreen, names: tuple[str, ...]
) -> None:
    ran = bluegreen("status", *names)

    assert ran.exit_code == 2
    assert "in this account and region" in ran.stderr


def test_a_ledger_that_may_not_be_read_is_exit_code_2(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    answers.refuse("GetItem", "AccessDeniedException", "not authorized to perform: dynamodb:GetItem", 403)

    ran = bluegreen("status", FUNCTION)

    assert ran.exit_code == 2
    assert "dynamodb:GetItem" in ran.stderr


def test_a_deployment_that_is_over_can_be_watched(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(BROKEN)}, name=NAME)

    ran = bluegreen("watch", NAME)

    assert ran.exit_code == 1
    assert "SmokeTestFailed" in ran.stdout
    assert ran.stderr.endswith(
        "The smoke test 'answers {} without an error' in full:\n  expected no error, but it raised RuntimeError\n"
    )


def test_a_caller_who_may_not_read_the_ledger_watches_without_the_evidence(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(BROKEN)}, name=NAME)
    for operation in ("Query", "GetItem"):
        answers.refuse(operation, "AccessDeniedException", status=403)

    ran = bluegreen("watch", NAME)

    assert ran.exit_code == 1
    assert "SmokeTestFailed" in ran.stdout
    assert "in full" not in ran.stderr
    assert bluegreen("watch", NAME, "--json").json["evidence"] is None


def test_a_request_that_was_refused_can_be_watched(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.run({"function": FUNCTION, "artifact": f"s3://artifacts/{place('nothing.zip')}"}, name=NAME)

    ran = bluegreen("watch", NAME)

    assert ran.exit_code == 2
    assert ran.stdout.startswith("Rejected: InvalidRequest: artifact: there is no object s3://artifacts/")
    assert ran.stdout.endswith(f" No function was touched. {FUNCTION}:PROD is served by version 1.\n")


def test_ctrl_c_ends_the_watching_and_not_the_deployment(
    meanwhile: Callable[..., Ran], deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bluegreen_cli.follow.pause", ctrl_c)

    ran = meanwhile("watch", NAME)

    assert ran.exit_code == 130
    assert f"`bluegreen status {FUNCTION} --alias PROD` says how it stands" in ran.stderr
    assert deployer.alias() == ("2", {})


def test_watching_goes_on_to_the_end(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.aws.start({"function": FUNCTION, "artifact": deployer.upload(GOOD % 2)}, name=NAME)

    ran = bluegreen("watch", NAME, "--json")

    assert ran.exit_code == 0
    assert ran.json["end"] == "Deployed"


def test_a_deployment_that_never_was_cannot_be_watched(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("watch", "Nothing-1")

    assert ran.exit_code == 2
    assert "there is no deployment Nothing-1" in ran.stderr


def test_a_functions_running_or_else_its_last_deployment_can_be_watched(
    deployer: Deployer,
    bluegreen: Bluegreen,
    meanwhile: Callable[..., Ran],
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="STAGING", FunctionVersion="1")
    deployer.run({"function": FUNCTION, "artifact": deployer.upload(GOOD % 3)} | ALL_AT_ONCE, name="first")
    first = bluegreen("watch", FUNCTION, "--json")
    deployer.aws.clock.sleep(60)
    with monkeypatch.context() as patch:
        patch.setattr("bluegreen_cli.follow.pause", ctrl_c)
        patch.setattr("bluegreen_cli.which.newest_first", lambda target: iter(()))  # the index lags behind the lock
        running = meanwhile("watch", f"{FUNCTION}:PROD")
    none = bluegreen("watch", FUNCTION, "--alias", "STAGING")
    answers.refuse("GetExecutionHistory", "ExecutionDoesNotExist")
    forgotten = bluegreen("watch", FUNCTION)

    assert (first.exit_code, first.json["deployment"]) == (0, "first")
    assert running.stderr.startswith(f"Deployment {NAME}: https://")
    assert none.exit_code == 2
    assert f"there is no deployment {FUNCTION}, nor any of {FUNCTION}:STAGING" in none.stderr
    assert forgotten.exit_code == 2
    assert f"Step Functions has forgotten {NAME}, as it does 90 days after its end" in forgotten.stderr


def test_after_a_deployment_none_is_under_way(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, **ALL_AT_ONCE)

    assert bluegreen("status", FUNCTION, "--json").json["running"] is None
    assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name="PROD")["FunctionVersion"] == "2"


def test_status_tells_what_the_doctor_found_last(deployer: Deployer, bluegreen: Bluegreen) -> None:
    looked_at = clock.iso(time.time() - 2 * 86_400 - 60)
    checkup.keep(Checkup(at=looked_at, by="alice", held=("weights",), differs=("delay",), unseen=(), delay_seconds=180))

    said = bluegreen("status", FUNCTION).stdout

    assert said.endswith("\nThe doctor looked 2 days ago: 1 held, 1 differs (delay).\n")
    found = bluegreen("status", FUNCTION, "--json").json["doctor"]
    assert (found["at"], found["differs"], found["delay_seconds"]) == (looked_at, ["delay"], 180)
    assert "report" not in found
