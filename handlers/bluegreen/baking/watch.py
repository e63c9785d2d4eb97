"""
Looking at both versions: the metrics of the newest settled buckets, and what they and all before say together.

While the alias is split, a version's figures are those of Lambda's dimension ExecutedVersion. Where green has all of
it, they are the alias's own, so that nothing depends on that dimension there. Every look reads the alias's own
requests, too. They tell a version without requests from one whose series is missing.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from bluegreen.aws import alarms, artifacts, functions, logs, metrics
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.aws.logs import LogQuery
from bluegreen.aws.metrics import Query, Series, of_alias, of_pair, of_version
from bluegreen.aws.sharing import Asked, place
from bluegreen.decisions.bake import Alarms, bucket_of, settled_until
from bluegreen.decisions.figures import NOTHING_YET, Measured, Memory, Seen, see
from bluegreen.decisions.past import LATEST_SECONDS, MINUTE, Past, correlation, learn
from bluegreen.decisions.past import SECONDS as PAST_SECONDS
from bluegreen.decisions.replies import Reply, evidence, fails_by_default, mismatches
from bluegreen.decisions.shift import Shifted
from bluegreen.decisions.silence import Side
from bluegreen.document import Plan
from bluegreen.errors import AwsRefused, AwsUnavailable, GreenUnhealthy, InvalidRequest, NotFound
from bluegreen.request.health import Health, Logs, MetricPair
from bluegreen.request.smoke_tests import Case
from bluegreen.target import Target
from bluegreen.verdict import Bucket, Counts, Sides, Verdict

LEARNT_IN_SECONDS = 300
"""Blue's 95th percentile of duration is the median over such periods of the past."""

PROBES_A_LOOK = 10

NEARLY_ALL = 0.2
"""A shift within this part of a bucket comes at its beginning: the weight that it gave is the one that lasted."""


Q = TypeVar("Q", Query, LogQuery)


@dataclass(frozen=True)
class Probed:
    """
    How many probes were answered rightly, and the first case that neither green nor blue answered in time.

    `unread` says why S3 did not give the payload of a case: the first such case.
    """

    answered: int = 0
    unanswered: str = ""
    unread: str = ""


class Asking(NamedTuple):
    """A function that is looked at: its plan, its green, every shift so far, and what the last look came to."""

    plan: Plan
    green: str
    shifts: tuple[Shifted, ...]
    memory: Memory = NOTHING_YET


def look(plan: Plan, green: str, shifts: tuple[Shifted, ...], now: float, memory: Memory = NOTHING_YET) -> Seen:
    """
    The verdict on every settled bucket. If CloudWatch does not answer, the verdict is that it cannot measure.

    `memory` is what the last look came to: the buckets before `memory.until` are in it and are not read again.
    """
    [seen] = look_at_all([Asking(plan, green, shifts, memory)], now)
    return seen


def look_at_all(asking: Sequence[Asking], now: float) -> list[Seen]:
    """
    What `look` finds of each function, in the same order, at `now` (seconds since 1970).

    They share their calls. What CloudWatch does not answer concerns the functions that it was asked about: the others
    are judged.
    """
    looks = [_Look(each, now) for each in asking]
    figures = metrics.read_all([each.metrics for each in looks])
    seen: dict[int, Seen] = {}
    measured: dict[int, dict[Query, Series]] = {}
    for number, found in enumerate(figures):
        if isinstance(found, AwsUnavailable | AwsRefused):
            seen[number] = looks[number].unseen(found)
        else:
            measured[number] = found
    lines = logs.read_all([looks[number].logs for number in measured])
    for (number, series), written in zip(measured.items(), lines, strict=True):
        if isinstance(written, AwsUnavailable | AwsRefused):
            seen[number] = looks[number].unseen(written)
        else:
            seen[number] = looks[number].seen(series, written)
    return [seen[number] for number in range(len(looks))]


