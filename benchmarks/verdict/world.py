"""
The outside, for many deployments at once: requests, where the alias sends them, which fail, and when that is published.

Every array has one entry a deployment. A minute has two parts, before and after a shift of the weight within it.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdict.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PAST_MINUTES = 180
OUTAGE_RATE, FINAL_OUTAGE_RATE = 0.5, 0.2
OUTAGE_MINUTES = (0.2, 2.0)
"""The shortest and the longest."""
FINAL_OUTAGE_FROM, FINAL_OUTAGE_TO = 7.0, 13.0
"""When the outage of a final bake begins; it takes one minute."""
DOUBLED_FROM = 9
SINGLE_LATE = (0.96, 0.03, 0.01)
"""How often a series shows a minute in time, one look later, and two."""
ERRORS_LATER = 3
SPREAD = 0.4
"""Of the logarithm of a duration."""
SLOWEST_PART = 0.05
SLOWER_THAN = math.exp(1.6449 * SPREAD)
"""The 95th percentile of durations, as a multiple of their median."""
COLD_SECONDS = 2.0
"""By so much the first request in a new environment takes longer; it always counts as slow."""
NEVER = 10**6


@dataclass
class Minute:
    """
    One minute of every deployment: counts, the weights before and after the shift, and the second of it.

    `harmed` are green's bad requests beyond what blue would have had. A series is visible from the look of the minute
    that `alias_at`, `blue_at`, `green_at` say; a version's errors from that of `blue_errors_at`, `green_errors_at`.
    `busy` is how many requests green served at a time, on average.
    """

    green: Ints
    green_bad: Ints
    blue: Ints
    blue_bad: Ints
    harmed: Floats
    before: Floats
    after: Floats
    second: Floats
    alias_at: Ints
    blue_at: Ints
    green_at: Ints
    blue_errors_at: Ints
    green_errors_at: Ints
    green_slow: Ints
    blue_slow: Ints
    busy: Floats

    def keep(self, left: Bools) -> "Minute":
        """Of those deployments that are under way."""
        return Minute(*(getattr(self, field.name)[left] for field in fields(self)))


@dataclass
class Past:
    """Requests and bad ones of blue, by minute, before the first shift; the oldest first."""

    requests: Ints
    bad: Ints


class World:
    """A scenario, played by dice."""

    def __init__(self, scenario: Scenario, runs: int, random: np.random.Generator) -> None:
        self._scenario, self._random = scenario, random
        self.first_second = random.integers(0, 60, runs).astype(float)
        self._unserved = np.full(runs, scenario.first_fails)
        self._down_from, self._down_until = np.full(runs, -1.0), np.full(runs, -1.0)
        if scenario.final_bake == "outage":
            self._down_from = random.uniform(FINAL_OUTAGE_FROM, FINAL_OUTAGE_TO, runs)
            self._down_until = self._down_from + 1
        self._errors_late_in_green = random.random(runs) < 0.5
        self._environments = [Environments() for _ in range(runs if scenario.seconds else 0)]

    def keep(self, left: Bools) -> None:
        """Go on with these deployments."""
        for name in ("first_second", "_unserved", "_down_from", "_down_until", "_errors_late_in_green"):
            setattr(self, name, getattr(self, name)[left])
        self._environments = [each for each, stays in zip(self._environments, left, strict=False) if stays]

    def past(self) -> Past:
        """The last hours before the first shift."""
        shape = (len(self.first_second), PAST_MINUTES)
        requests = self._requests(shape)
        both = self._scenario.bursts == "both"
        rate = self._burst(self._scenario.blue, shape) if both else np.full(shape, self._scenario.blue)
        return Past(requests, self._random.binomial(requests, rate))

    def minute(self, number: int, before: Floats, after: Floats, second: Floats) -> Minute:
        """The minute in which the alias is shifted from one weight to the other at that second."""
        scenario, random = self._scenario, self._random
        at, runs = second / 60, len(second)
        requests = self._requests((runs,))
        first = random.binomial(requests, at)
        green_rate = blue_rate = np.full(runs, self._background(number))
        if scenario.bursts == "both":
            green_rate, blue_rate = self._burst(scenario.blue, (runs,)), self._burst(scenario.blue, (runs,))
        elif scenario.bursts == "green":
            green_rate = self._burst(scenario.blue, (runs,))
        self._go_down(number)
        green, green_bad, blue, blue_bad = (np.zeros(runs, np.int64) for _ in range(4))
        harmed = np.zeros(runs)
        of_parts = []
        parts = ((first, before, np.zeros(runs), at), (requests - first, after, at, np.ones(runs)))
        for served, weight, begin, end in parts:
            fails = self._fails(number, weight)
            down = self._part_down(number + begin, number + end)
            of_green = random.binomial(served, weight)
            of_blue = served - of_green
            bad = random.binomial(of_green, self._rate(np.where(fails, scenario.green, green_rate), down))
            of_parts.append(of_green)
            green, green_bad, blue = green + of_green, green_bad + bad, blue + of_blue
            blue_bad = blue_bad + random.binomial(of_blue, self._rate(blue_rate, down))
            if scenario.green > scenario.blue:
                harmed += np.where(fails, bad * (1 - scenario.blue / scenario.green), 0.0)
        if scenario.first_fails:
            began = self._unserved & (green > 0)
            failed_anyway = random.random(runs) * np.maximum(green, 1) < green_bad
            green_bad = green_bad + (began & ~failed_anyway)
            self._unserved &= ~began
        alias_at, blue_at, green_at, blue_errors_at, green_errors_at = self._published(number)
        green_slow, blue_slow, busy = self._slow(of_parts, at, blue)
        return Minute(
            green=green,
            green_bad=green_bad,
            blue=blue,
            blue_bad=blue_bad,
            harmed=harmed,
            before=before,
            after=after,
            second=second,
            alias_at=alias_at,
            blue_at=blue_at,
            green_at=green_at,
            blue_errors_at=blue_errors_at,
            green_errors_at=green_errors_at,
            green_slow=green_slow,
            blue_slow=blue_slow,
            busy=busy,
        )

    def _requests(self, shape: tuple[int, ...]) -> Ints:
        scenario, random = self._scenario, self._random
        if not scenario.clump:
            return random.poisson(scenario.per_minute, shape)
        return np.where(random.random(shape) < 0.1, scenario.clump, random.integers(1, 7, shape))

    def _burst(self, rate: float, shape: tuple[int, ...]) -> Floats:
        if not 0 < rate < 1:
            return np.full(shape, rate)
        spread = 1 / self._scenario.icc - 1
        return self._random.beta(rate * spread, (1 - rate) * spread, shape)

    def _background(self, number: int) -> float:
        doubled = self._scenario.final_bake == "doubled" and number >= DOUBLED_FROM
        return min(1.0, self._scenario.blue * (2 if doubled else 1))

    def _fails(self, number: int, weight: Floats) -> Bools:
        """Where green errs at its own rate."""
        differs = self._scenario.green != self._scenario.blue and number >= self._scenario.fails_from
        return (weight >= self._scenario.fails_above) & differs

    def _go_down(self, number: int) -> None:
        if self._scenario.outages:
            runs = len(self._down_until)
            begins = (self._random.random(runs) < self._scenario.outages) & (self._down_until <= number)
            self._down_from = np.where(begins, number + self._random.random(runs), self._down_from)
            lasts = self._random.uniform(*OUTAGE_MINUTES, runs)
            self._down_until = np.where(begins, self._down_from + lasts, self._down_until)

    def _part_down(self, begin: Floats, end: Floats) -> Floats:
        overlap = np.minimum(end, self._down_until) - np.maximum(begin, self._down_from)
        part: Floats = np.clip(overlap / np.maximum(end - begin, 1e-9), 0, 1)
        return part

    def _rate(self, rate: Floats, down: Floats) -> Floats:
        outage = FINAL_OUTAGE_RATE if self._scenario.final_bake == "outage" else OUTAGE_RATE
        return rate * (1 - down) + np.maximum(rate, outage) * down

    def _published(self, number: int) -> list[Ints]:
        """Alias, blue, green, and the errors of both: the looks that show them first."""
        runs, random = len(self.first_second), self._random
        if self._scenario.silent:
            return [np.full(runs, NEVER)] * 5
        in_time, one_later, _ = SINGLE_LATE
        dice = random.random((3, runs))
        alias, blue, green = number + 1 + self._scenario.late + (dice > in_time) + (dice > in_time + one_later)
        blue_errors, green_errors = blue, green
        if self._scenario.errors_late:
            later = random.integers(1, ERRORS_LATER + 1, runs) * (random.random(runs) < self._scenario.errors_late)
            blue_errors = np.maximum(blue, number + 1 + self._scenario.late + later * ~self._errors_late_in_green)
            green_errors = np.maximum(green, number + 1 + self._scenario.late + later * self._errors_late_in_green)
        return [alias, blue, green, blue_errors, green_errors]

    def _slow(self, of_parts: list[Ints], at: Floats, blue: Ints) -> tuple[Ints, Ints, Floats]:
        """Green's slow requests and blue's, and how many green served at a time."""
        slow, busy = np.zeros(len(at), np.int64), np.zeros(len(at))
        if not self._environments:
            return slow, slow, busy
        seconds = self._scenario.seconds * self._scenario.slower
        limit = self._scenario.seconds * SLOWER_THAN
        for run, environments in enumerate(self._environments):
            first, second = (int(part[run]) for part in of_parts)
            arrivals = np.sort(
                np.concatenate([self._random.uniform(0, at[run], first), self._random.uniform(at[run], 1, second)])
            )
            durations = seconds * np.exp(SPREAD * self._random.standard_normal(first + second))
            cold = environments.started(60 * arrivals, durations)
            slow[run] = cold + np.count_nonzero(durations[cold:] > limit)
            busy[run] = (durations.sum() + COLD_SECONDS * cold) / 60
        return slow, self._random.binomial(blue, SLOWEST_PART), busy


class Environments:
    """Green's execution environments: as many as it ever served requests at a time. None is stopped."""

    def __init__(self) -> None:
        self._number, self._leave = 0, np.zeros(0)

    def started(self, arrive: Floats, durations: Floats) -> int:
        """How many are started in a minute, by the seconds in which its requests arrive and those that they take."""
        leave = np.sort(np.concatenate([self._leave, arrive + durations]))
        inside = len(self._leave) + np.arange(1, len(arrive) + 1) - np.searchsorted(leave, arrive, side="right")
        started = max(0, int(inside.max(initial=0)) - self._number)
        self._number += started
        self._leave = leave[leave > 60] - 60
        return started
