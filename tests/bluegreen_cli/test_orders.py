"""`bluegreen abort`, `pause`, `resume` and `promote`: orders to the deployment that runs, by the HTTP API."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from bluegreen.ledger import orders
from bluegreen.ledger.owner import of_deployment
from tests.bluegreen_cli.conftest import Answers, Bluegreen, Ran
from tests.machine.asking import CALLER
from tests.machine.deployer import FUNCTION, GOOD, Deployer
from tests.machine.walk import Moment

pytestmark = pytest.mark.usefixtures("http_api")


def while_it_runs(deployer: Deployer, do: Callable[[], Any], seconds: float = 90, **asked: Any) -> Any:
    """What is done so long after the start of a canary from version 1 to version 2, and the run."""
    reached, over = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        over.wait(120)

    deployer.aws.after(seconds, hold)
    request = {"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), **asked}
    arn = deployer.aws.start(request, "running")
    assert reached.wait(60)
    try:
        done = do()
    finally:
        over.set()
        run = deployer.aws.finish(arn)
    return done, run


def given() -> list[tuple[str, str, str]]:
    return [(each.order, each.by, each.reason) for each in orders.given(of_deployment("running"))]


class TestAbort:
    def test_gives_blue_everybody_before_it_answers(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        def do() -> tuple[Ran, Any]:
            return bluegreen("abort", FUNCTION, "--reason", "too many complaints & more"), deployer.alias()

        (ran, alias), run = while_it_runs(deployer, do)

        assert (ran.exit_code, alias) == (0, ("1", {}))
        assert ran.stdout == f"Aborted running (RolledBack): {FUNCTION}:PROD is served by version 1.\n"
        assert "Deployment running is being aborted" in ran.stderr
        assert given() == [("abort", CALLER, "too many complaints & more")]
        assert (run.ended, run.error) == ("RolledBack", "Aborted")

    def test_is_told_as_json(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        ran, _ = while_it_runs(deployer, lambda: bluegreen("abort", FUNCTION, "--json"))

        assert {name: ran.json[name] for name in ("deployment", "aborted", "end", "error", "serving")} == {
            "deployment": "running",
            "aborted": True,
            "end": "RolledBack",
            "error": "Aborted",
            "serving": "1",
        }

    def test_can_be_ordered_only(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        ran, _ = while_it_runs(deployer, lambda: bluegreen("abort", FUNCTION, "--no-follow"))

        assert ran.exit_code == 0
        assert "says when blue has all of the alias" in ran.stdout

    def test_can_be_ordered_only_and_told_as_json(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        ran, _ = while_it_runs(deployer, lambda: bluegreen("abort", FUNCTION, "--no-follow", "--json"))

        assert ran.json == {"deployment": "running", "aborted": True}

    def test_where_no_deployment_runs_is_refused(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        ran = bluegreen("abort", FUNCTION)

        assert ran.exit_code == 2
        assert f"no deployment of {FUNCTION}:PROD runs" in ran.stderr
        assert "Nothing was ordered." in ran.stderr
        assert f"`bluegreen status {FUNCTION} --alias PROD`" in ran.stderr


class TestPauseResumeAndPromote:
    def test_a_pause_and_its_end_are_orders_with_who_and_why(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        def do() -> tuple[Ran, Ran]:
            paused = bluegreen("pause", FUNCTION, "--seconds", "600", "--reason", "lunch")
            return paused, bluegreen("resume", FUNCTION)

        (paused, resumed), run = while_it_runs(deployer, do)

        assert (paused.exit_code, resumed.exit_code) == (0, 0)
        assert "Without resume, promote or abort within 10 min it is rolled back." in paused.stdout
        assert "resumed" in resumed.stdout
        assert given() == [("pause", CALLER, "lunch"), ("resume", CALLER, "")]
        assert run.ended == "Deployed"

    @pytest.mark.parametrize(("option", "to"), [((), "all"), (("--next",), "next")])
    def test_a_promote_is_told_as_json(
        self, deployer: Deployer, bluegreen: Bluegreen, option: tuple[str, ...], to: str
    ) -> None:
        ran, run = while_it_runs(deployer, lambda: bluegreen("promote", FUNCTION, *option, "--json"))

        ((order),) = ran.json["orders"]
        assert (ran.json["deployment"], order["order"], order["to"], order["by"]) == ("running", "promote", to, CALLER)
        assert run.ended == "Deployed"

    @pytest.mark.parametrize("traffic", ["AllAtOnce", {"steps": [{"weight": 0.5, "bake_seconds": 60}]}])
    def test_a_pause_after_the_last_look_promises_no_rollback(
        self, deployer: Deployer, bluegreen: Bluegreen, traffic: Any
    ) -> None:
        said: list[str] = []
        deployer.aws.create_function("Hook", "def handler(event, context):\n    return None")
        asked = {"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "hooks": {"after_traffic": "Hook"}}

        def pause(arn: str, state: str, moment: Moment) -> None:
            if (state, moment) == ("RunHook", "entered"):
                said.append(bluegreen("pause", FUNCTION).stdout)

        with deployer.aws.at_states(pause):
            run = deployer.run(asked | {"traffic": traffic}, "running")

        assert run.ended == "Deployed"
        assert "the pause comes too late. The last look is over, so the deployment is completed." in said[0]
        assert "rolled back" not in said[0]

    def test_a_pause_of_which_the_state_is_not_known_promises_only_what_holds(
        self, deployer: Deployer, bluegreen: Bluegreen, answers: Answers
    ) -> None:
        def do() -> str:
            answers.refuse("GetExecutionHistory", "AccessDeniedException", status=403)
            return bluegreen("pause", FUNCTION).stdout

        said, _ = while_it_runs(deployer, do)

        assert "paused if CheckHealth runs again. Without resume, promote or abort within 1 h" in said
        assert "If the last look is over, it is completed instead." in said

    def test_an_order_says_which_one_it_takes_back(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        """Each of these is given before CheckHealth runs again."""
        orders = [("promote",), ("promote", "--next"), ("pause",), ("promote",), ("pause",), ("resume",)]

        def do() -> list[str]:
            named = [(name, FUNCTION, *more, "--reason", f"reason {n}") for n, (name, *more) in enumerate(orders)]
            return [bluegreen(*words).stdout for words in named]

        said, _ = while_it_runs(deployer, do)

        taken_back = [line for each in said for line in (each.splitlines()[1:] or [""])]
        assert taken_back == [
            "",
            f"It takes back a promote to all that was not carried out yet, ordered by {CALLER}: reason 0.",
            f"It takes back a promote to next that was not carried out yet, ordered by {CALLER}: reason 1.",
            f"It takes back a pause, ordered by {CALLER}: reason 2.",
            f"It takes back a promote to all that was not carried out yet, ordered by {CALLER}: reason 3.",
            "",
        ]

    def test_an_order_that_was_carried_out_is_not_taken_back(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        ran: list[Ran] = []
        deployer.aws.after(90, lambda: bluegreen("promote", FUNCTION, "--next"))

        _, _ = while_it_runs(
            deployer,
            lambda: ran.append(bluegreen("promote", FUNCTION, "--json")),
            400,
            traffic="Linear10PercentEvery10Minutes",
        )

        assert ran[0].json["orders"][0]["to"] == "next"
        assert "instead_of" not in ran[0].json

    def test_the_json_has_the_order_that_was_taken_back(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        ran, _ = while_it_runs(
            deployer, lambda: [bluegreen(*order, FUNCTION, "--json") for order in (("promote",), ("promote", "--next"))]
        )

        assert ran[1].json["instead_of"]["to"] == "all"

    def test_an_order_that_the_api_refuses_is_refused_in_its_words(
        self, deployer: Deployer, bluegreen: Bluegreen
    ) -> None:
        ran, _ = while_it_runs(deployer, lambda: bluegreen("resume", FUNCTION))

        assert ran.exit_code == 2
        assert ran.stderr.splitlines() == [
            f"Error: resume: deployment running of {FUNCTION}:PROD cannot take this order: it is not paused.",
            "Nothing was ordered.",
            "There is nothing to resume.",
        ]

    def test_history_has_the_orders_as_json(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        while_it_runs(deployer, lambda: bluegreen("promote", FUNCTION, "--reason", "urgent"))

        (record,) = bluegreen("history", FUNCTION, "--json").json

        assert [(each["order"], each["reason"]) for each in record["orders"]] == [("promote", "urgent")]


class TestStatus:
    def test_says_by_whom_why_and_until_when_a_deployment_is_paused(
        self, deployer: Deployer, bluegreen: Bluegreen
    ) -> None:
        def do() -> tuple[Ran, Ran, Ran]:
            bluegreen("pause", FUNCTION, "--seconds", "600", "--reason", "lunch")
            said, as_json = bluegreen("status", FUNCTION), bluegreen("status", FUNCTION, "--json")
            bluegreen("resume", FUNCTION)
            return said, as_json, bluegreen("status", FUNCTION)

        (said, as_json, resumed), _ = while_it_runs(deployer, do)

        (paused,) = [line for line in said.stdout.splitlines() if "paused" in line]
        assert paused.startswith("  paused until 2026-01-05 09:1")
        assert f" by {CALLER}: lunch; then it is rolled back, unless `bluegreen resume {FUNCTION} --alias" in paused
        orders = as_json.json["running"]["orders"]
        assert {done: (each["by"], each["reason"]) for done, each in orders.items()} == {"paused": (CALLER, "lunch")}
        assert "paused" not in resumed.stdout

    def test_says_by_whom_green_is_promoted(self, deployer: Deployer, bluegreen: Bluegreen) -> None:
        def do() -> Ran:
            bluegreen("promote", FUNCTION, "--reason", "urgent")
            return bluegreen("status", FUNCTION)

        ran, _ = while_it_runs(deployer, do)

        assert f"  promoted by {CALLER}: urgent\n" in ran.stdout
