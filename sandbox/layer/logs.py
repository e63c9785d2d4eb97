"""Write to CloudWatch Logs what invocations log: one stream for each execution environment, as on AWS."""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch_logs as cloudwatch

from sandbox.layer import embedded_metrics, metric_filters
from sandbox.layer.worker import Worker

KEPT_EVENTS = 10_000


def write(config: dict[str, Any], worker: Worker, request_id: str, seconds: float, log: str, error: Any) -> str:
    """Store START, the handler's lines, END and REPORT; return them as Invoke's log tail does."""
    started = worker.init_seconds()
    lines = [
        f"START RequestId: {request_id} Version: {config['Version']}",
        *log.splitlines(),
        *error_lines(error),
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: {seconds * 1000:.2f} ms\t"
        f"Billed Duration: {max(1, round(seconds * 1000))} ms\tMemory Size: {config.get('MemorySize', 128)} MB\t"
        f"Max Memory Used: {worker.most_memory} MB\t"
        + (f"Init Duration: {started * 1000:.2f} ms\t" if started is not None else ""),
    ]
    append(group_of(config), worker.log_stream, lines)
    return "\n".join(lines)


def append(group: str, stream: str, lines: list[str]) -> None:
    """Add lines to a stream, keep the newest, and let the group's metric filters see them."""
    now = int(time.time() * 1000)
    stored = stream_of(group, stream, now)
    cloudwatch._append_log_events(stored, [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines])
    del stored["events"][:-KEPT_EVENTS]
    metric_filters.count(group, lines)
    embedded_metrics.count(lines)


def group_of(config: dict[str, Any]) -> str:
    """The log group that the function writes to."""
    group: str = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    return group


def stream_of(group: str, stream: str, now: int) -> dict[str, Any]:
    """The stream, with its group, made where there is none yet."""
    made = {
        "arn": cloudwatch._make_group_arn(group),
        "creationTime": now,
        "retentionInDays": None,
        "tags": {},
        "subscriptionFilters": {},
        "streams": {},
    }
    streams = cloudwatch._log_groups.setdefault(group, made)["streams"]
    empty = {
        "events": [],
        "uploadSequenceToken": "1",
        "creationTime": now,
        "firstEventTimestamp": None,
        "lastEventTimestamp": None,
        "lastIngestionTime": None,
    }
    found: dict[str, Any] = streams.setdefault(stream, empty)
    return found


def error_lines(error: dict[str, Any] | None) -> list[str]:
    """How a runtime logs the error that a handler raised."""
    if error is None:
        return []
    trace = "".join(error.get("stackTrace") or []) or "\n".join(error.get("trace") or [])
    return [f"[ERROR] {error.get('errorType')}: {error.get('errorMessage')}", *trace.splitlines()]
