"""
The Adaptive weight: green gets as much traffic as it can be trusted with, and less the moment the odds turn against it.

Between a shift and the first bucket that shows its effect pass a few minutes, in which a green that is worse by
`bound` harms requests_per_minute * weight * minutes * bound requests unseen. The weight keeps that within a budget,
so that what a bad green can harm does not grow with the traffic. A green that is suspected goes back to a small
weight: there a failure of green is the stronger evidence (about log(1 / weight)), and there are fewer of them.
"""

import math
from dataclasses import dataclass

from bluegreen.request.traffic import ALMOST_ALL, DECIMALS
from bluegreen.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Caution:
    """
    How careful the growth is. `benchmarks/verdict` measures what these numbers buy.

    `requests` may be harmed unseen, or `share_of_minute` of a minute's traffic if that is more; only `spotless` times
    the root of a minute's requests while blue's weightiest signal has had fewer than `noisy_from` bad ones. A weight
    is at most `times` the largest one seen, and `at_most` before green is fine; the first one, and that of a suspected
    green, `first_at_most`. In thin traffic these two are larger: green is to expect `thin_requests` in `thin_minutes`,
    with `thin_at_most` of the traffic. Odds of `suspicious_odds` to 1 that green is worse are suspicion: a little more
    than the 1 to 1 of no evidence, which rounding may exceed.

    After `canary_seconds` of figures the bake is as long as that of Canary10Percent10Minutes, whose tenth minute has
    seen eight. Then green gets everything if its bound is within `margins` of the margin and no signal leans against
    it; one that leans has `while_leaning`, a canary's weight, at most. Before, a green that is fine gets everything
    when it was seen at ALMOST_ALL for `buckets_at_almost_all`. A deployment that is to be over by some time begins with
    a weight by which green expects `hurried_requests` in `canary_seconds`, so many as make it fine if none of them
    fails; `hurried_at_most` is enough.
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
    thin_requests: float = 5
    thin_minutes: float = 7
    thin_at_most: float = 0.5
    hurried_requests: float = 400
    hurried_at_most: float = 0.1
    canary_seconds: int = 480
    margins: float = 1.5
    while_leaning: float = 0.1
    buckets_at_almost_all: int = 2

    def budget(self, requests_per_minute: float, *, noisy: bool) -> float:
        """The requests that may be harmed before anything is seen."""
        share = self.share_of_minute * requests_per_minute
        least = self.requests if noisy else min(self.requests, self.spotless * math.sqrt(requests_per_minute))
        return max(least, share)

    def thin(self, requests_per_minute: float) -> float:
        """The weight with which green expects enough requests to be seen, in thin traffic."""
        return min(self.thin_at_most, self.thin_requests / (self.thin_minutes * max(requests_per_minute, 1e-9)))

    def hurried(self, requests_per_minute: float) -> float:
        """The weight to begin with where there is little time."""
        minutes = self.canary_seconds / 60
        return min(self.hurried_at_most, self.hurried_requests / (minutes * max(requests_per_minute, 1e-9)))


CAREFUL = Caution()


def first_weight(
    requests_per_minute: float,
    *,
    period_seconds: int = 60,
    delay_seconds: int = 120,
    thin: bool = True,
    hurried: bool = False,
    caution: Caution = CAREFUL,
) -> float:
    """
    The weight to begin with: nothing is known of green, so it may be a failure outright.

    In `thin` traffic it is larger. An alias of which nothing is known may have any traffic.
    """
    unseen = (period_seconds + delay_seconds) / 60
    weight = caution.budget(requests_per_minute, noisy=True) / max(requests_per_minute * unseen, 1.0)
    weight = max(caution.first_at_least, min(caution.first_at_most, weight))
    weight = max(weight, caution.thin(requests_per_minute)) if thin else weight
    return _kept(max(weight, caution.hurried(requests_per_minute)) if hurried else weight)


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What the watch sees: figures in periods of `period_seconds`, the newest ones `unseen_seconds` old.

    `requests_per_minute` are the alias's, `first_weight` is the one that green began with.
    """

    requests_per_minute: float
    first_weight: float
    period_seconds: int = 60
    unseen_seconds: float = 180


def next_weight(weight: float, verdict: Verdict, sight: Sight, caution: Caution = CAREFUL) -> float:
    """
    The weight after a verdict on all settled buckets: up with what they prove, down on suspicion, 1 at the end.

    Ask at every new bucket: the weight grows to at most `times` the largest weight the buckets show
    (`verdict.weight_seen`), so a weight whose effect is not visible yet lends no trust to the next.
    """
    acting = [finding for finding in verdict.findings if finding.acts]
    if verdict.kind in ("worse", "cannot_measure") or weight >= 1 or not acting:
        return weight
    noisy = max(acting, key=lambda finding: finding.share).blue.bad >= caution.noisy_from
    unseen = sight.requests_per_minute * sight.unseen_seconds / 60
    trusted = caution.budget(sight.requests_per_minute, noisy=noisy) / max(unseen * _harm(acting), 1e-9)
    reach = max(weight, caution.times * verdict.weight_seen)
    if is_suspicious(verdict, caution):
        most = max(caution.first_at_most, sight.first_weight)
        return _kept(min(max(trusted, sight.first_weight), most, reach))
    allowed = min(trusted, caution.at_most)
    if not verdict.leans and verdict.kind == "fine":
        allowed = ALMOST_ALL
    if not verdict.leans and _is_through(verdict, acting, sight, caution):
        allowed = 1.0
    wider = min(max(weight, allowed), reach)
    if verdict.leans and _is_old(verdict, sight, caution):
        wider = min(wider, max(caution.while_leaning, sight.first_weight))
    return _kept(wider)


def is_suspicious(verdict: Verdict, caution: Caution = CAREFUL) -> bool:
    """The odds that green is worse are better than even."""
    return verdict.log_evidence > math.log(caution.suspicious_odds)


def _kept(weight: float) -> float:
    """Rounded down to as many decimals as an alias keeps; 0.001 is the least that it can say."""
    thousandths: float = 10.0**DECIMALS
    return max(0.001, math.floor(round(weight * thousandths, 6)) / thousandths)


def _is_through(verdict: Verdict, acting: list[Finding], sight: Sight, caution: Caution) -> bool:
    """Green was seen with almost all, or it has baked as long as a canary does and is about fine."""
    at_almost_all = verdict.seconds_at_weight_seen if verdict.weight_seen >= ALMOST_ALL else 0
    if verdict.kind == "fine" and at_almost_all >= caution.buckets_at_almost_all * sight.period_seconds:
        return True
    about_fine = all(finding.bound <= caution.margins * finding.margin for finding in acting)
    return about_fine and _is_old(verdict, sight, caution)


def _harm(acting: list[Finding]) -> float:
    """The share of requests that may be harmed; of a signal with a wider margin each counts for less."""
    narrowest = min(finding.margin for finding in acting)
    return max(finding.bound * narrowest / finding.margin for finding in acting)


def _is_old(verdict: Verdict, sight: Sight, caution: Caution) -> bool:
    return verdict.buckets * sight.period_seconds >= caution.canary_seconds
