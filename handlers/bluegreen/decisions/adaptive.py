"""
The Adaptive weight: green gets as much traffic as it can be trusted with, and less the moment the odds turn against it.

Between a shift and the first bucket that shows its effect pass a few minutes, in which a green that is worse by
`bound` harms requests_per_minute * weight * minutes * bound requests unseen. The weight keeps that within a budget,
so that what a bad green can harm does not grow with the traffic. A green that is suspected goes back to a small
weight: there a failure of green is the stronger evidence (about log(1 / weight)), and there are fewer of them.
"""

import math
from dataclasses import dataclass

from bluegreen.request.traffic import DECIMALS
from bluegreen.verdict import Finding, Verdict

ALMOST_ALL = 0.9
"""The last weight before 1: blue still serves enough to compare with."""


@dataclass(frozen=True, slots=True)
class Caution:
    """
    How careful the growth is. `benchmarks/verdict` measures what these numbers buy.

    `requests` may be harmed unseen, or `share_of_minute` of a minute's traffic if that is more; only `spotless` times
    the root of a minute's requests while blue's weightiest signal has had fewer than `noisy_from` bad ones. A weight
    is at most `times` the largest one seen, and `at_most` before green is fine; the first one, and that of a suspected
    green, `first_at_most`. Odds of `suspicious_odds` to 1 that green is worse are suspicion: a little more than the 1
    to 1 of no evidence, which rounding may exceed.

    After `canary_buckets` the bake is as long as that of Canary10Percent10Minutes, whose tenth minute has seen eight.
    Then green gets everything if its bound is within `margins` of the margin and no signal leans against it; one that
    leans has `while_leaning`, a canary's weight, at most. Before, a green that is fine gets everything when it was
    seen at ALMOST_ALL for `buckets_at_almost_all`.
    """

    requests: float = 50
    share_of_minute: float = 0.008
    noisy_from: int = 3
    spotless: float = 1.0
    first_at_least: float = 0.001
    first_at_most: float = 0.03
    times: float = 15
    at_most: float = 0.5
    suspicious_odds: float = 1.1
    canary_buckets: int = 8
    margins: float = 1.5
    while_leaning: float = 0.1
    buckets_at_almost_all: int = 2

    def budget(self, requests_per_minute: float, *, noisy: bool) -> float:
        """The requests that may be harmed before anything is seen."""
        share = self.share_of_minute * requests_per_minute
        least = self.requests if noisy else min(self.requests, self.spotless * math.sqrt(requests_per_minute))
        return max(least, share)


CAREFUL = Caution()


def first_weight(
    requests_per_minute: float, *, period_seconds: int = 60, delay_seconds: int = 120, caution: Caution = CAREFUL
) -> float:
    """The weight to begin with: nothing is known of green, so it may be a failure outright."""
    unseen = _unseen_minutes(period_seconds, delay_seconds)
    weight = caution.budget(requests_per_minute, noisy=True) / max(requests_per_minute * unseen, 1.0)
    return _kept(max(caution.first_at_least, min(caution.first_at_most, weight)))


def next_weight(
    weight: float,
    verdict: Verdict,
    requests_per_minute: float,
    *,
    period_seconds: int = 60,
    delay_seconds: int = 120,
    caution: Caution = CAREFUL,
) -> float:
    """
    The weight after a verdict on all settled buckets: up with what they prove, down on suspicion, 1 at the end.

    Ask at every new bucket: the weight grows to at most `times` the largest weight the buckets show
    (`verdict.weight_seen`), so a weight whose effect is not visible yet lends no trust to the next.
    """
    acting = [finding for finding in verdict.findings if finding.acts]
    if verdict.kind in ("worse", "cannot_measure") or weight >= 1 or not acting:
        return weight
    noisy = max(acting, key=lambda finding: finding.share).blue.bad >= caution.noisy_from
    unseen = requests_per_minute * _unseen_minutes(period_seconds, delay_seconds)
    trusted = caution.budget(requests_per_minute, noisy=noisy) / max(unseen * _harm(acting), 1e-9)
    reach = max(weight, caution.times * verdict.weight_seen)
    if verdict.log_evidence > math.log(caution.suspicious_odds):
        return _kept(min(trusted, caution.first_at_most, reach))
    allowed = min(trusted, caution.at_most)
    if not verdict.leans and verdict.kind == "fine":
        allowed = ALMOST_ALL
    if not verdict.leans and _is_through(verdict, acting, period_seconds, caution):
        allowed = 1.0
    wider = min(max(weight, allowed), reach)
    if verdict.leans and verdict.buckets >= caution.canary_buckets:
        wider = min(wider, caution.while_leaning)
    return _kept(wider)


def _kept(weight: float) -> float:
    """With as many decimals as an alias keeps; 0.001 is the least that it can say."""
    return max(0.001, round(weight, DECIMALS))


def _is_through(verdict: Verdict, acting: list[Finding], period_seconds: int, caution: Caution) -> bool:
    """Green was seen with almost all, or it has baked as long as a canary does and is about fine."""
    at_almost_all = verdict.seconds_at_weight_seen if verdict.weight_seen >= ALMOST_ALL else 0
    if verdict.kind == "fine" and at_almost_all >= caution.buckets_at_almost_all * period_seconds:
        return True
    about_fine = all(finding.bound <= caution.margins * finding.margin for finding in acting)
    return about_fine and verdict.buckets >= caution.canary_buckets


def _harm(acting: list[Finding]) -> float:
    """The share of requests that may be harmed; of a signal with a wider margin each counts for less."""
    narrowest = min(finding.margin for finding in acting)
    return max(finding.bound * narrowest / finding.margin for finding in acting)


def _unseen_minutes(period_seconds: int, delay_seconds: int) -> float:
    return (period_seconds + delay_seconds) / 60
