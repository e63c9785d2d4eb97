"""A wave that takes minutes to shift: its functions bake at different times, and looks come between the shifts."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from bluegreen.baking import watch
from bluegreen.decisions import release_pace
from bluegreen.ledger import releases
from tests.machine.deployer import BAD_UNDER_TRAFFIC, FUNCTION
from tests.machine.faults import Call, HandlerKilled
from tests.machine.shop import BLUE, GREEN, NAMES, Shop, at, open_shop
from tests.machine.test_release_orders import tell

ONE_WAVE: list[dict[str, Any]] = [{}]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        shop.users_call(2)
        yield shop


def each_shift_takes(shop: Shop, seconds: float) -> AbstractContextManager[None]:
    """Lambda answers each UpdateAlias of ShiftWave late."""

    def answer(call: Call, attempt: Callable[[], Any]) -> Any:
        if (call.state, call.operation) == ("ShiftWave", "UpdateAlias"):
            shop.aws.clock.sleep(seconds)
        return attempt()

    return shop.aws.watched(answer)


@pytest.fixture
def looked_at() -> Iterator[Counter[str]]:
    """How often each function was looked at."""
    times: Counter[str] = Counter()
    look_at_all = watch.look_at_all

    def count(asking: Any, now: float) -> Any:
        times.update(each.plan.target.function for each in asking)
        return look_at_all(asking, now)

    with mock.patch.object(watch, "look_at_all", count):
        yield times


def test_a_bad_function_stops_the_shift_before_the_last_ones_get_a_green(shop: Shop) -> None:
    with each_shift_takes(shop, 70):
        run = shop.release({FUNCTION: BAD_UNDER_TRAFFIC}, waves=ONE_WAVE)

    shifts, *_ = run.path[run.path.index("ShiftWave") :], None
    assert shifts[:6] == ["ShiftWave", "WhatNext?", "Bake", "LookAtWave", "WhatNext?", "ShiftWave"]
    assert run.error == "FunctionsFailed"
    assert shop.aliases() == BLUE
    assert shop.served["Tax", "2"] == 0


def test_a_look_reads_those_functions_only_that_are_due(shop: Shop, looked_at: Counter[str]) -> None:
    """A canary of five minutes takes five looks, more while a function waits for the last ones, and two in the end."""
    with each_shift_takes(shop, 20):
        run = shop.release(waves=ONE_WAVE)

    assert run.ended == "Released"
    assert shop.aliases() == GREEN
    assert {*looked_at} == {*NAMES}
    assert max(looked_at.values()) <= 8 < run.path.count("LookAtWave")


def test_a_shift_that_is_retried_does_not_put_off_its_look(shop: Shop) -> None:
    """Every other UpdateAlias kills the handler, so no attempt comes as far as the end of a slice."""
    killed: list[bool] = []

    def kill(call: Call, attempt: Callable[[], Any]) -> Any:
        answer = attempt()
        if (call.state, call.operation) == ("ShiftWave", "UpdateAlias"):
            shop.aws.clock.sleep(45)
            killed.append(len(killed) % 2 == 1)
            if killed[-1]:
                raise HandlerKilled
        return answer

    with shop.aws.watched(kill):
        run = shop.release({FUNCTION: BAD_UNDER_TRAFFIC}, waves=ONE_WAVE)

    assert run.error == "FunctionsFailed"
    assert shop.served["Tax", "2"] == 0
    assert shop.aliases() == BLUE


def test_after_a_long_pause_a_shift_that_goes_on_is_looked_at_soon() -> None:
    """The looks at the functions that have a share are twenty minutes apart by then."""

    traffic = {"steps": [{"weight": 0.1, "bake_seconds": 20_000}]}
    with open_shop() as quiet:

        def pause() -> None:
            tell("pause", seconds=15_000)
            quiet.aws.after(14_000, lambda: tell("resume"))

        with each_shift_takes(quiet, 100), at(quiet, "LookAtWave", pause, number=2):
            run = quiet.release(name="monday", waves=ONE_WAVE, traffic=traffic)

    assert run.ended == "Released"
    assert run.path.count("ShiftWave") == 10
    assert ["ShiftWave", "WhatNext?", "ShiftWave"] not in [run.path[each : each + 3] for each in range(len(run.path))]


def test_a_promoted_wave_is_looked_at_while_it_is_shifted_further() -> None:
    """Promote comes minutes before the next look at a long bake, and does not put off the looks after it."""

    traffic = {"steps": [{"weight": 0.1, "bake_seconds": 30_000}, {"weight": 0.5, "bake_seconds": 600}]}
    with open_shop() as quiet:
        quiet.aws.after(14_000, lambda: tell("promote"))
        with each_shift_takes(quiet, 100):
            run = quiet.release(name="monday", waves=ONE_WAVE, traffic=traffic)

    assert run.ended == "Released"
    assert run.path.count("ShiftWave") == 15
    assert ["ShiftWave", "WhatNext?", "ShiftWave"] not in [run.path[each : each + 3] for each in range(len(run.path))]


def test_looks_are_no_denser_than_the_events_of_an_execution_allow(shop: Shop, looked_at: Counter[str]) -> None:
    traffic = {"steps": [{"weight": 0.1, "bake_seconds": 3_000}]}
    with mock.patch.object(release_pace, "MOST_EVENTS", 300):
        run = shop.release(waves=ONE_WAVE, traffic=traffic)

    pace = shop.record(run)["pace_seconds"]
    assert run.ended == "Released"
    assert pace > 120
    assert 3_000 / pace <= max(looked_at.values()) <= 3_000 / pace + 2


def test_a_function_that_gets_bad_while_it_waits_for_others_is_found(shop: Shop, tmp_path: Path) -> None:
    """Its own bake is over after five minutes, and that of the last function 80 seconds later."""
    bad = tmp_path / "bad"
    source = f"""
