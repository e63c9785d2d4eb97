"""
The evidence of one signal: an e-process that green is worse, and another that it is not.

A bet on a bucket is a factor whose mean is at most 1 as long as green is no worse than tolerated, whatever the
rates are and however they drift. Their product over the buckets, and any mixture of such products, reaches
1/alpha with probability alpha at most, however often one looks (Ville 1939). docs/verdict.md has the derivation.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from bluegreen.verdict.counts import Bucket, Sides
from bluegreen.verdict.policy import Tolerance

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
"""Below so many requests a bucket is judged by the configured weight instead of the counts that came out."""
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
    """How the requests of a bucket were routed, and how much its correlation damps it."""

    green: float
    blue: float
    damping: float


def allocation(sides: Sides, green_weight: float | None, icc: float) -> Allocation | None:
    """The requests each version got or, in a tiny bucket, was to get; None if there is nothing to compare."""
    green, blue = float(sides.green.requests), float(sides.blue.requests)
    requests = green + blue
    if 0 < requests < TINY and green_weight is not None:
        green, blue = requests * green_weight, requests * (1 - green_weight)
    if not green or not blue:
        return None
    return Allocation(green, blue, 1 + 2 * icc * green * blue / requests)


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


@dataclass(slots=True)
class Stake:
    """One bet carried over the buckets: laid at once, or later."""

    log_weight: float
    log_at_once: float = 0.0
    log_later: float = NEVER

    def add(self, log_bet: float, log_starts_now: float) -> None:
        """Carry the bet over one more bucket."""
        self.log_at_once += log_bet
        self.log_later = log_sum((self.log_later, log_starts_now)) + log_bet


def _stakes() -> list[Stake]:
    return [Stake(math.log(weight)) for *_, weight in (*WORSE_BETS, OUTRIGHT_BET)]


@dataclass(slots=True)
class Worse:
    """The evidence that green is worse than tolerated, as the buckets come in."""

    tolerance: Tolerance
    icc: float
    log_value: float = 0.0
    log_not_begun: float = 0.0
    stakes: list[Stake] = field(default_factory=_stakes)

    def add(self, sides: Sides, bucket: Bucket) -> None:
        """Take in one bucket."""
        hazard = -math.expm1(math.log1p(-HAZARD_PER_MINUTE) * bucket.period_seconds / 60)
        starts_now = self.log_not_begun + math.log(hazard)
        self.log_not_begun += math.log1p(-hazard)
        routed = allocation(sides, bucket.green_weight, self.icc)
        if routed is None:
            bets = [0.0] * len(self.stakes)
        else:
            bets = [log_bet / routed.damping for log_bet in self._bets(sides, routed)]
        for stake, log_bet in zip(self.stakes, bets, strict=True):
            stake.add(log_bet, starts_now)
        at_once, later = math.log(1 - LATER), math.log(LATER)
        self.log_value = log_sum(
            stake.log_weight + log_part
            for stake in self.stakes
            for log_part in (at_once + stake.log_at_once, later + stake.log_later, later + self.log_not_begun)
        )

    def _bets(self, sides: Sides, routed: Allocation) -> list[float]:
        logs = [
            constant + self.tolerance.delta * slope
            for constant, slope in (ratio_bet(psi, self.tolerance.rho, sides, routed) for psi, _ in WORSE_BETS)
        ]
        if sides.green.requests + sides.blue.requests < TINY:
            rate, blue_rate, _ = OUTRIGHT_BET
            logs.append(outright_bet(rate, blue_rate, self.tolerance, sides, routed))
        else:
            logs.append(logs[-1])
        return logs


@dataclass(slots=True)
class NoWorse:
    """The evidence that green is not worse by more than some excess, for all excesses at once."""

    icc: float
    sums: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in FINE_BETS])

    def add(self, sides: Sides, bucket: Bucket) -> None:
        """Take in one bucket."""
        routed = allocation(sides, bucket.green_weight, self.icc)
        if routed is None:
            return
        for (psi, _), bet in zip(FINE_BETS, self.sums, strict=True):
            constant, slope = ratio_bet(psi, 1.0, sides, routed)
            bet[0] += constant / routed.damping
            bet[1] += slope / routed.damping

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
        low, high = 0.0, 1.0
        while high - low > 1e-4 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if refuted(middle) else (middle, high)
        return high
