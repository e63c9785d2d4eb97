"""
`bluegreen.verdict` for many deployments at once: the same sums, with an array where that has a number.

tests/benchmarks/test_vectorised.py holds both against each other. Buckets are minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdict.world import Bools, Floats, Ints
from bluegreen.verdict import Policy, Tolerance
from bluegreen.verdict.evidence import FINE_BETS, HAZARD_PER_MINUTE, LATER, LEAST_RATIO, OUTRIGHT_BET, TINY, WORSE_BETS
from bluegreen.verdict.restraint import CLEAN_BUCKETS, CLEAN_REQUESTS, DEVIATIONS, MOST_OF_A_BUCKET, OUTRIGHT

PERIOD = 60
PSI = np.array([[psi] for psi, _ in WORSE_BETS])
STAKES = np.array([[weight] for *_, weight in (*WORSE_BETS, OUTRIGHT_BET)])
AT_ONCE, LATER_ON = np.log((1 - LATER) * STAKES), np.log(LATER * STAKES)
FINE_PSI = np.array([[psi] for psi, _ in FINE_BETS])
FINE_STAKES = np.log([[weight] for _, weight in FINE_BETS])
NOTHING = -60.0
"""Its exponential adds nothing to 1, and is quicker had than that of less."""


@dataclass(frozen=True)
class Sides:
    """Requests of each deployment's green and blue in a minute, and bad ones among them."""

    green: Ints
    green_bad: Ints
    blue: Ints
    blue_bad: Ints

    def of(self, some: NDArray[np.intp]) -> "Sides":
        """Of some deployments."""
        return Sides(self.green[some], self.green_bad[some], self.blue[some], self.blue_bad[some])

    def without(self, bad: Ints) -> "Sides":
        """Without up to so many bad ones of green."""
        left_out = np.minimum(bad, self.green_bad)
        return Sides(self.green - left_out, self.green_bad - left_out, self.blue, self.blue_bad)


@dataclass(frozen=True)
class Buckets:
    """
    A minute of each deployment: the largest weight that green had, whether that changed, the one that lasted (nan where
    none did), whether green had a share from the beginning, and how many requests it served at a time.
    """

    signals: Mapping[str, Sides]
    weight: Floats
    changed: Bools
    lasting: Floats
    covered: Bools
    busy: Floats


def log_sum(logs: Floats) -> Floats:
    """log(sum(exp(x))) over the first axis."""
    highest = logs.max(axis=0)
    total: Floats = np.log(np.exp(np.maximum(logs - highest, NOTHING)).sum(axis=0)) + highest
    return total


def mixture(at_once: Floats, later: Floats, not_begun: Floats) -> Floats:
    """The log of all bets together, laid at once, later or not yet."""
    return log_sum(np.concatenate([AT_ONCE + at_once, LATER_ON + later, math.log(LATER) + not_begun[None]]))


@dataclass
class Allocation:
    """How the requests of a minute were routed; where there is nothing to compare it is not `there`."""

    green: Floats
    blue: Floats
    damping: Floats
    tiny: Bools
    there: Bools


def allocation(sides: Sides, weight: Floats, by_weight: Bools, icc: Floats) -> Allocation:
    """By the counts, or by the weight in a tiny bucket and where `by_weight` says so."""
    requests = (sides.green + sides.blue).astype(float)
    tiny = (requests > 0) & (requests < TINY)
    routed = tiny | by_weight
    green = np.where(routed, requests * weight, sides.green)
    blue = np.where(routed, requests * (1 - weight), sides.blue)
    there = (green > 0) & (blue > 0)
    green, blue = np.where(there, green, 1.0), np.where(there, blue, 1.0)
    damping = 1 + 2 * icc * green * blue / np.maximum(requests, 1)
    return Allocation(green, blue, damping, tiny, there)


def ratio_bets(psi: Floats, rho: float, sides: Sides, routed: Allocation) -> tuple[Floats, Floats]:
    """Constants and slopes, a row a bet."""
    share = rho * routed.green / (rho * routed.green + routed.blue)
    mean = 1 + share * (psi - 1)
    both = sides.green_bad + sides.blue_bad
    return sides.green_bad * np.log(psi) - both * np.log(mean), -(psi / mean - 1) * routed.green


