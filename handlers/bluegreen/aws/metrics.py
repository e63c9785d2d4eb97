"""What CloudWatch counted for each version behind an alias."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

Series = dict[int, float]
"""Start of a period (seconds since 1970) -> what was measured in it; a period without data is not there."""

Query = tuple[str, str, str]
"""A version, a metric of namespace AWS/Lambda, and a statistic of it."""


def read(
    function: str, alias: str, queries: Iterable[Query], since: int, until: int, period_seconds: int
) -> dict[Query, Series]:
    """
    Each query's series from `since` up to, not including, `until`.

    Lambda reports a version behind an alias under FunctionName, Resource (`function:alias`) and ExecutedVersion.
    Raises AwsUnavailable when CloudWatch has not all of it.
    """
    asked = {f"q{number}": query for number, query in enumerate(queries)}
    found: dict[Query, Series] = {query: {} for query in asked.values()}
    if since >= until:
        return found
    pages = (
        client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_query(id_, function, alias, query, period_seconds) for id_, query in asked.items()],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
            ScanBy="TimestampAscending",
        )
    )
    incomplete: set[str] = set()
    with in_our_words():
        for page in pages:
            for result in page["MetricDataResults"]:
                points = zip(result["Timestamps"], result["Values"], strict=True)
                found[asked[result["Id"]]] |= {int(at.timestamp()): value for at, value in points}
                if result["StatusCode"] == "Complete":
                    incomplete.discard(result["Id"])
                else:
                    incomplete.add(f"{result['Id']} is {result['StatusCode']}")
    if incomplete:
        raise AwsUnavailable(f"CloudWatch did not answer in full: {', '.join(sorted(incomplete))}")
    return found


def _query(id_: str, function: str, alias: str, query: Query, period_seconds: int) -> "MetricDataQueryTypeDef":
    version, metric, statistic = query
    return {
        "Id": id_,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "FunctionName", "Value": function},
                    {"Name": "Resource", "Value": f"{function}:{alias}"},
                    {"Name": "ExecutedVersion", "Value": version},
                ],
            },
            "Period": period_seconds,
            "Stat": statistic,
        },
    }
