"""Deployments, minute by minute: what a rule does in a scenario, many times over."""

import math
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.verdict.rules import RULES, Start, from_user
from benchmarks.verdict.scenario import OUTAGE_RATE, Scenario
from bluegreen.verdict import Bucket, Counts, Sides

MINUTES = 60
"""How long a deployment is followed: harm of a promoted green is counted until then."""
SEED = 20240229


@dataclass(frozen=True)
class Run:
    """One deployment: how it ended, and when."""

    ended: str
    minute: int
    harmed: float
    harmed_if_found: float
    at_ninety: int
    at_hundred: int


@dataclass(frozen=True)
class Outcome:
    """
    A rule in a scenario. Harmed are green's bad requests beyond what blue would have had: `harmed` on average within
    the first hour, also by a bad green that was promoted; `harmed_until_rollback` the median of those found out.
    Minutes are medians, but for `nine_in_ten_at_100`: until then nine of ten had all of the traffic.
    """

    rule: str
    scenario: Scenario
    runs: int
    rolled_back: float
    promoted: float
    undecided: float
    harmed: float
    harmed_until_rollback: float | None
    minutes_to_rollback: float | None
    minutes_to_90: float | None
    minutes_to_100: float | None
    nine_in_ten_at_100: float | None

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON knows it."""
        return asdict(self)


def minute_of(scenario: Scenario, minute: int, weight: float, random: np.random.Generator) -> Bucket:
    """What blue and green answer in one minute."""
    requests = int(random.poisson(scenario.per_minute))
    green_requests = int(random.binomial(requests, weight))
    green_rate, blue_rate = scenario.green_rate(minute, weight), scenario.blue
    if scenario.outages and random.random() < scenario.outages:
        green_rate = blue_rate = OUTAGE_RATE
    if scenario.burst_icc:
        spread = 1 / scenario.burst_icc - 1
        green_rate = float(random.beta(green_rate * spread, (1 - green_rate) * spread))
    green = Counts(green_requests, int(random.binomial(green_requests, green_rate)))
    blue = Counts(requests - green_requests, int(random.binomial(requests - green_requests, blue_rate)))
    return Bucket(60 * minute, {"errors": Sides(blue=blue, green=green)}, weight)


def deployment(scenario: Scenario, start: Start, random: np.random.Generator) -> Run:
    """One deployment from the first shift to the end of the hour."""
    decide = start(scenario.per_minute, scenario.delay)
    buckets: list[Bucket] = []
    weight, harmed, at_ninety = 0.0, 0.0, MINUTES + 1
    for minute in range(MINUTES):
        decided = decide(minute, weight, buckets[: max(0, minute - scenario.delay)])
        if decided is None:
            return Run("rolled back", minute, harmed, harmed, at_ninety, MINUTES + 1)
        weight = decided
        if weight >= 0.9:
            at_ninety = min(at_ninety, minute)
        if weight >= 1:
            rate = scenario.per_minute * (scenario.green - scenario.blue)
            later = rate * (MINUTES - max(minute, scenario.fails_from))
            return Run("promoted", minute, harmed + later, harmed, at_ninety, minute)
        bucket = minute_of(scenario, minute, weight, random)
        buckets.append(bucket)
        rate = scenario.green_rate(minute, weight)
        if rate > scenario.blue:
            harmed += bucket.signals["errors"].green.bad * (1 - scenario.blue / rate)
    return Run("undecided", MINUTES, harmed, harmed, at_ninety, MINUTES + 1)


def outcome(rule: str, scenario: Scenario, runs: int) -> Outcome:
    """What a rule does in a scenario, so many times; the same every time it is asked."""
    random = np.random.default_rng([SEED, zlib.crc32(f"{rule} {scenario}".encode())])
    start = RULES[rule] if rule in RULES else from_user(rule)
    done = [deployment(scenario, start, random) for _ in range(runs)]
    found = [run for run in done if run.ended == "rolled back"]
    return Outcome(
        rule=rule,
        scenario=scenario,
        runs=runs,
        rolled_back=len(found) / runs,
        promoted=sum(run.ended == "promoted" for run in done) / runs,
        undecided=sum(run.ended == "undecided" for run in done) / runs,
        harmed=fmean(run.harmed for run in done),
        harmed_until_rollback=median(run.harmed_if_found for run in found) if found else None,
        minutes_to_rollback=median(run.minute for run in found) if found else None,
        minutes_to_90=_within_the_hour(median(run.at_ninety for run in done)),
        minutes_to_100=_within_the_hour(median(run.at_hundred for run in done)),
        nine_in_ten_at_100=_within_the_hour(sorted(run.at_hundred for run in done)[math.ceil(0.9 * runs) - 1]),
    )


def _within_the_hour(minute: float) -> float | None:
    return minute if minute <= MINUTES else None


def outcomes(
    work: list[tuple[str, Scenario, int]], workers: int, progress: Callable[[int, int], None]
) -> Iterator[Outcome]:
    """All outcomes, as they come in."""
    with ProcessPoolExecutor(workers) as pool:
        asked = [pool.submit(outcome, *item) for item in work]
        for number, future in enumerate(as_completed(asked), start=1):
            progress(number, len(asked))
            yield future.result()