def past(target: Target, blue: str, health: Health, now: float) -> Past:
    """
    What the alias did before there is a green.

    How failures cluster is blue's own, where the alias was split: an earlier green that failed says nothing about it.

    Raises AwsUnavailable or AwsRefused if CloudWatch does not answer, unless the request goes on without metrics.
    """
    until = settled_until(now, health) // MINUTE * MINUTE
    requests, failed = of_alias(target, "Invocations"), of_alias(target, "Errors")
    own_requests, own_failed = (of_version(target, blue, metric) for metric in ("Invocations", "Errors"))
    queries = [requests, failed, own_requests, own_failed]
    try:
        series = metrics.read(target, queries, until - PAST_SECONDS, until, MINUTE)
        slow_ms = _learnt_slow_ms(target, until) if health.slow_ms == "learn" else None
    except (AwsUnavailable, AwsRefused):
        if health.cannot_measure == "proceed":
            return Past(known=False)
        raise
    icc = correlation(series[requests] | series[own_requests], series[failed] | series[own_failed])
    return learn(series[requests], until, icc, slow_ms)


def alarms_now(plan: Plan, pardoned: tuple[str, ...]) -> Alarms:
    """The named alarms. One that was in ALARM before the deployment is pardoned until it has been OK once."""
    [found] = alarms_of_all([(plan, pardoned)])
    return found


def alarms_of_all(asking: Sequence[tuple[Plan, tuple[str, ...]]]) -> list[Alarms]:
    """
    What `alarms_now` finds of each plan and the alarms pardoned so far, in the same order.

    Each alarm of a place is read once. Raises AwsUnavailable or AwsRefused if CloudWatch does not answer.
    """
    named: dict[Target, dict[str, None]] = {}
    for plan, _ in asking:
        named.setdefault(place(plan.target), {}).update(dict.fromkeys(plan.health.alarms))
    states = {where: alarms.states(where, tuple(names)) for where, names in named.items()}
    return [_standing(plan.health.alarms, pardoned, states[place(plan.target)]) for plan, pardoned in asking]


