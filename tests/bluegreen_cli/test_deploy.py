"""`bluegreen deploy`, from the laptop to the end of the machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from bluegreen_cli.launch import execution_name
from bluegreen_cli.live import serving_if_known
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, BUCKET, FUNCTION, GOOD, Deployer

Package = Callable[..., str]
ALL_AT_ONCE = ("--traffic", "AllAtOnce")


def started() -> list[dict[str, Any]]:
    """Every request that reached the machine."""
    stepfunctions = boto3.client("stepfunctions", "us-east-1")
    (machine,) = stepfunctions.list_state_machines()["stateMachines"]
    executions = stepfunctions.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    return [
        json.loads(stepfunctions.describe_execution(executionArn=each["executionArn"])["input"]) for each in executions
    ]


def objects() -> list[str]:
    return [each["Key"] for each in boto3.client("s3", "us-east-1").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_zip_is_deployed_and_the_last_line_says_who_serves(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    deployer.users_call()

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 0
    assert ran.stdout == f"Deployed in 5 min: {FUNCTION}:PROD is served by version 2.\n"
    assert "version 2 gets 10 %, version 1 keeps 90 %; step 1 of 2; baked for 5 min" in ran.stderr
    assert "green failed 0 of" in ran.stderr
    assert deployer.alias() == ("2", {})
    assert not deployer.harmed


def test_a_folder_is_deployed_as_a_zip(deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(GOOD % 2)

    assert bluegreen("deploy", FUNCTION, str(tmp_path), *ALL_AT_ONCE).exit_code == 0
    assert deployer.alias() == ("2", {})


def test_an_object_in_s3_is_deployed_without_an_upload(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.upload(GOOD % 2, "team/new.zip")

    ran = bluegreen("deploy", FUNCTION, f"s3://{BUCKET}/team/new.zip", *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert objects() == ["team/new.zip"]


def test_a_version_that_exists_is_deployed_by_its_number(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE)

    ran = bluegreen("deploy", FUNCTION, "--version", "1", *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert deployer.alias() == ("1", {})


def test_the_upload_lies_where_it_starts_nothing_under_its_digest(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE)

    (key,) = objects()
    (request,) = started()
    assert key.startswith(f"uploads/{FUNCTION}/")
    assert len(key.rpartition("/")[2]) == len("0" * 64 + ".zip")
    assert set(request["artifact"]) == {"bucket", "key", "sha256", "version_id"}


def test_the_request_says_who_started_it(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE)

    assert started()[0]["started_by"] == "cli by arn:aws:sts::123456789012:user/moto"


def test_what_is_not_asked_for_is_left_to_the_stack(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow")

    assert set(started()[0]) == {"function", "artifact", "started_by"}


def test_every_option_becomes_its_field(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path
) -> None:
    tests = tmp_path / "tests.json"
    tests.write_text('[{"name": "adds up", "payload": {"a": 1}, "expect": {"statusCode": 200}}]')
    steps = '[{"weight": 0.5, "bake_seconds": 60}]'

    bluegreen(
        *("deploy", FUNCTION, package(GOOD % 2), "--alias", "PROD", "--steps", steps, "--smoke-tests", str(tests)),
        *("--health", '{"period_seconds": 1, "delay_seconds": 0}', "--no-follow"),
    )

    (request,) = started()
    assert request["alias"] == "PROD"
    assert request["traffic"] == {"steps": json.loads(steps)}
    assert request["smoke_tests"] == json.loads(tests.read_text())
    assert request["health"] == {"period_seconds": 1, "delay_seconds": 0}


def test_a_request_file_says_the_rest_and_options_go_before_it(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path
) -> None:
    file = tmp_path / "deployment.json"
    file.write_text('{"traffic": "AllAtOnce", "smoke_tests": [{"name": "one"}]}')

    bluegreen("deploy", FUNCTION, package(GOOD % 2), "--request", str(file), "--no-smoke-tests", "--no-follow")

    (request,) = started()
    assert (request["traffic"], request["smoke_tests"]) == ("AllAtOnce", "off")


def test_code_that_serves_already_is_nothing_to_deploy_and_no_failure(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    path = package(GOOD % 2)
    bluegreen("deploy", FUNCTION, path, *ALL_AT_ONCE)

    ran = bluegreen("deploy", FUNCTION, path, *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert ran.stdout == (f"Nothing to deploy: that is what serves already. {FUNCTION}:PROD is served by version 2.\n")


def test_a_green_that_fails_under_traffic_is_exit_code_1_and_says_why(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    deployer.users_call()

    ran = bluegreen("deploy", FUNCTION, package(BAD_UNDER_TRAFFIC))

    assert ran.exit_code == 1
    assert "Rolled back after" in ran.stdout
    assert "GreenUnhealthy: " in ran.stdout
    assert "green failed" in ran.stdout
    assert ran.stdout.endswith(f"{FUNCTION}:PROD is served by version 1.\n")
    assert "RollBack           gives blue the alias back" in ran.stderr


def test_a_failed_smoke_test_is_exit_code_1(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", FUNCTION, package(BROKEN))

    assert ran.exit_code == 1
    assert "SmokeTestFailed" in ran.stdout
    assert deployer.alias() == ("1", {})


def test_what_the_machine_refuses_is_exit_code_2_and_nothing_was_touched(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    before = deployer.everything()

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--alias", "STAGING")

    assert ran.exit_code == 2
    assert ran.stdout.startswith(f"Rejected: InvalidRequest: alias: {FUNCTION} has no alias STAGING;")
    assert "Nothing was touched." in ran.stdout
    assert "bluegreen adopt" in ran.stdout
    assert deployer.everything() == before


def test_a_rollback_that_fails_is_exit_code_3_and_calls_for_a_person(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    with deployer.aws.state_fails("RollBack", "RollbackImpossible", times=None):
        ran = bluegreen("deploy", FUNCTION, package(BROKEN))

    assert ran.exit_code == 3
    assert ran.stdout.startswith("The rollback failed: RollbackFailed: ")
    assert "A person must look: https://us-east-1.console.aws.amazon.com/" in ran.stdout


def test_an_execution_that_somebody_stops_is_exit_code_1(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    def stop() -> None:
        stepfunctions = boto3.client("stepfunctions", "us-east-1")
        machine = deployer.aws.machine_arn()
        for each in stepfunctions.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
            stepfunctions.stop_execution(executionArn=each["executionArn"])

    deployer.aws.after(90, stop)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 1
    assert ran.stdout == (
        f"The execution is ABORTED before it ended the deployment. {FUNCTION}:PROD is served by "
        f"version 1 (90 %) and version 2 (10 %). The next deployment of {FUNCTION}:PROD puts back what this one left.\n"
    )


def test_with_json_the_result_is_all_there_is_on_stdout(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE, "--json")

    assert ran.exit_code == 0
    assert ran.json["end"] == "Deployed"
    assert ran.json["serving"] == {"2": 1.0}
    assert ran.json["error"] is None
    assert ran.json["execution"].endswith(ran.json["deployment"])


def test_with_json_a_rollback_says_error_and_cause(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", FUNCTION, package(BROKEN), "--json")

    assert ran.exit_code == 1
    assert (ran.json["end"], ran.json["error"]) == ("RolledBack", "SmokeTestFailed")
    assert ran.json["cause"].startswith(f"{FUNCTION}:$LATEST failed its smoke test")


def test_without_following_it_says_how_to_follow(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow")

    assert ran.exit_code == 0
    assert f"Started {FUNCTION}-" in ran.stdout
    assert "bluegreen watch" in ran.stdout


def test_without_following_json_names_the_deployment(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow", "--json")

    assert set(ran.json) == {"deployment", "execution", "console"}


def test_ctrl_c_stops_the_following_and_not_the_deployment(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bluegreen_cli.follow.pause", ctrl_c)
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 130
    assert ran.stdout == ""
    assert "No longer watching; the deployment goes on. `bluegreen watch BonusCalculatorLambda-" in ran.stderr
    machine = deployer.aws.machine_arn()
    (execution,) = boto3.client("stepfunctions", "us-east-1").list_executions(stateMachineArn=machine)["executions"]
    assert deployer.aws.finish(execution["executionArn"]).ended == "Deployed"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--traffic", "Canary10Percent5Minuts"), "traffic: 'Canary10Percent5Minuts' is not a strategy; did you mean"),
        (("--steps", '[{"weight": 0.5, "bake_seconds": -1}]'), "traffic.steps.0.bake_seconds: "),
        (("--steps", '[{"weight": 1.5, "bake_seconds": 1}]'), "traffic.steps.0.weight: "),
        (("--steps", "half of it"), "--steps is not JSON"),
        (("--health", '{"period": 60}'), "health.period: unknown field"),
        (("--alias", "no alias"), "alias: 'no alias' does not match"),
        (("--smoke-tests", "nowhere.json"), "--smoke-tests: nowhere.json cannot be read"),
        (("--request", "nowhere.json"), "--request: nowhere.json cannot be read"),
    ],
)
def test_a_wrong_request_is_refused_on_the_laptop_without_aws(
    bluegreen: Bluegreen, package: Package, arguments: tuple[str, ...], complaint: str
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), *arguments)

    assert ran.exit_code == 2
    assert complaint in ran.stderr
    assert "Nothing was uploaded or started." in ran.stderr


def test_a_function_that_cannot_be_one_is_refused_on_the_laptop(bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", "no function", package(GOOD % 2))

    assert ran.exit_code == 2
    assert "function: 'no function' does not match" in ran.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "there is no file or folder"), (b"", "is empty"), (b"console.log(1)", "is not a zip")],
    ids=["missing", "empty", "no zip"],
)
def test_a_file_that_lambda_cannot_take_is_refused_on_the_laptop(
    bluegreen: Bluegreen, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "new.zip"
    if content is not None:
        path.write_bytes(content)

    ran = bluegreen("deploy", FUNCTION, str(path))

    assert ran.exit_code == 2
    assert f"artifact: {path}" in ran.stderr or complaint in ran.stderr
    assert complaint in ran.stderr


def test_a_refusal_is_json_for_those_who_asked_for_json(bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--traffic", "Slowly", "--json")

    assert ran.exit_code == 2
    assert ran.json["error"] == "Refused"
    assert ran.json["cause"].startswith("traffic: 'Slowly' is not a strategy")
    assert "Error: traffic: 'Slowly'" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("new.zip", "--version", "1"),
        ("new.zip", "--image", "somewhere@sha256:" + "0" * 64),
        ("new.zip", "--traffic", "AllAtOnce", "--steps", "[]"),
        ("new.zip", "--smoke-tests", "tests.json", "--no-smoke-tests"),
        ("new.zip", "--frobnicate"),
    ],
    ids=str,
)
def test_wrong_usage_is_exit_code_2(bluegreen: Bluegreen, arguments: tuple[str, ...]) -> None:
    ran = bluegreen("deploy", FUNCTION, *arguments)

    assert ran.exit_code == 2
    assert "Usage: " in ran.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1]", "is not a JSON object"),
        ("{", "is not JSON"),
        ('{"trafic": "AllAtOnce"}', "trafic: unknown field; did you mean traffic?"),
        ('{"function": "Other"}', "is for the function Other, not BonusCalculatorLambda"),
    ],
)
def test_a_request_file_that_says_nonsense_is_refused(
    bluegreen: Bluegreen, package: Package, tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--request", str(file))

    assert ran.exit_code == 2
    assert complaint in ran.stderr


def test_a_request_file_may_say_what_to_deploy(deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}))

    assert bluegreen("deploy", FUNCTION, "--request", str(file)).exit_code == 0
    assert deployer.alias() == ("2", {})


def test_an_image_is_named_by_its_digest(deployer: Deployer, bluegreen: Bluegreen) -> None:
    image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"

    bluegreen("deploy", FUNCTION, "--image", image, "--no-follow")

    assert started()[0]["artifact"] == {"image_uri": image}


def test_an_upload_that_is_not_allowed_says_so_and_starts_nothing(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    answers.refuse("PutObject", "AccessDenied", "not authorized to perform: s3:PutObject", 403)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 1
    assert "not authorized to perform: s3:PutObject" in ran.stderr
    assert "Nothing was uploaded or started." in ran.stderr
    assert started() == []


def test_a_start_that_aws_did_not_answer_says_how_to_find_out(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    answers.refuse("StartExecution", "ServiceUnavailable", status=503)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 1
    assert f"`bluegreen watch {FUNCTION}-" in ran.stderr
    assert "tells whether it was started all the same" in ran.stderr


def test_an_execution_name_is_short_enough_for_step_functions() -> None:
    name = execution_name("F" * 64)
    assert len(name) == 80
    assert execution_name("Shop").startswith("Shop-20")


def test_who_serves_is_not_guessed_when_lambda_does_not_say(deployer: Deployer, answers: Answers) -> None:
    answers.refuse("GetAlias", "TooManyRequestsException", status=429)

    assert serving_if_known(FUNCTION, "PROD") is None
