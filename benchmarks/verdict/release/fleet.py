"""
The functions of a release and what happens to them, for many releases at once.

Arrays have a row a release and a column a function.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdict.watching import learn
from benchmarks.verdict.world import OUTAGE_MINUTES, OUTAGE_RATE, PAST_MINUTES, Bools, Floats, Ints, Past
from bluegreen.decisions.past import LEAST_ICC

TRAFFIC = (0.1, 10.0)
"""Requests a second of a function: the least and the most, evenly over the logarithm."""
RATES = (0.0, 0.001, 0.01)
"""Blue's error rates, each in a third of the functions."""
CALLED, CALLING = 0.1, 0.3
"""So many of the functions are only called, and so many call those; the others call the latter."""
WEIGHT = 0.1
WAVE_MINUTES = 5

Columns = NDArray[np.intp]


@dataclass(frozen=True)
class Cell:
    """
    A kind of release: so many functions, of which the first `bad` have a green that fails in `excess` more of its
    requests than blue.

    With `calls` most functions call another one for each request, once more if that fails, and fail if it does so
    again. In any minute an outage of all functions, both versions, begins with the probability `outages`. The failures
    of a minute and version are correlated by `icc`. With `first_fails` the first request of every green fails besides.
    With `waves` one function is shifted first, then a fifth of them, then the others. `traffic` and `blue` are those
    of every function, where they are not mixed. Of `of` functions only `seen` are played; the others have no evidence.
    """

    of: int
    bad: int = 0
    excess: float = 0.0
    calls: bool = False
    outages: float = 0.0
    icc: float = 0.0
    first_fails: bool = False
    waves: bool = False
    traffic: float | None = None
    blue: float | None = None
    seen: int | None = None

    @property
    def functions(self) -> int:
        """That are played."""
        return self.of if self.seen is None else self.seen

    @property
    def shifted_at(self) -> Ints:
        """The minute of each function's first shift."""
        first, second = (1, 1 + self.functions // 5) if self.waves else (self.functions, self.functions)
        column = np.arange(self.functions)
        return WAVE_MINUTES * ((column >= first).astype(np.int64) + (column >= second))


@dataclass
class Minute:
    """Counts of a minute, the weight that each green had at its end, and whether it had none at the beginning."""

    green: Ints
    green_bad: Ints
    blue: Ints
    blue_bad: Ints
    weight: Floats
    began: Bools


@dataclass
class Now:
    """A part of a minute, and what it has come to so far."""

    weight: Floats
    green_rate: Floats
    blue_rate: Floats
    counts: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((4, *self.weight.T.shape), np.int64)


class Fleet:
    """Releases of one kind, played by dice."""

    def __init__(self, cell: Cell, runs: int, random: np.random.Generator) -> None:
        self.cell, self._random, self._shape = cell, random, (runs, cell.functions)
        low, high = np.log10(TRAFFIC)
        mixed = 10 ** random.uniform(low, high, self._shape)
        self.per_minute = 60 * (mixed if cell.traffic is None else np.full(self._shape, cell.traffic))
        self.blue_rate = random.choice(RATES if cell.blue is None else (cell.blue,), self._shape)
        bad = np.arange(cell.functions) < cell.bad
        self.green_rate = np.where(bad, np.minimum(1.0, self.blue_rate + cell.excess), self.blue_rate)
        self._second = random.integers(0, 60, self._shape)
        self._unserved = np.full(self._shape, cell.first_fails)
        self._down_from, self._down_until = np.full(runs, -1.0), np.full(runs, -1.0)
        self._tiers = self._called()

    def icc(self) -> Floats:
        """How alike the requests of a minute fail, as three hours of blue alone tell."""
        if not self.cell.icc:
            return np.full(self._shape, LEAST_ICC)
        minutes = (self._shape[0] * self._shape[1], PAST_MINUTES)
        requests = self._random.poisson(np.broadcast_to(self.per_minute.reshape(-1, 1), minutes))
        rate = self._bursts(np.broadcast_to(self.blue_rate.reshape(-1, 1), minutes))
        learnt: Floats = learn(Past(requests, self._random.binomial(requests, rate))).icc.reshape(self._shape)
        return learnt

    def minute(self, number: int) -> Minute:
        """What comes in a minute. Each function is shifted at a second of its own."""
        self._go_down(number)
        before, after = (WEIGHT * (self.cell.shifted_at < number + at) * np.ones(self._shape) for at in (0, 1))
        at = np.where(before == after, 0.0, self._second / 60)
        green_rate, blue_rate = self._bursts(self.green_rate), self._bursts(self.blue_rate)
        counts = np.zeros((4, *self._shape), np.int64)
        for weight, begin, end in ((before, np.zeros(self._shape), at), (after, at, np.ones(self._shape))):
            if not end.any():
                continue
            down = self._part_down(number + begin, number + end)
            rates = (rate * (1 - down) + np.maximum(rate, OUTAGE_RATE) * down for rate in (green_rate, blue_rate))
            now = Now(weight, *rates)
            requests = self._random.poisson(self.per_minute * (end - begin))
            for tier, columns in enumerate(self._tiers):
                self._serve(now, tier, columns, requests[:, columns])
            counts += now.counts.transpose(0, 2, 1)
        green, green_bad, blue, blue_bad = counts
        return Minute(green, self._first(green, green_bad), blue, blue_bad, after, before < after)

    def _called(self) -> list[Columns]:
        """Functions by tier: those of the first are called by those of the second, and these by those of the third."""
        columns, of = np.arange(self.cell.functions), self.cell.functions
        if not self.cell.calls or of < 3:
            return [columns]
        first = max(1, round(CALLED * of))
        second = first + max(1, round(CALLING * of))
        tiers = [columns[:first], columns[first:second], columns[second:]]
        self._callee = np.zeros(of, np.intp)
        for below, tier in pairwise(tiers):
            self._callee[tier] = self._random.choice(below, len(tier))
        return tiers

    def _serve(self, now: Now, tier: int, columns: Columns, requests: Ints) -> Ints:
        """Requests of these functions; how many of them failed. A column may be there more than once."""
        random = self._random
        green = random.binomial(requests, now.weight[:, columns])
        blue = requests - green
        green_bad = blue_bad = np.zeros_like(green)
        if tier:
            callee = self._callee[columns]
            failed = self._serve(now, tier - 1, callee, requests)
            failed = self._serve(now, tier - 1, callee, failed)
            green_bad = random.hypergeometric(green, blue, failed)
            blue_bad = failed - green_bad
        green_bad = green_bad + random.binomial(green - green_bad, now.green_rate[:, columns])
        blue_bad = blue_bad + random.binomial(blue - blue_bad, now.blue_rate[:, columns])
        for counts, each in zip(now.counts, (green, green_bad, blue, blue_bad), strict=True):
            np.add.at(counts, columns, each.T)
        bad: Ints = green_bad + blue_bad
        return bad

    def _first(self, green: Ints, green_bad: Ints) -> Ints:
        began = self._unserved & (green > 0)
        self._unserved &= ~began
        bad: Ints = np.minimum(green, green_bad + began)
        return bad

    def _bursts(self, rate: Floats) -> Floats:
        if not self.cell.icc:
            return rate
        spread, some = 1 / self.cell.icc - 1, np.clip(rate, 1e-9, 1 - 1e-9)
        drawn = self._random.beta(some * spread, (1 - some) * spread)
        burst: Floats = np.where((rate > 0) & (rate < 1), drawn, rate)
        return burst

    def _go_down(self, number: int) -> None:
        runs = len(self._down_until)
        begins = (self._random.random(runs) < self.cell.outages) & (self._down_until <= number)
        self._down_from = np.where(begins, number + self._random.random(runs), self._down_from)
        lasts = self._random.uniform(*OUTAGE_MINUTES, runs)
        self._down_until = np.where(begins, self._down_from + lasts, self._down_until)

    def _part_down(self, begin: Floats, end: Floats) -> Floats:
        overlap = np.minimum(end, self._down_until[:, None]) - np.maximum(begin, self._down_from[:, None])
        part: Floats = np.clip(overlap / np.maximum(end - begin, 1e-9), 0, 1)
        return part


def in_parts(runs: int, functions: int) -> Iterator[int]:
    """So many releases at a time, that what is played at once stays small."""
    at_once = max(1, AT_ONCE // functions)
    for begun in range(0, runs, at_once):
        yield min(at_once, runs - begun)


AT_ONCE = 20_000
"""Functions that are played at once."""
