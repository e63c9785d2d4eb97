"""Log lines in CloudWatch's embedded metric format become metrics, as Powertools for AWS Lambda writes them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sandbox.layer import metrics


def count(messages: Sequence[str]) -> None:
    """Add what the lines say to the metrics that they name."""
    for message in messages:
        if '"_aws"' in message:
            add(parsed(message))


def parsed(message: str) -> dict[str, Any]:
    """The line, empty if it is no JSON object."""
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def add(line: dict[str, Any]) -> None:
    """A sample for each value, under each of the sets of dimensions; a metric without a number is left out."""
    about = line.get("_aws")
    if not isinstance(about, dict):
        return
    second = int(about.get("Timestamp", time.time() * 1000) / 1000)
    for directive in about.get("CloudWatchMetrics", []):
        for metric in directive.get("Metrics", []):
            values = line.get(metric["Name"])
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, int | float):
                    for names in directive.get("Dimensions") or [[]]:
                        dimensions = {name: str(line.get(name, "")) for name in names}
                        unit = metric.get("Unit", "None")
                        metrics.add(directive["Namespace"], metric["Name"], dimensions, second, float(value), unit)
