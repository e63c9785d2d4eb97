"""
Looking at both versions: the metrics of all settled buckets since the first shift, and what they say together.

While the alias is split, a version's figures are those of Lambda's dimension ExecutedVersion. While it is whole, they
are the alias's own, so that nothing depends on ExecutedVersion there. Every look reads the alias's own requests, too.
They distinguish a version that nobody called from one whose series is missing.
"""

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from bluegreen.aws import alarms, artifacts, functions, metrics
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.aws.metrics import Query, Series, of_alias, of_custom, of_version
from bluegreen.decisions.bake import Alarms, bucket_of, settled_until
from bluegreen.decisions.replies import Reply, evidence, fails_by_default, mismatches
from bluegreen.decisions.shift import Shifted
from bluegreen.decisions.silence import Hidden, Served, hidden
from bluegreen.decisions.words import of_hidden
from bluegreen.document import Plan
from bluegreen.errors import AwsRefused, AwsUnavailable, GreenUnhealthy, InvalidRequest, NotFound
from bluegreen.request.health import CustomMetric, Health
from bluegreen.request.smoke_tests import Case
from bluegreen.target import Target
from bluegreen.verdict import Bucket, Counts, Sides, Verdict, judge

LEARNT_OVER_SECONDS = 3 * 3600
LEARNT_IN_SECONDS = 300
"""Blue's 95th percentile of duration is the median over these periods before the first shift."""

PROBES_A_LOOK = 10

RECENT_BUCKETS = 5
"""The present traffic is the mean of so many."""


@dataclass(frozen=True)
class Seen:
    """
    What a look found: the verdict, and how many requests a minute the alias has now.

    With a version that is `hidden` the verdict is that it cannot be measured. The alias's throttled requests that count
    for neither version are `unattributed`.
    """

    verdict: Verdict
    requests_per_minute: float = 0.0
    hidden: Hidden | None = None
    unattributed: int = 0


@dataclass(frozen=True)
class Probed:
    """
    How many probes were answered rightly, and the first case that neither green nor blue answered in time.

    `unread` says why S3 did not give the payload of a case: the first such case.
    """

    answered: int = 0
    unanswered: str = ""
    unread: str = ""


def look(plan: Plan, green: str, shifts: tuple[Shifted, ...], now: float) -> Seen:
    """The verdict on every settled bucket. If CloudWatch does not answer, the verdict is that it cannot measure."""
    try:
        buckets = list(_buckets(plan, green, shifts, now))
    except (AwsUnavailable, AwsRefused) as error:
        return Seen(Verdict.cannot_measure(f"the metrics could not be read ({error})"))
    verdict, served = judge([bucket for bucket, _ in buckets], plan.health.policy), [of for _, of in buckets]
    missing = hidden(served) if verdict.kind != "worse" else None
    return Seen(
        verdict=replace(verdict, kind="cannot_measure", reason=of_hidden(missing)) if missing else verdict,
        requests_per_minute=_per_minute(served, plan.health.period_seconds),
        hidden=missing,
        unattributed=_unattributed(served, verdict),
    )


def requests_per_minute(target: Target, health: Health, now: float) -> float:
    """The alias's recent traffic, before there is a green."""
    period = max(health.period_seconds, 60)
    until = settled_until(now, health) // period * period
    query = of_alias(target, "Invocations")
    series = metrics.read(target, [query], until - RECENT_BUCKETS * period, until, period)[query]
    return sum(series.values()) / (RECENT_BUCKETS * period / 60)


def alarms_now(plan: Plan, pardoned: tuple[str, ...]) -> Alarms:
    """The named alarms. One that was in ALARM before the deployment is pardoned until it has been OK once."""
    states = alarms.states(plan.target, plan.health.alarms)
    return Alarms(
        red=tuple(name for name, state in states.items() if state == alarms.RED),
        unknown=tuple(name for name in plan.health.alarms if states.get(name, alarms.UNKNOWN) == alarms.UNKNOWN),
        pardoned=tuple(name for name in pardoned if states.get(name) != alarms.GREEN),
    )


