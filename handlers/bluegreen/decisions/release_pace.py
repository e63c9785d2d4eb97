"""
How often a release is looked at, and whether the history of one execution has room for all its waves.

The looks at a function come as those at a deployment (pace.py): a metric's period or more apart, thinner with the
bake's age. In a wave that takes long to shift, functions bake at different times, so a look is at those that are due.
Every wave has the same bakes, so all have the same pace.
"""

import math
from collections.abc import Collection

from bluegreen.decisions.pace import (
    APART,
    EVENTS_PER_HOOK,
    EVENTS_PER_LOOK,
    MOST_EVENTS,
    SELDOM_SECONDS,
    apart,
    least_pause,
    longest,
    looks,
    waits,
)
from bluegreen.decisions.turns import UNDOING_A_SECOND
from bluegreen.errors import InvalidRequest
from bluegreen.request.release import CALLS_TO_OPEN, Release
from bluegreen.request.traffic import Schedule, Step

SLICE_SECONDS = 60
"""ShiftWave, CompleteRelease and RollBackRelease begin work on no other function once they have run for so long."""
OPENING_SECONDS = 8
"""
What OpenMember takes at most, without its waits for turns: an assumption, never measured on AWS.

As many functions are opened at a time as have their turns in so many seconds. More would wait, and waiting is billed.
"""
MOST_OPENED_AT_ONCE = 40
"""Functions that are opened at a time at most, in whatever number of accounts and regions."""
CALLS_TO_PUT_BACK = 4
"""Of Lambda's control plane, to put a function back: GetAlias twice, UpdateAlias, UpdateFunctionCode."""
EVENTS_PER_SLICE = 7
"""Such a state: entered, scheduled, started, succeeded, left; the Choice after it: entered, left."""
EVENTS_PER_APPROVAL = 7
"""The state that waits for a person, and a Choice, as a slice."""
EVENTS_PER_PUTTING_BACK = 7 + EVENTS_PER_SLICE + EVENTS_PER_LOOK
"""PutBackFailed and a Choice, as a slice; then ShiftWave, and the look after it."""
EVENTS_BESIDE = 40
"""Opening, staging and the end."""


def pace_of(release: Release, default_traffic: str) -> int:
    """
    The least pause between two looks at a wave, in seconds: a metric's period, or what one execution can afford.

    Raises InvalidRequest as Release.schedule does.
    """
    return _pace(release, release.schedule(default_traffic))


def most_events(release: Release, default_traffic: str) -> int:
    """
    The events that the release's execution may have at that pace, without retries and pauses.

    Every bake and every approval takes as long as it may, and in the end all functions are put back. Raises
    InvalidRequest as Release.schedule does.
    """
    plan = release.schedule(default_traffic)
    return _events(release, plan, _pace(release, plan))


def opened_at_once(places: Collection[object], calls_per_second: float) -> int:
    """How many functions are opened at a time, in these accounts and regions, of which each has its own turns."""
    return min(MOST_OPENED_AT_ONCE, len(places) * math.ceil(OPENING_SECONDS * calls_per_second / CALLS_TO_OPEN))


def looks_at_wave(functions: int, calls_per_second: float, pace: int, step: Step, longest_seconds: int = 0) -> int:
    """
    How often LookAtWave runs at most in a step of a wave of so many functions, before the bake of the last one is over.

    While others still get their share, it runs once in a pace. Then it looks at each group of functions that are due at
    about the same time, until the last one has baked. A bake may be drawn out to `longest_seconds`.
    """
    at = looks(step.bake_seconds, pace, longest_seconds)
    between = looks_while_shifting(functions, calls_per_second, pace)
    if step.bake_seconds == 0:
        return between + waits(at)
    apart_seconds = apart(0, least_pause(step.bake_seconds, pace))
    groups = min(APART, 1 + math.floor(functions / calls_per_second / apart_seconds))
    if groups == 1:
        return between + waits(at)
    return between + waits(at) + (groups - 1) * len(at) + 2


def looks_while_shifting(functions: int, calls_per_second: float, pace: int) -> int:
    """How often the shift of so many functions is interrupted by a look."""
    return math.ceil(functions / calls_per_second / pace) - 1


def times_shifted(functions: int, calls_per_second: float, pace: int) -> int:
    """How often ShiftWave runs for one shift of so many functions: it ends with a slice, and where a look is due."""
    paces, rest = divmod(functions / calls_per_second, pace)
    return round(paces) * math.ceil(pace / SLICE_SECONDS) + math.ceil(rest / SLICE_SECONDS)


def must_be_affordable(release: Release, default_traffic: str) -> None:
    """Raises InvalidRequest if one execution has no room for the release, and as Release.schedule does."""
    events = most_events(release, default_traffic)
    if events > MOST_EVENTS:
        raise InvalidRequest(
            f"waves: {len(release.waves)} waves with their shifts, bakes and approvals may need {events} events. An "
            f"execution may have 25,000, and {MOST_EVENTS} of them are for waves; the rest is for retries and pauses. "
            "Write larger waves, fewer steps, shorter bakes or a shorter approval.timeout_seconds"
        )


def _pace(release: Release, plan: Schedule) -> int:
    pace = release.period_seconds
    while pace < SELDOM_SECONDS and _events(release, plan, pace) > MOST_EVENTS:
        pace = math.ceil(pace * 1.25)
    return pace


def _events(release: Release, plan: Schedule, pace: int) -> int:
    """CompleteRelease makes one call for each function at most."""
    rate, everybody = release.calls_per_second, len(release.members)
    shifts = len(plan.steps) * sum(times_shifted(len(wave.numbers), rate, pace) for wave in release.waves)
    ends = _slices(everybody, rate) + _slices(everybody * CALLS_TO_PUT_BACK, UNDOING_A_SECOND)
    looked = sum(
        looks_at_wave(len(wave.numbers), rate, pace, step, longest(plan, step))
        for wave in release.waves
        for step in plan.steps
    )
    asked = sum(wave.approve for wave in release.waves)
    while_asked = asked * waits(looks(release.approval.timeout_seconds, pace)) if asked else 0
    hooks = sum((wave.hooks.before is not None) + (wave.hooks.after is not None) for wave in release.waves)
    return (
        EVENTS_BESIDE
        + EVENTS_PER_SLICE * (shifts + ends)
        + EVENTS_PER_LOOK * (looked + while_asked)
        + EVENTS_PER_APPROVAL * asked
        + EVENTS_PER_HOOK * hooks
        + EVENTS_PER_PUTTING_BACK * min(release.tolerate, looked)
    )


def _slices(calls: int, calls_per_second: float) -> int:
    return math.ceil(calls / (SLICE_SECONDS * calls_per_second))
