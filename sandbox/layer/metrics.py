"""
Count invocations as Lambda does: Invocations, Errors, Throttles and Duration, by every set of dimensions.

A point's time is the minute in which the invocation began, and it is published when the invocation has ended. Equal
values of one minute that end in the same second share a point, and durations are rounded to a tenth of a millisecond,
so that memory does not grow with traffic.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ministack.services import cloudwatch

from sandbox.layer.settings import current

KEPT_SECONDS = 3 * 3600

_lock = threading.Lock()
_points: dict[tuple[Any, ...], dict[str, Any]] = {}


def record_invocation(config: dict[str, Any], started: float, seconds: float, result: dict[str, Any]) -> None:
    """Count one, by the ARN that was invoked and the version that ran; a throttled one ran nothing."""
    if result.get("throttle"):
        values = [("Throttles", 1.0, "Count")]
    else:
        values = [
            ("Invocations", 1.0, "Count"),
            ("Errors", float(bool(result.get("error"))), "Count"),
            ("Throttles", 0.0, "Count"),
            ("Duration", round(seconds * 1000, 1), "Milliseconds"),
        ]
    minute = current.minute_seconds
    for dimensions in dimensions_of(config):
        for name, value, unit in values:
            add("AWS/Lambda", name, dimensions, started // minute * minute, value, unit)


def dimensions_of(config: dict[str, Any]) -> list[dict[str, str]]:
    """Every set of dimensions under which an invocation counts."""
    name = config["FunctionName"]
    qualifier = config["FunctionArn"].split(":")[7:]
    resource = ":".join([name, *qualifier])
    found = [{"FunctionName": name}, {"FunctionName": name, "Resource": resource}]
    if qualifier and not qualifier[0].isdigit() and qualifier[0] != "$LATEST":
        found.append({"FunctionName": name, "Resource": resource, "ExecutedVersion": config["Version"]})
    return found


def add(namespace: str, name: str, dimensions: dict[str, str], stamp: float, value: float, unit: str) -> None:
    """Store one sample in the caller's account and region."""
    key = (namespace, name, cloudwatch._dims_key(dimensions))
    scope, now = cloudwatch._metrics._scoped(key), int(time.time())
    with _lock:
        point = _points.get((scope, stamp, value, now))
        if point is None:
            point = {"Timestamp": stamp, "Value": value, "Unit": unit, "Dimensions": dimensions, "Count": 0.0}
            point["Published"] = now
            _points[scope, stamp, value, now] = point
            cloudwatch._metric_bucket(key).append(point)
        point["Count"] += 1


def published_until(namespace: str) -> float:
    """Until when samples must have been published to be seen: what Lambda counts is there some minutes later."""
    late = current.metrics_late_minutes * current.minute_seconds if namespace == "AWS/Lambda" else 0.0
    return time.time() - late


def evict_old_metrics(original: Any) -> Any:
    """Forget what is older than CloudWatch keeps by the second, without losing a sample that is being added."""

    def _evict_old_metrics() -> None:
        cutoff = time.time() - KEPT_SECONDS
        with _lock:
            for key in [key for key in _points if key[1] < cutoff]:
                del _points[key]
            for points in cloudwatch._metrics.values():
                if points and points[0]["Timestamp"] < cutoff:
                    points[:] = [point for point in points if point["Timestamp"] >= cutoff]

    return _evict_old_metrics
