"""
The Adaptive weight: green gets as much traffic as it can be trusted with.

Between a widening and the first bucket that shows its effect pass a few minutes, in which a green that is worse by
`bound` harms requests_per_minute * weight * minutes * bound requests unseen. The weight keeps that within a budget,
so that what a bad green can harm does not grow with the traffic.
"""

from dataclasses import dataclass

from bluegreen.verdict import Verdict

ALMOST_ALL = 0.9
"""The last weight before 1: blue still serves enough to compare with."""


@dataclass(frozen=True, slots=True)
class Caution:
    """
    How careful the growth is: the requests that may be harmed unseen (or a share of a minute's traffic, if
    that is more), and how many seen buckets at 0.9 it takes before green gets everything.
    """

    requests: float = 50
    share_of_minute: float = 0.007
    first_at_most: float = 0.05
    first_at_least: float = 0.001
    times: float = 10
    up_to: float = 0.5
    buckets_at_almost_all: int = 2

    def budget(self, requests_per_minute: float) -> float:
        """The requests that may be harmed before anything is seen."""
        return max(self.requests, self.share_of_minute * requests_per_minute)


@dataclass(frozen=True, slots=True)
class Widening:
    """Green's next weight, and how long to bake before the next decision. The weight may be the one it has."""

    green_weight: float
    bake_seconds: int


def first_weight(
    requests_per_minute: float,
    *,
    period_seconds: int = 60,
    delay_seconds: int = 120,
    caution: Caution = Caution(),
) -> Widening:
    """The weight to begin with: nothing is known of green, so it may be a failure outright."""
    unseen = _unseen_minutes(period_seconds, delay_seconds)
    weight = caution.budget(requests_per_minute) / max(requests_per_minute * unseen, 1.0)
    weight = max(caution.first_at_least, min(caution.first_at_most, weight))
    return Widening(weight, period_seconds + delay_seconds)


def next_weight(
    weight: float,
    verdict: Verdict,
    requests_per_minute: float,
    *,
    period_seconds: int = 60,
    delay_seconds: int = 120,
    caution: Caution = Caution(),
) -> Widening:
    """
    The weight after a verdict on all settled buckets; never less than `weight`, 1 when green is through.

    Call it once every bucket: it widens by what the buckets seen so far prove, and it does not count on a weight that
    they do not show yet (`verdict.weight_seen`).
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
    unseen = _unseen_minutes(period_seconds, delay_seconds)
    harmed = max(requests_per_minute * unseen * verdict.bound, 1e-9)
    wanted = min(caution.budget(requests_per_minute) / harmed, caution.times * verdict.weight_seen, caution.up_to)
    return Widening(max(weight, wanted), period_seconds)


def _unseen_minutes(period_seconds: int, delay_seconds: int) -> float:
    return (period_seconds + delay_seconds) / 60
