"""
The evidence of one signal: an e-process that green is worse, and another that it is not.

A bet on a bucket is a factor whose mean is at most 1 as long as green is no worse than tolerated, whatever the
rates are and however they drift. Their product over the buckets, and any mixture of such products, reaches
1/alpha with probability alpha at most, however often one looks (Ville 1939). docs/verdict.md has the derivation.
"""

import math
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from bluegreen.verdict.counts import Bucket, Sides
from bluegreen.verdict.policy import Tolerance
from bluegreen.verdict.restraint import FirstFailure, most_of

WORSE_BETS = ((1.25, 0.03), (1.6, 0.09), (2.5, 0.13), (5.0, 0.09), (12.0, 0.07), (50.0, 0.12), (1e4, 0.07))
"""How many times blue's rate green's may be, and the part of the stake on it."""
LEAST_RATIO = WORSE_BETS[0][0]
"""Less than so many times blue's rate is not looked for."""
OUTRIGHT_BET = (0.9, 0.005, 0.40)
"""
Green's rate, blue's rate and the stake, in tiny buckets: a green that fails outright is found out within a few
requests. Elsewhere this stake is on the last bet above. `python -m benchmarks.verdict` measures what the stakes cost.
"""
FINE_BETS = ((0.002, 0.34), (0.1, 0.13), (0.3, 0.15), (0.5, 0.20), (0.7, 0.12), (0.85, 0.04), (0.95, 0.02))

LATER = 0.2
"""The part of each stake that is laid later, for a green that goes bad on the way."""
HAZARD_PER_MINUTE = 1 / 30

TINY = 30
"""Below so many routings a bucket is judged by the configured weight instead of the counts that came out."""
NEVER = -math.inf


def log_sum(logs: Iterable[float]) -> float:
    """log(sum(exp(x))), without overflow."""
    terms = tuple(logs)
    highest = max(terms)
    if highest == NEVER:
        return NEVER
    return highest + math.log(sum([math.exp(term - highest) for term in terms]))


@dataclass(slots=True)
class Allocation:
    """How the requests of a bucket were routed, and how much its correlation damps it. `tiny` is below TINY draws."""

    green: float
    blue: float
    damping: float
    tiny: bool


def allocation(sides: Sides, bucket: Bucket, icc: float, *, by_counts: bool = False) -> Allocation | None:
    """
    The requests each version got or was to get; None if there is nothing to compare.

    The counts do not say what was to be routed where in a tiny bucket, nor, unless it is to be judged `by_counts`, in
    one whose weight changed: its failures may all have come while green had most. There the largest weight stands for
    them.

    m items that are routed together are one draw. The m-th root of their bets is at most the bets' mean, so a bet that
    is fair for each of them, taken to the power of 1/m, is fair for all.
    """
    green, blue = float(sides.green.requests), float(sides.blue.requests)
    requests, weight = green + blue, bucket.green_weight
    tiny = 0 < requests < TINY * sides.together
    if weight is not None and (tiny or (bucket.changed and not by_counts)):
        green, blue = requests * weight, requests * (1 - weight)
    if not green or not blue:
        return None
    return Allocation(green, blue, sides.together + 2 * icc * green * blue / requests, tiny)


def ratio_bet(psi: float, rho: float, sides: Sides, routed: Allocation) -> tuple[float, float]:
    """Log of the bet on psi times rho times blue's rate: a constant, and what a tolerated excess of 1 adds."""
    share = rho * routed.green / (rho * routed.green + routed.blue)
    mean = 1 + share * (psi - 1)
    of_green, of_both = sides.green.bad, sides.green.bad + sides.blue.bad
    return of_green * math.log(psi) - of_both * math.log(mean), -(psi / mean - 1) * routed.green


def excess(sides: Sides, tolerance: Tolerance) -> float:
    """
    By how many bad requests green exceeds the least difference that is looked for, given blue's in the same bucket.

    The sum over buckets tells which way the counts lean (Mantel and Haenszel 1959): an outage of both versions while
    green happens to have much traffic does not lean against it, as it would in rates over all buckets.
    """
    green, blue = sides.green, sides.blue
    requests = max(green.requests + blue.requests, 1)
    looked_for = LEAST_RATIO * blue.bad + tolerance.delta * blue.requests
    return (green.bad * blue.requests - looked_for * green.requests) / requests


def outright_bet(rate: float, blue_rate: float, tolerance: Tolerance, sides: Sides, routed: Allocation) -> float:
    """
    Log of the bet that green fails at `rate` and blue at `blue_rate`, in which requests that went well count too.

    Exact for a tiny bucket under random routing, also if outcomes depend on each other: request by request, the factor
    1 + (bad - g) a for green and 1 - (bad - b) c for blue has mean 1 + w a (p - rho q - delta) at most.
    """
    rho, delta = tolerance.rho, tolerance.delta
    b = (routed.green * rate + routed.blue * blue_rate) / (rho * routed.green + routed.blue)
    g = rho * b + delta
    if g >= rate:
        return 0.0
    a = min((rate - g) / (g * (1 - g)), 0.995 / g, 0.995 * routed.blue / (rho * routed.green * (1 - b)))
    c = rho * routed.green * a / routed.blue
    green, blue = sides.green, sides.blue
    return (
        green.bad * math.log1p((1 - g) * a)
        + (green.requests - green.bad) * math.log1p(-g * a)
        + blue.bad * math.log1p(-(1 - b) * c)
        + (blue.requests - blue.bad) * math.log1p(b * c)
    )


