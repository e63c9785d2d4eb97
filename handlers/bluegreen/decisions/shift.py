"""The next share of the alias that green gets."""

import math

from bluegreen.decisions.pace import EVENTS_PER_LOOK, EVENTS_PER_SHIFT, MOST_EVENTS, look_seconds
from bluegreen.model import Frozen
from bluegreen.request.traffic import Schedule, Seconds, Weight

SILENCE_SECONDS = 600
"""How long `Adaptive` waits for the first request."""


class Shifted(Frozen):
    """From `at` (seconds since 1970) green had `weight`."""

    at: float
    weight: Weight


class Shift(Frozen):
    """
    The section of ShiftAlias: where the shift stands, and when to look at it.

    `of_steps` is 0 when nobody knows how many there will be. A green without any traffic is watched for
    `silence_seconds` at most.
    """

    step: int
    of_steps: int
    green_weight: Weight
    bake_seconds: Seconds
    look_seconds: Seconds
    silence_seconds: Seconds
    shifted_at: float
    watched_since: float
    fully_shifted: bool
    shifts: tuple[Shifted, ...]


def next_shift(
    plan: Schedule, done: Shift | None, now: float, period_seconds: int, next_weight: float | None = None
) -> Shift:
    """
    The step after what was done; a repeated call with the same `done` is the same step.

    `next_weight` is what the last look allows; only `Adaptive` asks.
    """
    if plan.adaptive:
        return _adaptive_shift(plan, done, now, period_seconds, next_weight or plan.first_weight)
    number = done.step if done else 0
    step = plan.steps[number]
    return Shift(
        step=number + 1,
        of_steps=len(plan.steps),
        green_weight=step.weight,
        bake_seconds=step.bake_seconds,
        look_seconds=look_seconds(plan, step, period_seconds),
        silence_seconds=step.bake_seconds,
        shifted_at=now,
        watched_since=now,
        fully_shifted=step.weight == 1,
        shifts=(*(done.shifts if done else ()), Shifted(at=now, weight=step.weight)),
    )


def _adaptive_shift(plan: Schedule, done: Shift | None, now: float, period_seconds: int, weight: float) -> Shift:
    """All the way up is one bake; with the whole alias it is over."""
    shifts = (*(done.shifts if done else ()), Shifted(at=now, weight=weight))
    fully_shifted = weight == 1
    most_looks = MOST_EVENTS // (EVENTS_PER_LOOK + EVENTS_PER_SHIFT)
    return Shift(
        step=len(shifts),
        of_steps=0,
        green_weight=weight,
        bake_seconds=0 if fully_shifted else plan.longest_seconds,
        look_seconds=0 if fully_shifted else max(period_seconds, math.ceil(plan.longest_seconds / most_looks)),
        silence_seconds=SILENCE_SECONDS,
        shifted_at=now,
        watched_since=shifts[0].at,
        fully_shifted=fully_shifted,
        shifts=shifts,
    )
