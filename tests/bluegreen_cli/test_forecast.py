"""What a deployment is going to know of its green, before it begins."""

from typing import Any

import pytest

from bluegreen.decisions.adaptive import first_weight
from bluegreen.decisions.past import MINUTE, SECONDS, Past
from bluegreen.request.health import Health
from bluegreen.request.traffic import Schedule, Step, Steps, schedule
from bluegreen_cli.forecast import Forecast, forecast


def past(per_minute: float) -> Past:
    return Past(requests=round(per_minute * SECONDS / MINUTE), usual=per_minute, recent=per_minute, busiest=per_minute)


def of(traffic: str, per_minute: float, **health: Any) -> Forecast:
    how, before = Health.model_validate(health), past(per_minute)
    planned = schedule(traffic, how.max_bake_seconds, how.sight_seconds)
    if planned.adaptive:
        hurried = how.promote_by_seconds is not None
        weight = first_weight(before.traffic, hurried=hurried)
        planned = planned.model_copy(update={"first_weight": weight})
    return forecast(planned, how, before)


def test_a_canary_is_seen_with_its_share_of_the_minutes_that_cloudwatch_shows_in_time() -> None:
    assert of("Canary10Percent10Minutes", 100).requests == 80
    assert of("Canary10Percent10Minutes", 100, delay_seconds=300).requests == 50
    assert of("Canary10Percent10Minutes", 100).seconds == 600


def test_a_young_alias_is_expected_to_go_on_as_in_its_last_minutes() -> None:
    planned = schedule("Canary10Percent10Minutes", None, Health().sight_seconds)

    assert forecast(planned, Health(), Past(requests=500, usual=2.8, recent=100, busiest=70)).requests == 80


@pytest.mark.parametrize("per_minute", [10, 100, 1000])
def test_what_is_excluded_is_a_few_failures_among_so_many_requests(per_minute: float) -> None:
    found = of("Canary10Percent30Minutes", per_minute)

    assert 3 / found.requests < found.bound < 5 / found.requests


def test_a_function_that_is_called_once_a_day_is_not_expected_to_be_seen() -> None:
    assert of("Adaptive", 0) == Forecast(seconds=600, requests=0, bound=1.0)
    assert of("Canary10Percent5Minutes", 1 / 1440).requests == 0


def test_bakes_that_are_no_whole_periods_count_as_they_fall() -> None:
    steps = (Step(weight=0.5, bake_seconds=30), Step(weight=1, bake_seconds=270), Step(weight=1, bake_seconds=0))

    found = forecast(Schedule(name="Steps", steps=steps), Health(delay_seconds=0), past(100))

    assert (found.seconds, found.requests) == (300, 450)


def test_adaptive_gets_everything_sooner_the_more_traffic_there_is_and_by_its_time_at_the_latest() -> None:
    seconds = [of("Adaptive", per_minute).seconds for per_minute in (6, 60, 600, 60_000)]

    assert seconds == sorted(seconds, reverse=True)
    assert (seconds[0], seconds[-1]) == (3600, 600)
    assert of("Adaptive", 6, promote_by_seconds=600).seconds == 600


def test_a_final_bake_counts_with_the_share_that_blue_keeps() -> None:
    steps = {"steps": [{"weight": 0.1, "bake_seconds": 600}], "final_bake_seconds": 600}

    without, kept = (
        forecast(schedule(Steps.model_validate(steps | more)), Health(delay_seconds=0), past(100))
        for more in ({"keep_control": 0}, {})
    )

    assert (without.requests, kept.requests) == (1100, 1050)
    assert kept.bound < without.bound