import os
def handler(event, context):
    if event.get('user') and os.path.exists({str(bad)!r}):
        raise ValueError('no bonus for users any more')
    return {{'statusCode': 200}}
"""

    with each_shift_takes(shop, 20), at(shop, "ShiftWave", lambda: shop.aws.after(305, bad.touch)):
        run = shop.release({FUNCTION: source}, waves=ONE_WAVE)

    assert run.error == "FunctionsFailed"
    assert shop.aliases() == BLUE


def test_a_pause_during_the_shift_keeps_the_other_functions_at_blue(shop: Shop) -> None:
    seen: list[Any] = []

    def pause() -> None:
        tell("pause")
        shop.aws.after(300, lambda: seen.append(shop.aliases()))
        shop.aws.after(600, lambda: tell("resume"))

    with each_shift_takes(shop, 70), at(shop, "LookAtWave", pause):
        run = shop.release(name="monday", waves=ONE_WAVE)

    assert [name for name, where in seen[0].items() if where != BLUE[name]] == [FUNCTION]
    assert run.ended == "Released"
    assert shop.aliases() == GREEN


def test_every_look_that_is_killed_before_its_verdict_is_written_is_made_again(shop: Shop) -> None:
    to_kill: list[bool] = []

    def entered(_: str, state: str, moment: str) -> None:
        if (state, moment) == ("LookAtWave", "entered"):
            to_kill.append(True)

    def kill_once(call: Call, attempt: Callable[[], Any]) -> Any:
        if (call.state, call.operation) == ("LookAtWave", "PutItem") and to_kill[-1]:
            to_kill[-1] = False
            raise HandlerKilled
        return attempt()

    with shop.aws.at_states(entered), shop.aws.watched(kill_once):
        run = shop.release(name="monday", waves=ONE_WAVE)

    [verdict] = releases.verdicts("monday")
    assert run.ended == "Released"
    assert not any(to_kill)
    assert {*verdict.logs} == {1, 2, 3, 4, 5}
