"""The floor no test can go below on average (Wald 1945), and how far above it the verdict is."""

import math
import zlib
from dataclasses import dataclass

import numpy as np

from benchmarks.verdict.evidence import Buckets, Sides, Watches
from benchmarks.verdict.scenario import RATES
from benchmarks.verdict.simulation import SEED
from bluegreen.verdict import Policy

WEIGHTS = (0.1, 0.25, 0.5, 0.9)
POLICY = Policy()


@dataclass(frozen=True)
class AboveFloor:
    """At a weight: how many requests Wald's bound asks for, how many the verdict needs on average, and the ratio."""

    weight: float
    blue: float
    green: float
    floor: float
    needed: float

    @property
    def ratio(self) -> float:
        """How many times the floor."""
        return self.needed / self.floor


def divergence(a: float, b: float) -> float:
    """Kullback-Leibler divergence of two coins."""
    bad = a * math.log(a / b) if a else 0.0
    good = (1 - a) * math.log((1 - a) / (1 - b)) if a < 1 else 0.0
    return bad + good


def information(weight: float, blue: float, green: float, rho: float) -> float:
    """What a request tells at best: the divergence from the nearest pair of rates that is tolerated."""

    def at(rate: float) -> float:
        return weight * divergence(green, rho * rate) + (1 - weight) * divergence(blue, rate)

    low, high = 1e-12, 1 / rho - 1e-12
    for _ in range(200):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if at(left) < at(right) else (left, high)
    return at((low + high) / 2)


def above_floor(weight: float, blue: float, green: float, runs: int) -> AboveFloor:
    """Requests to a verdict at a fixed weight, in buckets of a sixtieth of the floor, and of five requests at least."""
    floor = -math.log(POLICY.false_alarm) / information(weight, blue, green, POLICY.tolerance.rho)
    size = max(5, int(floor / 60))
    random = np.random.default_rng([SEED, zlib.crc32(f"{weight} {blue} {green}".encode())])
    watches = Watches(frozenset({"errors"}), POLICY, np.full(runs, POLICY.icc))
    needed = left = runs
    while left:
        of_green = random.binomial(size, weight, left)
        of_blue = size - of_green
        sides = Sides(of_green, random.binomial(of_green, green), of_blue, random.binomial(of_blue, blue))
        same, always = np.full(left, weight), np.ones(left, bool)
        bucket = Buckets({"errors": sides}, same, ~always, same, always, np.zeros(left))
        watches.add(np.arange(left), bucket)
        watches.keep(~watches.worse)
        left = len(watches.log_peak)
        needed += left
    return AboveFloor(weight, blue, green, floor, size * needed / runs)


def table(runs: int) -> list[AboveFloor]:
    """Every pair of rates at every weight."""
    return [
        above_floor(weight, blue, green, runs)
        for weight in WEIGHTS
        for blue, greens in RATES.items()
        for green in greens
    ]
