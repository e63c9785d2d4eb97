"""Reading CloudWatch: all of it, on our own grid, or not at all."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bluegreen.aws import metrics
from bluegreen.aws.client import client
from bluegreen.aws.metrics import Query, of_version
from bluegreen.errors import AwsRefused, AwsUnavailable
from tests.bluegreen.aws.answers import answered, asked
from tests.bluegreen.examples import SHOP
from tests.machine.deployer import Deployer

QUERY = of_version(SHOP, "2", "Errors")


def page(status: str, *points: tuple[int, float], more: bool = False) -> dict[str, Any]:
    result = {
        "Id": "q0",
        "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": status,
    }
    return {"MetricDataResults": [result]} | ({"NextToken": "more"} if more else {})


@pytest.fixture
def cloudwatch(deployer: Deployer) -> Iterator[list[dict[str, Any]]]:
    """What CloudWatch answers, one page after another."""
    pages: list[dict[str, Any]] = []
    with answered(client("cloudwatch", SHOP), "GetMetricData", lambda: pages.pop(0)):
        yield pages


def read(since: int = 600, until: int = 900, period: int = 60) -> dict[Query, dict[int, float]]:
    return metrics.read(SHOP, [QUERY], since, until, period)


def test_a_version_behind_an_alias_is_asked_for_by_all_three_dimensions() -> None:
    assert (
        Query(
            "AWS/Lambda",
            "Errors",
            (("FunctionName", "Shop"), ("Resource", "Shop:PROD"), ("ExecutedVersion", "2")),
            "Sum",
        )
        == QUERY
    )


def test_a_series_is_by_the_start_of_its_periods(cloudwatch: list[dict[str, Any]]) -> None:
    cloudwatch.append(page("Complete", (600, 1.0), (660, 2.0)))

    assert read() == {QUERY: {600: 1.0, 660: 2.0}}


def test_a_point_beside_the_grid_is_in_its_period(cloudwatch: list[dict[str, Any]]) -> None:
    cloudwatch.append(page("Complete", (631, 1.0)))

    assert read() == {QUERY: {600: 1.0}}


def test_a_series_that_comes_in_pages_is_one(cloudwatch: list[dict[str, Any]]) -> None:
    cloudwatch += [page("PartialData", (600, 1.0), more=True), page("Complete", (660, 2.0))]

    assert read() == {QUERY: {600: 1.0, 660: 2.0}}


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_a_series_that_is_not_complete_is_not_judged(cloudwatch: list[dict[str, Any]], status: str) -> None:
    cloudwatch.append(page(status, (600, 1.0)))

    with pytest.raises(AwsUnavailable, match=f"Errors is {status}"):
        read()


def test_cloudwatch_is_not_asked_before_a_bucket_is_settled(cloudwatch: list[dict[str, Any]]) -> None:
    assert read(600, 600) == {QUERY: {}}
    assert read(660, 600) == {QUERY: {}}


def test_metrics_are_read_where_the_target_is(deployer: Deployer) -> None:
    elsewhere = SHOP.model_copy(update={"region": "eu-west-1"})

    with (
        answered(client("cloudwatch", elsewhere), "GetMetricData", lambda: page("Complete")) as there,
        asked(client("cloudwatch", SHOP), "GetMetricData") as here,
    ):
        metrics.read(elsewhere, [QUERY], 600, 900, 60)

    assert (len(there), len(here)) == (1, 0)


@pytest.mark.parametrize("figure", [-1.0, float("nan"), float("inf"), float("-inf"), 2.0**360])
def test_a_figure_that_counts_nothing_is_refused(cloudwatch: list[dict[str, Any]], figure: float) -> None:
    cloudwatch += [page("Complete", (600, 1.0), (660, figure))]

    with pytest.raises(AwsRefused, match=r"CloudWatch has .* as the Sum of Errors, which cannot be right"):
        read()


@pytest.mark.parametrize("field", ["Id", "Timestamps", "Values", "StatusCode"])
@pytest.mark.parametrize("wrong", [{}, {"value": None}, {"value": [None]}, {"value": ["x", "y"]}], ids=repr)
def test_an_answer_that_cannot_be_read_is_refused(
    cloudwatch: list[dict[str, Any]], field: str, wrong: dict[str, Any]
) -> None:
    answer = page("Complete", (600, 1.0))
    (result,) = answer["MetricDataResults"]
    del result[field]
    result |= {field: wrong["value"]} if wrong else {}
    cloudwatch += [answer]

    with pytest.raises((AwsRefused, AwsUnavailable)):
        read()
