"""How green's share grows: CodeDeploy's names with their timing, free steps, the next shift and the looks between."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bluegreen.decisions.pace import EVENTS_PER_LOOK, EVENTS_PER_SHIFT, MOST_EVENTS, look_seconds
from bluegreen.decisions.route import Route, route
from bluegreen.decisions.shift import Shift, next_shift
from bluegreen.request.traffic import (
    ADAPTIVE,
    LONGEST_BAKE_SECONDS,
    MOST_STEPS,
    STRATEGIES,
    Schedule,
    Step,
    Steps,
    known,
    schedule,
)

TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
HISTORY_OF_THE_REST = 1_000
"""Events that an execution needs beside its shifts and looks: staging with all its polling, and a rollback."""

CODE_DEPLOY = [
    ("AllAtOnce", [(1.0, 0)]),
    ("Canary10Percent5Minutes", [(0.1, 300), (1.0, 0)]),
    ("Canary10Percent10Minutes", [(0.1, 600), (1.0, 0)]),
    ("Canary10Percent15Minutes", [(0.1, 900), (1.0, 0)]),
    ("Canary10Percent30Minutes", [(0.1, 1800), (1.0, 0)]),
    ("Linear10PercentEvery1Minute", [*((weight, 60) for weight in TENTHS), (1.0, 0)]),
    ("Linear10PercentEvery2Minutes", [*((weight, 120) for weight in TENTHS), (1.0, 0)]),
    ("Linear10PercentEvery3Minutes", [*((weight, 180) for weight in TENTHS), (1.0, 0)]),
    ("Linear10PercentEvery10Minutes", [*((weight, 600) for weight in TENTHS), (1.0, 0)]),
]


@st.composite
def any_steps(draw: st.DrawFn) -> Steps:
    """Whatever a request may legally say."""
    weights = sorted(draw(st.sets(st.floats(min_value=1e-6, max_value=1, allow_nan=False), min_size=1, max_size=40)))
    longest = LONGEST_BAKE_SECONDS // (len(weights) + 1)
    bakes = st.integers(0, longest)
    final = 0 if weights[-1] == 1 else draw(bakes)
    return Steps(
        steps=tuple(Step(weight=weight, bake_seconds=draw(bakes)) for weight in weights), final_bake_seconds=final
    )


def walked(plan: Schedule, period_seconds: int = 60, start: float = 1_000_000.0) -> list[Shift]:
    """Every shift, each made the moment the bake before it is over."""
    shifts: list[Shift] = []
    now = start
    while not shifts or not shifts[-1].fully_shifted:
        shifts.append(next_shift(plan, shifts[-1] if shifts else None, now, period_seconds))
        now += shifts[-1].bake_seconds
    return shifts


class TestStrategies:
    @pytest.mark.parametrize(("name", "steps"), CODE_DEPLOY)
    def test_a_codedeploy_name_has_codedeploys_weights_and_minutes(
        self, name: str, steps: list[tuple[float, int]]
    ) -> None:
        plan = schedule(name)

        assert plan.name == name
        assert [(step.weight, step.bake_seconds) for step in plan.steps] == steps

    def test_there_are_codedeploys_nine_and_no_others(self) -> None:
        assert sorted(STRATEGIES) == sorted(name for name, _ in CODE_DEPLOY)

    @pytest.mark.parametrize("name", [*STRATEGIES, ADAPTIVE])
    def test_each_is_known_by_its_name(self, name: str) -> None:
        assert known(name) == name

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("Canary10Percent5Minute", "Canary10Percent5Minutes"),
            ("canary10percent5minutes", "Canary10Percent5Minutes"),
            ("Linear10PercentEvery2Minute", "Linear10PercentEvery2Minutes"),
            ("Allatonce", "AllAtOnce"),
            ("adaptive", "Adaptive"),
        ],
    )
    def test_a_misspelt_one_is_refused_with_the_one_that_was_meant(self, written: str, meant: str) -> None:
        with pytest.raises(ValueError, match=f"did you mean {meant}"):
            known(written)

    def test_one_that_is_like_no_other_is_refused_with_all_there_are(self) -> None:
        with pytest.raises(ValueError, match="is not a strategy") as refusal:
            known("Sideways")

        assert "did you mean" not in str(refusal.value)
        assert all(name in str(refusal.value) for name in [*STRATEGIES, ADAPTIVE])


class TestFreeSteps:
    def test_the_last_step_is_implied_and_bakes_as_long_as_the_request_says(self) -> None:
        steps = Steps.model_validate({"steps": [{"weight": 0.05, "bake_seconds": 120}], "final_bake_seconds": 600})

        assert [(step.weight, step.bake_seconds) for step in schedule(steps).steps] == [(0.05, 120), (1.0, 600)]

    def test_a_last_step_of_the_whole_alias_is_not_added_twice(self) -> None:
        steps = Steps.model_validate({"steps": [{"weight": 0.5, "bake_seconds": 1}, {"weight": 1, "bake_seconds": 2}]})

        assert [(step.weight, step.bake_seconds) for step in schedule(steps).steps] == [(0.5, 1), (1.0, 2)]

    @pytest.mark.parametrize(
        ("traffic", "complaint"),
        [
            ({"steps": []}, "at least 1"),
            ({"steps": [{"weight": 0, "bake_seconds": 1}]}, "greater than 0"),
            ({"steps": [{"weight": -0.1, "bake_seconds": 1}]}, "greater than 0"),
            ({"steps": [{"weight": 1.01, "bake_seconds": 1}]}, "less than or equal to 1"),
            ({"steps": [{"weight": float("nan"), "bake_seconds": 1}]}, "steps.0.weight"),
            ({"steps": [{"weight": 0.5, "bake_seconds": -1}]}, "greater than or equal to 0"),
            ({"steps": [{"weight": 0.5}]}, "required"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 1.5}]}, "integer"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 1}], "final_bake_seconds": -1}, "greater than or equal to 0"),
            (
                {"steps": [{"weight": 0.5, "bake_seconds": 1}, {"weight": 0.5, "bake_seconds": 1}]},
                "step 2 has 0.5 after 0.5; write each weight larger",
            ),
            (
                {"steps": [{"weight": weight, "bake_seconds": 1} for weight in (0.1, 0.3, 0.2)]},
                "step 3 has 0.2 after 0.3",
            ),
            ({"steps": [{"weight": 1, "bake_seconds": 1}], "final_bake_seconds": 5}, "leave out final_bake_seconds"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 172_800}], "final_bake_seconds": 1}, "48 hours"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 1, "wieght": 1}]}, "Extra inputs"),
        ],
    )
    def test_steps_that_cannot_be_taken_are_refused(self, traffic: dict[str, Any], complaint: str) -> None:
        with pytest.raises(ValidationError, match=complaint):
            Steps.model_validate(traffic)

    def test_two_days_of_bakes_are_allowed(self) -> None:
        Steps.model_validate({"steps": [{"weight": 0.5, "bake_seconds": 172_799}], "final_bake_seconds": 1})


class TestTheNextShift:
    @pytest.mark.parametrize(("name", "steps"), CODE_DEPLOY)
    def test_takes_the_steps_one_after_another(self, name: str, steps: list[tuple[float, int]]) -> None:
        shifts = walked(schedule(name))

        assert [(shift.green_weight, shift.bake_seconds) for shift in shifts] == steps
        assert [shift.step for shift in shifts] == list(range(1, len(steps) + 1))
        assert {shift.of_steps for shift in shifts} == {len(steps)}
        assert [shift.fully_shifted for shift in shifts] == [False] * (len(steps) - 1) + [True]

    def test_remembers_when_green_had_which_share(self) -> None:
        last = walked(schedule("Canary10Percent5Minutes"), start=1000.0)[-1]

        assert [(shift.at, shift.weight) for shift in last.shifts] == [(1000.0, 0.1), (1300.0, 1.0)]
        assert last.shifted_at == 1300.0

    @given(any_steps(), st.floats(0, 1e10))
    def test_a_repeated_one_is_the_same_step(self, steps: Steps, later: float) -> None:
        plan = schedule(steps)
        done = next_shift(plan, None, 0.0, 60)
        if done.fully_shifted:
            return

        first, again = next_shift(plan, done, 10.0, 60), next_shift(plan, done, later, 60)

        when = {"shifted_at": 0.0, "watched_since": 0.0, "shifts": ()}
        assert first.model_copy(update=when) == again.model_copy(update=when)
        assert [each.weight for each in again.shifts] == [each.weight for each in first.shifts]

    @given(any_steps())
    def test_green_never_loses_share_and_ends_with_all(self, steps: Steps) -> None:
        weights = [shift.green_weight for shift in walked(schedule(steps))]

        assert all(before < after for before, after in pairwise(weights))
        assert weights[-1] == 1

    @given(any_steps())
    def test_survives_the_way_through_json(self, steps: Steps) -> None:
        for shift in walked(schedule(steps)):
            assert Shift.model_validate_json(shift.model_dump_json()) == shift


class TestLooks:
    @pytest.mark.parametrize(
        ("name", "period_seconds", "seconds"),
        [
            ("Canary10Percent5Minutes", 60, 60),
            ("Canary10Percent30Minutes", 60, 60),
            ("Linear10PercentEvery1Minute", 60, 60),
            ("Linear10PercentEvery3Minutes", 120, 180),
            ("Canary10Percent5Minutes", 1, 1),
            ("Canary10Percent5Minutes", 3600, 300),
        ],
    )
    def test_come_once_a_period(self, name: str, period_seconds: int, seconds: int) -> None:
        assert next_shift(schedule(name), None, 0.0, period_seconds).look_seconds == seconds

    def test_there_is_no_waiting_where_nothing_bakes(self) -> None:
        assert next_shift(schedule("AllAtOnce"), None, 0.0, 60).look_seconds == 0

    @given(any_steps(), st.sampled_from([1, 5, 10, 30, 60, 300, 3600]))
    def test_divide_the_bake_and_are_no_closer_than_a_period(self, steps: Steps, period_seconds: int) -> None:
        plan = schedule(steps)
        for step in plan.steps:
            apart = look_seconds(plan, step, period_seconds)
            if step.bake_seconds == 0:
                assert apart == 0
                continue
            looks = math.ceil(step.bake_seconds / apart)
            assert apart == math.ceil(step.bake_seconds / looks)
            assert apart >= min(period_seconds, step.bake_seconds)
            assert (looks - 1) * apart < step.bake_seconds <= looks * apart

    @given(any_steps(), st.sampled_from([1, 5, 10, 30, 60, 300]))
    def test_fit_into_one_execution_whatever_the_schedule(self, steps: Steps, period_seconds: int) -> None:
        assert events(schedule(steps), period_seconds) <= MOST_EVENTS

    @pytest.mark.parametrize("number", [1, 2, 10, 100, MOST_STEPS - 1, MOST_STEPS])
    @pytest.mark.parametrize("period_seconds", [1, 60])
    def test_fit_into_one_execution_at_the_limits(self, number: int, period_seconds: int) -> None:
        bake = LONGEST_BAKE_SECONDS // number
        steps = Steps(steps=tuple(Step(weight=each / number, bake_seconds=bake) for each in range(1, number + 1)))

        assert events(schedule(steps), period_seconds) <= MOST_EVENTS
        assert MOST_EVENTS + HISTORY_OF_THE_REST <= 25_000

    @given(any_steps(), st.sampled_from([1, 60]), st.integers(1, LONGEST_BAKE_SECONDS))
    def test_fit_into_one_execution_however_long_a_bake_may_be_prolonged(
        self, steps: Steps, period_seconds: int, longest: int
    ) -> None:
        plan = schedule(steps, max_bake_seconds=longest // (len(steps.steps) + 1) + 1)

        assert events(plan, period_seconds) <= MOST_EVENTS

    def test_are_not_thinned_out_where_they_fit(self) -> None:
        a_day = Steps(steps=(Step(weight=0.1, bake_seconds=24 * 3600),))

        assert next_shift(schedule(a_day), None, 0.0, 60).look_seconds == 60


def events(plan: Schedule, period_seconds: int) -> int:
    """Of an execution's history, for its shifts and looks."""
    total = 0
    for step in plan.steps:
        apart = look_seconds(plan, step, period_seconds)
        lasts = max(step.bake_seconds, plan.longest_seconds) if step.bake_seconds else 0
        looks = math.ceil(lasts / apart) if apart else 1
        total += EVENTS_PER_SHIFT + EVENTS_PER_LOOK * looks
    return total