_WEIGHTS = tuple(weight for *_, weight in (*WORSE_BETS, OUTRIGHT_BET))
_AT_ONCE = tuple(math.log((1 - LATER) * weight) for weight in _WEIGHTS)
_LATER = tuple(math.log(LATER * weight) for weight in _WEIGHTS)
_NOT_BEGUN = math.log(LATER)


def _zeros() -> list[float]:
    return [0.0] * len(_WEIGHTS)


@dataclass(slots=True)
class Worse:
    """
    The evidence that green is worse than tolerated, as the buckets come in.

    Each bet is carried twice: laid at once, and laid later. `excess` is by how many bad requests green exceeds the
    least difference that is looked for.
    """

    tolerance: Tolerance
    icc: float
    log_value: float = 0.0
    log_not_begun: float = 0.0
    excess: float = 0.0
    at_once: list[float] = field(default_factory=_zeros)
    later: list[float] = field(default_factory=lambda: [NEVER] * len(_WEIGHTS))
    first: FirstFailure = field(default_factory=lambda: FirstFailure(_zeros()))

    def add(self, sides: Sides, bucket: Bucket) -> None:
        """Take in one bucket."""
        hazard = -math.expm1(math.log1p(-HAZARD_PER_MINUTE) * bucket.period_seconds / 60)
        starts_now = self.log_not_begun + math.log(hazard)
        self.log_not_begun += math.log1p(-HAZARD_PER_MINUTE) * bucket.period_seconds / 60
        log_bets, more = self._bets(sides, bucket), excess(sides, self.tolerance)
        self.at_once = [log_value + gain for log_value, gain in zip(self.at_once, log_bets, strict=True)]
        self.later = [log_sum((each, starts_now)) + gain for each, gain in zip(self.later, log_bets, strict=True)]
        self.excess += more
        if self.first.pardons(sides, log_bets, more):
            self.at_once = [each - gain for each, gain in zip(self.at_once, self.first.gains, strict=True)]
            self.later = [each - gain for each, gain in zip(self.later, self.first.gains, strict=True)]
            self.excess -= self.first.excess
        self.log_value = self._mixture(self.at_once, self.later)

    @property
    def log_confirmed(self) -> float:
        """`log_value` without what green's first failing bucket gained, as long as that may be taken back."""
        if not self.first.held:
            return self.log_value
        return self._mixture(
            map(operator.sub, self.at_once, self.first.gains), map(operator.sub, self.later, self.first.gains)
        )

    def _mixture(self, at_once: Iterable[float], later: Iterable[float]) -> float:
        return log_sum(
            (
                *map(operator.add, _AT_ONCE, at_once),
                *map(operator.add, _LATER, later),
                _NOT_BEGUN + self.log_not_begun,
            )
        )

    def numbers(self) -> list[float]:
        """All of the evidence, for `restore`."""
        carried = [*self.at_once, *self.later, *self.first.numbers()]
        return [self.log_value, self.log_not_begun, self.excess, *carried]

    def restore(self, numbers: Iterator[float]) -> None:
        """As it was when it gave these numbers."""
        self.log_value, self.log_not_begun, self.excess = islice(numbers, 3)
        self.at_once, self.later = list(islice(numbers, len(_WEIGHTS))), list(islice(numbers, len(_WEIGHTS)))
        self.first.restore(numbers)

    def _bets(self, sides: Sides, bucket: Bucket) -> list[float]:
        routed = allocation(sides, bucket, self.icc)
        rho, delta = self.tolerance.rho, self.tolerance.delta
        if routed is None or not (sides.green.bad or sides.blue.bad or routed.tiny or delta):
            return _zeros()
        logs = [
            constant + delta * slope
            for constant, slope in (ratio_bet(psi, rho, sides, routed) for psi, _ in WORSE_BETS)
        ]
        rate, blue_rate, _ = OUTRIGHT_BET
        logs.append(outright_bet(rate, blue_rate, self.tolerance, sides, routed) if routed.tiny else logs[-1])
        most = most_of(sides)
        return [min(log_bet / routed.damping, most) for log_bet in logs]


@dataclass(slots=True)
class NoWorse:
    """The evidence that green is not worse by more than some excess, for all excesses at once."""

    icc: float
    sums: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in FINE_BETS])

    def add(self, sides: Sides, bucket: Bucket) -> None:
        """Take in one bucket."""
        routed = allocation(sides, bucket, self.icc, by_counts=True)
        if routed is None:
            return
        for (psi, _), bet in zip(FINE_BETS, self.sums, strict=True):
            constant, slope = ratio_bet(psi, 1.0, sides, routed)
            bet[0] += constant / routed.damping
            bet[1] += slope / routed.damping

    def numbers(self) -> list[float]:
        """All of the evidence, for `restore`."""
        return [number for bet in self.sums for number in bet]

    def restore(self, numbers: Iterator[float]) -> None:
        """As it was when it gave these numbers."""
        self.sums = [list(islice(numbers, 2)) for _ in self.sums]

    def bound(self, doubt: float) -> float:
        """The smallest excess over blue's rate that is refuted: green is worse by no more, but for that doubt."""
        enough = -math.log(doubt)
        lines = [
            (math.log(weight) + constant, slope)
            for (_, weight), (constant, slope) in zip(FINE_BETS, self.sums, strict=True)
        ]

        def refuted(excess: float) -> bool:
            return enough <= log_sum([start + excess * slope for start, slope in lines])

        if not refuted(1.0):
            return 1.0
        if refuted(0.0):
            return 0.0
        low, high = 0.0, 1.0
        while high - low > 1e-4 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if refuted(middle) else (middle, high)
        return high
