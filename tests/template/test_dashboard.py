"""The dashboard: CloudWatch can read it, and it shows the metrics that the handlers write, all and no others."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from bluegreen.document import ENDS, REJECTED_WITHOUT_RECORD
from bluegreen.news.dashboard import METRICS
from tests.template.stack import ROOT, stack

STACK, REGION = "bluegreen", "a-region"
COLUMNS = 24
MOST_SEARCHED = 1024
"""Characters of a search expression."""

OF_A_WIDGET = {"metrics", "period", "region", "setPeriodToTimeRange", "stacked", "stat", "title", "view", "yAxis"}
"""What the dashboard uses of a metric widget's properties, as CloudWatch's page on the dashboard body has them."""

SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[\w,]+)\} MetricName=\"(?P<name>\w+)\" service=\"(?P<stack>[\w-]+)\"', '(\w+)'\)"
)


def body() -> dict[str, Any]:
    """As CloudFormation sends it to CloudWatch."""
    text: str = stack().properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    text = text.replace("${AWS::StackName}", STACK).replace("${AWS::Region}", REGION)
    assert "${" not in text.replace("${!", "")
    found: dict[str, Any] = json.loads(text.replace("${!", "${"))
    return found


WIDGETS = body()["widgets"]


def spelled_out(metrics: list[list[Any]]) -> list[list[Any]]:
    """Without the short form `...`, which stands for the beginning of the metric before."""
    found: list[list[Any]] = []
    for metric in metrics:
        if metric[0] == "...":
            before = [part for part in found[-1] if isinstance(part, str)]
            metric = [*before[: len(before) - len(metric) + 1], *metric[1:]]
        found.append(metric)
    return found


def shown() -> list[tuple[str, dict[str, str]]]:
    """Every metric with its dimensions; one that is searched for has the value * where any will do."""
    found = []
    for widget in WIDGETS:
        for *named, last in spelled_out(widget["properties"]["metrics"]):
            named += [last] if isinstance(last, str) else []
            if named:
                namespace, name, *dimensions = named
                values = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
            else:
                assert len(last["expression"]) <= MOST_SEARCHED
                searched = SEARCH.fullmatch(last["expression"])
                assert searched, last
                namespace, *schema = searched["schema"].split(",")
                name, values = searched["name"], dict.fromkeys(schema, "*") | {"service": searched["stack"]}
            assert namespace == "BlueGreen"
            found.append((name, values))
    return found


def test_it_shows_every_metric_that_is_written_with_its_dimensions_and_no_other() -> None:
    dimensions = {name: {"service", *metric.dimensions} for name, metric in METRICS.items()}

    assert {name for name, _ in shown()} == set(METRICS)
    for name, values in shown():
        assert values.keys() == dimensions[name]
        assert values["service"] == STACK


def test_it_is_of_the_namespace_and_the_name_that_the_functions_have() -> None:
    for function in stack().functions.values():
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "BlueGreen"
        assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_it_knows_every_end_that_has_a_record() -> None:
    assert {values["end"] for name, values in shown() if name == "Deployments"} == {*ENDS} - {REJECTED_WITHOUT_RECORD}
    assert {values["end"] for name, values in shown() if name == "TimeToVerdict"} < {*ENDS}


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: widget["properties"]["title"])
def test_a_widget_is_one_that_cloudwatch_can_read(widget: dict[str, Any]) -> None:
    properties = widget["properties"]

    assert widget.keys() == {"type", "x", "y", "width", "height", "properties"}
    assert widget["type"] == "metric"
    assert properties.keys() <= OF_A_WIDGET
    assert properties["region"] == REGION
    assert properties["view"] in ("timeSeries", "bar")
    assert properties["period"] % 60 == 0
    for *_, last in spelled_out(properties["metrics"]):
        options = last if isinstance(last, dict) else {}
        assert options.keys() <= {"expression", "id", "label", "stat"}
        assert ("expression" in options) or options.get("stat", properties.get("stat")) in ("Sum", "Average", "Maximum")


def test_widgets_lie_beside_each_other() -> None:
    for one, other in combinations(WIDGETS, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or below
    assert all(widget["x"] + widget["width"] <= COLUMNS for widget in WIDGETS)
    assert body().keys() == {"start", "periodOverride", "widgets"}


def test_two_regions_have_two_dashboards_and_an_output_links_to_this_one() -> None:
    """All dashboards of an account share their names."""
    name = stack().properties("Dashboard")["DashboardName"]["Fn::Sub"]
    link, _ = stack().outputs["DashboardUrl"]["Value"]["Fn::Sub"]

    assert name == "${AWS::StackName}-${AWS::Region}"
    assert link.endswith("#dashboards/dashboard/${Dashboard}")


@pytest.mark.parametrize("metric", METRICS)
def test_the_page_explains_every_metric(metric: str) -> None:
    assert f"| `{metric}` |" in (ROOT / "docs" / "dashboard.md").read_text()
