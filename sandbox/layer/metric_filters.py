"""Metric filters: log lines that become metrics, as a template may ask for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

from ministack.services import cloudwatch_logs as cloudwatch

from sandbox.layer import metrics

TERM = re.compile(r'\$\.(?P<path>[\w.\-]+)\s*(?P<op>!?=)\s*(?:"(?P<text>[^"]*)"|(?P<bare>[^\s")]+))')


def count(group: str, messages: Sequence[str]) -> None:
    """Add to the metrics of the group's filters what these new lines say."""
    for found in cloudwatch._metric_filters.values():
        if found["logGroupName"] == group:
            matched = [message for message in messages if matches(found["filterPattern"], message)]
            for transformation in found["metricTransformations"]:
                add(transformation, matched)


def add(transformation: dict[str, Any], matched: list[str]) -> None:
    """A sample for each line that matched, or the default once where none did."""
    default = transformation.get("defaultValue")
    said = [value_of(transformation["metricValue"], message) for message in matched]
    for value in said or ([] if default is None else [float(default)]):
        namespace, name = transformation["metricNamespace"], transformation["metricName"]
        metrics.add(namespace, name, {}, int(time.time()), value, transformation.get("unit", "None"))


def matches(pattern: str, message: str) -> bool:
    """Whether the line fits: `{ $.a.b = "x" && $.c != 1 || $.d = 2 }`, or words that it must hold."""
    if not pattern.strip().startswith("{"):
        return bool(cloudwatch._compile_filter_pattern(pattern)(message))
    line = parsed(message)
    return line is not None and any(
        all(
            (fitting(look(line, term["path"]), term["text"] or term["bare"] or "")) == (term["op"] == "=")
            for term in TERM.finditer(clause)
        )
        for clause in pattern.split("||")
    )


def fitting(value: Any, expected: str) -> bool:
    """Whether a value of the line is the expected one; a star stands for anything."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return value is not None and re.fullmatch(re.escape(expected).replace(r"\*", ".*"), text) is not None


def value_of(metric_value: str, message: str) -> float:
    """The number that a match is worth: one written in the filter, or one of the line's own."""
    if metric_value.startswith("$."):
        return float(look(parsed(message) or {}, metric_value[2:]) or 0)
    return float(metric_value)


def parsed(message: str) -> dict[str, Any] | None:
    """The line, if it is a JSON object."""
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def look(line: Any, path: str) -> Any:
    """What stands at `a.b.c` of the line."""
    for name in path.split("."):
        line = line.get(name) if isinstance(line, dict) else None
    return line
