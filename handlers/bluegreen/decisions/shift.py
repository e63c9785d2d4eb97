"""The next share of the alias that green gets."""

from bluegreen.model import Frozen
from bluegreen.request.traffic import Schedule, Seconds, Step, Weight

SILENCE_SECONDS = 600
"""How long `Adaptive` waits for the first request."""


class Shifted(Frozen):
    """From `at` (seconds since 1970) green had `weight`."""

    at: float
    weight: Weight


class Bakes(Frozen):
    """
    How long green is watched at the share that it has.

    The bake counts from `since` (seconds since 1970). A green without any traffic is watched for `silence_seconds` at
    most.
    """

    since: float
    bake_seconds: Seconds
    silence_seconds: Seconds


def next_weight(schedule: Schedule, shifts: int) -> Weight:
    """The weight of a schedule's next step after so many shifts; 1 after the last. Under Adaptive, the first weight."""
    if schedule.adaptive:
        return schedule.first_weight
    return schedule.steps[min(shifts, len(schedule.steps) - 1)].weight


def following(schedule: Schedule, shifts: tuple[Shifted, ...]) -> Weight:
    """The weight of the step after these shifts; 1 once green has everything."""
    return 1.0 if shifts[-1].weight == 1 else next_weight(schedule, len(shifts))


def step_of(schedule: Schedule, shifts: tuple[Shifted, ...]) -> Step:
    """The step that these shifts came to. It is the last one if green has everything: a person may pass over others."""
    return schedule.steps[-1 if shifts[-1].weight == 1 else len(shifts) - 1]


def bakes(schedule: Schedule, shifts: tuple[Shifted, ...]) -> Bakes:
    """The bake after the last of these shifts. Under Adaptive all shifts share one bake, which the last one ends."""
    last = shifts[-1]
    if schedule.adaptive:
        seconds = 0 if last.weight == 1 else schedule.longest_seconds
        return Bakes(since=shifts[0].at, bake_seconds=seconds, silence_seconds=SILENCE_SECONDS)
    seconds = step_of(schedule, shifts).bake_seconds
    return Bakes(since=last.at, bake_seconds=seconds, silence_seconds=seconds)
