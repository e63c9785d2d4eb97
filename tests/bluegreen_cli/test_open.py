"""`bluegreen open` and `bluegreen outputs`: a deployment in the console, and what the stack tells other tools."""

import sys
import webbrowser
from types import SimpleNamespace

import pytest

from bluegreen_cli.commands.open import _on_a_terminal
from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import BUCKET, FUNCTION, TABLE, Deployer

NAME = "Shop-1"


@pytest.fixture
def opened(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened in a browser. There is a deployment."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    deployer.run({"function": FUNCTION, "artifact": {"version": "1"}, "traffic": "AllAtOnce"}, name=NAME)
    return found


def test_the_link_is_printed_and_opened_on_a_terminal(
    opened: list[str], bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bluegreen_cli.commands.open._on_a_terminal", lambda: True)

    ran = bluegreen("open", NAME)

    assert ran.exit_code == 0
    assert ran.stdout.startswith(
        "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/"
    )
    assert ran.stdout.endswith(f":{NAME}\n")
    assert opened == [ran.stdout.strip()]


@pytest.mark.parametrize(("tty", "ci", "opens"), [(True, "", True), (True, "true", False), (False, "", False)])
def test_a_pipeline_is_no_terminal(monkeypatch: pytest.MonkeyPatch, tty: bool, ci: str, opens: bool) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: tty))
    monkeypatch.setenv("CI", ci)

    assert _on_a_terminal() is opens


def test_elsewhere_it_is_printed_only(opened: list[str], bluegreen: Bluegreen) -> None:
    ran, told = bluegreen("open", FUNCTION), bluegreen("open", NAME, "--json").json

    assert ran.exit_code == 0
    assert (told["deployment"], told["console"]) == (NAME, ran.stdout.strip())
    assert opened == []


def test_a_deployment_that_is_not_there_or_forgotten_is_refused(
    opened: list[str], bluegreen: Bluegreen, answers: Answers
) -> None:
    nothing = bluegreen("open", "nothing")
    answers.refuse("DescribeExecution", "ExecutionDoesNotExist")
    forgotten = bluegreen("open", FUNCTION)

    assert (nothing.exit_code, forgotten.exit_code, opened) == (2, 2, [])
    assert "there is no deployment nothing" in nothing.stderr
    assert f"Step Functions has forgotten {NAME}" in forgotten.stderr


def test_outputs_are_listed_by_name(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran, told = bluegreen("outputs"), bluegreen("outputs", "--json").json
    elsewhere = bluegreen("--stack", "nothing", "outputs")

    assert ran.exit_code == 0
    assert [line.split() for line in ran.stdout.splitlines()] == [[name, told[name]] for name in sorted(told)]
    assert (told["ArtifactBucketName"], told["DeploymentsTableName"]) == (BUCKET, TABLE)
    assert ran.stdout.splitlines()[0].startswith("ApiUrl                 https://")
    assert elsewhere.exit_code == 2
    assert "there is no stack nothing in account" in elsewhere.stderr
