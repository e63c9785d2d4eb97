"""
GetMetricData as CloudWatch answers it.

Dimensions are matched exactly, the newest datapoint comes first, percentile ranks such as `PR(:800)` and metric
math are there, and what Lambda counted shows only after the time that publishing takes.
"""

from __future__ import annotations

import ast
import operator
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

from sandbox.layer import metrics

Series = dict[float, float]

RANK = re.compile(r"PR\((?P<over>[\d.]*):(?P<upto>[\d.]*)\)$")
OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def get_metric_data(original: Any) -> Any:
    """The operation, in whichever protocol it is asked for."""

    def _get_metric_data(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        request = cbor_data if is_cbor or is_json else nested(params)
        answers = [about | {"StatusCode": "Complete"} for about in answer(request)]
        if is_cbor:
            results = [cloudwatch._cbor_metric_data_result(about) for about in answers]
            return cloudwatch._cbor_ok({"MetricDataResults": results, "Messages": []})
        if is_json:
            return cloudwatch._json_ok({"MetricDataResults": answers, "Messages": []})
        return cloudwatch._xml(
            200, "GetMetricDataResponse", f"<GetMetricDataResult>{xml(answers)}</GetMetricDataResult>"
        )

    return _get_metric_data


def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
    """A result for each query that returns data."""
    queries = request["MetricDataQueries"]
    start, end = (cloudwatch._parse_ts(request[name]) for name in ("StartTime", "EndTime"))
    found = evaluate(queries, start, end)
    newest_first = request.get("ScanBy") != "TimestampAscending"
    return [
        {
            "Id": query["Id"],
            "Label": query.get("Label") or label(query),
            "Timestamps": [cloudwatch._ts_iso(stamp) for stamp in sorted(found[query["Id"]], reverse=newest_first)],
            "Values": [found[query["Id"]][stamp] for stamp in sorted(found[query["Id"]], reverse=newest_first)],
        }
        for query in queries
        if str(query.get("ReturnData", True)).lower() != "false"
    ]


def label(query: dict[str, Any]) -> str:
    """A metric's name, or the name of an expression's query."""
    named: str = query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
    return named


def evaluate(queries: list[dict[str, Any]], start: float, end: float) -> dict[str, Series]:
    """Every query's series: the metrics first, then the expressions over them."""
    found = {query["Id"]: series(query["MetricStat"], start, end) for query in queries if "MetricStat" in query}
    for query in queries:
        if "MetricStat" not in query:
            value = calculate(ast.parse(query["Expression"], mode="eval").body, found)
            found[query["Id"]] = value if isinstance(value, dict) else {}
    return found


def series(asked: dict[str, Any], start: float, end: float) -> Series:
    """{beginning of the period: statistic} of one metric."""
    metric, period = asked["Metric"], int(asked["Period"])
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or []))
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], dimensions)) or []
    published = metrics.published_until(metric["Namespace"])
    buckets: dict[float, list[Any]] = defaultdict(list)
    for point in list(points):
        if start <= point["Timestamp"] < end and point.get("Published", 0) <= published:
            buckets[point["Timestamp"] // period * period].append(point)
    values = {stamp: statistic(asked["Stat"], bucket) for stamp, bucket in buckets.items()}
    return {stamp: value for stamp, value in values.items() if value is not None}


def statistic(name: str, points: list[Any]) -> float | None:
    """One statistic of a period's points; None where they have none."""
    if (rank := RANK.match(name)) is None:
        value: float | None = cloudwatch._stat_value(cloudwatch._calc_stats(points), name, points)
        return value
    over, upto = float(rank["over"] or "-inf"), float(rank["upto"] or "inf")
    samples = cloudwatch._percentile_samples(points) or []
    inside = sum(weight for value, weight in samples if over < value <= upto)
    total = sum(weight for _, weight in samples)
    return 100.0 * inside / total if total else None


def calculate(node: ast.expr, found: dict[str, Series]) -> Series | float:
    """Metric math as far as arithmetic and FILL go."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in found:
            return found[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return combine(OPERATORS[type(op)], calculate(left, found), calculate(right, found))
        case ast.Call(
            func=ast.Name(id="FILL"), args=[ast.Name(id=name), ast.Constant(value=int() | float() as filler)]
        ):
            stamps = {stamp for other in found.values() for stamp in other}
            return {stamp: found[name].get(stamp, float(filler)) for stamp in stamps}
    raise ValueError(f"the sandbox does not calculate {ast.unparse(node)}; it knows + - * / and FILL(metric, number)")


def combine(op: Callable[[float, float], float], left: Series | float, right: Series | float) -> Series | float:
    """Two series, or a series and a number, at the times they share; nothing is divided by zero."""
    if not isinstance(left, dict) and not isinstance(right, dict):
        return op(left, right)
    stamps = set.intersection(*(set(side) for side in (left, right) if isinstance(side, dict)))
    pairs = {
        stamp: (
            left[stamp] if isinstance(left, dict) else left,
            right[stamp] if isinstance(right, dict) else right,
        )
        for stamp in stamps
    }
    return {stamp: op(a, b) for stamp, (a, b) in pairs.items() if op is not operator.truediv or b}


def nested(params: dict[str, Any]) -> dict[str, Any]:
    """A form-encoded request as the nested one it stands for: `A.member.1.B` is the B of the first of the list A."""
    root: dict[str, Any] = {}
    for name, values in params.items():
        node = root
        *path, last = [part for part in name.split(".") if part != "member"]
        for part in path:
            node = node.setdefault(part, {})
        node[last] = values[0] if isinstance(values, list) else values
    listed: dict[str, Any] = as_lists(root)
    return listed


def as_lists(node: Any) -> Any:
    """Turn every {'1': …, '2': …} into a list."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [as_lists(node[key]) for key in sorted(node, key=int)]
    return {key: as_lists(value) for key, value in node.items()}


def xml(answers: list[dict[str, Any]]) -> str:
    """The results as the query protocol wraps them."""

    def members(name: str, values: list[Any]) -> str:
        return f"<{name}>" + "".join(f"<member>{value}</member>" for value in values) + f"</{name}>"

    results = [
        f"<Id>{about['Id']}</Id><Label>{about['Label']}</Label><StatusCode>Complete</StatusCode>"
        + members("Timestamps", about["Timestamps"])
        + members("Values", about["Values"])
        for about in answers
    ]
    return members("MetricDataResults", results)
