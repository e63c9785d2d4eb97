"""`bluegreen approve` and `reject`, and what the following commands do while a person is waited for."""

import json
from typing import Any

import pytest

from bluegreen_cli import api
from bluegreen_cli.problems import Refused
from tests.bluegreen_cli.conftest import Bluegreen
from tests.machine.asking import ask
from tests.machine.deployer import FUNCTION, GOOD, Deployer
from tests.machine.faults import acting


@pytest.fixture(autouse=True)
def through_the_api(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command's request, answered by the handler itself."""
    asked: list[str] = []

    def answer(_: Any, method: str, path: str, body: Any) -> Any:
        asked.append(path)
        with acting("ServeApi"):
            status, said = ask(method, path, json.dumps(body), caller="arn:aws:iam::123456789012:user/bob")
        if status == 409:
            raise Refused(said["message"], "")
        return said

    monkeypatch.setattr(api, "ask", answer)
    return asked


def request(deployer: Deployer) -> dict[str, Any]:
    artifact = deployer.upload(GOOD % 2)
    return {"function": FUNCTION, "artifact": artifact, "traffic": "AllAtOnce", "approval": {"required": True}}


@pytest.mark.parametrize(("command", "end"), [("approve", "Deployed"), ("reject", "RolledBack")])
def test_a_person_decides(deployer: Deployer, bluegreen: Bluegreen, command: str, end: str) -> None:
    ran: list[Any] = []

    def decide() -> None:
        ran.append(bluegreen(command, "first", "--step", "2"))
        ran.append(bluegreen(command, "first", "--step", "1", "--reason", "tried it"))

    deployer.aws.clock.after(60, decide)

    run = deployer.run(request(deployer), "first")

    assert run.ended == end
    other, meant = ran
    assert (other.exit_code, "step 2 of first does not wait for an approval" in other.stderr) == (2, True)
    assert (meant.exit_code, meant.stderr) == (0, "")
    assert f"Step 1 of first is {'approved' if command == 'approve' else 'rejected'}: it " in meant.stdout


def test_what_does_not_wait_is_refused(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.run(request(deployer) | {"approval": {}}, "first")

    ran = bluegreen("approve", "first")

    assert ran.exit_code == 2
    assert "deployment first has ended as Deployed" in ran.stderr


def test_an_id_that_cannot_be_one_is_refused(bluegreen: Bluegreen, through_the_api: list[str]) -> None:
    ran = bluegreen("reject", "a/b")

    assert (ran.exit_code, through_the_api) == (2, [])


def test_who_only_waits_ends_with_5_and_says_how_to_decide(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran: dict[str, Any] = {}

    def look() -> None:
        ran["watch"] = bluegreen("watch", "first")
        ran["json"] = bluegreen("watch", "first", "--json")
        ran["status"] = bluegreen("status", FUNCTION)
        bluegreen("approve", "first")

    deployer.aws.clock.after(60, look)
    deployer.run(request(deployer), "first")

    assert (ran["watch"].exit_code, ran["json"].exit_code, ran["status"].exit_code) == (5, 5, 0)
    for name in ("watch", "status"):
        assert "waits for a person's approval: `bluegreen approve first --step 1` lets it go on" in ran[name].stdout
    assert ran["json"].json["awaits"] == 1
