"""When a bake is looked at: in even parts for an hour, then every twelfth of its age, and never too often to afford."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bluegreen.decisions.pace import (
    EVENTS_PER_LOOK,
    EVENTS_PER_SHIFT,
    LEAST_PAUSED_SECONDS,
    MOST_EVENTS,
    MOST_SECONDS,
    PARTS_OF_AGE,
    UNTHINNED_SECONDS,
    is_affordable,
    least_pause,
    longest,
    looks,
    pace_of,
    seconds_to_next_look,
    wait,
)
from bluegreen.errors import InvalidRequest
from bluegreen.request.order import LONGEST_PAUSES_SECONDS
from bluegreen.request.request import Request
from bluegreen.request.traffic import (
    ADAPTIVE,
    LONGEST_BAKE_SECONDS,
    MOST_STEPS,
    STRATEGIES,
    Schedule,
    Step,
    Steps,
    schedule,
)
from tests.bluegreen.strategies import any_steps

A_RUN_OF_CHECK_HEALTH_AND_OF_ROLL_BACK = 30
"""Seconds, where the record is closed already: each reads it, and the latter says how the deployment ended."""

HISTORY_OF_THE_REST = 1_000
"""Events that an execution needs beside its shifts and looks: staging with all its polling, and a rollback."""

paces = st.sampled_from([1, 5, 10, 30, 60, 300, 3600])
bakes = st.integers(1, LONGEST_BAKE_SECONDS)
short_bakes = st.integers(1, UNTHINNED_SECONDS)
unhurried = settings(deadline=None)


def pauses(bake_seconds: int, pace: int) -> list[int]:
    return [after - before for before, after in pairwise((0, *looks(bake_seconds, pace)))]


class TestTheFirstHour:
    @pytest.mark.parametrize(
        ("bake_seconds", "pace", "at"),
        [
            (300, 60, (60, 120, 180, 240, 300)),
            (60, 60, (60,)),
            (180, 120, (180,)),
            (300, 120, (150, 300)),
            (100, 60, (100,)),
            (5, 1, (1, 2, 3, 4, 5)),
            (300, 3600, (300,)),
            (10, 60, (10,)),
        ],
    )
    def test_the_looks_are_even_parts_of_the_bake(self, bake_seconds: int, pace: int, at: tuple[int, ...]) -> None:
        assert looks(bake_seconds, pace) == at

    @given(short_bakes, paces)
    def test_a_look_is_as_soon_as_the_pace_and_an_even_part_allow(self, bake_seconds: int, pace: int) -> None:
        for pause in pauses(bake_seconds, pace):
            assert min(pace, bake_seconds) <= pause <= max(2 * pace, pace + 1)

    @given(short_bakes, paces)
    def test_the_last_look_is_when_the_bake_is_over(self, bake_seconds: int, pace: int) -> None:
        *before, last = looks(bake_seconds, pace)

        assert all(at < bake_seconds for at in before)
        assert bake_seconds <= last < bake_seconds + pace

    @pytest.mark.parametrize("seconds_taken", [1, 5, 12])
    def test_seconds_that_the_handlers_take_cost_no_look(self, seconds_taken: int) -> None:
        baked, seen = 0, 0
        while baked < 600:
            baked += seconds_to_next_look(baked, 600, 60) + seconds_taken
            seen += 1

        assert seen >= 600 // (60 + seconds_taken)
        assert baked < 600 + 60 + seconds_taken


class TestAfterTheFirstHour:
    def test_two_days_take_fewer_than_a_hundred_and_fifty_looks(self) -> None:
        assert len(looks(LONGEST_BAKE_SECONDS, 60)) < 150

    @given(st.integers(UNTHINNED_SECONDS, LONGEST_BAKE_SECONDS), bakes, paces)
    def test_a_look_follows_every_twelfth_of_the_bake_s_age(self, baked: int, left: int, pace: int) -> None:
        pause = seconds_to_next_look(baked, baked + left, pace)

        assert pause <= max(pace, baked / PARTS_OF_AGE)

    @given(st.integers(UNTHINNED_SECONDS, LONGEST_BAKE_SECONDS), paces)
    def test_the_last_look_is_when_the_bake_is_over(self, bake_seconds: int, pace: int) -> None:
        assert bake_seconds <= looks(bake_seconds, pace)[-1] < bake_seconds + pace

    def test_the_first_hour_of_a_long_bake_is_not_thinned(self) -> None:
        within = [at for at in looks(LONGEST_BAKE_SECONDS, 60) if at <= UNTHINNED_SECONDS]

        assert within == list(range(60, 3601, 60))


class TestEveryPause:
    @given(st.floats(0, 2 * LONGEST_BAKE_SECONDS), st.integers(0, LONGEST_BAKE_SECONDS), paces)
    def test_looks_are_a_pace_apart_at_least_unless_the_bake_is_shorter(
        self, baked: float, until: int, pace: int
    ) -> None:
        pause = seconds_to_next_look(baked, until, pace)

        assert pause >= min(pace, until) if until else pause == 0

    @given(st.floats(0, 2 * LONGEST_BAKE_SECONDS), st.integers(1, LONGEST_BAKE_SECONDS), st.integers(1, 86_400))
    def test_no_pause_is_longer_than_the_bake(self, baked: float, until: int, pace: int) -> None:
        assert 1 <= seconds_to_next_look(baked, until, pace) <= until
        assert 1 <= least_pause(until, pace) <= min(until, pace)

    @given(bakes, paces)
    def test_looks_are_never_closer_than_the_pace_all_the_way(self, bake_seconds: int, pace: int) -> None:
        assert min(pauses(bake_seconds, pace)) >= min(pace, bake_seconds)

    @given(st.floats(0, 2 * LONGEST_BAKE_SECONDS), st.floats(0, LONGEST_BAKE_SECONDS), paces)
    def test_a_pause_is_whole_seconds_as_a_wait_state_takes_them(self, baked: float, until: float, pace: int) -> None:
        assert isinstance(seconds_to_next_look(baked, until, pace), int)

    def test_a_bake_that_is_over_and_goes_on_is_looked_at_by_its_age(self) -> None:
        assert seconds_to_next_look(600, 300, 60) == 60
        assert seconds_to_next_look(36_000, 7_200, 60) == 3000
        assert seconds_to_next_look(36_000, 300, 60) == 300

    def test_a_step_that_does_not_bake_is_looked_at_once_and_at_once(self) -> None:
        assert seconds_to_next_look(0, 0, 60) == 0
        assert looks(0, 60) == (0,)


def uniform(number: int, bake: int, at_most: int | None = None) -> Schedule:
    """So many steps of the same bake, each of which may be drawn out."""
    steps = tuple(Step(weight=round(each / number, 3), bake_seconds=bake) for each in range(1, number + 1))
    return schedule(Steps(steps=steps), at_most)


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int, int]:
    """How many steps, how long they bake, and how long each may be drawn out."""
    number = draw(st.integers(1, MOST_STEPS))
    at_most = draw(st.integers(1, LONGEST_BAKE_SECONDS // number))
    return number, draw(st.integers(0, at_most)), at_most


def looked(plan: Schedule, step: Step, pace: int) -> Iterator[int]:
    """The looks at a step if every one finds too little, as ShiftAlias and CheckHealth ask for them."""
    baked = 0
    at_most = longest(plan, step)
    while not baked or baked < at_most:
        until = step.bake_seconds if baked < step.bake_seconds else at_most
        baked += seconds_to_next_look(baked, until, pace)
        yield baked
        if not at_most:
            return


def events(plan: Schedule, period_seconds: int) -> int:
    """Of an execution's history, for its shifts and looks."""
    pace = pace_of(plan, period_seconds)
    if plan.adaptive:
        seen = looks(plan.longest_seconds, pace)
        return EVENTS_PER_LOOK * runs(seen) + EVENTS_PER_SHIFT * len(seen)
    return sum(EVENTS_PER_SHIFT + EVENTS_PER_LOOK * runs(tuple(looked(plan, step, pace))) for step in plan.steps)