class TestRoutes:
    def test_blue_keeps_the_alias_until_green_has_all_of_it(self) -> None:
        assert route("1", "2", 0.9) == Route(primary="1", also={"2": 0.9})
        assert route("1", "2", 1) == Route(primary="2")

    @given(st.floats(min_value=1e-9, max_value=1, exclude_max=True))
    def test_a_split_names_both_versions_and_gives_green_its_share(self, weight: float) -> None:
        split = route("1", "2", weight)

        assert split.versions == {"1", "2"}
        assert not split.whole
        assert split.also == {"2": weight}

    def test_a_whole_one_names_one_version(self) -> None:
        assert route("1", "2", 1).versions == {"2"}
        assert route("1", "2", 1).whole

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (Route(primary="3"), "3"),
            (Route(primary="3", also={"4": 0.1}), "3 (and 0.1 to 4)"),
            (Route(primary="3", also={"4": 0.123456}), "3 (and 0.1235 to 4)"),
        ],
    )
    def test_read_as_words(self, given: Route, words: str) -> None:
        assert str(given) == words


class TestAdaptive:
    PLAN = Schedule(name=ADAPTIVE, longest_seconds=3600, first_weight=0.05)

    def test_begins_with_the_weight_that_blues_traffic_allows(self) -> None:
        shift = next_shift(self.PLAN, None, 0.0, 60)

        assert (shift.green_weight, shift.step, shift.of_steps, shift.fully_shifted) == (0.05, 1, 0, False)

    def test_goes_on_with_the_weight_that_the_last_look_allows(self) -> None:
        done = next_shift(self.PLAN, None, 0.0, 60)

        shift = next_shift(self.PLAN, done, 60.0, 60, 0.4)

        assert (shift.green_weight, shift.step) == (0.4, 2)
        assert shift == next_shift(self.PLAN, done, 60.0, 60, 0.4)

    def test_watches_all_the_way_up_as_one_bake(self) -> None:
        done = next_shift(self.PLAN, None, 0.0, 60)

        shift = next_shift(self.PLAN, done, 600.0, 60, 0.4)

        assert (shift.watched_since, shift.bake_seconds, shift.shifted_at) == (0.0, 3600, 600.0)

    def test_is_over_with_the_whole_alias(self) -> None:
        shift = next_shift(self.PLAN, next_shift(self.PLAN, None, 0.0, 60), 600.0, 60, 1.0)

        assert (shift.fully_shifted, shift.bake_seconds, shift.look_seconds) == (True, 0, 0)

    @given(st.integers(60, LONGEST_BAKE_SECONDS), st.sampled_from([1, 60, 300]))
    def test_fits_into_one_execution_if_every_look_shifts(self, longest: int, period_seconds: int) -> None:
        plan = Schedule(name=ADAPTIVE, longest_seconds=longest, first_weight=0.05)

        looks = math.ceil(longest / next_shift(plan, None, 0.0, period_seconds).look_seconds)

        assert looks * (EVENTS_PER_LOOK + EVENTS_PER_SHIFT) <= MOST_EVENTS
