"""`bluegreen approve` and `reject`, and what the following commands do while a person is waited for."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bluegreen_cli import api
from bluegreen_cli.problems import Failed, Refused, Unknown
from tests.bluegreen_cli.conftest import Bluegreen, Ran
from tests.machine.asking import ask
from tests.machine.deployer import FUNCTION, GOOD, Deployer
from tests.machine.faults import acting


@pytest.fixture(autouse=True)
def through_the_api(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command's request, answered by the handler itself."""
    asked: list[str] = []

    def answer(_: Any, method: str, path: str, body: Any = None) -> Any:
        asked.append(path)
        with acting("ServeApi"):
            status, said = ask(method, path, json.dumps(body), caller="arn:aws:iam::123456789012:user/bob")
        if status >= 400:
            refused = Refused(said["message"], "")
            refused.status = status
            raise refused
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
    assert f"Step 1 of first is {'approved' if command == 'approve' else 'rejected'}. It " in meant.stdout


def test_what_does_not_wait_is_refused(deployer: Deployer, bluegreen: Bluegreen) -> None:
    deployer.run(request(deployer) | {"approval": {}}, "first")

    ran = bluegreen("approve", "first")

    assert ran.exit_code == 2
    assert "deployment first has ended as Deployed" in ran.stderr


@pytest.mark.usefixtures("deployer")
@pytest.mark.parametrize("step", [(), ("--step", "2")])
def test_without_an_answer_a_decision_about_no_step_is_not_simply_repeated(
    bluegreen: Bluegreen, monkeypatch: pytest.MonkeyPatch, step: tuple[str, ...]
) -> None:
    """By then another step may wait."""

    def silence(*_: Any) -> Any:
        raise Unknown("POST got no answer", "Whether the API did it is not known.", "Try again in a moment.")

    monkeypatch.setattr(api, "ask", silence)

    ran = bluegreen("approve", "first", *step)

    assert ran.exit_code == 4
    named = "`bluegreen show first` says whether it was taken. If not, name the step: `--step N`."
    assert ran.stderr.endswith("Try again in a moment.\n" if step else f"{named}\n")


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
    assert "waits for a person's approval: `bluegreen approve first --step 1` lets it go on" in ran["watch"].stdout
    assert "Step 1 waits for a person's approval until 2026-01-06 09:0" in ran["status"].stdout
    assert ran["json"].json["awaits"] == 1


def test_who_follows_past_the_time_of_an_approval_is_told_that_nobody_approved(
    deployer: Deployer, bluegreen: Bluegreen
) -> None:
    deployer.run(request(deployer) | {"approval": {"required": True, "timeout_seconds": 600}}, "first")

    said = bluegreen("watch", "first").stderr

    assert "AwaitApproval      no person approved the step in time" in said
    assert "AwaitApproval      ApprovalTimedOut: No person approved step 1 within 10 min" in said
    assert "States.Timeout" not in said


class TestWhatStillHoldsIt:
    """The second step asks for an approval, from its bake's end at 300 seconds on, for ten minutes."""

    @pytest.fixture
    def at(self, deployer: Deployer, bluegreen: Bluegreen) -> Callable[..., dict[str, Ran]]:
        """What commands say so many seconds after the start."""

        def run(*commands: tuple[int, tuple[str, ...]], extra: dict[str, Any] | None = None) -> dict[str, Ran]:
            ran: dict[str, Ran] = {}

            def note(words: tuple[str, ...]) -> None:
                ran[" ".join(words)] = bluegreen(*words)

            for seconds, words in commands:
                deployer.aws.after(seconds, partial(note, words))
            steps = [{"weight": 0.1, "bake_seconds": 300}, {"weight": 0.5, "bake_seconds": 60, "approve": True}]
            asked = {"traffic": {"steps": [*steps, *([extra] if extra else [])]}, "approval": {"timeout_seconds": 600}}
            deployer.run(request(deployer) | asked, "first")
            return ran

        return run

    def test_a_pause_hides_no_approval_and_its_deadline(self, at: Callable[..., dict[str, Ran]]) -> None:
        ran = at(
            (400, ("pause", FUNCTION)),
            (500, ("status", FUNCTION)),
            (510, ("status", FUNCTION, "--json")),
            (520, ("resume", FUNCTION)),
        )

        waits = "Step 2 waits for a person's approval until 2026-01-05 09:"
        assert f"\n  {waits}" in ran[f"status {FUNCTION}"].stdout
        assert "\n  paused until " in ran[f"status {FUNCTION}"].stdout
        running = ran[f"status {FUNCTION} --json"].json["running"]
        assert (running["awaits"], running["awaits_until"][:14]) == (2, "2026-01-05T09:")
        assert f"resumed. {waits}" in ran[f"resume {FUNCTION}"].stdout
        assert "goes on at the next look" not in ran[f"resume {FUNCTION}"].stdout

    def test_an_approvals_deadline_that_passed_during_a_pause_is_told(self, at: Callable[..., dict[str, Ran]]) -> None:
        ran = at((400, ("pause", FUNCTION)), (1800, ("status", FUNCTION)), (1900, ("resume", FUNCTION)))

        for said in ran["status " + FUNCTION], ran["resume " + FUNCTION]:
            assert "No person approved step 2 until 2026-01-05 09:" in said.stdout

    def test_a_resume_of_what_nothing_holds_goes_on(self, at: Callable[..., dict[str, Ran]]) -> None:
        ran = at((150, ("pause", FUNCTION)), (160, ("resume", FUNCTION)))

        assert ran[f"resume {FUNCTION}"].stdout.endswith(": resumed. It goes on at the next look.\n")

    def test_an_approval_during_a_pause_says_that_it_is_paused(self, at: Callable[..., dict[str, Ran]]) -> None:
        ran = at((400, ("pause", FUNCTION, "--reason", "lunch")), (410, ("approve", "first")))

        said = ran["approve first"].stdout
        assert "Step 2 of first is approved. It is paused until " in said
        assert f"user/bob: lunch: `bluegreen resume {FUNCTION} --alias PROD` lets it go on." in said
        assert "It goes on." not in said

    def test_an_approval_of_a_promoted_green_names_the_next_one(self, at: Callable[..., dict[str, Ran]]) -> None:
        ran = at(
            (400, ("promote", FUNCTION)),
            (410, ("approve", "first")),
            extra={"weight": 0.8, "bake_seconds": 60, "approve": True},
        )

        said = ran["approve first"].stdout
        assert "Step 3 needs a person's approval, too, before green gets everything." in said
        assert "It goes on." not in said

    def test_where_the_api_does_not_say_it_nothing_is_promised(
        self, at: Callable[..., dict[str, Ran]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered = api.ask

        def silent(stack: Any, method: str, path: str, body: Any = None) -> Any:
            if method == "GET":
                raise Failed("GET is not allowed", "")
            return answered(stack, method, path, body)

        monkeypatch.setattr(api, "ask", silent)

        ran = at((400, ("approve", "first")))

        assert ran["approve first"].stdout == "Step 2 of first is approved. `bluegreen watch first` follows it.\n"
