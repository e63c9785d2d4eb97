"""`bluegreen create`: from a zip to version 1 behind an alias."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from bluegreen_cli.commands import create as creating
from tests.bluegreen_cli.conftest import Answers, Bluegreen, aws_error
from tests.machine.deployer import BROKEN, FUNCTION, GOOD, Deployer

Package = Callable[..., str]
Create = Callable[..., Any]


@pytest.fixture
def create(deployer: Deployer, bluegreen: Bluegreen, package: Package) -> Create:
    """`bluegreen create` with its required options."""
    role = boto3.client("iam").get_role(RoleName="function")["Role"]["Arn"]

    def create(name: str, *arguments: str) -> Any:
        code = () if {"--zip", "--dir"} & set(arguments) else ("--zip", package(GOOD % 1))
        required = ("--runtime", "python3.14", "--handler", "index.handler", "--role", role)
        return bluegreen("create", name, *required, *code, *arguments)

    return create


def test_a_function_is_created_with_version_1_behind_the_alias_and_the_tag(create: Create) -> None:
    ran = create("Shop")

    assert ran.exit_code == 0
    assert (
        ran.stdout == "Shop:PROD is served by version 1: version 1 has the code of $LATEST; alias PROD was created; "
        "log group /aws/lambda/Shop was created with the tag bluegreen:managed.\n"
    )
    lambda_ = boto3.client("lambda")
    assert lambda_.get_alias(FunctionName="Shop", Name="PROD")["FunctionVersion"] == "1"
    assert lambda_.get_function(FunctionName="Shop")["Tags"] == {"bluegreen:managed": "true"}


def test_a_created_function_can_be_deployed_to(create: Create, bluegreen: Bluegreen, package: Package) -> None:
    create("Shop")

    assert bluegreen("deploy", "Shop", package(GOOD % 2), "--traffic", "AllAtOnce").exit_code == 0


def test_a_folder_becomes_a_zip(create: Create, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "index.py").write_text(GOOD % 1)

    assert create("Shop", "--dir", str(folder)).exit_code == 0


def test_every_setting_reaches_the_function(create: Create) -> None:
    create(
        *("Shop", "--alias", "live", "--memory", "512", "--timeout", "10", "--architecture", "arm64"),
        *("--env", "STAGE=live", "--env", "URL=a=b", "--description", "The shop"),
    )

    found: Any = boto3.client("lambda").get_function_configuration(FunctionName="Shop", Qualifier="live")
    assert (found["MemorySize"], found["Timeout"], found["Architectures"]) == (512, 10, ["arm64"])
    assert found["Environment"]["Variables"] == {"STAGE": "live", "URL": "a=b"}
    assert found["Description"]


def test_with_json_the_created_function_is_json(create: Create) -> None:
    assert create("Shop", "--json").json["version"] == "1"


def test_a_zip_without_the_handler_s_file_is_refused_unless_the_runtime_looks_elsewhere(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    command = (
        *("create", "Shop", "--zip", package(GOOD % 1), "--runtime", "python3.13", "--handler", "app.handler"),
        *("--role", "arn:aws:iam::123456789012:role/x"),
    )

    ran = bluegreen(*command)

    assert ran.exit_code == 2
    assert "the handler is app.handler, and" in ran.stderr
    assert "has no file app.py" in ran.stderr
    assert "has no file" not in bluegreen(*command, "--env", "PYTHONPATH=/var/task/src").stderr


def test_a_name_of_the_stack_s_own_functions_is_refused(
    deployer: Deployer, bluegreen: Bluegreen, package: Package
) -> None:
    ran = bluegreen(
        *("create", "bluegreen-RollBack", "--zip", package(GOOD % 1)),
        *("--runtime", "python3.13", "--handler", "index.handler", "--role", "arn:aws:iam::123456789012:role/x"),
    )

    assert ran.exit_code == 2
    assert "is a part of the stack bluegreen" in ran.stderr
    assert "Nothing was created." in ran.stderr


def test_a_function_that_exists_is_refused_and_left_as_it_is(create: Create, deployer: Deployer) -> None:
    before = deployer.everything()

    ran = create(FUNCTION)

    assert ran.exit_code == 2
    assert f"there is a function {FUNCTION} already" in ran.stderr
    assert f"`bluegreen adopt {FUNCTION} --alias PROD`" in ran.stderr
    assert deployer.everything() == before


def test_a_function_that_someone_else_creates_meanwhile_is_left_as_it_is(create: Create, answers: Answers) -> None:
    answers.refuse("CreateFunction", "ResourceConflictException", "Function already exist: Shop", 409)

    ran = create("Shop")

    assert ran.exit_code == 2
    assert "someone else created Shop just now" in ran.stderr


def test_create_waits_for_a_new_role(create: Create, answers: Answers, deployer: Deployer) -> None:
    asked: list[object] = []

    def refuse(request: object) -> object:
        asked.append(request)
        text = "The role defined for the function cannot be assumed by Lambda."
        raise aws_error("CreateFunction", "InvalidParameterValueException", text)

    answers.answer("CreateFunction", refuse)

    ran = create("Shop")

    assert ran.exit_code == 1
    assert len(asked) == creating.ROLE_ATTEMPTS
    assert "Waiting: Lambda cannot assume the role yet" in ran.stderr
    assert "cannot be assumed by Lambda" in ran.stderr
    assert "Nothing was created." in ran.stderr


def test_a_refusal_of_lambda_is_told_in_its_words(create: Create, answers: Answers) -> None:
    answers.refuse("CreateFunction", "InvalidParameterValueException", "Value python0.1 at 'runtime' failed")

    ran = create("Shop")

    assert ran.exit_code == 1
    assert "Value python0.1 at 'runtime' failed" in ran.stderr
    assert "Nothing was created." in ran.stderr


def test_a_role_that_the_caller_may_not_pass_is_told_in_the_words_of_iam(create: Create, answers: Answers) -> None:
    answers.refuse("CreateFunction", "AccessDeniedException", "not authorized to perform: iam:PassRole", 403)

    ran = create("Shop")

    assert ran.exit_code == 2
    assert "iam:PassRole" in ran.stderr


def test_after_a_creation_that_stops_half_way_adopt_goes_on(create: Create, answers: Answers) -> None:
    answers.refuse("PublishVersion", "ServiceException", status=500)

    ran = create("Shop")

    assert ran.exit_code == 4
    assert "Created Shop." in ran.stderr
    assert "`bluegreen adopt Shop --alias PROD` goes on where this stopped" in ran.stderr


def test_a_zip_too_large_for_create_is_left_to_deploy(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "MOST_BYTES", 10)

    ran = create("Shop")

    assert ran.exit_code == 2
    assert "`bluegreen deploy` this one, which goes through S3" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--zip", "a.zip", "--dir", "folder"),
        ("--env", "NOTHING"),
        ("--memory", "64"),
        ("--timeout", "1000"),
        ("--architecture", "sparc"),
    ],
    ids=str,
)
def test_wrong_usage_is_exit_code_2(create: Create, arguments: tuple[str, ...]) -> None:
    ran = create("Shop", *arguments)

    assert ran.exit_code == 2
    assert "Usage: " in ran.stderr


def test_create_asks_for_the_code(bluegreen: Bluegreen) -> None:
    ran = bluegreen("create", "Shop", "--runtime", "nodejs22.x", "--handler", "index.handler", "--role", "arn")

    assert ran.exit_code == 2
    assert "Say where the code is: --zip FILE or --dir FOLDER." in ran.stderr


def test_a_file_that_is_no_zip_is_refused_without_aws(bluegreen: Bluegreen, tmp_path: Path) -> None:
    path = tmp_path / "index.js"
    path.write_text("console.log(1)")

    ran = bluegreen(
        "create", "Shop", "--zip", str(path), "--runtime", "nodejs22.x", "--handler", "index.handler", "--role", "arn"
    )

    assert ran.exit_code == 2
    assert "is not a zip" in ran.stderr


def test_what_was_created_is_tried_unless_nobody_wants_that(create: Create, package: Package) -> None:
    tried = create("Shop")
    untried = create("Cart", "--no-try")
    broken = create("Bad", "--zip", package(BROKEN, "bad.zip"))

    assert (tried.exit_code, untried.exit_code, broken.exit_code) == (0, 0, 0)
    assert "Tried: Shop:PROD answered {} in " in tried.stderr
    assert "`aws lambda invoke --function-name Cart --qualifier PROD /dev/stdout` tries it" in untried.stderr
    assert "Tried" not in untried.stderr
    assert "Warning: Bad:PROD was invoked with {} and failed: RuntimeError: " in broken.stderr
    assert "`bluegreen deploy Bad PATH --alias PROD` it." in broken.stderr


def test_what_could_not_be_tried_is_created_all_the_same(create: Create, answers: Answers) -> None:
    answers.refuse("Invoke", "AccessDeniedException", status=403)

    ran = create("Shop")

    assert ran.exit_code == 0
    assert "Warning: it could not be tried: " in ran.stderr
    assert "Shop:PROD is served by version 1" in ran.stdout


def test_a_creation_without_an_answer_may_have_been_made(create: Create, answers: Answers) -> None:
    answers.refuse("CreateFunction", "ServiceException", status=500)

    ran = create("Shop")

    assert ran.exit_code == 4
    assert "The function may have been created.\n`bluegreen adopt Shop` goes on if it was" in ran.stderr
    assert "Nothing was created" not in ran.stderr
