"""People in command of a release: orders, approvals and hooks, given over the HTTP API while it runs."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from bluegreen import clock
from bluegreen.aws import executions
from tests.machine.asking import ask
from tests.machine.deployer import GOOD, alarm
from tests.machine.shop import BLUE, GREEN, NAMES, Shop, at, open_shop

ANSWERS = "def handler(event, context): return {'status': '%s', 'reason': event['moment'] + str(event['wave'])}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def tell(order: str, **body: Any) -> tuple[int, Any]:
    return ask("POST", f"/releases/monday/{order}", json.dumps(body))


def test_an_abort_puts_every_function_back_and_says_who_ordered_it(shop: Shop) -> None:
    told = []

    def abort() -> None:
        told.append(ask("DELETE", "/releases/monday", json.dumps({"reason": "a wrong price"})))

    stops = mock.patch.object(executions, "stop", wraps=executions.stop)
    with at(shop, "LookAtWave", abort, number=2), stops as stop:
        run = shop.release(name="monday")
        ended = shop.aws.finish(run.arn.replace("monday", "monday-recovery-1"))

    assert told[0][0] == 202
    assert run.ended == "ABORTED"
    assert stop.call_args.args[1] == "Aborted", "so deployment-cut-short is quiet"
    assert ended.ended == "RolledBack"
    assert ended.error == "Aborted"
    assert "a wrong price" in ended.cause
    assert shop.aliases() == BLUE
    assert not shop.locks()


def test_a_promote_takes_the_next_step_before_its_bake_is_over(shop: Shop) -> None:
    with at(shop, "LookAtWave", lambda: tell("promote")):
        run = shop.release(name="monday", waves=[{}])

    assert run.ended == "Released"
    assert run.path.count("LookAtWave") == 2
    assert shop.aliases() == GREEN


def test_a_promote_that_comes_during_a_shift_is_carried_out_by_it(shop: Shop) -> None:
    told, steps = [], [{"weight": 0.1, "bake_seconds": 600}, {"weight": 0.5, "bake_seconds": 600}]
    with (
        at(shop, "LookAtWave", lambda: tell("promote")),
        at(shop, "ShiftWave", lambda: told.append(tell("promote")), 2),
    ):
        run = shop.release(name="monday", waves=[{}], traffic={"steps": steps})

    status, answer = told[0]
    assert (status, "takes_effect_at" in answer) == (202, False)
    assert run.path.count("LookAtWave") == 1 + 10 + 1, "the bake after the shift takes its time"


@pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDeniedException"])
def test_a_pause_while_greens_are_made_holds_the_first_wave(shop: Shop, code: str) -> None:
    unnoted = shop.aws.fails("UpdateItem", code, times=None, state="LookAtWave")
    with at(shop, "StageFunctions", lambda: tell("pause", seconds=600)), unnoted:
        run = shop.release(name="monday")

    assert run.error == "PausedTooLong", "the time of the next look is for people, and holds nothing up"
    assert "ShiftWave" not in run.path


def test_a_paused_release_is_rolled_back_once_the_limit_of_the_pause_is_over(shop: Shop) -> None:
    with at(shop, "LookAtWave", lambda: tell("pause", seconds=1800)):
        run = shop.release(name="monday")

    assert run.error == "PausedTooLong"
    assert shop.aliases() == BLUE
    assert sum(subject.startswith("Waits: ") for subject in shop.deployer.notified()) == 1


def test_a_paused_release_goes_on_once_it_is_resumed(shop: Shop) -> None:
    with at(shop, "LookAtWave", lambda: tell("pause", seconds=7200)), at(shop, "LookAtWave", lambda: tell("resume"), 9):
        run = shop.release(name="monday")

    assert run.ended == "Released"
    assert shop.aliases() == GREEN


def test_a_pause_holds_a_wave_that_is_approved_while_an_alarm_puts_a_function_back(shop: Shop) -> None:
    document = shop.document(tolerate=1, waves=[{"most": 2}, {"approve": True}])
    document["functions"][0]["health"] = {"alarms": ["sales"]}
    alarm("sales", "OK")
    shop.users_call(1)

    def pause() -> None:
        tell("approve", step=2)
        tell("pause", seconds=1800)
        alarm("sales", "ALARM")

    with at(shop, "LookAtWave", pause, number=8):
        run = shop.run(document, "monday")

    assert "PutBackFailed" in run.path
    assert run.error == "PausedTooLong"
    assert not any(shop.served[name, "2"] for name in NAMES[2:])
    assert sum("paused by" in message["Message"] for message in shop.deployer.messages()) == 1


def test_a_pause_holds_a_wave_in_which_no_alias_moves(shop: Shop) -> None:
    first, *others = NAMES
    with at(shop, "LookAtWave", lambda: tell("pause", seconds=1800), number=7):
        run = shop.release({name: GOOD % 1 for name in others}, name="monday", waves=[{"functions": [first]}, {}])

    assert run.error == "PausedTooLong"
    assert shop.aliases() == BLUE


def test_a_wave_that_wants_an_approval_waits_for_it(shop: Shop) -> None:
    seen = []

    def approve() -> None:
        seen.append(shop.aliases())
        assert tell("approve", step=2)[0] == 200

    with at(shop, "LookAtWave", approve, number=9):
        run = shop.release(name="monday", waves=[{"most": 1}, {"approve": True}])

    assert run.ended == "Released"
    first, *others = NAMES
    assert seen == [{first: ("2", {})} | {name: ("1", {}) for name in others}]


def test_a_wave_that_a_person_rejects_puts_every_function_back(shop: Shop) -> None:
    with at(shop, "LookAtWave", lambda: tell("reject", reason="not today"), number=9):
        run = shop.release(name="monday", waves=[{"most": 1}, {"approve": True}])

    assert run.error == "ApprovalRefused"
    assert "not today" in run.cause
    assert shop.aliases() == BLUE


def test_an_approval_that_does_not_come_in_time_puts_every_function_back(shop: Shop) -> None:
    run = shop.release(waves=[{"most": 1}, {"approve": True}], approval={"timeout_seconds": 600})

    assert run.error == "ApprovalTimedOut"
    assert shop.aliases() == BLUE


def test_an_approval_that_does_not_come_in_time_puts_every_function_back_during_a_pause_too(shop: Shop) -> None:
    waits: dict[str, Any] = {"waves": [{"most": 1}, {"approve": True}], "approval": {"timeout_seconds": 600}}
    with at(shop, "LookAtWave", lambda: tell("pause", seconds=7200), number=9):
        run = shop.release(name="monday", **waits)

    (asked,) = shop.deployer.items("approval#release#monday")
    assert run.error == "ApprovalTimedOut"
    assert f"within 10 min, until {asked['ends_at']}" in run.cause
    assert clock.moment(shop.record(run)["undoing_at"]) - clock.moment(asked["ends_at"]) < 60
    assert shop.aliases() == BLUE


def test_a_pause_asks_no_person_about_a_wave(shop: Shop) -> None:
    waits: dict[str, Any] = {"waves": [{"approve": True}], "approval": {"timeout_seconds": 600}}
    with at(shop, "StageFunctions", lambda: tell("pause", seconds=1800)):
        run = shop.release(name="monday", **waits)

    assert run.error == "PausedTooLong"
    assert shop.deployer.items("approval#release#monday") == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_hook_that_says_no_puts_every_function_back(shop: Shop, moment: str) -> None:
    shop.aws.create_function("Judge", ANSWERS % "Failed")

    run = shop.release(waves=[{"most": 1}, {"hooks": {moment: "Judge"}}])

    assert run.error == "HookFailed"
    assert f"{moment}_wave2" in run.cause
    assert shop.aliases() == BLUE


def test_a_release_goes_on_if_its_hooks_agree(shop: Shop) -> None:
    shop.aws.create_function("Judge", ANSWERS % "Succeeded")

    run = shop.release(waves=[{"hooks": {"before": "Judge", "after": "Judge"}}])

    assert run.ended == "Released"


def test_an_order_to_a_release_that_is_over_is_refused(shop: Shop) -> None:
    shop.release(name="monday")

    status, said = tell("pause", seconds=600)

    assert status == 409
    assert "it has ended as Released" in said["message"]


def test_a_release_is_shown_with_its_functions_its_verdicts_and_its_orders(shop: Shop) -> None:
    shop.users_call(2)
    shop.release(name="monday")

    status, shown = ask("GET", "/releases/monday")

    assert status == 200
    assert shown["state"] == "Released"
    assert [each["function"] for each in shown["members"]] == list(NAMES)
    assert {each["weight"] for each in shown["members"]} == {1.0}
    assert [each["wave"] for each in shown["verdicts"]] == [0, 1]
    assert "proof" not in shown
    _, listed = ask("GET", "/releases", query="all=true")
    assert [(each["id"], each["state"], "proof" in each) for each in listed["releases"]] == [
        ("monday", "Released", False)
    ]


def test_an_unknown_release_is_not_found(shop: Shop) -> None:
    assert ask("GET", "/releases/tuesday")[0] == 404
    assert ask("POST", "/releases/tuesday/pause", "{}")[0] == 404


def test_a_document_over_the_api_is_started_in_the_callers_name(shop: Shop) -> None:
    status, started = ask("POST", "/releases", json.dumps(shop.document()))

    run = shop.aws.finish(started["execution"])
    assert status == 202
    assert run.ended == "Released"
    assert shop.record(run)["started_by"] == "API by arn:aws:iam::123456789012:user/alice"
    assert shop.record(run)["started_by_proved"] is True


def test_a_wrong_document_over_the_api_starts_nothing_and_names_every_entry(shop: Shop) -> None:
    document = shop.document()
    document["functions"][1]["artefact"] = document["functions"][1].pop("artifact")
    document["functions"].append(document["functions"][0])

    status, said = ask("POST", "/releases", json.dumps(document))

    assert status == 400
    assert "functions.1" in said["message"]
    assert "functions.5" in said["message"]
    assert "nothing was started" in said["message"]
