"""What CloudWatch counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.request.health import MetricPair
from bluegreen.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

Series = dict[int, float]
"""Start of a period (seconds since 1970) -> what was measured in it; a period without data is not there."""


MOST = 1e15
"""Up to here each whole number has a float of its own."""


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
    asked = {f"q{number}": query for number, query in enumerate(queries)}
    found: dict[Query, Series] = {query: {} for query in asked.values()}
    if since >= until:
        return found
    pages = (
        client("cloudwatch", target)
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_query(id_, query, period_seconds) for id_, query in asked.items()],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
            ScanBy="TimestampAscending",
        )
    )
    status: dict[str, str] = {}
    with in_our_words():
        for page in pages:
            for result in page["MetricDataResults"]:
                query = asked[result["Id"]]
                points = zip(result["Timestamps"], result["Values"], strict=True)
                found[query] |= {
                    int(at.timestamp()) // period_seconds * period_seconds: _figure(query, value)
                    for at, value in points
                }
                status[result["Id"]] = result["StatusCode"]
    incomplete = {f"{asked[id_].metric} is {state}" for id_, state in status.items() if state != "Complete"}
    if incomplete:
        raise AwsUnavailable(f"CloudWatch did not answer in full: {', '.join(sorted(incomplete))}")
    return found


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
