"""The problems that stop every command: credentials, region, stack, a silent AWS. None of them prints a traceback."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from bluegreen.errors import NotFound
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import FUNCTION, GOOD, Deployer

Package = Callable[..., str]
COMMANDS = [
    ("deploy", FUNCTION, "--version", "1"),
    ("rollback", FUNCTION),
    ("adopt", FUNCTION),
    ("status", FUNCTION),
    ("watch", "Shop-1"),
    ("history", FUNCTION),
    ("report", "Shop-1"),
    ("plan", FUNCTION, "--version", "1"),
]
OF_THE_STACK = [command for command in COMMANDS if command[0] != "adopt"]


def raising(error: Exception) -> Callable[[dict[str, Any]], Any]:
    def answer(_: dict[str, Any]) -> Any:
        raise error

    return answer


@pytest.fixture(autouse=True)
def _no_aws_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_credentials_a_command_says_how_to_sign_in(
    bluegreen: Bluegreen, answers: Answers, command: tuple[str, ...]
) -> None:
    answers.answer("GetCallerIdentity", raising(NoCredentialsError()))

    ran = bluegreen("--region", "us-east-1", *command)

    assert ran.exit_code == 4
    assert "Error: there are no usable AWS credentials" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "aws sso login" in ran.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_a_region_a_command_is_refused(bluegreen: Bluegreen, command: tuple[str, ...]) -> None:
    ran = bluegreen(*command)

    assert ran.exit_code == 2
    assert ran.stderr == "Error: no AWS region is set.\nNothing was changed.\nWrite --region, or set AWS_REGION.\n"


def test_an_unknown_profile_is_refused(bluegreen: Bluegreen) -> None:
    ran = bluegreen("--profile", "unknown", "status", FUNCTION)

    assert ran.exit_code == 2
    assert "The config profile (unknown) could not be found." in ran.stderr


def test_with_expired_credentials_a_command_says_to_sign_in_again(bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("GetCallerIdentity", "ExpiredToken", "The security token included in the request is expired", 403)

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 4
    assert "AWS does not accept these credentials" in ran.stderr
    assert "Sign in again." in ran.stderr


@pytest.mark.parametrize("command", OF_THE_STACK, ids=lambda command: command[0])
def test_without_a_stack_a_command_is_refused(
    deployer: Deployer, bluegreen: Bluegreen, command: tuple[str, ...]
) -> None:
    ran = bluegreen("--region", "eu-central-1", "--stack", "elsewhere", *command)

    assert ran.exit_code == 2
    assert "there is no stack elsewhere in account 123456789012, region eu-central-1" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "BLUEGREEN_STACK" in ran.stderr


def test_a_stack_of_another_product_is_refused(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.stack("website", Url="https://example.com")

    ran = bluegreen("--region", "us-east-1", "--stack", "website", "status", FUNCTION)

    assert ran.exit_code == 2
    assert "the stack website has no output 'DeployStateMachineArn'" in ran.stderr


def test_the_environment_may_name_stack_and_region(deployer: Deployer, bluegreen: Bluegreen) -> None:
    with mock.patch.dict(os.environ, {"BLUEGREEN_STACK": "mine", "AWS_REGION": "eu-west-1"}):
        ran = bluegreen("status", FUNCTION)

    assert "there is no stack mine in account 123456789012, region eu-west-1" in ran.stderr


def test_a_stack_that_the_caller_may_not_read_names_the_permission(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers
) -> None:
    answers.refuse("DescribeStacks", "AccessDenied", "not authorized to perform: cloudformation:DescribeStacks", 403)

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 2
    assert "not authorized to perform: cloudformation:DescribeStacks" in ran.stderr
    assert "ask for the permission that the message names" in ran.stderr


def test_a_silent_aws_is_exit_code_4(bluegreen: Bluegreen, answers: Answers) -> None:
    silence = EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com")
    answers.answer("GetCallerIdentity", raising(silence))
    answers.answer("DescribeStacks", raising(silence))

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 4
    assert "reading the stack bluegreen did not work, AWS gave no answer" in ran.stderr
    assert "Try again in a moment." in ran.stderr


@pytest.mark.parametrize("trouble", [("InternalFailure", 500), ("Throttling", 400)])
def test_a_busy_sts_stops_no_command(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers, trouble: tuple[str, int]
) -> None:
    answers.refuse("GetCallerIdentity", trouble[0], status=trouble[1])

    assert bluegreen("--region", "us-east-1", "status", FUNCTION).exit_code == 0


def test_without_an_answer_of_sts_a_deployment_was_started_by_someone(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers, package: Package
) -> None:
    answers.answer("GetCallerIdentity", raising(EndpointConnectionError(endpoint_url="https://sts")))
    deployment = bluegreen(
        "--region", "us-east-1", "deploy", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnce", "--json"
    ).json["deployment"]

    (record,) = (item for item in deployer.items(f"deployment#{deployment}") if item["sk"] == "record")
    assert record["started_by"] == "cli by someone, as the request says"


def test_an_unforeseen_error_of_aws_is_told_without_a_traceback(
    deployer: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise NotFound("it is gone")

    monkeypatch.setattr("bluegreen_cli.commands.status.how_it_ended", lost)
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 1
    assert "Error: `status` did not work: it is gone.\nAny lines above say what was done.\n" in ran.stderr


def test_with_json_a_problem_is_json_on_stdout(bluegreen: Bluegreen) -> None:
    ran = bluegreen("status", FUNCTION, "--json")

    assert ran.json == {
        "error": "Refused",
        "cause": "no AWS region is set",
        "untouched": "Nothing was changed.",
        "advice": "Write --region, or set AWS_REGION.",
        "exit_code": 2,
    }


def test_an_unknown_command_is_wrong_usage(bluegreen: Bluegreen) -> None:
    assert bluegreen("frobnicate").exit_code == 2


def test_the_help_has_the_exit_codes_and_every_command(bluegreen: Bluegreen) -> None:
    ran = bluegreen("--help")

    assert ran.exit_code == 0
    assert "3 a rollback failed" in " ".join(ran.stdout.split())
    for command in (*(each[0] for each in COMMANDS), "create", "demo", "sandbox"):
        assert f"  {command} " in ran.stdout
