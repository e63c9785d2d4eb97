"""How green's share of the alias grows: strategies, steps and the next shift."""

import difflib
import math
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from bluegreen.model import Frozen

Weight = Annotated[float, Field(gt=0, le=1, strict=True)]
Seconds = Annotated[int, Field(ge=0, strict=True)]

LONGEST_BAKE_SECONDS = 48 * 3600
"""All bakes of a deployment together, as CodeDeploy limits them."""

MOST_EVENTS = 24_000
"""Of the 25,000 an execution may have, what shifts and looks may use."""
EVENTS_PER_SHIFT = 7
EVENTS_PER_LOOK = 9
MOST_STEPS = 500

ADAPTIVE = "Adaptive"
ADAPTIVE_SECONDS = 3600
"""How long `Adaptive` may take, unless the request says otherwise."""
SILENCE_SECONDS = 600
"""How long `Adaptive` waits for the first request."""


class Step(Frozen):
    """Green's share, and how long it is watched there."""

    weight: Weight
    bake_seconds: Seconds


class Steps(Frozen):
    """A free list of steps; one of weight 1.0 is implied at its end."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MOST_STEPS)]
    final_bake_seconds: Seconds = 0

    @model_validator(mode="after")
    def weights_climb(self) -> Self:
        """Refuse what would take traffic away from green, or bake for ever."""
        for number, (before, after) in enumerate(pairwise(self.steps), start=2):
            if after.weight <= before.weight:
                raise ValueError(
                    f"weights must climb: step {number} has {after.weight} after {before.weight}; "
                    "write each weight larger than the one before"
                )
        if self.steps[-1].weight == 1 and self.final_bake_seconds:
            raise ValueError(
                "the last step has weight 1.0, so its bake_seconds is the final bake; leave out final_bake_seconds"
            )
        total = sum(step.bake_seconds for step in self.steps) + self.final_bake_seconds
        if total > LONGEST_BAKE_SECONDS:
            raise ValueError(f"the bakes take {total} seconds together; {LONGEST_BAKE_SECONDS} (48 hours) is the most")
        return self

    def to_the_end(self) -> tuple[Step, ...]:
        """The steps with the implied last one."""
        if self.steps[-1].weight == 1:
            return self.steps
        return (*self.steps, Step(weight=1, bake_seconds=self.final_bake_seconds))


class Schedule(Frozen):
    """
    A strategy, resolved: every step up to the whole alias.

    `longest_seconds` is how long a bake may be drawn out for want of evidence. `Adaptive` has no steps, since its
    weights follow the evidence: it has its first weight, and all the way up is one bake.
    """

    name: str
    steps: tuple[Step, ...] = ()
    first_weight: Weight = 1.0
    longest_seconds: Seconds = 0

    @property
    def longest_in_all(self) -> int:
        """Seconds that all bakes together may take."""
        if self.adaptive:
            return self.longest_seconds
        return sum(max(step.bake_seconds, self.longest_seconds) for step in self.steps if step.bake_seconds)

    @property
    def adaptive(self) -> bool:
        """The next weight depends on the last look."""
        return not self.steps


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


class Route(Frozen):
    """What an alias says: `primary` serves all but the weights in `also`."""

    primary: str
    also: dict[str, float] = {}

    @property
    def versions(self) -> frozenset[str]:
        """Every version that some request may meet."""
        return frozenset({self.primary, *self.also})

    @property
    def whole(self) -> bool:
        """One version serves everybody."""
        return not self.also

    def __str__(self) -> str:
        if self.whole:
            return self.primary
        share = ", ".join(f"{weight:.4g} to {version}" for version, weight in self.also.items())
        return f"{self.primary} (and {share})"


def _canary(minutes: int) -> tuple[Step, ...]:
    return (Step(weight=0.1, bake_seconds=60 * minutes), Step(weight=1, bake_seconds=0))


def _linear(minutes: int) -> tuple[Step, ...]:
    tenths = (Step(weight=tenth / 10, bake_seconds=60 * minutes) for tenth in range(1, 10))
    return (*tenths, Step(weight=1, bake_seconds=0))


STRATEGIES: dict[str, tuple[Step, ...]] = {
    "AllAtOnce": (Step(weight=1, bake_seconds=0),),
    "Canary10Percent5Minutes": _canary(5),
    "Canary10Percent10Minutes": _canary(10),
    "Canary10Percent15Minutes": _canary(15),
    "Canary10Percent30Minutes": _canary(30),
    "Linear10PercentEvery1Minute": _linear(1),
    "Linear10PercentEvery2Minutes": _linear(2),
    "Linear10PercentEvery3Minutes": _linear(3),
    "Linear10PercentEvery10Minutes": _linear(10),
}
"""CodeDeploy's predefined Lambda configurations, by the names SAM uses for them."""


def known(name: str) -> str:
    """The name, if it is a strategy; ValueError says which there are otherwise."""
    names = [*STRATEGIES, ADAPTIVE]
    if name in names:
        return name
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise ValueError(f"{name!r} is not a strategy; {hint}write one of {', '.join(names)}, or an object with steps")


def schedule(traffic: str | Steps, max_bake_seconds: int | None = None) -> Schedule:
    """What a strategy's name or a list of steps comes to."""
    longest = max_bake_seconds or 0
    if isinstance(traffic, Steps):
        return Schedule(name="Steps", steps=traffic.to_the_end(), longest_seconds=longest)
    if traffic == ADAPTIVE:
        return Schedule(name=ADAPTIVE, longest_seconds=longest or ADAPTIVE_SECONDS)
    return Schedule(name=traffic, steps=STRATEGIES[traffic], longest_seconds=longest)


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


def look_seconds(plan: Schedule, step: Step, period_seconds: int) -> int:
    """
    Seconds between two looks: an even part of the bake, a metric's period or more, few enough for one execution.

    A bake that may be drawn out is looked at no more often than its longest duration allows.
    """
    if step.bake_seconds == 0:
        return 0
    affordable = (MOST_EVENTS - len(plan.steps) * EVENTS_PER_SHIFT) // EVENTS_PER_LOOK - 2 * len(plan.steps)
    pace = max(period_seconds, math.ceil(plan.longest_in_all / affordable))
    evenly = math.ceil(step.bake_seconds / max(1, step.bake_seconds // pace))
    return max(evenly, pace) if plan.longest_seconds > step.bake_seconds else evenly


def route(blue: str, green: str, weight: Weight) -> Route:
    """Blue keeps the alias until green has all of it."""
    if weight == 1:
        return Route(primary=green)
    return Route(primary=blue, also={green: weight})
