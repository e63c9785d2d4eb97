"""Turns: how far they are apart, how early a call may be, and how long a throttle is remembered."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.turns import (
    CUT_MS,
    FORGOTTEN_MS,
    LEAST_PERCENT,
    SETTLED_MS,
    WRONG_MS,
    Lane,
    Standing,
    halved,
)

NOW = 1_767_603_600_000
LAMBDAS = 15
UNTOUCHED = Standing()


@pytest.mark.parametrize(("rate", "interval"), [(10, 100), (14, 72), (3, 334), (1, 1000), (0.5, 2000), (50, 20)])
def test_turns_are_an_interval_apart_in_whole_milliseconds_and_never_closer(rate: float, interval: int) -> None:
    assert Lane(LAMBDAS, rate).interval(UNTOUCHED, NOW) == interval


@given(rate=st.floats(0.2, 14))
def test_however_early_and_late_turns_are_used_a_second_has_no_more_than_lambda_allows(rate: float) -> None:
    lane = Lane(LAMBDAS, rate)
    each, early = lane.interval(UNTOUCHED, NOW), lane.early(UNTOUCHED, NOW)

    begun_before_the_second_ends_and_not_over_before_it_begins = 1000 + each + early

    assert math.floor(begun_before_the_second_ends_and_not_over_before_it_begins / each) + 1 <= LAMBDAS


def test_at_the_stacks_rate_three_calls_may_be_early_and_at_a_rollbacks_none() -> None:
    assert Lane(LAMBDAS, 10).early(UNTOUCHED, NOW) == 300
    assert Lane(LAMBDAS, 10, even=True).early(UNTOUCHED, NOW) == 0
    assert Lane(LAMBDAS, 14, undoing=True).early(UNTOUCHED, NOW) == 0
    assert Lane(LAMBDAS, 10).early(Standing(slowed_at=NOW, slowed_to=50), NOW) == 0


def test_a_throttle_halves_the_rate_for_a_minute_and_then_it_grows_by_a_tenth_every_ten_seconds() -> None:
    slowed = Standing(slowed_at=NOW, slowed_to=50)

    by_seconds = {seconds: slowed.percent(NOW + seconds * 1000) for seconds in (0, 59, 69, 70, 80, 109, 110, 10_000)}

    assert by_seconds == {0: 50, 59: 50, 69: 50, 70: 60, 80: 70, 109: 90, 110: 100, 10_000: 100}
    assert Lane(LAMBDAS, 10).interval(slowed, NOW) == 200
    assert Lane(LAMBDAS, 14, undoing=True).interval(slowed, NOW) == 143


def test_a_throttle_of_calls_that_were_slow_already_halves_again_but_not_below_a_tenth_or_one_a_second() -> None:
    slowed = Standing(slowed_at=NOW, slowed_to=50)

    assert halved(UNTOUCHED, NOW) == 50
    assert halved(slowed, NOW + SETTLED_MS - 1) is None, "a call that was under way then"
    assert halved(slowed, NOW + SETTLED_MS) == 25
    assert halved(slowed, NOW + 75_000) == 30
    assert halved(Standing(slowed_at=NOW, slowed_to=LEAST_PERCENT), NOW + SETTLED_MS) == LEAST_PERCENT
    assert Lane(LAMBDAS, 3).interval(Standing(slowed_at=NOW, slowed_to=LEAST_PERCENT), NOW) == 1000


@given(slowed_to=st.integers(LEAST_PERCENT, 100))
def test_however_slow_callers_were_a_throttle_is_over_when_it_is_forgotten(slowed_to: int) -> None:
    assert Standing(slowed_at=NOW - FORGOTTEN_MS, slowed_to=slowed_to).percent(NOW) == 100


def test_moments_that_only_a_wrong_clock_can_have_written_do_not_count() -> None:
    wrong = NOW + WRONG_MS + 1
    found = Standing(next_at=wrong, undoing_until=wrong, slowed_at=wrong, slowed_to=10)

    assert (found.queue(NOW), found.closed(NOW), found.percent(NOW)) == (0, 0, 100)
    assert Standing(next_at=NOW + 5, undoing_until=NOW + 7).queue(NOW) == 5
    assert Standing(next_at=NOW + 5, undoing_until=NOW + 7).closed(NOW) == 7
    assert Standing(next_at=NOW - 5).queue(NOW) == 0


def test_an_undo_goes_before_turns_that_are_taken_but_not_before_another_undo_s() -> None:
    undo, ordinary = Lane(LAMBDAS, 14, undoing=True), Lane(LAMBDAS, 10)
    queue = Standing(next_at=NOW + CUT_MS + 1)

    assert undo.cuts(queue, NOW)
    assert not ordinary.cuts(queue, NOW)
    assert not undo.cuts(Standing(next_at=NOW + CUT_MS), NOW), "those are about to begin"
    assert not undo.cuts(Standing(next_at=NOW + CUT_MS + 1, undoing_until=NOW + 1), NOW)
