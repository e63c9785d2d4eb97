"""
The Adaptive weight: green gets as much traffic as it can be trusted with.

Between a widening and the first bucket that shows its effect pass a few minutes, in which a green that is worse by
`bound` harms requests_per_minute * weight * minutes * bound requests unseen. The weight keeps that within a budget,
so that what a bad green can harm does not grow with the traffic.
"""

import math
from dataclasses import dataclass

from bluegreen.verdict import Finding, Verdict

ALMOST_ALL = 0.9
"""The last weight before 1: blue still serves enough to compare with."""


@dataclass(frozen=True, slots=True)
class Caution:
    """
    How careful the growth is. `benchmarks/verdict` measures what these numbers buy.

    `requests` may be harmed unseen, or `share_of_minute` of a minute's traffic if that is more. Blue is spotless while
    its weightiest signal has fewer than `noisy_from` bad requests: two failures of green at a small weight then prove
    that it is worse, so the budget is `spotless` times the root of the traffic, and green gets `spotless_weight`, or
    what gives it `spotless_per_minute` requests if that is more, up to `spotless_at_most`.
    """

    requests: float = 50
    share_of_minute: float = 0.008
    first_at_least: float = 0.001
    first_at_most: float = 0.045
    times: float = 10
    at_most: float = 0.5
    noisy_from: int = 3
    spotless: float = 0.3
    spotless_weight: float = 0.065
    spotless_per_minute: float = 15
    spotless_at_most: float = 0.25
    buckets_at_almost_all: int = 2

    def budget(self, requests_per_minute: float, *, noisy: bool) -> float:
        """The requests that may be harmed before anything is seen."""
        share = self.share_of_minute * requests_per_minute
        least = self.requests if noisy else min(self.requests, self.spotless * math.sqrt(requests_per_minute))
        return max(least, share)

    def ceiling(self, requests_per_minute: float, *, noisy: bool) -> float:
        """The largest weight before green is fine."""
        if noisy:
            return self.at_most
        enough = self.spotless_per_minute / max(requests_per_minute, 1.0)
        return min(self.spotless_at_most, max(self.spotless_weight, enough))


@dataclass(frozen=True, slots=True)
class Widening:
    """Green's next weight, and how long to bake before the next decision. The weight may be the one it has."""

    green_weight: float
    bake_seconds: int


CAREFUL = Caution()


def first_weight(
    requests_per_minute: float, *, period_seconds: int = 60, delay_seconds: int = 120, caution: Caution = CAREFUL
) -> Widening:
    """The weight to begin with: nothing is known of green, so it may be a failure outright."""
    unseen = _unseen_minutes(period_seconds, delay_seconds)
    weight = caution.budget(requests_per_minute, noisy=True) / max(requests_per_minute * unseen, 1.0)
    weight = max(caution.first_at_least, min(caution.first_at_most, weight))
    return Widening(weight, period_seconds + delay_seconds)


def next_weight(
    weight: float,
    verdict: Verdict,
    requests_per_minute: float,
    *,
    period_seconds: int = 60,
    delay_seconds: int = 120,
    caution: Caution = CAREFUL,
) -> Widening:
    """
    The weight after a verdict on all settled buckets; never less than `weight`, 1 when green is through.

    Ask at every new bucket: the weight grows by what the buckets prove, at most `times` the largest weight
    they show (`verdict.weight_seen`), so a weight whose effect is not visible yet lends no trust to the next.
    """
    stay = Widening(weight, period_seconds)
    if verdict.kind in ("worse", "cannot_measure") or weight >= 1:
        return stay
    if weight >= ALMOST_ALL:
        seen = verdict.seconds_at_weight_seen if verdict.weight_seen >= ALMOST_ALL else 0
        through = verdict.kind == "fine" and seen >= caution.buckets_at_almost_all * period_seconds
        return Widening(1.0, period_seconds) if through else stay
    if verdict.kind == "fine":
        return Widening(ALMOST_ALL, period_seconds)
    acting = [finding for finding in verdict.findings if finding.acts]
    if not acting:
        return stay
    noisy = max(acting, key=lambda finding: finding.share).blue.bad >= caution.noisy_from
    unseen = requests_per_minute * _unseen_minutes(period_seconds, delay_seconds)
    trusted = caution.budget(requests_per_minute, noisy=noisy) / max(unseen * _harm(acting), 1e-9)
    ceiling = min(caution.ceiling(requests_per_minute, noisy=noisy), caution.times * verdict.weight_seen)
    return Widening(max(weight, min(trusted, ceiling)), period_seconds)


def _harm(acting: list[Finding]) -> float:
    """The share of requests that may be harmed; of a signal with a wider margin each counts for less."""
    narrowest = min(finding.margin for finding in acting)
    return max(finding.bound * narrowest / finding.margin for finding in acting)


def _unseen_minutes(period_seconds: int, delay_seconds: int) -> float:
    return (period_seconds + delay_seconds) / 60