def _standing(named: tuple[str, ...], pardoned: tuple[str, ...], states: Mapping[str, str]) -> Alarms:
    return Alarms(
        red=tuple(name for name in named if states.get(name) == alarms.RED),
        unknown=tuple(name for name in named if states.get(name, alarms.UNKNOWN) == alarms.UNKNOWN),
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
    """A version behind the alias; `whole` where it has all of the alias."""

    version: str
    whole: bool = False


Signal = Callable[[Part], tuple[Query | LogQuery, ...]]
"""The queries that count a signal of a part: requests, bad ones and perhaps the most that were routed together."""


class _Look:
    """What is asked about one function, and what comes of the answers."""

    def __init__(self, asking: Asking, now: float) -> None:
        self._plan, green, self._shifts, self._memory = asking
        plan = self._plan
        self._settled_until = settled_until(now, plan.health)
        self._shifted_at = bucket_of(self._shifts[0].at, plan.health)
        self._since = max(self._shifted_at, self._memory.until)
        self._signals = _signals(plan)
        self._versions: dict[Side, Part] = {"blue": Part(plan.blue.version), "green": Part(green)}
        self._alone = Part(green, whole=True)
        self._requests, self._throttles = of_alias(plan.target, "Invocations"), of_alias(plan.target, "Throttles")
        self._ran = {
            side: of_version(plan.target, part.version, "Invocations") for side, part in self._versions.items()
        }
        self._busy = of_version(plan.target, green, "Duration")
        parts = [*self._versions.values(), *([self._alone] if self._shifts[-1].weight == 1 else [])]
        queries = [query for part in parts for asked in self._signals.values() for query in asked(part)]
        of_metrics = [each for each in queries if isinstance(each, Query)]
        busy = [self._busy] if "slow" in self._signals else []
        counts = [*of_metrics, self._requests, self._throttles, *self._ran.values(), *busy]
        self.metrics = self._asked(counts, self._read_from())
        self.logs = self._asked([each for each in queries if isinstance(each, LogQuery)], self._since)

    def _read_from(self) -> int:
        """
        From when metrics are read, in seconds since 1970: where the past that the plan knows ends, at most half an hour
        before the first shift.

        That shift may have waited for hours, for a person or for earlier waves. Once figures came, and for an alias
        without any in its past, only buckets after the first shift are read.
        """
        past = self._plan.past
        if self._memory.newest or self._settled_until <= self._since or not past.usual:
            return self._since
        known = max(past.last_at, self._shifted_at - LATEST_SECONDS)
        return min(self._since, bucket_of(known, self._plan.health))

    def _asked(self, queries: Iterable[Q], since: int) -> Asked[Q]:
        """Of each bucket since then that is settled."""
        period = self._plan.health.period_seconds
        return Asked(self._plan.target, tuple(dict.fromkeys(queries)), since, self._settled_until, period)

    def unseen(self, error: AwsUnavailable | AwsRefused) -> Seen:
        """The figures could not be read."""
        what = "metrics and logs" if self._plan.health.logs else "metrics"
        return Seen(Verdict.cannot_measure(f"the {what} could not be read ({error})"), self._memory)

    def seen(self, measured: Mapping[Query, Series], lines: logs.Counted) -> Seen:
        """The verdict on these figures, and all before."""
        plan, found, called_at = self._plan, list(self.buckets(measured, lines)), self._called_at(measured)
        return see(
            found,
            self._settled_until,
            plan.past,
            frozenset(self._signals),
            plan.policy,
            self._memory,
            called_at=called_at,
            silent_seconds=self._shifted_at - max(called_at, plan.past.last_at),
        )

    def _called_at(self, measured: Mapping[Query, Series]) -> int:
        """The end of the last bucket with a request between the past and the first shift; 0 if there is none."""
        served = (measured[query].items() for query in (self._requests, self._throttles))
        busy = (start for points in served for start, count in points if count > 0 and start < self._shifted_at)
        return max((start + self._plan.health.period_seconds for start in busy), default=0)

    def buckets(self, measured: Mapping[Query, Series], lines: logs.Counted) -> Iterator[Measured]:
        """Each that was asked about."""
        plan, period = self._plan, self._plan.health.period_seconds
        series = dict[Query | LogQuery, Series]([*measured.items(), *lines.series.items()])
        written = {pair.name for pair in plan.health.pairs(plan.target.function)}
        for start in range(self._since, self.metrics.until, period):
            at = {query: points.get(start) for query, points in series.items()}
            weights = _weights(self._shifts, start, period)
            least, most = min(weights.values()), max(weights.values())
            served = self._versions | {"green": self._alone} if least == 1 else self._versions
            figures = {
                name: ([at[query] for query in asked(served["blue"])], [at[query] for query in asked(served["green"])])
                for name, asked in self._signals.items()
                if name != "logs" or start < lines.until
            }
            ran_of = [round(of[0] or 0) for of in figures["errors"]]
            sides = {
                name: _sides(name, *of)
                for name, of in figures.items()
                if name not in written or all(map(_belongs, of, ran_of))
            }
            errors = {"blue": sides["errors"].blue, "green": sides["errors"].green}
            throttled = {"blue": sides["throttles"].blue.bad, "green": sides["throttles"].green.bad}
            requests, refused = round(at[self._requests] or 0), round(at[self._throttles] or 0)
            invoked = {side: at[self._requests] if part.whole else at[self._ran[side]] for side, part in served.items()}
            yield Measured(
                bucket=Bucket(
                    start,
                    sides,
                    green_weight=most,
                    period_seconds=period,
                    covered=start >= self._shifts[0].at,
                    changed=len(weights) > 1,
                    lasting_weight=_lasting(weights, start, period),
                    busy=(at.get(self._busy) or 0.0) / 1000 / period * _peak(weights, start, period),
                ),
                requests=requests + refused,
                throttled=refused,
                ran={side: round(count or 0) + throttled[side] for side, count in invoked.items()},
                counted={side: errors[side].requests + throttled[side] for side in served},
                weight={"green": least, "blue": 1 - most},
            )


def _signals(plan: Plan) -> dict[str, Signal]:
    """
    The signals that are watched, by name.

    Requests and bad ones are two statistics of one metric where there is one. CloudWatch may publish one metric of a
    version minutes after another, and figures of both would not belong together.
    """
    found = {
        "errors": _of_lambda(plan, ("Errors", "SampleCount"), ("Errors", "Sum")),
        "throttles": _of_lambda(plan, ("Invocations", "Sum"), ("Throttles", "Sum")),
    }
    if plan.slow_ms:
        found["slow"] = _of_lambda(plan, ("Duration", "SampleCount"), ("Duration", f"PR(:{plan.slow_ms})"))
    if plan.health.logs:
        found["logs"] = _of_logs(plan, plan.health.logs)
    return found | {pair.name: _of_pair(pair) for pair in plan.health.pairs(plan.target.function)}


def _of_lambda(plan: Plan, *asked: tuple[str, str]) -> Signal:
    def queries(part: Part) -> tuple[Query, ...]:
        if part.whole:
            return tuple(of_alias(plan.target, metric, statistic) for metric, statistic in asked)
        return tuple(of_version(plan.target, part.version, metric, statistic) for metric, statistic in asked)

    return queries


def _of_logs(plan: Plan, patterns: Logs) -> Signal:
    invocations = _of_lambda(plan, ("Invocations", "Sum"))

    def lines(version: str, pattern: str) -> LogQuery:
        group = plan.blue.log_group if version == plan.blue.version else plan.log_group
        return LogQuery(group, version, pattern)

    def queries(part: Part) -> tuple[Query | LogQuery, ...]:
        requests = (lines(part.version, patterns.requests),) if patterns.requests else invocations(part)
        return (*requests, lines(part.version, patterns.bad))

    return queries


def _of_pair(pair: MetricPair) -> Signal:
    def queries(part: Part) -> tuple[Query, ...]:
        counted = of_pair(pair, part.version, pair.requests), of_pair(pair, part.version, pair.bad)
        largest = (of_pair(pair, part.version, pair.requests, "Maximum"),) if pair.name == "batch" else ()
        return (*counted, *largest)

    return queries


def _learnt_slow_ms(target: Target, until: int) -> int | None:
    """The alias's 95th percentile, None if there is nothing to learn from."""
    until = until // LEARNT_IN_SECONDS * LEARNT_IN_SECONDS
    query = of_alias(target, "Duration", "p95")
    learnt = metrics.read(target, [query], until - PAST_SECONDS, until, LEARNT_IN_SECONDS)[query]
    return max(1, round(statistics.median(learnt.values()))) if learnt else None


def _belongs(written: list[float | None], counted: int) -> bool:
    """
    Whether the requests and bad ones that a version wrote agree with each other, and with Lambda's count of requests.

    If there are more bad ones than requests, or no requests although Lambda `counted` some, a part of them is late.
    """
    requests, bad = (round(each or 0) for each in written[:2])
    return bad <= requests and not requests == 0 < counted


def _sides(name: str, blue: list[float | None], green: list[float | None]) -> Sides:
    together = max((round(most or 1) for side in (blue, green) for most in side[2:]), default=1)
    return Sides(_counted(name, blue), _counted(name, green), max(1, together))


def _counted(name: str, values: list[float | None]) -> Counts:
    """Throttled requests are not among the invocations, and `PR(:L)` is the percentage that was fast."""
    requests, bad = round(values[0] or 0), values[1]
    if name == "throttles":
        return Counts(requests + round(bad or 0), round(bad or 0))
    if name == "slow":
        return Counts(requests, round(requests * max(0.0, 1 - bad / 100)) if bad is not None else 0)
    return Counts(requests, round(bad or 0))


def _weights(shifts: tuple[Shifted, ...], start: int, period_seconds: int) -> dict[float, float]:
    """Green's weights in a bucket by the moments from which it had them, the bucket's beginning first."""
    before = [each.weight for each in shifts if each.at <= start]
    within = {each.at: each.weight for each in shifts if start < each.at < start + period_seconds}
    return {float(start): before[-1] if before else 0.0} | within


def _peak(weights: dict[float, float], start: int, period_seconds: int) -> float:
    """Green's largest weight in a bucket, divided by its mean weight there."""
    moments = [*weights, float(start + period_seconds)]
    mean = (
        sum(weight * (until - at) for (at, weight), until in zip(weights.items(), moments[1:], strict=True))
        / period_seconds
    )
    return max(weights.values()) / mean if mean else 1.0


def _lasting(weights: dict[float, float], start: int, period_seconds: int) -> float | None:
    """The weight that green had for nearly all of a bucket: the last one, if the shift to it came at its beginning."""
    at, weight = list(weights.items())[-1]
    return weight if at <= start + NEARLY_ALL * period_seconds else None