def outright_bet(tolerance: Tolerance, sides: Sides, routed: Allocation) -> Floats:
    """The bet in which requests that went well count, too."""
    rate, blue_rate, _ = OUTRIGHT_BET
    rho = tolerance.rho
    b = (routed.green * rate + routed.blue * blue_rate) / (rho * routed.green + routed.blue)
    g = rho * b + tolerance.delta
    useful = g < rate
    g, b = np.where(useful, g, 0.5), np.where(useful, b, 0.4)
    a = np.minimum(
        (rate - g) / (g * (1 - g)), np.minimum(0.995 / g, 0.995 * routed.blue / (rho * routed.green * (1 - b)))
    )
    c = rho * routed.green * a / routed.blue
    log_bet = (
        sides.green_bad * np.log1p((1 - g) * a)
        + (sides.green - sides.green_bad) * np.log1p(-g * a)
        + sides.blue_bad * np.log1p(-(1 - b) * c)
        + (sides.blue - sides.blue_bad) * np.log1p(b * c)
    )
    return np.where(useful, log_bet, 0.0)


class Signal:
    """The evidence on one signal, for and against."""

    def __init__(self, tolerance: Tolerance, icc: Floats) -> None:
        runs, bets = len(icc), len(STAKES)
        self.tolerance, self.icc = tolerance, icc
        self.log_value, self.log_not_begun, self.excess = np.zeros(runs), np.zeros(runs), np.zeros(runs)
        self.at_once, self.later = np.zeros((bets, runs)), np.full((bets, runs), -math.inf)
        self.gains, self.held_excess = np.zeros((bets, runs)), np.zeros(runs)
        self.failed, self.held = np.zeros(runs, bool), np.zeros(runs, bool)
        self.clean_requests, self.clean_buckets = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
        self.constants, self.slopes = np.zeros((len(FINE_PSI), runs)), np.zeros((len(FINE_PSI), runs))
        self.green, self.green_bad = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
        self.blue, self.blue_bad = np.zeros(runs, np.int64), np.zeros(runs, np.int64)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[..., left])

    def add(self, some: NDArray[np.intp], sides: Sides, weight: Floats, changed: Bools) -> None:
        """Take in a bucket of these deployments."""
        log_bets = self._bets(sides, weight, changed, self.icc[some])
        more = self._excess(sides)
        starts_now = self.log_not_begun[some] + math.log(HAZARD_PER_MINUTE)
        not_begun = self.log_not_begun[some] + math.log1p(-HAZARD_PER_MINUTE)
        at_once = self.at_once[:, some] + log_bets
        later = np.logaddexp(self.later[:, some], starts_now) + log_bets
        excess = self.excess[some] + more
        pardoned = self._pardons(some, sides, log_bets, more)
        taken_back = np.where(pardoned, self.gains[:, some], 0.0)
        at_once, later = at_once - taken_back, later - taken_back
        self.excess[some] = excess - np.where(pardoned, self.held_excess[some], 0.0)
        self.at_once[:, some], self.later[:, some], self.log_not_begun[some] = at_once, later, not_begun
        self.log_value[some] = mixture(at_once, later, not_begun)
        self._add_fine(some, sides, weight)
        self.green[some] += sides.green
        self.green_bad[some] += sides.green_bad
        self.blue[some] += sides.blue
        self.blue_bad[some] += sides.blue_bad

    @property
    def log_confirmed(self) -> Floats:
        """`log_value` without what the first failing bucket gained, where that may be taken back."""
        held, confirmed = np.flatnonzero(self.held), self.log_value.copy()
        gains, not_begun = self.gains[:, held], self.log_not_begun[held]
        confirmed[held] = mixture(self.at_once[:, held] - gains, self.later[:, held] - gains, not_begun)
        return confirmed

    def _bets(self, sides: Sides, weight: Floats, changed: Bools, icc: Floats) -> Floats:
        log_bets = np.zeros((len(STAKES), len(weight)))
        requests = sides.green + sides.blue
        tells = (
            (sides.green_bad + sides.blue_bad > 0) | ((requests > 0) & (requests < TINY)) | (self.tolerance.delta > 0)
        )
        rows = np.flatnonzero(tells)
        if not len(rows):
            return log_bets
        sides, weight, changed, icc = sides.of(rows), weight[rows], changed[rows], icc[rows]
        routed = allocation(sides, weight, changed, icc)
        constants, slopes = ratio_bets(PSI, self.tolerance.rho, sides, routed)
        bets = constants + self.tolerance.delta * slopes
        last = np.where(routed.tiny, outright_bet(self.tolerance, sides, routed), bets[-1])
        bets = np.concatenate([bets, last[None]]) / routed.damping
        most = np.where(sides.green_bad > 0, np.where(fails_outright(sides), math.inf, MOST_OF_A_BUCKET), 0.0)
        log_bets[:, rows] = np.where(routed.there, np.minimum(bets, most), 0.0)
        return log_bets

    def _excess(self, sides: Sides) -> Floats:
        looked_for = LEAST_RATIO * sides.blue_bad + self.tolerance.delta * sides.blue
        over = sides.green_bad * sides.blue - looked_for * sides.green
        more: Floats = over / np.maximum(sides.green + sides.blue, 1)
        return more

    def _pardons(self, some: NDArray[np.intp], sides: Sides, log_bets: Floats, more: Floats) -> Bools:
        fails = sides.green_bad > 0
        holds = fails & ~self.failed[some] & ~fails_outright(sides)
        self.gains[:, some] = np.where(holds, np.maximum(log_bets, 0.0), self.gains[:, some])
        self.held_excess[some] = np.where(holds, np.maximum(more, 0.0), self.held_excess[some])
        self.failed[some] |= fails
        requests = np.where(fails, 0, self.clean_requests[some] + sides.green)
        buckets = np.where(fails, 0, self.clean_buckets[some] + 1)
        self.clean_requests[some], self.clean_buckets[some] = requests, buckets
        clean = (requests >= CLEAN_REQUESTS) & (buckets >= CLEAN_BUCKETS)
        pardoned: Bools = self.held[some] & ~fails & clean
        self.held[some] = np.where(fails, holds, self.held[some] & ~clean)
        return pardoned

    def _add_fine(self, some: NDArray[np.intp], sides: Sides, weight: Floats) -> None:
        routed = allocation(sides, weight, np.zeros(len(weight), bool), self.icc[some])
        constants, slopes = ratio_bets(FINE_PSI, 1.0, sides, routed)
        for sums, values in ((self.constants, constants), (self.slopes, slopes)):
            sums[:, some] += np.where(routed.there, values / routed.damping, 0.0)

    def bound(self, doubt: float) -> Floats:
        """The smallest excess over blue's rate that is refuted."""
        enough = -math.log(doubt)
        starts, slopes = FINE_STAKES + self.constants, self.slopes
        better = enough <= log_sum(starts)
        bound = np.where(better, 0.0, 1.0)
        rows = np.flatnonzero(~better & (enough <= log_sum(starts + slopes)))
        starts, slopes = starts[:, rows], slopes[:, rows]
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        while (wide := high - low > 1e-4 * high).any():
            middle = (low + high) / 2
            refuted = enough <= log_sum(starts + middle * slopes)
            low, high = np.where(wide & ~refuted, middle, low), np.where(wide & refuted, middle, high)
        bound[rows] = high
        return bound


