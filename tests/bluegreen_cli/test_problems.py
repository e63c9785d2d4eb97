"""What stops every command: no credentials, no region, no stack, an AWS that does not answer. No traceback anywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
def test_without_credentials(bluegreen: Bluegreen, answers: Answers, command: tuple[str, ...]) -> None:
    answers.answer("GetCallerIdentity", raising(NoCredentialsError()))

    ran = bluegreen("--region", "us-east-1", *command)

    assert ran.exit_code == 1
    assert "Error: there are no usable AWS credentials" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "aws sso login" in ran.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_a_region(bluegreen: Bluegreen, command: tuple[str, ...]) -> None:
    ran = bluegreen(*command)

    assert ran.exit_code == 2
    assert ran.stderr == "Error: no AWS region is set.\nNothing was changed.\nWrite --region, or set AWS_REGION.\n"


def test_an_unknown_profile(bluegreen: Bluegreen) -> None:
    ran = bluegreen("--profile", "nobody", "status", FUNCTION)

    assert ran.exit_code == 2
    assert "The config profile (nobody) could not be found." in ran.stderr


def test_credentials_that_are_no_longer_good(bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("GetCallerIdentity", "ExpiredToken", "The security token included in the request is expired", 403)

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 1
    assert "AWS does not accept these credentials" in ran.stderr
    assert "Sign in again." in ran.stderr


@pytest.mark.parametrize("command", OF_THE_STACK, ids=lambda command: command[0])
def test_without_a_stack(deployer: Deployer, bluegreen: Bluegreen, command: tuple[str, ...]) -> None:
    ran = bluegreen("--region", "eu-central-1", "--stack", "elsewhere", *command)

    assert ran.exit_code == 2
    assert "there is no stack elsewhere in account 123456789012, region eu-central-1" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "BLUEGREEN_STACK" in ran.stderr


def test_a_stack_that_is_somebody_elses(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.stack("website", Url="https://example.com")

    ran = bluegreen("--region", "us-east-1", "--stack", "website", "status", FUNCTION)

    assert ran.exit_code == 2
    assert "the stack website has no output 'DeployStateMachineArn'" in ran.stderr


def test_the_environment_may_name_stack_and_region(
    deployer: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEGREEN_STACK", "mine")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    assert "there is no stack mine in account 123456789012, region eu-west-1" in bluegreen("status", FUNCTION).stderr


def test_a_stack_that_may_not_be_read(deployer: Deployer, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("DescribeStacks", "AccessDenied", "not authorized to perform: cloudformation:DescribeStacks", 403)

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 1
    assert "not authorized to perform: cloudformation:DescribeStacks" in ran.stderr
    assert "ask for the permission that the message names" in ran.stderr


def test_an_aws_that_does_not_answer(bluegreen: Bluegreen, answers: Answers) -> None:
    nobody = EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com")
    answers.answer("GetCallerIdentity", raising(nobody))
    answers.answer("DescribeStacks", raising(nobody))

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 1
    assert "reading the stack bluegreen did not work, AWS gave no answer" in ran.stderr
    assert "Try again in a moment" in ran.stderr


@pytest.mark.parametrize("trouble", [("InternalFailure", 500), ("Throttling", 400)])
def test_an_sts_that_is_busy_is_in_nobodys_way(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers, trouble: tuple[str, int]
) -> None:
    answers.refuse("GetCallerIdentity", trouble[0], status=trouble[1])

    assert bluegreen("--region", "us-east-1", "status", FUNCTION).exit_code == 0


def test_who_started_it_is_someone_where_sts_does_not_say(
    deployer: Deployer, bluegreen: Bluegreen, answers: Answers, package: Package
) -> None:
    answers.answer("GetCallerIdentity", raising(EndpointConnectionError(endpoint_url="https://sts")))
    deployment = bluegreen(
        "--region", "us-east-1", "deploy", FUNCTION, package(GOOD % 2), "--traffic", "AllAtOnce", "--json"
    ).json["deployment"]

    (record,) = (item for item in deployer.items(f"deployment#{deployment}") if item["sk"] == "record")
    assert record["started_by"] == "cli by someone"


def test_what_nobody_foresaw_is_still_said_in_words(
    deployer: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise NotFound("it is gone")

    monkeypatch.setattr("bluegreen_cli.commands.status.how_it_ended", lost)
    deployer.deploy(GOOD % 2, traffic="AllAtOnce")

    ran = bluegreen("--region", "us-east-1", "status", FUNCTION)

    assert ran.exit_code == 1
    assert "Error: NotFound: it is gone." in ran.stderr


def test_problems_are_json_on_stdout_for_those_who_asked(bluegreen: Bluegreen) -> None:
    ran = bluegreen("status", FUNCTION, "--json")

    assert ran.json == {
        "error": "Refused",
        "cause": "no AWS region is set",
        "untouched": "Nothing was changed.",
        "advice": "Write --region, or set AWS_REGION.",
    }


def test_a_command_that_does_not_exist_is_wrong_usage(bluegreen: Bluegreen) -> None:
    assert bluegreen("frobnicate").exit_code == 2


def test_help_tells_the_exit_codes_and_every_command(bluegreen: Bluegreen) -> None:
    ran = bluegreen("--help")

    assert ran.exit_code == 0
    assert "3 a rollback failed" in " ".join(ran.stdout.split())
    for command in (*(each[0] for each in COMMANDS), "create", "demo", "sandbox"):
        assert f"  {command} " in ran.stdout
