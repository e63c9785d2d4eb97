"""What CloudWatch counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.aws.sharing import Asked, together
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.request.health import MetricPair
from bluegreen.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricDataResultTypeDef

Series = dict[int, float]
"""Start of a period (seconds since 1970) -> what was measured in it; a period without data is not there."""


MOST = 1e15
"""Up to here each whole number has a float of its own."""

MOST_QUERIES = 500
"""GetMetricData takes so many in a call (API reference); AWS allows 50 calls and 180,000 points a second."""

MOST_SECONDS = 60
"""After so long a look at many functions begins no other call. botocore gives up on one after about 40 seconds."""


@dataclass(frozen=True)
class Query:
    """A statistic of one metric."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Sum"


def of_version(target: Target, version: str, metric: str, statistic: str = "Sum") -> Query:
    """Lambda's metric of a version behind an alias, whose dimension Resource is `function:alias`."""
    dimensions = (("FunctionName", target.function), ("Resource", str(target)), ("ExecutedVersion", version))
    return Query("AWS/Lambda", metric, dimensions, statistic)


def of_pair(pair: MetricPair, version: str, metric: str, statistic: str = "Sum") -> Query:
    """A metric that the function writes, of that version."""
    named = {name: value.replace("{version}", version) for name, value in pair.dimensions.items()}
    return Query(pair.namespace, metric, tuple(named.items()), statistic)


def of_resource(target: Target, resource: str, metric: str, statistic: str = "Sum") -> Query:
    """Lambda's metric of a function itself, by its name, or of an alias, by `function:alias`."""
    return Query("AWS/Lambda", metric, (("FunctionName", target.function), ("Resource", resource)), statistic)


def of_alias(target: Target, metric: str, statistic: str = "Sum") -> Query:
    """Lambda's metric of all that an alias serves, whichever version."""
    return of_resource(target, str(target), metric, statistic)


def of_function(target: Target, metric: str, statistic: str) -> Query:
    """Lambda's metric of a function, whatever was invoked of it."""
    return Query("AWS/Lambda", metric, (("FunctionName", target.function),), statistic)


def of_account(metric: str, statistic: str) -> Query:
    """Lambda's metric of all functions of the account in the region."""
    return Query("AWS/Lambda", metric, (), statistic)


def read(target: Target, queries: Iterable[Query], since: int, until: int, period_seconds: int) -> dict[Query, Series]:
    """
    Each query's series from `since` up to, not including, `until`.

    Raises AwsUnavailable when CloudWatch has not all of it, and AwsRefused for a figure that counts nothing.
    """
    [found] = read_all([Asked(target, tuple(queries), since, until, period_seconds)])
    if isinstance(found, AwsUnavailable | AwsRefused):
        raise found
    return found


def read_all(asked: Sequence[Asked[Query]]) -> list[dict[Query, Series] | AwsUnavailable | AwsRefused]:
    """
    What `read` answers for each, or the error that it raises, in the same order, with as few calls as they need.

    What is asked about one target comes from one call, so that its figures are of one moment, and a call that fails
    concerns no other target's. The same query of two targets is asked once.
    """
    readings = [_Reading(each) for each in asked]
    due = [reading for reading in readings if reading.asked.since < reading.asked.until]
    until = clock.now() + MOST_SECONDS
    for party in together([reading.asked for reading in due]):
        for sharing in _calls([due[number] for number in party]):
            if clock.now() < until:
                _read(sharing)
            else:
                late = AwsUnavailable(f"CloudWatch took {MOST_SECONDS} seconds to answer for other functions")
                for reading in sharing:
                    reading.fail(late)
    return [reading.answer for reading in readings]


class _Reading:
    """What CloudWatch has answered so far to what is asked about one target."""

    def __init__(self, asked: Asked[Query]) -> None:
        self.asked = asked
        self.error: AwsUnavailable | AwsRefused | None = None
        self._series: dict[Query, Series] = {query: {} for query in asked.queries}
        self._status: dict[Query, str] = {}

    def take(self, query: Query, result: "MetricDataResultTypeDef") -> None:
        """One more page of a query. The call may be for a longer time than is asked for here."""
        period = self.asked.period_seconds
        first = self.asked.since // period * period
        try:
            with in_our_words():
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    start = int(at.timestamp()) // period * period
                    if first <= start < self.asked.until:
                        self._series[query][start] = _figure(query, value)
                self._status[query] = result["StatusCode"]
        except (AwsUnavailable, AwsRefused) as error:
            self.fail(error)

    def fail(self, error: AwsUnavailable | AwsRefused) -> None:
        """A part cannot be read. The first such error is the answer."""
        self.error = self.error or error

    @property
    def answer(self) -> dict[Query, Series] | AwsUnavailable | AwsRefused:
        """All series, or why they cannot be had."""
        if self.error:
            return self.error
        incomplete = {f"{query.metric} is {status}" for query, status in self._status.items() if status != "Complete"}
        if incomplete:
            return AwsUnavailable(f"CloudWatch did not answer in full: {', '.join(sorted(incomplete))}")
        return self._series


def _calls(party: Sequence[_Reading]) -> list[list[_Reading]]:
    """Those that one call can ask for, each whole."""
    calls: list[list[_Reading]] = []
    queries = set[Query]()
    for reading in party:
        queries = queries.union(reading.asked.queries)
        if not calls or len(queries) > MOST_QUERIES:
            calls.append([])
            queries = set(reading.asked.queries)
        calls[-1].append(reading)
    return calls


def _read(sharing: Sequence[_Reading]) -> None:
    """One call for all of them, as many pages as it has."""
    asking: dict[Query, list[_Reading]] = {}
    for reading in sharing:
        for query in dict.fromkeys(reading.asked.queries):
            asking.setdefault(query, []).append(reading)
    asked = {f"q{number}": query for number, query in enumerate(asking)}
    first = sharing[0].asked
    pages = (
        client("cloudwatch", first.target)
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_query(id_, query, first.period_seconds) for id_, query in asked.items()],
            StartTime=datetime.fromtimestamp(min(reading.asked.since for reading in sharing), UTC),
            EndTime=datetime.fromtimestamp(max(reading.asked.until for reading in sharing), UTC),
            ScanBy="TimestampAscending",
        )
    )
    try:
        with in_our_words():
            for page in pages:
                for result in page["MetricDataResults"]:
                    query = asked[result["Id"]]
                    for reading in asking[query]:
                        reading.take(query, result)
                if all(reading.error for reading in sharing):
                    return
    except (AwsUnavailable, AwsRefused) as error:
        for reading in sharing:
            reading.fail(error)


def _figure(query: Query, value: float) -> float:
    """Counts, milliseconds and percentages are all numbers from 0 on. A metric of the user's may have any."""
    if 0 <= value <= MOST:
        return value
    raise AwsRefused(f"CloudWatch has {value:g} as the {query.statistic} of {query.metric}, which cannot be right")


def _query(id_: str, query: Query, period_seconds: int) -> "MetricDataQueryTypeDef":
    return {
        "Id": id_,
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
            },
            "Period": period_seconds,
            "Stat": query.statistic,
        },
    }