def fails_outright(sides: Sides) -> Bools:
    """Green, in this minute."""
    fails: Bools = np.logical_or.reduce(
        [
            (sides.green_bad >= np.maximum(failures, part * sides.green))
            & (sides.green_bad * sides.blue >= times * sides.blue_bad * sides.green)
            for failures, part, times in OUTRIGHT
        ]
    )
    return fails


@dataclass(frozen=True)
class Verdicts:
    """What the watches conclude: kinds as masks, and the numbers that the weight depends on."""

    worse: Bools
    fine: Bools
    leans: Bools
    silent: Bools
    bounds: Mapping[str, Floats]


class Watches:
    """`bluegreen.verdict.judgement.Watch`, of each deployment."""

    def __init__(self, signals: frozenset[str], policy: Policy, icc: Floats) -> None:
        runs = len(icc)
        self.policy, self.shares = policy, policy.budget(signals)
        self.signals = {name: Signal(policy.tolerated(name), icc.copy()) for name in sorted(signals)}
        self.most_at_a_time = np.zeros(runs)
        self.log_evidence, self.log_peak = np.zeros(runs), np.zeros(runs)
        self.weight_seen, self.seconds_at = np.zeros(runs), np.zeros(runs, np.int64)
        self.buckets, self.covered = np.zeros(runs, np.int64), np.zeros(runs, np.int64)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        for signal in self.signals.values():
            signal.keep(left)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[left])

    def add(self, some: NDArray[np.intp], bucket: Buckets) -> None:
        """Take in the next bucket of these deployments; `bucket` has an entry for each of them."""
        at_a_time = bucket.busy + DEVIATIONS * np.sqrt(bucket.busy) + (bucket.busy > 0)
        at_a_time = np.maximum(at_a_time, self.most_at_a_time[some])
        of_green = np.maximum.reduce([sides.green for sides in bucket.signals.values()])
        at_a_time = np.minimum(at_a_time, self.most_at_a_time[some] + of_green)
        cold = np.ceil(at_a_time - self.most_at_a_time[some]).astype(np.int64)
        self.most_at_a_time[some] = at_a_time
        for name, signal in self.signals.items():
            sides = bucket.signals[name]
            counted = sides.without(cold) if signal.tolerance.cold_starts else sides
            signal.add(some, counted, bucket.weight, bucket.changed)
        values = {name: signal.log_value[some] for name, signal in self.signals.items()}
        self.log_evidence[some] = self._over_signals(values)
        self.log_peak[some] = np.maximum(self.log_peak[some], self.log_evidence[some])
        served = self._served(bucket)
        more = served > self.weight_seen[some]
        seen = np.where(more, served, self.weight_seen[some])
        seconds = np.where(more, 0, self.seconds_at[some])
        self.weight_seen[some] = seen
        self.seconds_at[some] = seconds + np.where((served > 0) & (served == seen), PERIOD, 0)
        self.buckets[some] += 1
        self.covered[some] += bucket.covered

    @property
    def log_confirmed(self) -> Floats:
        """The evidence that a release reckons with."""
        return self._over_signals({name: signal.log_confirmed for name, signal in self.signals.items()})

    def _over_signals(self, logs: Mapping[str, Floats]) -> Floats:
        return log_sum(np.stack([math.log(share) + logs[name] for name, share in self.shares.items()]))

    @staticmethod
    def _served(bucket: Buckets) -> Floats:
        busiest = max(bucket.signals.values(), key=lambda sides: int(sides.green.sum()))
        lasting = np.where(bucket.changed, bucket.lasting, bucket.weight)
        share = np.minimum(0.5, busiest.green / np.maximum(busiest.green + busiest.blue, 1))
        return np.where((busiest.green > 0) & bucket.covered, np.where(np.isnan(lasting), share, lasting), 0.0)

    @property
    def worse(self) -> Bools:
        """The evidence is enough, or once was."""
        enough: Bools = self.log_peak >= -math.log(self.policy.false_alarm)
        return enough

    @property
    def green(self) -> Ints:
        """Green's requests, by the signal that shows most."""
        requests: Ints = np.maximum.reduce([signal.green for signal in self.signals.values()])
        return requests

    @property
    def comparable(self) -> Bools:
        """Both versions had requests."""
        blue: Ints = np.maximum.reduce([signal.blue for signal in self.signals.values()])
        both: Bools = (self.green > 0) & (blue > 0)
        return both

    @property
    def judged_worse(self) -> Bools:
        """The verdict is that green is worse."""
        judged: Bools = self.worse & self.comparable
        return judged

    @property
    def silent(self) -> Bools:
        """Green had a share for a whole bucket, and no request."""
        none: Bools = (self.covered > 0) & (self.green == 0)
        return none

    def margin(self, name: str) -> float:
        """What is still fine of a signal."""
        return self.policy.tolerated(name).margin

    def verdicts(self) -> Verdicts:
        """Of all deployments."""
        acting = {name: self.signals[name] for name in self.shares}
        bounds = {name: signal.bound(self.policy.doubt) for name, signal in acting.items()}
        within = np.logical_and.reduce([bound <= self.margin(name) for name, bound in bounds.items()])
        return Verdicts(
            worse=self.judged_worse,
            fine=within & self.comparable & ~self.worse,
            leans=np.logical_or.reduce([signal.excess > 0 for signal in acting.values()]),
            silent=self.silent,
            bounds=bounds,
        )
