"""Looking at both versions: the metrics of all settled buckets since the first shift, and what they say together."""

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bluegreen.aws import alarms, functions, metrics
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.aws.metrics import Query, of_version
from bluegreen.decisions.bake import Alarms, bucket_of, settled_until
from bluegreen.decisions.replies import Reply, fails_by_default, mismatches, verbatim
from bluegreen.decisions.shift import Shifted
from bluegreen.document import Plan
from bluegreen.errors import AwsRefused, AwsUnavailable, GreenUnhealthy
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
    """What a look found: the verdict, and how many requests a minute the alias has now."""

    verdict: Verdict
    requests_per_minute: float = 0.0


@dataclass(frozen=True)
class Probed:
    """How many probes were answered rightly, and the first case that neither green nor blue answered in time."""

    answered: int = 0
    unanswered: str = ""


def look(plan: Plan, green: str, shifts: tuple[Shifted, ...], now: float) -> Seen:
    """The verdict on every settled bucket. If CloudWatch does not answer, the verdict is that it cannot measure."""
    try:
        buckets = list(_buckets(plan, green, shifts, now))
    except (AwsUnavailable, AwsRefused) as error:
        return Seen(Verdict.cannot_measure(f"the metrics could not be read ({error})"))
    return Seen(judge(buckets, plan.health.policy), _per_minute(buckets))


def requests_per_minute(target: Target, blue: str, health: Health, now: float) -> float:
    """Blue's recent traffic, before there is a green."""
    period = max(health.period_seconds, 60)
    until = settled_until(now, health) // period * period
    query = of_version(target, blue, "Invocations")
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
    answered, unanswered = 0, ""
    for case in plan.smoke_tests[:PROBES_A_LOOK]:
        reply = functions.probe(plan.target, green, case)
        if reply.answered or (case.max_duration_ms or math.inf) < PROBE_SECONDS * 1000:
            if wrong := _lacks(plan, case, reply):
                if plan.default_test and not _is_answered_by_blue(plan, case):
                    continue  # nobody wrote the test, so it counts only where blue passes it
                raise GreenUnhealthy(
                    f"Version {green} failed the probe {case.name!r}: {'; '.join(wrong)}.",
                    {"case": case.name, "mismatches": verbatim(case, reply), "reply": reply.shown()},
                )
            answered += 1
        elif not unanswered:
            unanswered = case.name
            if _is_answered_by_blue(plan, case):
                raise GreenUnhealthy(
                    f"Version {green} did not answer the probe {case.name!r} within {PROBE_SECONDS} seconds, and "
                    f"version {plan.blue.version} did."
                )
    return Probed(answered, unanswered)


def _is_answered_by_blue(plan: Plan, case: Case) -> bool:
    """Whether blue gives the right answer; that blue lacks what is new says nothing about green."""
    reply = functions.probe(plan.target, plan.blue.version, case)
    return reply.answered and not _lacks(plan, case, reply)


def _lacks(plan: Plan, case: Case, reply: Reply) -> list[str]:
    return fails_by_default(reply) if plan.default_test else mismatches(case, reply)


Signal = Callable[[str], tuple[Query, ...]]
"""Version -> the queries that count a signal of it: requests, and bad ones."""


def _buckets(plan: Plan, green: str, shifts: tuple[Shifted, ...], now: float) -> Iterator[Bucket]:
    period, blue = plan.health.period_seconds, plan.blue.version
    first, until = bucket_of(shifts[0].at, plan.health), settled_until(now, plan.health)
    starts = range(first, until, period)
    alone = [start for start in starts if shifts[-1].weight == 1 and start >= shifts[-1].at]
    signals = _signals(plan, first)
    queries = dict.fromkeys(
        query for version in (blue, green) for asked in signals.values() for query in asked(version)
    )
    series = metrics.read(plan.target, queries, first - len(alone) * period, until, period)

    def sides(start: int, control: int) -> dict[str, Sides]:
        return {
            name: Sides(
                blue=_counted(name, [series[query].get(control) for query in asked(blue)]),
                green=_counted(name, [series[query].get(start) for query in asked(green)]),
            )
            for name, asked in signals.items()
        }

    for start in starts:
        if start in alone:
            # Green has all of the traffic, so it is compared with blue's last buckets before the first shift.
            control = first - (len(alone) - alone.index(start)) * period
            yield Bucket(start, sides(start, control), None, period)
        else:
            yield Bucket(start, sides(start, start), _weight_throughout(shifts, start, period), period)


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
    def queries(version: str) -> tuple[Query, ...]:
        return tuple(of_version(plan.target, version, metric, statistic) for metric, statistic in asked)

    return queries


def _of_custom(custom: CustomMetric) -> Signal:
    def queries(version: str) -> tuple[Query, ...]:
        named = {name: value.replace("{version}", version) for name, value in custom.dimensions.items()}
        return tuple(Query(custom.namespace, metric, tuple(named.items())) for metric in (custom.requests, custom.bad))

    return queries


def _learnt_slow_ms(plan: Plan, first: int) -> int | None:
    """Blue's own 95th percentile, None if there is nothing to learn from."""
    until = first // LEARNT_IN_SECONDS * LEARNT_IN_SECONDS
    query = of_version(plan.target, plan.blue.version, "Duration", "p95")
    learnt = metrics.read(plan.target, [query], until - LEARNT_OVER_SECONDS, until, LEARNT_IN_SECONDS)[query]
    return max(1, round(statistics.median(learnt.values()))) if learnt else None


def _counted(name: str, values: list[float | None]) -> Counts:
    """Throttled requests are not among the invocations, and `PR(:L)` is the percentage that was fast."""
    requests, bad = round(values[0] or 0), values[1]
    if name == "throttles":
        return Counts(requests + round(bad or 0), round(bad or 0))
    if name == "slow":
        return Counts(requests, round(requests * (1 - bad / 100)) if bad is not None else 0)
    return Counts(requests, round(bad or 0))


def _weight_throughout(shifts: tuple[Shifted, ...], start: int, period_seconds: int) -> float | None:
    """Green's weight in a bucket, None if it was shifted in the middle of it."""
    if any(start < each.at < start + period_seconds for each in shifts):
        return None
    before = [each.weight for each in shifts if each.at <= start]
    return before[-1] if before else 0.0


def _per_minute(buckets: list[Bucket]) -> float:
    recent = [bucket.signals["errors"] for bucket in buckets[-RECENT_BUCKETS:]]
    if not recent:
        return 0.0
    requests = sum(sides.blue.requests + sides.green.requests for sides in recent)
    return requests / (len(recent) * buckets[-1].period_seconds / 60)
