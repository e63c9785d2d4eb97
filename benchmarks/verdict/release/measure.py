"""What is measured of releases: good ones rolled back, one bad function among good ones, faults that several share."""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeVar

import numpy as np

from benchmarks.verdict.release.fleet import Cell
from benchmarks.verdict.release.play import ENOUGH, first_at, harmed_until, of_the_product, play
from benchmarks.verdict.release.sums import Rule, Sums
from benchmarks.verdict.world import Floats
from bluegreen.decisions.bake import SUSPECTED_ODDS

BAKE, LONG_BAKE = 20, 60
"""Minutes of figures: of identical greens, and of worse ones."""
IDENTICAL = {
    "nothing happens": Cell(1),
    "in waves: one, a fifth, the others": Cell(1, waves=True),
    "functions that call each other, with retries": Cell(1, calls=True),
    "the same, and outages that all share": Cell(1, calls=True, outages=0.1),
    "bursts in each version (icc 0.005)": Cell(1, icc=0.005),
    "the first request of every green fails": Cell(1, first_fails=True),
}
ONE_BAD = (
    Cell(1, bad=1, excess=1.0, traffic=1.0, blue=0.001),
    Cell(1, bad=1, excess=0.2, traffic=1.0, blue=0.0),
    Cell(1, bad=1, excess=0.05, traffic=10.0, blue=0.001),
    Cell(1, bad=1, excess=0.01, traffic=10.0, blue=0.001),
)
EXCESSES, PARTS = (0.05, 0.01, 0.003), {1.0: "all", 0.2: "a fifth"}
FOR_ONE = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Parts of the stake on single functions."""
CONFIDENCE = 0.95

T = TypeVar("T")


def upper_bound(hits: int, runs: int) -> float:
    """The probability that is excluded with 95 % confidence (Clopper and Pearson 1934), as is any higher one."""

    def at_most_so_many(rate: float) -> float:
        return sum(math.comb(runs, each) * rate**each * (1 - rate) ** (runs - each) for each in range(hits + 1))

    low, high = hits / runs, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if at_most_so_many(middle) > 1 - CONFIDENCE else (low, middle)
    return high


@dataclass(frozen=True)
class Spared:
    """
    Releases of identical greens: so many were `rolled_back`, so many `suspected` at the end, and in so many some
    function would have been rolled back `alone`, by its own evidence and a false_alarm of its own.
    """

    what: str
    of: int
    runs: int
    rolled_back: int
    suspected: int
    alone: int

    @property
    def at_most(self) -> float:
        """The probability of a rollback, with 95 % confidence."""
        return upper_bound(self.rolled_back, self.runs)


def spared(what: str, of: int, runs: int) -> Spared:
    """Releases of identical greens."""
    played = play(replace(IDENTICAL[what], of=of), runs, BAKE)
    logs = played.sums.together()
    return Spared(
        what,
        of,
        runs,
        rolled_back=int((logs.max(axis=0) >= ENOUGH).sum()),
        suspected=int((logs[-1] >= math.log(SUSPECTED_ODDS)).sum()),
        alone=int((played.highest >= ENOUGH).sum()),
    )


@dataclass(frozen=True)
class Found:
    """
    Releases with worse greens: the median minute of the rollback (None if fewer than half are, within the hour), the
    requests harmed until then, on average, and the share found.
    """

    what: str
    of: int
    runs: int
    minute: float | None
    harmed: float
    share: float


def found(what: str, logs: Floats, harmed: Floats, of: int) -> Found:
    """By the evidence and the harm, minute by minute."""
    minute = first_at(logs)
    middle = float(np.median(minute))
    return Found(
        what,
        of,
        len(minute),
        minute=middle if math.isfinite(middle) else None,
        harmed=float(harmed_until(harmed, minute).mean()),
        share=float(np.isfinite(minute).mean()),
    )


@cache
def _others(of: int, runs: int) -> Sums | None:
    return play(Cell(of, seen=of - 1), runs, LONG_BAKE).sums if of > 1 else None


def one_bad(of: int, runs: int) -> list[Found]:
    """Each kind of bad function among identical greens of mixed traffic, shifted with them and before them."""
    rows = []
    others = _others(of, min(runs, MOST_OTHERS))
    for cell in ONE_BAD:
        bad = play(replace(cell, of=of, seen=1), runs, LONG_BAKE)
        both = bad.sums if others is None else bad.sums.among(_as_often(others, runs))
        rows.append(found(described(cell), both.together(), bad.harmed, of))
        rows.append(found(f"{described(cell)}, shifted first", bad.sums.together(), bad.harmed, of))
    return rows


MOST_OTHERS = 100
"""So many times the other functions of a release are played; each serves several bad ones."""


def _as_often(sums: Sums, runs: int) -> Sums:
    again = np.arange(runs) % sums.odds.shape[-1]
    return Sums(sums.of, sums.odds[..., again], sums.bets[..., again])


def described(cell: Cell) -> str:
    """A bad function."""
    blue = cell.blue or 0.0
    return f"{cell.traffic:g} req/s, {100 * blue:g} -> {100 * min(1.0, blue + cell.excess):g} %"


def shared(excess: float, part: float, of: int, runs: int) -> Found:
    """All functions of mixed traffic have a worse green, or a fifth of them."""
    cell = Cell(of, bad=max(1, round(part * of)), excess=excess)
    played = play(cell, runs, LONG_BAKE)
    return found(fault(excess, part), played.sums.together(), played.harmed, of)


def fault(excess: float, part: float) -> str:
    """A fault that several functions share."""
    return f"{PARTS[part]} fail {100 * excess:g} percentage points more"


@dataclass(frozen=True)
class Staked:
    """A way to reckon: the nats that one bad function needs, and the median minutes of three faults in 100."""

    rule: Rule
    for_one: float
    nats: float
    minutes: dict[str, float | None]


def staked(runs: int, of: int = 100) -> list[Staked]:
    """Other stakes, and other things to bet on, on the same releases."""
    faults: dict[str, tuple[Sums, Floats]] = {}
    for excess, part in ((0.01, 1.0), (0.003, 1.0), (0.01, 0.2)):
        played = play(Cell(of, bad=round(part * of), excess=excess), runs, LONG_BAKE)
        faults[fault(excess, part)] = played.sums, played.harmed
    first = play(replace(ONE_BAD[1], of=of, seen=1), runs, LONG_BAKE)
    faults["one, shifted first: " + described(ONE_BAD[1])] = first.sums, first.harmed
    ways: list[tuple[Rule, float]] = [("mean", 1.0), ("mean and product", 0.5)]
    ways += [("shipped", each) for each in FOR_ONE]
    return [
        Staked(
            rule,
            for_one,
            math.log(of / for_one) + ENOUGH,
            {
                what: found(what, sums.together(rule, for_one), harmed, of).minute
                for what, (sums, harmed) in faults.items()
            },
        )
        for rule, for_one in ways
    ]


ALIKE = (
    Cell(5, bad=1, excess=0.05),
    Cell(7, calls=True, outages=0.1, waves=True),
    Cell(12, bad=4, excess=0.2),
    Cell(3, icc=0.005, first_fails=True),
)


def furthest_from_the_product(runs: int, minutes: int = 12) -> float:
    """The most by which the evidence of arrays and of the product differ, in nats, with the same dice."""
    return max(
        float(np.abs(play(cell, runs, minutes).sums.together() - of_the_product(cell, runs, minutes)).max())
        for cell in ALIKE
    )


@dataclass(frozen=True)
class Sample:
    """How many releases of each size are played."""

    identical: dict[int, int]
    worse: dict[int, int]
    bad: int
    alike: int


FULL = Sample(
    identical={1: 4000, 5: 3000, 20: 3000, 100: 2000, 1000: 300},
    worse={1: 1000, 5: 500, 20: 200, 100: 60, 1000: 12},
    bad=500,
    alike=3,
)
QUICK = Sample(identical={1: 300, 5: 60, 20: 20, 100: 4}, worse={1: 50, 5: 20, 20: 6, 100: 2}, bad=40, alike=1)


@dataclass(frozen=True)
class Measured:
    """Everything."""

    spared: Sequence[Spared]
    one_bad: Sequence[Found]
    shared: Sequence[Found]
    staked: Sequence[Staked]
    furthest: float


def measure(sample: Sample, workers: int, progress: Callable[[int, int], None]) -> Measured:
    """All of it, in so many processes."""
    good = [partial(spared, what, of, runs) for of, runs in sample.identical.items() for what in _told(of)]
    bad = [partial(one_bad, of, sample.bad) for of in sample.worse]
    same = [
        partial(shared, excess, part, of, runs)
        for of, runs in sample.worse.items()
        for part in PARTS
        for excess in EXCESSES
        if of > 1 or part == 1
    ]
    with ProcessPoolExecutor(workers) as pool:
        in_good, in_bad, in_same = _largest_first(pool, good), _largest_first(pool, bad), _largest_first(pool, same)
        in_stakes = pool.submit(staked, sample.worse[100])
        in_product = pool.submit(furthest_from_the_product, sample.alike)
        everything: list[Future[Any]] = [*in_good, *in_bad, *in_same, in_stakes, in_product]
        for number, _ in enumerate(as_completed(everything), start=1):
            progress(number, len(everything))
        return Measured(
            [each.result() for each in in_good],
            [row for each in in_bad for row in each.result()],
            [each.result() for each in in_same],
            in_stakes.result(),
            in_product.result(),
        )


def _largest_first(pool: ProcessPoolExecutor, work: Sequence[Callable[[], T]]) -> list[Future[T]]:
    return [pool.submit(each) for each in reversed(work)][::-1]


def _told(of: int) -> Iterable[str]:
    """The cases that a release of so many functions can have. One function alone has no waves, and calls no other."""
    return [what for what, cell in IDENTICAL.items() if of > 1 or not (cell.waves or cell.calls)]