def runs(at: tuple[int, ...]) -> int:
    """Of CheckHealth, as the document tells the machine to wait for these looks."""
    found = 0
    for before, after in pairwise((0, *at)):
        while True:
            before += wait(before, after)
            found += 1
            if before >= after:
                break
    return found


class TestWhatAnExecutionCanAfford:
    def test_the_most_events_leave_room_for_the_rest(self) -> None:
        while_paused = EVENTS_PER_LOOK * LONGEST_PAUSES_SECONDS // LEAST_PAUSED_SECONDS

        assert MOST_EVENTS + while_paused + HISTORY_OF_THE_REST <= 25_000

    def test_a_wait_is_so_short_that_an_execution_that_was_aborted_ends_within_five_minutes(self) -> None:
        assert MOST_SECONDS + A_RUN_OF_CHECK_HEALTH_AND_OF_ROLL_BACK < 300
        assert wait(1000.0, 1000.0 + LONGEST_BAKE_SECONDS) == MOST_SECONDS
        assert wait(1000.5, 1059.7) == 60
        assert wait(1000.0, 999.0) == 0

    @pytest.mark.parametrize("number", [1, 2, 10, 100, MOST_STEPS - 1, MOST_STEPS])
    @pytest.mark.parametrize("period_seconds", [1, 60])
    def test_the_largest_schedules_fit_into_one_execution(self, number: int, period_seconds: int) -> None:
        assert events(uniform(number, LONGEST_BAKE_SECONDS // number), period_seconds) <= MOST_EVENTS

    @unhurried
    @given(any_steps(), st.sampled_from([1, 5, 10, 30, 60, 300]))
    def test_every_schedule_fits_into_one_execution(self, steps: Steps, period_seconds: int) -> None:
        assert events(schedule(steps), period_seconds) <= MOST_EVENTS

    @unhurried
    @given(shapes(), st.sampled_from([1, 60]))
    @example((MOST_STEPS, 300, 345), 60)
    def test_every_schedule_of_up_to_five_hundred_steps_fits_however_long_its_bakes_are_drawn_out(
        self, shape: tuple[int, int, int], period_seconds: int
    ) -> None:
        needed = events(uniform(*shape), period_seconds)

        assert needed <= MOST_EVENTS

    @unhurried
    @given(any_steps(), st.sampled_from([1, 60]), st.integers(1, LONGEST_BAKE_SECONDS))
    def test_steps_of_different_bakes_fit_however_long_they_are_drawn_out(
        self, steps: Steps, period_seconds: int, most: int
    ) -> None:
        plan = schedule(steps, max_bake_seconds=most // (len(steps.steps) + 1) + 1)

        assert events(plan, period_seconds) <= MOST_EVENTS

    @unhurried
    @given(st.integers(60, LONGEST_BAKE_SECONDS), st.sampled_from([1, 60, 300]))
    def test_adaptive_fits_into_one_execution_if_every_look_shifts(self, most: int, period_seconds: int) -> None:
        assert events(Schedule(name=ADAPTIVE, longest_seconds=most), period_seconds) <= MOST_EVENTS

    @pytest.mark.parametrize("period_seconds", [60, 120, 3600])
    def test_a_day_is_looked_at_once_a_period_at_least_since_that_can_be_afforded(self, period_seconds: int) -> None:
        assert pace_of(uniform(1, 24 * 3600), period_seconds) == period_seconds

    @pytest.mark.parametrize("at_most", [3600, LONGEST_BAKE_SECONDS])
    def test_the_first_hour_of_adaptive_is_not_thinned(self, at_most: int) -> None:
        plan = schedule(ADAPTIVE, at_most)
        pace = pace_of(plan, 60)

        assert pace == 60
        assert [seconds_to_next_look(minute * 60, at_most, pace) for minute in range(60)] == [60] * 60

    def test_a_pace_is_a_period_unless_that_cannot_be_afforded(self) -> None:
        often = uniform(MOST_STEPS, 345)

        assert pace_of(uniform(5, 345), 1) == 1
        assert pace_of(often, 1) > 1
        assert pace_of(often, 1) == pace_of(often, pace_of(often, 1))

    def test_many_steps_that_wait_long_for_people_cannot_be_afforded(self) -> None:
        often = uniform(MOST_STEPS, 345)
        first, second, *rest = often.steps
        steps = (first, second.model_copy(update={"approve": True}), *rest)
        asking = often.model_copy(update={"steps": steps, "approval_seconds": 172_800})

        assert is_affordable(often)
        assert not is_affordable(asking)
        assert is_affordable(asking.model_copy(update={"steps": steps[:300]}))


A_YEAR = 365 * 24 * 3600
"""Of an execution, and of a Wait state. (Step Functions quotas.)"""


class TestTheNumbersOfARequest:
    @unhurried
    @given(
        traffic=st.sampled_from([*STRATEGIES, ADAPTIVE]) | any_steps().map(lambda steps: steps.model_dump()),
        health=st.fixed_dictionaries(
            {},
            optional={
                "period_seconds": st.sampled_from([1, 30, 60, 600, 3_600, 43_200, 86_400]),
                "delay_seconds": st.integers(0, 900),
                "max_bake_seconds": st.integers(1, LONGEST_BAKE_SECONDS),
                "unmeasured_looks": st.integers(0, 100),
            },
        ),
    )
    def test_make_no_wait_fail_and_no_execution_too_long_whatever_they_are(self, traffic: Any, health: Any) -> None:
        """However often a look finds too little, or no metrics."""
        asked = {"function": "Shop", "artifact": "$LATEST", "traffic": traffic, "health": health}
        try:
            request = Request.read(asked)
        except InvalidRequest:
            return
        read = request.health
        assert request.traffic is not None
        plan = schedule(request.traffic, read.max_bake_seconds, read.sight_seconds)
        pace, seconds = pace_of(plan, read.period_seconds), 0
        for bake, at_most in _bakes(plan):
            at = 0
            for look in looks(bake, pace, at_most):
                assert 0 <= look - at <= max(bake, at_most)
                at = look
            seconds += at + read.unmeasured_looks * least_pause(at_most, pace)

        assert plan.longest_in_all <= LONGEST_BAKE_SECONDS
        assert seconds < A_YEAR
        assert events(plan, read.period_seconds) <= MOST_EVENTS


def _bakes(plan: Schedule) -> list[tuple[int, int]]:
    """The seconds of each bake, and of it drawn out."""
    if plan.adaptive:
        return [(plan.longest_seconds, plan.longest_seconds)]
    return [(step.bake_seconds, longest(plan, step)) for step in plan.steps]


class TestTheLongestBake:
    @pytest.mark.parametrize(
        ("bake", "at_most", "seconds"), [(300, None, 300), (300, 100, 300), (300, 900, 900), (0, 900, 0)]
    )
    def test_a_step_that_bakes_may_be_drawn_out_and_another_may_not(
        self, bake: int, at_most: int | None, seconds: int
    ) -> None:
        plan = uniform(1, bake, at_most)

        assert longest(plan, plan.steps[0]) == seconds