def probe(plan: Plan, green: str) -> Probed:
    """
    Invoke a green without traffic with the smoke tests' payloads, a few at a look. Raises GreenUnhealthy.

    No answer in time proves nothing, since green has passed the case as a smoke test, which waits longer. It is a
    failure if the case itself asks for a quicker answer, or if blue gives the right one in time. Blue is asked once a
    look; there is no time for more.
    """
    answered, unanswered, unread = 0, "", ""
    for each in plan.smoke_tests[:PROBES_A_LOOK]:
        try:
            case = artifacts.with_payload(each)
        except (AwsRefused, InvalidRequest) as error:
            unread = unread or f"the payload of the probe {each.name!r} could not be read: {error}"
            continue
        reply = functions.probe(plan.target, green, case)
        if reply.answered or (case.max_duration_ms or math.inf) < PROBE_SECONDS * 1000:
            if wrong := _lacks(plan, case, reply):
                if plan.default_test and not _is_answered_by_blue(plan, case):
                    continue  # the default test counts only if blue passes it
                raise GreenUnhealthy(
                    f"Version {green} failed the probe {case.name!r}: {'; '.join(wrong)}.",
                    evidence(case, reply),
                )
            answered += 1
        elif not unanswered:
            unanswered = case.name
            if _is_answered_by_blue(plan, case):
                raise GreenUnhealthy(
                    f"Version {green} did not answer the probe {case.name!r} within {PROBE_SECONDS} seconds, and "
                    f"version {plan.blue.version} did."
                )
    return Probed(answered, unanswered, unread)


def _is_answered_by_blue(plan: Plan, case: Case) -> bool:
    """Whether blue gives the right answer. A blue without the new feature, or deleted, says nothing about green."""
    try:
        reply = functions.probe(plan.target, plan.blue.version, case)
    except NotFound:
        return False
    return reply.answered and not _lacks(plan, case, reply)


def _lacks(plan: Plan, case: Case, reply: Reply) -> list[str]:
    return fails_by_default(reply) if plan.default_test else mismatches(case, reply)


class Part(NamedTuple):
    """A version behind the alias; `whole` where it has all of the alias, or had."""

    version: str
    whole: bool = False


Signal = Callable[[Part], tuple[Query, ...]]
"""The queries that count a signal of a part: requests, and bad ones."""


def _buckets(plan: Plan, green: str, shifts: tuple[Shifted, ...], now: float) -> Iterator[tuple[Bucket, Served]]:
    """Each settled bucket since the first shift, and what the alias served in it."""
    period, blue = plan.health.period_seconds, plan.blue.version
    first, until = bucket_of(shifts[0].at, plan.health), settled_until(now, plan.health)
    starts = range(first, until, period)
    alone = [start for start in starts if shifts[-1].weight == 1 and start >= shifts[-1].at]
    signals = _signals(plan, first)
    requests, throttles = of_alias(plan.target, "Invocations"), of_alias(plan.target, "Throttles")
    parts = [Part(version, whole) for version in (blue, green) for whole in ((False, True) if alone else (False,))]
    queries = [query for part in parts for asked in signals.values() for query in asked(part)]
    asked_for = dict.fromkeys([*queries, requests, throttles])
    series = metrics.read(plan.target, asked_for, first - len(alone) * period, until, period)

    def sides(of_blue: Part, control: int, of_green: Part, start: int) -> dict[str, Sides]:
        return {
            name: Sides(
                blue=_counted(name, [series[query].get(control) for query in asked(of_blue)]),
                green=_counted(name, [series[query].get(start) for query in asked(of_green)]),
            )
            for name, asked in signals.items()
        }

    for start in starts:
        weights = _weights(shifts, start, period)
        if start in alone:
            # Green has all of the traffic, so it is compared with the alias's last buckets before the first shift. An
            # earlier deployment may have been under way then: blue's own figures are preferred where there are any.
            control = first - (len(alone) - alone.index(start)) * period
            own = series[of_version(plan.target, blue, "Invocations")].get(control)
            found, weight = sides(Part(blue, whole=not own), control, Part(green, whole=True), start), None
        else:
            found = sides(Part(blue), start, Part(green), start)
            weight = weights[0] if len(weights) == 1 else None
        bucket = Bucket(start, found, weight, period, covered=start >= shifts[0].at)
        yield bucket, _served(bucket, series[requests], series[throttles], weights)


