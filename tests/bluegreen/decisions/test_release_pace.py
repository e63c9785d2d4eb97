"""How often a release is looked at, and that the history of one execution has room for it or it is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.pace import MOST_EVENTS, looks, waits
from bluegreen.decisions.release_pace import (
    looks_at_wave,
    most_events,
    must_be_affordable,
    opened_at_once,
    pace_of,
    times_shifted,
)
from bluegreen.errors import InvalidRequest
from bluegreen.request.release import Release
from bluegreen.request.traffic import Step

CANARY = "Canary10Percent5Minutes"
LINEAR = "Linear10PercentEvery1Minute"


def release(functions: int = 1, **more: Any) -> Release:
    names = [f"F{number}" for number in range(functions)]
    return Release.read({"functions": [{"function": name, "artifact": {"version": "7"}} for name in names]} | more)


def steps(*bakes: int) -> dict[str, Any]:
    """As many steps as bakes, in seconds; then green gets everything."""
    share = 0.9 / len(bakes)
    return {"steps": [{"weight": round(share * each, 3), "bake_seconds": bake} for each, bake in enumerate(bakes, 1)]}


class TestOpening:
    @pytest.mark.parametrize(
        ("places", "calls_per_second", "at_once"),
        [(1, 10, 8), (1, 14, 12), (1, 1, 1), (1, 0.5, 1), (3, 10, 24), (9, 10, 40)],
    )
    def test_no_more_functions_are_opened_at_a_time_than_have_turns_soon(
        self, places: int, calls_per_second: float, at_once: int
    ) -> None:
        assert opened_at_once(range(places), calls_per_second) == at_once


class TestEvents:
    def test_of_a_canary_of_one_function(self) -> None:
        shifts, looked, ends, beside = 2 * 7, (5 + 1) * 9, 2 * 7, 40

        assert most_events(release(), CANARY) == beside + shifts + looked + ends

    def test_every_wave_is_looked_at_and_shifted_in_slices_of_a_minute(self) -> None:
        waves = [{"most": 1}, {"most": 600}, {"most": 601}]
        slices, interrupted = 2 * (1 + 1 + 2) + 3 + 6, 2
        looked = (5 + 1) + (3 * 5 + 2 + 1) + (3 * 5 + 2 + 1) + interrupted

        assert most_events(release(1_202, waves=waves), CANARY) == 40 + 7 * slices + 9 * looked

    @pytest.mark.parametrize(("functions", "groups"), [(199, 1), (200, 2), (400, 3), (600, 3)])
    def test_functions_that_are_shifted_long_after_each_other_are_looked_at_in_groups(
        self, functions: int, groups: int
    ) -> None:
        assert looks_at_wave(functions, 10, 60, Step(weight=0.1, bake_seconds=300)) == 5 * groups + 2 * (groups > 1)

    def test_fewer_calls_a_second_take_more_slices_but_not_of_the_rollback(self) -> None:
        slow = release(60, waves=[{}], calls_per_second=1)

        assert most_events(slow, "AllAtOnce") == 40 + 7 * (1 + 1 + 1) + 9
        assert most_events(release(61, waves=[{}], calls_per_second=1), "AllAtOnce") == 40 + 7 * (2 + 2 + 1) + 9 * 2

    @pytest.mark.parametrize(
        ("seconds", "pace", "times"), [(60, 60, 1), (61, 60, 2), (150, 75, 4), (30, 10, 3), (240, 120, 4), (5, 60, 1)]
    )
    def test_a_shift_ends_with_its_slice_and_where_a_look_is_due(self, seconds: int, pace: int, times: int) -> None:
        assert times_shifted(seconds, 1, pace) == times

    def test_while_people_are_asked_looks_go_on(self) -> None:
        asked = release(2, waves=[{"most": 1, "approve": True}], approval={"timeout_seconds": 600})
        unasked = release(2, waves=[{"most": 1}])

        assert most_events(asked, CANARY) - most_events(unasked, CANARY) == 2 * (7 + 10 * 9)

    def test_each_hook_and_each_function_that_is_put_back_counts(self) -> None:
        hooked = release(2, waves=[{"hooks": {"before": "Check", "after": "Check"}}], tolerate=1)

        assert most_events(hooked, CANARY) - most_events(release(2, waves=[{}]), CANARY) == 2 * 7 + (7 + 7 + 9)

    def test_more_functions_may_fail_than_there_are_looks_but_not_be_put_back_one_by_one(self) -> None:
        tolerant = release(100, waves=[{}], tolerate=99)

        assert most_events(tolerant, CANARY) - most_events(release(100, waves=[{}]), CANARY) == 6 * (7 + 7 + 9)


class TestPace:
    @pytest.mark.parametrize("traffic", [CANARY, LINEAR, "AllAtOnce"])
    def test_is_a_metrics_period_if_that_can_be_afforded(self, traffic: str) -> None:
        assert pace_of(release(100), traffic) == 60
        assert pace_of(release(100, defaults={"health": {"period_seconds": 300}}), traffic) == 300

    def test_is_longer_for_more_waves_of_the_same_bakes(self) -> None:
        bakes, health = steps(3_600), {"health": {"period_seconds": 10, "delay_seconds": 60}}
        few, many = (release(number, waves=[{"most": 1}], defaults=health, traffic=bakes) for number in (5, 50))

        assert pace_of(few, CANARY) == 10
        assert pace_of(many, CANARY) > 10
        assert most_events(many, CANARY) <= MOST_EVENTS

    @given(
        st.integers(1, 50),
        st.sampled_from([1, 5, 10, 30, 60, 300]),
        st.lists(st.integers(0, 3_600), min_size=1, max_size=3),
    )
    def test_the_events_at_that_pace_fit_or_no_pace_would_do(self, waves: int, period: int, bakes: list[int]) -> None:
        health = {"health": {"period_seconds": period, "delay_seconds": 0, "unmeasured_looks": 0}}
        asked = release(waves, waves=[{"most": 1}], defaults=health, traffic=steps(*bakes))

        steps_of_a_wave = asked.schedule(CANARY).steps
        seldom = sum(7 + 9 * waits(looks(step.bake_seconds, 10**6)) for step in steps_of_a_wave)
        least = 40 + waves * seldom + 2 * 7

        assert (most_events(asked, CANARY) <= MOST_EVENTS) == (least <= MOST_EVENTS)


class TestWhatCannotBeAfforded:
    def test_is_refused_with_the_events(self) -> None:
        many = release(3_000, waves=[{"most": 1}])

        with pytest.raises(InvalidRequest) as refusal:
            must_be_affordable(many, "AllAtOnce")

        assert str(refusal.value) == (
            f"waves: 3000 waves with their shifts, bakes and approvals may need {most_events(many, 'AllAtOnce')} "
            f"events. An execution may have 25,000, and {MOST_EVENTS} of them are for waves; the rest is for retries "
            "and pauses. Write larger waves, fewer steps, shorter bakes or a shorter approval.timeout_seconds"
        )
        assert most_events(many, "AllAtOnce") == 40 + 3_000 * (7 + 9) + 7 * (5 + 15)

    @pytest.mark.parametrize("traffic", [CANARY, LINEAR, "Linear10PercentEvery10Minutes", "AllAtOnce"])
    @pytest.mark.parametrize("calls", [2, 10])
    def test_ten_thousand_functions_in_the_default_waves_are_affordable(self, traffic: str, calls: int) -> None:
        must_be_affordable(release(10_000, calls_per_second=calls), traffic)

    def test_bakes_of_two_days_in_two_waves_are_affordable(self) -> None:
        must_be_affordable(release(100, waves=[{"most": 50}], traffic=steps(48 * 3600)), CANARY)

    def test_a_strategy_that_no_release_has_is_refused_before(self) -> None:
        for each in (pace_of, most_events, must_be_affordable):
            with pytest.raises(InvalidRequest, match=r"^traffic: Adaptive"):
                each(release(), "Adaptive")
