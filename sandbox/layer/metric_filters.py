"""Metric filters: log lines that become metrics, as a template may ask for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ministack.services import cloudwatch_logs as cloudwatch

from sandbox.layer import metrics
from sandbox.layer.filter_patterns import compiled, look, parsed


def count(group: str, messages: Sequence[str]) -> None:
    """Add to the metrics of the group's filters what these new lines say."""
    for found in cloudwatch._metric_filters.values():
        if found["logGroupName"] == group:
            fits = compiled(found["filterPattern"])
            matched = [message for message in messages if fits(message)]
            for transformation in found["metricTransformations"]:
                add(transformation, matched)


def add(transformation: dict[str, Any], matched: list[str]) -> None:
    """A sample for each line that matched, or the default once where none did."""
    default = transformation.get("defaultValue")
    said = [value_of(transformation["metricValue"], message) for message in matched]
    for value in said or ([] if default is None else [float(default)]):
        namespace, name = transformation["metricNamespace"], transformation["metricName"]
        metrics.add(namespace, name, {}, int(time.time()), value, transformation.get("unit", "None"))


def value_of(metric_value: str, message: str) -> float:
    """The number that a match is worth: one written in the filter, or one of the line's own."""
    if metric_value.startswith("$."):
        return float(look(parsed(message) or {}, metric_value[2:]) or 0)
    return float(metric_value)