def _served(bucket: Bucket, requests: Series, throttles: Series, weights: list[float]) -> Served:
    """The throttles signal has all requests of a version: those that ran and those that did not."""
    throttled, shown = round(throttles.get(bucket.start, 0)), bucket.signals["throttles"]
    return Served(
        requests=round(requests.get(bucket.start, 0)) + throttled,
        throttled=throttled,
        shown={"green": shown.green.requests, "blue": shown.blue.requests},
        weight={"green": min(weights), "blue": 1 - max(weights)},
    )


def _signals(plan: Plan, first: int) -> dict[str, Signal]:
    """The signals that are watched, by name."""
    found = {
        "errors": _of_lambda(plan, ("Invocations", "Sum"), ("Errors", "Sum")),
        "throttles": _of_lambda(plan, ("Invocations", "Sum"), ("Throttles", "Sum")),
    }
    slow_ms = _learnt_slow_ms(plan, first) if plan.health.slow_ms == "learn" else plan.health.slow_ms
    if slow_ms:
        found["slow"] = _of_lambda(plan, ("Invocations", "Sum"), ("Duration", f"PR(:{slow_ms})"))
    return found | {custom.name: _of_custom(custom) for custom in plan.health.metrics}


def _of_lambda(plan: Plan, *asked: tuple[str, str]) -> Signal:
    def queries(part: Part) -> tuple[Query, ...]:
        if part.whole:
            return tuple(of_alias(plan.target, metric, statistic) for metric, statistic in asked)
        return tuple(of_version(plan.target, part.version, metric, statistic) for metric, statistic in asked)

    return queries


def _of_custom(custom: CustomMetric) -> Signal:
    """By version always: whether the user's own metric has figures of the alias is not known."""

    def queries(part: Part) -> tuple[Query, ...]:
        return tuple(of_custom(custom, part.version, metric) for metric in (custom.requests, custom.bad))

    return queries


def _learnt_slow_ms(plan: Plan, first: int) -> int | None:
    """The alias's 95th percentile while blue had all of it, None if there is nothing to learn from."""
    until = first // LEARNT_IN_SECONDS * LEARNT_IN_SECONDS
    query = of_alias(plan.target, "Duration", "p95")
    learnt = metrics.read(plan.target, [query], until - LEARNT_OVER_SECONDS, until, LEARNT_IN_SECONDS)[query]
    return max(1, round(statistics.median(learnt.values()))) if learnt else None


def _counted(name: str, values: list[float | None]) -> Counts:
    """Throttled requests are not among the invocations, and `PR(:L)` is the percentage that was fast."""
    requests, bad = round(values[0] or 0), values[1]
    if name == "throttles":
        return Counts(requests + round(bad or 0), round(bad or 0))
    if name == "slow":
        return Counts(requests, round(requests * max(0.0, 1 - bad / 100)) if bad is not None else 0)
    return Counts(requests, round(bad or 0))


def _weights(shifts: tuple[Shifted, ...], start: int, period_seconds: int) -> list[float]:
    """Green's weights in a bucket, in their order: the one at its beginning, and those that it was shifted to."""
    before = [each.weight for each in shifts if each.at <= start]
    within = [each.weight for each in shifts if start < each.at < start + period_seconds]
    return [before[-1] if before else 0.0, *within]


def _per_minute(served: list[Served], period_seconds: int) -> float:
    """Of those that the alias let in."""
    recent = served[-RECENT_BUCKETS:]
    if not recent:
        return 0.0
    return sum(each.requests - each.throttled for each in recent) / (len(recent) * period_seconds / 60)


def _unattributed(served: list[Served], verdict: Verdict) -> int:
    """Throttled requests of the alias, if CloudWatch shows no throttled one of either version."""
    shown = sum(each.green.bad + each.blue.bad for each in verdict.findings if each.signal == "throttles")
    return 0 if shown else sum(each.throttled for each in served)
