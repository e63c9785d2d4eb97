"""`bluegreen deploy`, from the command line to the end of the state machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from bluegreen_cli.launch import execution_name
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.outcome import Ending
from bluegreen_cli.progress import Progress
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, BUCKET, FUNCTION, GOOD, TARGET, Deployer, place, zip_of

Package = Callable[..., str]
ALL_AT_ONCE = ("--traffic", "AllAtOnce")
READS_RECORDS = "def handler(event, context): return len(event['Records'])"
GREETS_EVE = "def handler(event, context): return {'name': 'Eve'}"


def started() -> list[dict[str, Any]]:
    """Every request that reached the state machine."""
    stepfunctions = boto3.client("stepfunctions", "us-east-1")
    (machine,) = stepfunctions.list_state_machines()["stateMachines"]
    executions = stepfunctions.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    return [
        json.loads(stepfunctions.describe_execution(executionArn=each["executionArn"])["input"]) for each in executions
    ]


def objects() -> list[str]:
    return [each["Key"] for each in boto3.client("s3", "us-east-1").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_zip_is_deployed_and_the_last_line_says_which_version_serves(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    deployer.users_call()

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 0
    assert ran.stdout.startswith(f"Deployed in 5 min: {FUNCTION}:PROD is served by version 2. In ")
    assert ": little is proved; only a green that fails " in ran.stdout
    finding = bluegreen("status", FUNCTION, "--json").json["last"]["watched"]["finding"]
    assert (finding["signal"], finding["green_bad"], finding["fine"]) == ("errors", 0, False)
    assert f"In {finding['green']} requests green failed 0 (blue 0 of {finding['blue']})" in ran.stdout
    assert f"In {finding['green']} requests green failed 0" in bluegreen("status", FUNCTION).stdout
    assert "version 2 gets 10 %, version 1 keeps 90 %; step 1 of 2; baked for 5 min" in ran.stderr
    assert "green failed 0 of" in ran.stderr
    assert ran.stderr.startswith("Watched: errors, throttles, slow requests (in a dry run); not watched: ")
    assert (
        ran.stderr.count("CheckHealth        watched: errors, throttles, slow requests (in a dry run); not watched: ")
        == 1
    )
    assert deployer.alias() == ("2", {})
    assert not deployer.harmed


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        ("Canary10Percent5Minutes", "Nobody called green in the 5 min that it was watched: how it does under traffic"),
        ("AllAtOnce", "Nobody watched green under traffic: this strategy has no bake."),
    ],
)
def test_the_last_line_says_what_is_not_known_of_green(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, traffic: str, said: str
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--traffic", traffic)

    assert f"{FUNCTION}:PROD is served by version 2. {said}" in ran.stdout
    assert ("watched: errors" in ran.stderr) is (traffic != "AllAtOnce")
    assert said in bluegreen("status", FUNCTION).stdout


def test_the_last_line_says_that_no_smoke_test_speaks_for_green(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    deployer.deploy(READS_RECORDS, traffic="AllAtOnce", smoke_tests="off")
    said = "No smoke test was given, so {} was sent; version"

    assert said in bluegreen("deploy", FUNCTION, package(f"{READS_RECORDS}\n"), *ALL_AT_ONCE).stdout
    assert (
        said in bluegreen("deploy", FUNCTION, package(f"{READS_RECORDS}\n\n"), *ALL_AT_ONCE, "--json").json["untested"]
    )


def test_the_last_line_and_status_say_which_versions_were_deleted_and_why_others_stayed(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str]
) -> None:
    def tidied(source: str, *options: str) -> Any:
        deployer.aws.clock.sleep(60)
        at_once = ("--traffic", "AllAtOnce", "--keep-versions", "1")
        return bluegreen("deploy", FUNCTION, package(source), *at_once, *options)

    for version in range(2, 6):
        deployer.deploy(GOOD % version, traffic="AllAtOnce")
    first = tidied(GOOD % 6)
    with deployer.aws.fails("DeleteFunction", "InvalidParameterValueException", times=None):
        second = tidied(GOOD % 7, "--json")

    assert first.exit_code == second.exit_code == 0
    assert first.stdout.endswith("Old versions that were deleted: 2, 3, 4.\n")
    assert (second.json["deleted"], second.json["undeleted"][:31]) == ([], "version 5 could not be deleted:")
    assert "Others stayed: version 5 could not be deleted: " in bluegreen("status", FUNCTION).stdout

    assert tidied(GOOD % 8).exit_code == 0
    assert "Old versions that were deleted: 5, 6." in bluegreen("status", FUNCTION).stdout


def test_a_folder_is_deployed_as_a_zip(deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(GOOD % 2)

    assert bluegreen("deploy", FUNCTION, str(tmp_path), *ALL_AT_ONCE).exit_code == 0
    assert deployer.alias() == ("2", {})


def test_an_object_in_s3_is_deployed_without_an_upload(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.upload(GOOD % 2, "team/new.zip")

    ran = bluegreen("deploy", FUNCTION, f"s3://{BUCKET}/{place('team/new.zip')}", *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert objects() == [place("team/new.zip")]


def test_an_object_elsewhere_is_refused_before_anything_is_started(deployer: Deployer, bluegreen: Bluegreen) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="team/new.zip", Body=zip_of(GOOD % 2))
    elsewhere = ("deploy", FUNCTION, f"s3://{BUCKET}/team/new.zip", *ALL_AT_ONCE)

    ran = bluegreen(*elsewhere)

    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"Error: artifact.key: s3://{BUCKET}/team/new.zip does not lie in the folder of")
    assert "Nothing was uploaded or started." in ran.stderr
    assert deployer.items("deployment#") == []
    assert bluegreen(*elsewhere, "--from-elsewhere").exit_code == 0


def test_an_image_of_another_account_and_a_part_of_the_stack_are_refused(
    deployer: Deployer, bluegreen: Bluegreen, package: Callable[..., str]
) -> None:
    image = f"210987654321.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"

    own = bluegreen("deploy", "bluegreen-SmokeTest", package(GOOD % 2))
    foreign = bluegreen("deploy", FUNCTION, "--image", image)

    for said, ran in (("function: bluegreen-SmokeTest is a part", own), ("artifact.image_uri: 2109", foreign)):
        assert (ran.exit_code, "Nothing was uploaded or started." in ran.stderr) == (2, True)
        assert ran.stderr.startswith(f"Error: {said}")
    assert objects() == []


def test_a_published_version_is_deployed_by_its_number(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE)

    ran = bluegreen("deploy", FUNCTION, "--version", "1", *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert deployer.alias() == ("1", {})


@pytest.mark.parametrize("said", [["--latest"], ["$LATEST"]])
def test_what_latest_has_is_deployed_without_an_upload(
    deployer: Deployer, bluegreen: Bluegreen, said: list[str]
) -> None:
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=60)

    ran = bluegreen("deploy", FUNCTION, *said, *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert f"{FUNCTION}:PROD is served by version 2. Nobody watched green" in ran.stdout
    assert (started()[0]["artifact"], objects()) == ("$LATEST", [])
    assert "Settings of green that differ from version 1: Timeout" in bluegreen("status", FUNCTION).stdout


def test_the_code_of_a_version_is_deployed_as_new_code(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    ran = bluegreen("deploy", FUNCTION, "--code-of", "1", *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert deployer.alias() == ("3", {})
    assert deployer.digest() == deployer.digest("3") == deployer.digest("1")


def test_a_version_that_is_not_there_is_refused_before_anything_starts(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    ran = bluegreen("deploy", FUNCTION, "--version", "9")

    assert ran.exit_code == 2
    assert f"artifact.version: {FUNCTION} has no version 9; name one that is published.\n" in ran.stderr
    assert "\nNothing was uploaded or started.\n" in ran.stderr
    assert started() == []


def test_the_code_of_a_version_that_is_not_there_is_refused(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("deploy", FUNCTION, "--code-of", "9")

    assert ran.exit_code == 2
    assert f"{FUNCTION} has no version 9." in ran.stderr
    assert (started(), objects()) == ([], [])


def test_the_code_of_a_version_of_an_image_is_its_image(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    found = boto3.client("lambda").get_function(FunctionName=FUNCTION, Qualifier="1")
    image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"
    answers.answer("GetFunction", lambda _: {**found, "Code": {"ResolvedImageUri": image}})

    bluegreen("deploy", FUNCTION, "--code-of", "1", "--no-follow")

    assert started()[0]["artifact"] == {"image_uri": image}


def test_the_upload_has_a_key_with_its_digest_that_starts_nothing(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE)

    (key,) = objects()
    (request,) = started()
    assert key.startswith(f"functions/{FUNCTION}/by-request/")
    assert len(key.rpartition("/")[2]) == len("0" * 64 + ".zip")
    assert set(request["artifact"]) == {"bucket", "key", "sha256", "version_id"}


def test_the_request_names_the_caller(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE)

    assert started()[0]["started_by"] == "cli by arn:aws:sts::123456789012:user/moto"


def test_fields_that_are_not_given_are_left_to_the_stack(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow")

    assert set(started()[0]) == {"function", "artifact", "started_by"}


def test_every_option_becomes_a_field_of_the_request(
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


def test_options_override_the_request_file(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, tmp_path: Path
) -> None:
    file = tmp_path / "deployment.json"
    file.write_text('{"traffic": "AllAtOnce", "smoke_tests": [{"name": "one"}]}')

    bluegreen("deploy", FUNCTION, package(GOOD % 2), "--request", str(file), "--no-smoke-tests", "--no-follow")

    (request,) = started()
    assert (request["traffic"], request["smoke_tests"]) == ("AllAtOnce", "off")


def test_code_that_serves_already_is_nothing_to_deploy_and_exit_code_0(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    path = package(GOOD % 2)
    bluegreen("deploy", FUNCTION, path, *ALL_AT_ONCE)

    ran = bluegreen("deploy", FUNCTION, path, *ALL_AT_ONCE)

    assert ran.exit_code == 0
    assert ran.stdout == (
        f"Nothing to deploy: this code serves already, with these settings. {FUNCTION}:PROD is served by version 2.\n"
    )


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


@pytest.fixture
def expects_ada(tmp_path: Path) -> tuple[str, str]:
    """A smoke test, as options."""
    tests = tmp_path / "tests.json"
    tests.write_text('[{"name": "greets", "expect": {"name": "Ada"}}]')
    return "--smoke-tests", str(tests)


def test_after_a_failed_smoke_test_stderr_has_the_values_that_came(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, expects_ada: tuple[str, str]
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GREETS_EVE), *expects_ada)

    assert ran.exit_code == 1
    assert "expected a string of 3 characters at reply.name, but another one" in ran.stdout
    assert "Eve" not in ran.stdout
    assert ran.stderr.splitlines()[-2:] == [
        "The smoke test 'greets' in full:",
        '  expected "Ada" at reply.name, but "Eve" came',
    ]


def test_with_json_the_evidence_of_the_failed_step_is_a_field(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, expects_ada: tuple[str, str]
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GREETS_EVE), *expects_ada, "--json")

    assert ran.json["evidence"]["case"] == "greets"
    assert ran.json["evidence"]["mismatches"] == ['expected "Ada" at reply.name, but "Eve" came']
    assert ran.json["evidence"]["reply"]["payload"] == "an object with 1 keys"
    assert "Eve" not in ran.stderr


def test_after_an_unhealthy_green_the_evidence_has_both_versions_counts(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    deployer.users_call()

    ran = bluegreen("deploy", FUNCTION, package(BAD_UNDER_TRAFFIC), "--json")

    assert ran.json["error"] == "GreenUnhealthy"
    assert ran.json["evidence"]["green"]["failed"] > 0
    assert ran.json["evidence"]["blue"]["failed"] == 0


def test_a_request_that_the_state_machine_refuses_is_exit_code_2_and_touches_nothing(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    before = deployer.everything()

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--alias", "STAGING")

    assert ran.exit_code == 2
    assert ran.stdout.startswith(f"Rejected: InvalidRequest: alias: {FUNCTION} has no alias STAGING;")
    assert "No function was touched." in ran.stdout
    assert "bluegreen adopt" in ran.stdout
    assert deployer.everything() == before


def test_a_rollback_that_fails_is_exit_code_3_and_calls_for_an_operator(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    with deployer.aws.state_fails("RollBack", "RollbackImpossible", times=None):
        ran = bluegreen("deploy", FUNCTION, package(BROKEN))

    assert ran.exit_code == 3
    assert "The smoke test 'answers {} without an error' in full:\n  expected no error, but it raised " in ran.stderr
    assert ran.stdout.startswith("The rollback failed: RollbackFailed: ")
    assert "An operator must look: https://us-east-1.console.aws.amazon.com/" in ran.stdout


def test_an_execution_that_is_stopped_is_exit_code_1(
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
        f"The execution ended as ABORTED before its deployment ended. {FUNCTION}:PROD is served by "
        "version 1 (90 %) and version 2 (10 %). RecoverDeployments undoes the deployment within minutes.\n"
    )


def test_with_json_stdout_is_the_result_alone(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), *ALL_AT_ONCE, "--json")

    assert ran.exit_code == 0
    assert ran.json["end"] == "Deployed"
    assert ran.json["serving"] == "2"
    assert (ran.json["error"], ran.json["evidence"]) == (None, None)
    assert ran.json["execution"].endswith(ran.json["deployment"])


def test_with_json_a_rollback_has_error_and_cause(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", FUNCTION, package(BROKEN), "--json")

    assert ran.exit_code == 1
    assert (ran.json["end"], ran.json["error"]) == ("RolledBack", "SmokeTestFailed")
    assert ran.json["cause"].startswith(f"{FUNCTION}:$LATEST failed its smoke test")


def test_without_following_the_command_says_how_to_follow(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow")

    assert ran.exit_code == 0
    assert f"Started {FUNCTION}-" in ran.stdout
    assert "bluegreen watch" in ran.stdout


def test_without_following_the_json_names_the_deployment(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--no-follow", "--json")

    assert set(ran.json) == {"deployment", "execution", "console"}


def test_ctrl_c_ends_the_following_and_not_the_deployment(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bluegreen_cli.follow.pause", ctrl_c)
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 130
    assert ran.stdout == ""
    assert "no longer watching.\nThe deployment goes on.\n`bluegreen watch BonusCalculatorLambda-" in ran.stderr
    assert f"`bluegreen status {FUNCTION} --alias PROD` says how it stands" in ran.stderr
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
        (("--smoke-tests", "nowhere.json"), "--smoke-tests: nowhere.json cannot be read: No such file or directory"),
        (("--request", "nowhere.json"), "--request: nowhere.json cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_request_is_refused_without_aws(
    bluegreen: Bluegreen, package: Package, arguments: tuple[str, ...], complaint: str
) -> None:
    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), *arguments)

    assert ran.exit_code == 2
    assert complaint in ran.stderr
    assert "Nothing was uploaded or started." in ran.stderr


def test_a_function_name_that_lambda_cannot_take_is_refused_without_aws(bluegreen: Bluegreen, package: Package) -> None:
    ran = bluegreen("deploy", "no function", package(GOOD % 2))

    assert ran.exit_code == 2
    assert "function: 'no function' does not match" in ran.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "artifact: there is no file or folder {path}."),
        (b"", "artifact: {path} is empty."),
        (b"console.log(1)", "artifact: {path} is not a zip."),
    ],
    ids=["missing", "empty", "no zip"],
)
def test_a_file_that_lambda_cannot_take_is_refused_without_aws(
    bluegreen: Bluegreen, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "new.zip"
    if content is not None:
        path.write_bytes(content)

    ran = bluegreen("deploy", FUNCTION, str(path))

    assert ran.exit_code == 2
    assert complaint.format(path=path) in ran.stderr
    assert "Nothing was uploaded." in ran.stderr


def test_with_json_a_refusal_is_json_too(bluegreen: Bluegreen, package: Package) -> None:
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
        ("{", "Correct the file."),
        ('{"trafic": "AllAtOnce"}', "trafic: unknown field; did you mean traffic?"),
        ('{"function": "Other"}', "is for the function Other, not BonusCalculatorLambda"),
    ],
)
def test_a_wrong_request_file_is_refused(
    bluegreen: Bluegreen, package: Package, tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2), "--request", str(file))

    assert ran.exit_code == 2
    assert complaint in ran.stderr


def test_the_request_file_may_name_the_artifact(deployer: Deployer, bluegreen: Bluegreen, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"artifact": deployer.upload(GOOD % 2), "traffic": "AllAtOnce"}))

    assert bluegreen("deploy", FUNCTION, "--request", str(file)).exit_code == 0
    assert deployer.alias() == ("2", {})


def test_an_image_is_deployed_by_its_digest(deployer: Deployer, bluegreen: Bluegreen) -> None:
    image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"

    bluegreen("deploy", FUNCTION, "--image", image, "--no-follow")

    assert started()[0]["artifact"] == {"image_uri": image}


def test_an_upload_that_is_not_allowed_starts_nothing(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    answers.refuse("PutObject", "AccessDenied", "not authorized to perform: s3:PutObject", 403)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 2
    assert "not authorized to perform: s3:PutObject" in ran.stderr
    assert "Nothing was uploaded or started." in ran.stderr
    assert started() == []


def test_after_a_start_that_aws_did_not_answer_the_command_says_how_to_find_out(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    answers.refuse("StartExecution", "ServiceUnavailable", status=503)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 4
    assert "The deployment may have started." in ran.stderr
    assert f"`bluegreen watch {FUNCTION}-" in ran.stderr
    assert "tells whether it was started all the same" in ran.stderr


def test_a_start_that_is_not_allowed_starts_nothing(
    deployer: Deployer, bluegreen: Bluegreen, package: Package, answers: Answers
) -> None:
    answers.refuse("StartExecution", "AccessDeniedException", "not authorized to perform: states:StartExecution", 403)

    ran = bluegreen("deploy", FUNCTION, package(GOOD % 2))

    assert ran.exit_code == 2
    assert "not authorized to perform: states:StartExecution" in ran.stderr
    assert "Nothing was started." in ran.stderr
    assert "ask for the permission that the message names" in ran.stderr


def test_an_executions_name_is_short_enough_for_step_functions() -> None:
    name = execution_name("F" * 64)
    assert len(name) == 80
    assert execution_name("Shop").startswith("Shop-20")


def test_the_version_that_serves_is_not_guessed_if_lambda_does_not_say(deployer: Deployer, answers: Answers) -> None:
    answers.refuse("GetAlias", "TooManyRequestsException", status=429)

    assert serving_if_known(TARGET) is None
    assert Ending("arn", TARGET, Progress(end="Deployed"), None).said() == (
        f"Deployed in 0 s: Lambda does not say which version serves {FUNCTION}:PROD; "
        f"`bluegreen status {FUNCTION} --alias PROD` asks again."
    )


@pytest.mark.usefixtures("deployer")
def test_a_request_file_steers_no_terminal_and_may_begin_with_a_mark_of_its_encoding(
    bluegreen: Bluegreen, tmp_path: Path
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"function": "Shop\ud83d\x1b[2J\u202e"}))
    assert (
        "is for the function Shop\ufffd\ufffd[2J\ufffd, not"
        in bluegreen("deploy", FUNCTION, "--latest", "--request", str(file)).stderr
    )

    file.write_bytes(b'\xef\xbb\xbf{"traffic": "AllAtOnce"}')
    assert bluegreen("deploy", FUNCTION, "--latest", "--request", str(file)).exit_code == 0
