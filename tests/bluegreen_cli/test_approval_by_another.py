"""`bluegreen deploy` of a request that another person than the starter must approve."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest

from bluegreen_cli.problems import TRY_AGAIN, Unknown
from tests.bluegreen_cli.conftest import Bluegreen, Ran
from tests.bluegreen_cli.test_deploy import started
from tests.machine.asking import CALLER, ask
from tests.machine.deployer import FUNCTION, GOOD, Deployer

BOB = "arn:aws:iam::123456789012:user/bob"


@pytest.fixture
def caller(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Who signs what the commands ask of ServeApi: `is_`, which a test changes."""
    caller = SimpleNamespace(is_=CALLER)

    def sent(request: AWSRequest, doing: str) -> Any:
        body = bytes(request.data or b"").decode() or None
        status, answer = ask(str(request.method), urlsplit(str(request.url)).path, body, caller=caller.is_)
        return SimpleNamespace(status_code=status, content=json.dumps(answer).encode())

    monkeypatch.setattr("bluegreen_cli.api._sent", sent)
    return caller


@pytest.fixture
def deploy(bluegreen: Bluegreen, package: Callable[..., str], tmp_path: Path) -> Callable[..., Ran]:
    def run(*options: str, **approval: Any) -> Ran:
        rest = tmp_path / "rest.json"
        rest.write_text(json.dumps({"traffic": "AllAtOnce", "approval": {"required": True} | approval}))
        return bluegreen("deploy", FUNCTION, package(GOOD % 2), "--request", str(rest), *options)

    return run


def test_the_starters_approval_is_refused_and_another_persons_lets_it_go_on(
    deployer: Deployer, bluegreen: Bluegreen, caller: SimpleNamespace, deploy: Callable[..., Ran]
) -> None:
    decided: list[Ran] = []

    def decide() -> None:
        (name,) = {item["pk"].partition("#")[2] for item in deployer.items("approval#")}
        decided.append(bluegreen("approve", name))
        caller.is_ = BOB
        decided.append(bluegreen("approve", name))

    deployer.aws.after(300, decide)

    ran = deploy("--wait-for-approval", other_than_starter=True)

    assert ran.exit_code == 0, ran.stderr
    assert [each.exit_code for each in decided] == [2, 0]
    assert f"{CALLER} started " in decided[0].stderr
    assert "Ask another person" in decided[0].stderr
    assert "a role that may" not in decided[0].stderr
    (record,) = bluegreen("history", FUNCTION, "--json").json
    assert (record["started_by"], record["started_by_proved"]) == (f"API by {CALLER}", True)
    assert [each["by"] for each in record["approvals"]] == [f"API by {BOB}"]


@pytest.mark.parametrize("name", [FUNCTION, f"{FUNCTION}:PROD"])
def test_a_functions_name_in_place_of_an_id_is_refused_with_the_id_that_is_meant(
    deployer: Deployer, bluegreen: Bluegreen, caller: SimpleNamespace, deploy: Callable[..., Ran], name: str
) -> None:
    ran: list[Ran] = []

    def decide() -> None:
        (waiting,) = {item["pk"].partition("#")[2] for item in deployer.items("approval#")}
        ran.extend((bluegreen("approve", name), bluegreen("reject", waiting)))

    deployer.aws.after(300, decide)
    deploy("--wait-for-approval")

    (record,) = bluegreen("history", FUNCTION, "--json").json
    assert [each.exit_code for each in ran] == [2, 0]
    assert ran[0].stderr.endswith(  # the command that follows the deployment writes there, too
        f"Error: there is no deployment {name}, nor a release with that id.\nNothing was changed.\n"
        f"{name} is a function; give the id of its deployment: `bluegreen approve {record['id']}`.\n"
    )


@pytest.mark.parametrize("name", [FUNCTION, "Nobody", "Nobody:PROD"])
def test_a_name_without_a_deployment_that_runs_is_told_where_the_id_stands(
    bluegreen: Bluegreen, caller: SimpleNamespace, name: str
) -> None:
    ran = bluegreen("approve", name)

    assert ran.exit_code == 2
    assert f"there is no deployment {name}, nor a release with that id.\nNothing was changed.\nGive the" in ran.stderr


def test_a_role_that_may_not_approve_is_told_so(
    deployer: Deployer, bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = SimpleNamespace(status_code=403, content=b'{"message": "Forbidden"}')
    monkeypatch.setattr("bluegreen_cli.api._sent", lambda request, doing: forbidden)

    ran = bluegreen("approve", "first")

    assert ran.exit_code == 2
    assert "a role that may" in ran.stderr


def test_without_that_wish_it_is_started_without_the_api(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch, deploy: Callable[..., Ran]
) -> None:
    monkeypatch.setattr("bluegreen_cli.api._sent", lambda request, doing: pytest.fail(doing))

    assert deploy("--no-follow").exit_code == 0
    assert len(started()) == 1


@pytest.mark.parametrize(
    ("answer", "exit_code", "says"),
    [
        ((403, "Forbidden"), 2, "POST /deployments is not allowed: Forbidden.\nNothing was started.\n"),
        ((400, "artifact: wrong; nothing was started"), 2, "artifact: wrong; nothing was started"),
        ((503, "AWS could not answer now"), 4, "The deployment may have started.\n`bluegreen status "),
        (None, 4, "The deployment may have started.\n`bluegreen status "),
    ],
)
def test_a_start_that_the_api_does_not_make_says_what_was_left_untouched(
    deployer: Deployer,
    monkeypatch: pytest.MonkeyPatch,
    deploy: Callable[..., Ran],
    answer: tuple[int, str] | None,
    exit_code: int,
    says: str,
) -> None:
    def sent(request: AWSRequest, doing: str) -> Any:
        if answer is None:
            raise Unknown(f"{doing} got no answer", "", TRY_AGAIN)
        return SimpleNamespace(status_code=answer[0], content=json.dumps({"message": answer[1]}).encode())

    monkeypatch.setattr("bluegreen_cli.api._sent", sent)

    ran = deploy("--no-follow", other_than_starter=True)

    assert ran.exit_code == exit_code
    assert says in ran.stderr
    assert started() == []
