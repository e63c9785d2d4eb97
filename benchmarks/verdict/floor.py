"""The floor no test can go below on average (Wald 1945), and how far above it the verdict is."""

import math
import zlib
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from benchmarks.verdict.scenario import RATES
from benchmarks.verdict.simulation import SEED
from bluegreen.verdict import Bucket, Counts, Policy, Sides
from bluegreen.verdict.judgement import Watch

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
    """Requests to a verdict at a fixed weight, in buckets small enough (a sixtieth of the floor) not to bind."""
    floor = -math.log(POLICY.false_alarm) / information(weight, blue, green, POLICY.tolerance.rho)
    size = max(1, int(floor / 60))
    random = np.random.default_rng([SEED, zlib.crc32(f"{weight} {blue} {green}".encode())])
    needed = []
    for _ in range(runs):
        watch, buckets = Watch(frozenset({"errors"}), POLICY), 0
        while not watch.worse:
            of_green = int(random.binomial(size, weight))
            sides = Sides(
                blue=Counts(size - of_green, int(random.binomial(size - of_green, blue))),
                green=Counts(of_green, int(random.binomial(of_green, green))),
            )
            watch.add(Bucket(60 * buckets, {"errors": sides}, weight))
            buckets += 1
        needed.append(buckets * size)
    return AboveFloor(weight, blue, green, floor, fmean(needed))


def table(runs: int) -> list[AboveFloor]:
    """Every pair of rates at every weight."""
    return [
        above_floor(weight, blue, green, runs)
        for weight in WEIGHTS
        for blue, greens in RATES.items()
        for green in greens
    ]
