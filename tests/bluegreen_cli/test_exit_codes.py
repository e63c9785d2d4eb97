"""The exit code of a command means one thing, whichever command it is. With --json stdout says it, too."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import click
import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, SSOTokenLoadError

from bluegreen.decisions.route import Route
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen_cli.commands import abort
from bluegreen_cli.main import COMMANDS, OF_A_CHECKOUT, cli
from bluegreen_cli.outcome import Ending
from bluegreen_cli.progress import Progress
from tests.bluegreen_cli.conftest import Bluegreen, aws_error

WORDS = {"function": "Shop", "deployment": "Shop-1", "name": "shop-*", "file": "release.json"}
"""What stands for an argument of that name."""

MORE = {
    "deploy": ("--version", "1"),
    "plan": ("--version", "1"),
    "create": ("--dir", "code", "--runtime", "python3.14", "--handler", "app.handler", "--role", "arn:aws:iam::1:x"),
    "freeze": ("--reason", "fair", "--until", f"{datetime.now() + timedelta(days=9):%Y-%m-%dT%H:%M}"),
}
"""What a command needs beside its arguments."""

STATES_END = {
    "Deployed": 0,
    "NothingToDeploy": 0,
    "RolledBack": 1,
    "Rejected": 2,
    "RejectedWithoutRecord": 2,
    "RollbackFailed": 3,
    "": 1,
}
"""An execution that was stopped has no end."""

SILENT = EndpointConnectionError(endpoint_url="https://aws")
SITUATIONS: dict[str, tuple[Exception | None, Exception, int]] = {
    "no credentials": (NoCredentialsError(), SILENT, 4),
    "no sign-on": (SSOTokenLoadError(error_msg="sign in"), SILENT, 4),
    "expired credentials": (aws_error("x", "ExpiredToken", "the token is expired", 403), SILENT, 4),
    "credentials that expire now": (None, aws_error("x", "ExpiredTokenException", "expired", 400), 4),
    "unknown credentials": (None, aws_error("x", "UnrecognizedClientException", "the token is invalid", 403), 4),
    "no network": (SILENT, SILENT, 4),
    "AWS is busy": (None, aws_error("x", "ThrottlingException", "Rate exceeded"), 4),
    "AWS is down": (None, aws_error("x", "InternalFailure", "oops", 500), 4),
    "not allowed": (None, aws_error("x", "AccessDeniedException", "not authorized to perform this", 403), 2),
    "AWS cannot": (None, aws_error("x", "SomethingElse", "it cannot be done"), 1),
}
"""What STS answers, None if it knows the caller; what all the others answer; and the exit code."""


def line(command: str) -> tuple[str, ...]:
    """The shortest command line of a command."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    words = [WORDS[str(each.name)] for each in found.params if isinstance(each, click.Argument) and each.required]
    return (command, *words, *MORE.get(command, ()))


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "release.json").write_text('{"functions": [{"function": "Shop", "artifact": "$LATEST"}]}')


ONE_OF_EACH: dict[str, Any] = {}
MAKE = boto3.client
"""A client is made once for all tests: botocore takes long to read what a service can."""


def made(service: str, **settings: Any) -> Any:
    """A client for every call, also of the handlers' adapters."""
    if service not in ONE_OF_EACH:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
        ONE_OF_EACH[service] = MAKE(service, region_name="eu-central-1", **keys)  # type: ignore[call-overload]
    return ONE_OF_EACH[service]


def of(monkeypatch: pytest.MonkeyPatch, sts: Exception | None, others: Exception) -> None:
    """AWS, as it answers every command."""

    def answer(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        if operation != "GetCallerIdentity":
            raise others
        if sts:
            raise sts
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ada"}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    monkeypatch.setattr("boto3.client", made)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_command_has_the_same_code_for_it_and_says_it_as_json(
    bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch, situation: str
) -> None:
    sts, others, exit_code = SITUATIONS[situation]
    of(monkeypatch, sts, others)
    for command in COMMANDS:
        if command in OF_A_CHECKOUT:
            continue

        ran = bluegreen(*line(command), "--json")

        assert (command, ran.exit_code) == (command, exit_code), ran.stderr
        assert ran.json["exit_code"] == exit_code
        assert ran.json["cause"] in ran.stderr
        assert ran.json["untouched"]
        assert ran.stderr.startswith("Error: ")


@pytest.mark.parametrize("end", STATES_END)
def test_a_deployments_end_has_its_code(end: str) -> None:
    target = Target(function="Shop", alias="PROD", region="eu-central-1", account="123456789012")

    assert Ending("arn", target, Progress(end=end), None).exit_code == STATES_END[end]


def test_an_abort_whose_rollback_failed_is_3_also_if_blue_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target(function="Shop", alias="PROD", region="eu-central-1", account="123456789012")
    ended = SimpleNamespace(id="x", target=target, state="RollbackFailed", blue="1", error="Aborted", cause="by Ada")
    monkeypatch.setattr("bluegreen_cli.live.serving", lambda _: Route(primary="1"))

    with click.Context(cli), pytest.raises(click.exceptions.Exit) as over:
        abort.say(cast(Record, ended), as_json=True)

    assert over.value.exit_code == 3


WRONG: dict[str, tuple[str, ...]] = {
    "no such command": ("deplyo", "Shop", "--json"),
    "no such option": ("deploy", "Shop", "--json", "--trafic", "AllAtOnce"),
    "an option before the command": ("--json", "status", "Shop"),
    "no argument": ("status", "--json"),
    "one argument too many": ("status", "Shop", "Cart", "--json"),
    "no number": ("history", "Shop", "--limit", "many", "--json"),
    "options that exclude each other": ("deploy", "Shop", "--version", "1", "--latest", "--json"),
    "a wrong request": ("deploy", "Shop", "--version", "1", "--traffic", "AllAtOne", "--json"),
}


@pytest.mark.parametrize("how", WRONG)
def test_wrong_usage_is_2_and_json_whoever_finds_it(bluegreen: Bluegreen, how: str) -> None:
    ran = bluegreen(*WRONG[how])

    assert (ran.exit_code, ran.json["exit_code"]) == (2, 2)
    assert ran.json["error"] == ("Refused" if how == "a wrong request" else "WrongUsage")
    assert ran.json["cause"].rstrip(".") in ran.stderr
    assert ran.json["advice"] or ran.json["untouched"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (("deplyo",), "'deploy'"),
        (("freze",), "'freeze'"),
        (("deploy", "Shop", "--trafic", "AllAtOnce"), "'--traffic'"),
        (("rollback", "Shop", "--reson", "x"), "'--reason'"),
    ],
)
def test_what_is_misspelt_is_refused_with_what_was_meant(
    bluegreen: Bluegreen, written: tuple[str, ...], meant: str
) -> None:
    ran = bluegreen(*written)

    assert ran.exit_code == 2
    assert meant in ran.stderr.partition("Did you mean")[2]


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def test_ctrl_c_is_130_and_json_wherever_it_comes(bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluegreen_cli.context.sign_in", failing(KeyboardInterrupt()))

    ran = bluegreen("status", "Shop", "--json")

    assert (ran.exit_code, ran.json["error"], ran.json["exit_code"]) == (130, "Interrupted", 130)


def test_a_mistake_of_ours_is_1_and_json_before_its_traceback(
    bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bluegreen_cli.context.sign_in", failing(ZeroDivisionError("by zero")))

    with pytest.raises(ZeroDivisionError):
        cli.main(["status", "Shop", "--json"])

    said = capsys.readouterr().out
    assert '"cause": "ZeroDivisionError: by zero"' in said
    assert '"exit_code": 1' in said
