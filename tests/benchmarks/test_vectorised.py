"""The simulation's arrays against the product, on the same data."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.verdict import world
from benchmarks.verdict.agreement import CELLS, agreement, alike, played
from benchmarks.verdict.evidence import Buckets, Sides, Watches
from benchmarks.verdict.product import PRODUCT
from benchmarks.verdict.rules import End
from benchmarks.verdict.scenario import Scenario
from benchmarks.verdict.strategies import RULES, trusted_weight
from benchmarks.verdict.watching import LEARNT_UNTIL, View, learn
from benchmarks.verdict.world import PAST_MINUTES, Past
from bluegreen.decisions import past as decisions_past
from bluegreen.decisions.adaptive import Sight, next_weight
from bluegreen.request.traffic import ADAPTIVE
from bluegreen.verdict import Bucket, Counts, Policy
from bluegreen.verdict import Sides as OfOne
from bluegreen.verdict.judgement import Watch

RUNS, BUCKETS = 40, 18
SIGNALS = frozenset({"errors", "throttles", "slow"})
POLICY = Policy()


def a_minute(random: np.random.Generator) -> Buckets:
    """Empty, tiny and large ones, of one weight or two, in which green or blue fail not, now and then, or always."""
    tiny = random.random(RUNS) < 0.4
    requests = np.where(tiny, random.integers(0, 40, RUNS), random.integers(0, 5000, RUNS))
    weight = random.choice([0.001, 0.03, 0.1, 0.5, 0.9], RUNS)
    green = random.binomial(requests, weight)
    signals = {}
    for name in sorted(SIGNALS):
        rate = random.choice([0, 0.001, 0.05, 1], RUNS) * (random.random(RUNS) < 0.4)
        blue_rate = random.choice([0, 0.001, 0.05], RUNS)
        bad, blue_bad = random.binomial(green, rate), random.binomial(requests - green, blue_rate)
        signals[name] = Sides(green, bad, requests - green, blue_bad)
    lasting = np.where(random.random(RUNS) < 0.5, weight, math.nan)
    changed, covered = random.random(RUNS) < 0.3, random.random(RUNS) < 0.9
    return Buckets(signals, weight, changed, lasting, covered, random.choice([0.0, 0.3, 7.0, 80.0], RUNS))


def some_of(bucket: Buckets, some: NDArray[np.intp]) -> Buckets:
    signals = {name: sides.of(some) for name, sides in bucket.signals.items()}
    lasting, covered, busy = bucket.lasting[some], bucket.covered[some], bucket.busy[some]
    return Buckets(signals, bucket.weight[some], bucket.changed[some], lasting, covered, busy)


def of_one(bucket: Buckets, run: int, number: int) -> Bucket:
    signals = {
        name: OfOne(
            blue=Counts(int(sides.blue[run]), int(sides.blue_bad[run])),
            green=Counts(int(sides.green[run]), int(sides.green_bad[run])),
        )
        for name, sides in bucket.signals.items()
    }
    return Bucket(
        60 * number,
        signals,
        float(bucket.weight[run]),
        covered=bool(bucket.covered[run]),
        changed=bool(bucket.changed[run]),
        lasting_weight=None if math.isnan(bucket.lasting[run]) else float(bucket.lasting[run]),
        busy=float(bucket.busy[run]),
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_every_verdict_and_every_next_weight_is_that_of_the_product(seed: int) -> None:
    random = np.random.default_rng(seed)
    icc = random.choice([0.0002, 0.003, 0.02], RUNS)
    watches = Watches(SIGNALS, POLICY, icc)
    one_by_one = [Watch(SIGNALS, Policy(icc=float(each))) for each in icc]
    kinds = set()
    for number in range(BUCKETS):
        bucket, some = a_minute(random), np.flatnonzero(random.random(RUNS) < 0.9)
        watches.add(some, some_of(bucket, some))
        for run in map(int, some):
            one_by_one[run].add(of_one(bucket, run, number))
        found, confirmed = watches.verdicts(), watches.log_confirmed
        weight, first = random.choice([0.001, 0.03, 0.4, 0.9], RUNS), random.choice([0.01, 0.2], RUNS)
        traffic, late = random.choice([0.2, 60.0, 60_000.0], RUNS), random.choice([0.0, 4.0], RUNS)
        never = np.zeros(RUNS, bool)
        weights = trusted_weight(weight, View(watches, never, never, never, traffic, late, never), first)
        for run, watch in enumerate(one_by_one):
            verdict = watch.verdict()
            kinds.add(verdict.kind)
            for finding in verdict.findings:
                assert watches.signals[finding.signal].log_value[run] == pytest.approx(finding.log_evidence)
                assert found.bounds[finding.signal][run] == pytest.approx(finding.bound)
            assert watches.log_peak[run] == pytest.approx(verdict.log_evidence_peak)
            assert confirmed[run] == pytest.approx(verdict.log_confirmed)
            assert (found.worse[run], found.fine[run]) == (verdict.kind == "worse", verdict.kind == "fine")
            assert found.leans[run] == verdict.leans
            seen = (watches.weight_seen[run], watches.seconds_at[run], watches.buckets[run], watches.covered[run])
            assert seen == (verdict.weight_seen, verdict.seconds_at_weight_seen, verdict.buckets, verdict.covered)
            sight = Sight(float(traffic[run]), float(first[run]), unseen_seconds=180 + 60 * float(late[run]))
            if verdict.kind != "worse":
                assert weights[run] == next_weight(float(weight[run]), verdict, sight)
    assert kinds == {"worse", "fine", "not_enough"}


def test_the_past_is_learnt_as_the_product_learns_it() -> None:
    random = np.random.default_rng(3)
    traffic = random.choice([0.0, 0.01, 0.3, 20.0, 5000.0], (RUNS, 1))
    requests = random.poisson(traffic, (RUNS, PAST_MINUTES))
    requests[: RUNS // 2, -40:] *= random.random((RUNS // 2, 1)) < 0.5
    rate = random.beta(2, 60, requests.shape) * random.choice([0, 1], (RUNS, 1))
    past = Past(requests, random.binomial(requests, rate))
    learnt = learn(past)

    for run in range(RUNS):
        starts = {60 * (LEARNT_UNTIL - PAST_MINUTES + column): column for column in range(PAST_MINUTES)}
        of_run = {
            "requests": {start: float(requests[run, column]) for start, column in starts.items()},
            "bad": {start: float(past.bad[run, column]) for start, column in starts.items()},
        }
        shown = {start: count for start, count in of_run["requests"].items() if count}
        one = decisions_past.learn(
            shown,
            60 * LEARNT_UNTIL,
            decisions_past.correlation(shown, {start: of_run["bad"][start] for start in shown}),
        )
        assert learnt.usual[run] == pytest.approx(one.usual)
        assert learnt.recent[run] == pytest.approx(one.recent)
        assert learnt.busiest[run] == pytest.approx(one.busiest)
        assert learnt.icc[run] == pytest.approx(one.icc)
        if shown:
            assert (60 * learnt.silence[run], 60 * learnt.last_at[run]) == (one.silence_seconds, one.last_at)
        for minutes in (1, 5, 60):
            explained = learnt.explains(np.full(RUNS, float(minutes)))[run]
            assert explained == one.explains(60 * minutes)


def test_whole_deployments_end_as_those_of_the_product_whatever_the_strategy() -> None:
    found = agreement(2, CELLS[5:14:3])

    assert (found.alike, found.deployments) == (2 * 3 * len(PRODUCT),) * 2


@pytest.mark.parametrize(
    "cell",
    [
        Scenario(1 / 300, 0.0, 0.0),
        Scenario(10, 0.001, 0.001, late=4),
        Scenario(1, 0.01, 0.01, errors_late=1.0),
        Scenario(1, 0.0, 0.01, late=4, errors_late=0.3),
        Scenario(0, 0.001, 1.0, clump=3000),
        Scenario(1 / 60, 0.0, 1.0, probe=True),
        Scenario(1, 0.001, 0.001, seconds=0.1),
    ],
    ids=lambda cell: cell.cell(),
)
def test_deployments_under_adaptive_end_as_those_of_the_product(cell: Scenario) -> None:
    rule = f"{ADAPTIVE}, slow_ms" if cell.seconds else ADAPTIVE

    assert alike(played(RULES, rule, cell, 6), played(PRODUCT, rule, cell, 6)) == 6


def test_a_canary_that_ends_with_a_suspected_green_ends_as_that_of_the_product() -> None:
    cell, rule = Scenario(0.1, 0.0, 1.0), "Canary10Percent5Minutes"
    ours = played(RULES, rule, cell, 20)

    assert End.SUSPECTED in ours.end
    assert alike(ours, played(PRODUCT, rule, cell, 20)) == 20


def test_a_version_whose_figures_are_missing_is_hidden_to_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "ERRORS_LATER", 5)
    cell = Scenario(10, 0.01, 0.01, errors_late=1.0)
    ours = played(RULES, ADAPTIVE, cell, 10)

    assert alike(ours, played(PRODUCT, ADAPTIVE, cell, 10)) == 10
