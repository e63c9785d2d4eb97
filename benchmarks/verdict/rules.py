"""
What a rule of rollback is to the simulation, and how a rule of your own gets into the tables.

A rule plays many deployments at once. It is asked at one look in every minute, and answers green's weight from then on
and which deployments end there. `python -m benchmarks.verdict --rule module:function` measures a function
`decide(minute, weight, seen)` for one deployment: it is asked at the start of every minute and answers green's weight
from now on. 1.0 promotes green for good, None rolls back. `seen` has the visible minutes as
`bluegreen.verdict.Bucket`s, oldest first, with the signal "errors"; `weight` is 0 at minute 0.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np

from benchmarks.verdict.scenario import Scenario
from benchmarks.verdict.world import Bools, Floats, Ints, Minute, Past
from bluegreen.verdict import Bucket, Counts, Sides


class End(IntEnum):
    """How a deployment ends, and why green is rolled back."""

    UNDER_WAY = 0
    PROMOTED = 1
    WORSE = 2
    SUSPECTED = 3
    UNMEASURED = 4
    PROBE_FAILED = 5


@dataclass
class Decision:
    """Green's weight after a look, the second of the minute at which it gets that, and the deployments that end."""

    weight: Floats
    second: Floats
    end: Ints


@dataclass
class Opening:
    """What is known before the first shift, and the second of the minute at which that comes."""

    scenario: Scenario
    past: Past
    first_second: Floats


Seen = Mapping[int, Minute]
"""All minutes so far, by their number; what is visible of them their times say."""


class Playing(Protocol):
    """A rule in the middle of many deployments."""

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """What follows from the look of this minute; the one of minute 0 is the first shift."""

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""


Rule = Callable[[Opening], Playing]
Decide = Callable[[int, float, Sequence[Bucket]], float | None]


def visible(seen: Seen, number: int, scenario: Scenario, newest: int = 1) -> list[Minute]:
    """The newest minutes that a look sees if every figure comes in time, the oldest of them first."""
    until = number - scenario.late
    return [seen[each] for each in range(max(0, until - newest), until)] if not scenario.silent else []


class OfUser:
    """A rule for one deployment, asked for each of many."""

    def __init__(self, decide: Decide, opening: Opening) -> None:
        self._decide, self._scenario, self._second = decide, opening.scenario, opening.first_second
        self._buckets: list[list[Bucket]] = [[] for _ in self._second]

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """One after the other."""
        for minute in visible(seen, number, self._scenario):
            for run, buckets in enumerate(self._buckets):
                buckets.append(bucket_of(minute, run, number - 1 - self._scenario.late))
        answers = [self._decide(number, float(weight[run]), buckets) for run, buckets in enumerate(self._buckets)]
        end = [End.WORSE if each is None else End.PROMOTED if each >= 1 else End.UNDER_WAY for each in answers]
        return Decision(np.array([each or 0.0 for each in answers]), self._second, np.array(end, np.int64))

    def keep(self, left: Bools) -> None:
        """Forget the others."""
        self._second = self._second[left]
        self._buckets = [buckets for buckets, stays in zip(self._buckets, left, strict=True) if stays]


def bucket_of(minute: Minute, run: int, number: int) -> Bucket:
    """What a rule of a user's sees of a minute."""
    blue = Counts(int(minute.blue[run]), int(minute.blue_bad[run]))
    green = Counts(int(minute.green[run]), int(minute.green_bad[run]))
    weights = (float(minute.before[run]), float(minute.after[run]))
    return Bucket(60 * number, {"errors": Sides(blue=blue, green=green)}, max(weights), changed=len(set(weights)) > 1)


def from_user(name: str) -> Rule:
    """The rule `module:function` of a user's."""
    module, separator, function = name.partition(":")
    if not separator:
        raise SystemExit(f"{name!r} names no rule; write module:function")
    decide: Decide = getattr(importlib.import_module(module), function)
    return lambda opening: OfUser(decide, opening)
