"""
When a bake is looked at.

In a bake's first hour the looks are a metric's period or more apart, in even parts of the bake. After it a look follows
every twelfth of the time that was baked: what begins to go wrong late is found later by at most a twelfth of the bake's
age, and 48 hours take about 110 looks. No pause is longer than the bake, so that green never has a share unwatched.

CheckHealth runs every four minutes at least, also where no look is due: it reads people's orders then, and finds a
deployment that was undone. So an execution that is aborted ends within five minutes.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise, zip_longest

from bluegreen.request.order import LONGEST_PAUSES_SECONDS
from bluegreen.request.traffic import Schedule, Step

EVENTS_PER_SHIFT = 5
"""ShiftAlias: entered, scheduled, started, succeeded, left."""
EVENTS_PER_LOOK = 9
"""Bake: entered, left; CheckHealth: five, as ShiftAlias; WhatNext?: entered, left."""
EVENTS_PER_HOOK = 7
"""RunHook: five, as ShiftAlias; WhatNext?: entered, left."""

MOST_SECONDS = 240
"""Of a Wait. A look that is due later is waited for in several."""

LEAST_PAUSED_SECONDS = 120
"""Between two looks while a person has paused the deployment, so that the looks that a pause adds can be afforded."""

MOST_EVENTS = 24_000 - EVENTS_PER_LOOK * LONGEST_PAUSES_SECONDS // LEAST_PAUSED_SECONDS
"""
Of the 25,000 events that an execution may have, what shifts and looks may use; the rest is for retries and for looks
during people's pauses.
"""

SELDOM_SECONDS = 1_000_000
"""A pace that is longer than any bake."""

UNTHINNED_SECONDS = 3600
PARTS_OF_AGE = 12

EARLY_SECONDS = 1
"""A look that is due may come so much too early: Step Functions' clock and the handler's may differ."""

TOLERANCE = 0.2
"""Of a pace: handlers take some seconds of every look, which must not lengthen the next pause."""

APART = 3
"""Of many functions that are looked at together, so many groups are due in a pause at most."""


def seconds_to_next_look(baked: float, until: float, pace: int) -> int:
    """
    The pause before the next look at a bake that is `baked` seconds old and ends at `until`; 0 if there is no bake.

    `pace` is the least pause, in seconds, where the bake is not shorter.
    """
    return min(_seconds(baked, until, pace), least_pause(until, math.inf)) if until > 0 else 0


def least_pause(until: float, pace: float) -> int:
    """The pace, or the whole of a shorter bake, in seconds that a Wait state takes; 0 if there is no bake."""
    return math.ceil(min(until, pace))


def apart(baked: float, pace: int) -> float:
    """Seconds by which functions may be due after each other, and are looked at together."""
    return _pause(baked, pace) / APART


def together_until(due: Iterable[float], seconds: float) -> float:
    """The moment at which all are due that are due within so many seconds after the first. None comes early."""
    moments = sorted(due)
    return max(at for at in moments if at <= moments[0] + seconds)


def wait(now: float, due_at: float) -> int:
    """Seconds of the Wait before CheckHealth runs again, where the next look is due at `due_at`."""
    return max(0, min(MOST_SECONDS, math.ceil(due_at - now)))


def at_the_beginning(now: float, pause: int, period_seconds: int) -> int:
    """The pause, in seconds, so much longer or shorter that it ends when a period begins."""
    half = period_seconds / 2
    begins = math.ceil((now + pause - half) / period_seconds) * period_seconds
    return max(1, math.ceil(begins - now))


def _seconds(baked: float, until: float, pace: int) -> int:
    left, pause = until - baked, _pause(baked, pace)
    if left <= 0:
        return pause
    if baked < UNTHINNED_SECONDS:
        parts = max(1, math.floor(left / pause + TOLERANCE))
        return max(pace, math.ceil(left / parts))
    return max(pace, math.ceil(left / math.ceil(left / pause)))


def _pause(baked: float, pace: int) -> int:
    if baked < UNTHINNED_SECONDS:
        return pace
    return max(pace, math.floor(baked / PARTS_OF_AGE))


@cache
def looks(bake_seconds: int, pace: int, longest_seconds: int = 0) -> tuple[int, ...]:
    """
    The seconds after a shift at which there is a look, also while the bake is drawn out to `longest_seconds`.

    A step that does not bake is looked at once, at once.
    """
    if bake_seconds == 0:
        return (0,)
    return tuple(_looks(bake_seconds, pace, max(bake_seconds, longest_seconds)))


def _looks(bake_seconds: int, pace: int, longest_seconds: int) -> Iterator[int]:
    baked = 0
    while baked < longest_seconds:
        baked += seconds_to_next_look(baked, bake_seconds if baked < bake_seconds else longest_seconds, pace)
        yield baked


def pace_of(schedule: Schedule, period_seconds: int) -> int:
    """
    The least pause between two looks, in seconds: a metric's period, or what one execution can afford.

    An execution has 25,000 events at most (Step Functions' quota), also if every bake is drawn out.
    """
    pace = period_seconds
    while pace < SELDOM_SECONDS and _events(schedule, pace) > MOST_EVENTS:
        pace = math.ceil(pace * 1.25)
    return pace


def is_affordable(schedule: Schedule) -> bool:
    """One execution has room for it, if every bake is looked at once."""
    return _events(schedule, SELDOM_SECONDS) <= MOST_EVENTS


def _events(schedule: Schedule, pace: int) -> int:
    """
    If every bake and every approval takes as long as it may, and a hook runs after each step.

    Under Adaptive any look may be followed by a shift.
    """
    if schedule.adaptive:
        seen = looks(schedule.longest_seconds, pace)
        return EVENTS_PER_LOOK * waits(seen) + EVENTS_PER_SHIFT * len(seen)
    events = 0
    for step, following in zip_longest(schedule.steps, schedule.steps[1:]):
        seen_by = waits(looks(step.bake_seconds, pace, longest(schedule, step)))
        if following and following.approve:
            seen_by += waits(looks(schedule.approval_seconds, pace))
        events += EVENTS_PER_SHIFT + EVENTS_PER_HOOK + EVENTS_PER_LOOK * seen_by
    return events


def waits(at: Sequence[float]) -> int:
    """How often CheckHealth runs for the looks at these seconds after a shift."""
    return sum(max(1, math.ceil((after - before) / MOST_SECONDS)) for before, after in pairwise((0, *at)))


def longest(schedule: Schedule, step: Step) -> int:
    """Seconds that the step's bake may take, if the evidence does not suffice."""
    return max(step.bake_seconds, schedule.longest_seconds) if step.bake_seconds else 0
