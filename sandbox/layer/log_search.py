"""FilterLogEvents: the lines of a group that fit a pattern, in pages. Patterns that AWS does not take are refused."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import json_response
from ministack.services import cloudwatch_logs as cloudwatch

from sandbox.layer import filter_patterns
from sandbox.layer.answers import refused

MOST_EVENTS = 10_000
MOST_BYTES = 1 << 20
"""Of a page."""


def filter_log_events(original: Any) -> Any:
    """The operation. A page is full at 10,000 lines or 1 MB; the token is the place of the next page's first line."""

    def _filter_log_events(data: dict[str, Any]) -> Any:
        group = cloudwatch._resolve_log_group_name(data)
        if group not in cloudwatch._log_groups:
            return original(data)
        try:
            fits = filter_patterns.compiled(data.get("filterPattern") or "")
        except filter_patterns.Invalid as error:
            return refused("InvalidParameterException", str(error), 400)
        token = str(data.get("nextToken") or "0")
        if not token.isdigit():
            return refused("InvalidParameterException", "The specified nextToken is invalid.", 400)
        found = [event for event in _in_range(group, data) if fits(event["message"])]
        rest = found[int(token) :]
        page = _page(rest, min(int(data.get("limit") or MOST_EVENTS), MOST_EVENTS))
        more = {"nextToken": str(int(token) + len(page))} if len(page) < len(rest) else {}
        return json_response({"events": page, "searchedLogStreams": []} | more)

    return _filter_log_events


def _in_range(group: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    """By time; the end is part of the range."""
    names, prefix = data.get("logStreamNames"), data.get("logStreamNamePrefix") or ""
    since, until = data.get("startTime") or 0, data.get("endTime")
    with cloudwatch._log_events_lock:
        events = [
            {**event, "logStreamName": name}
            for name, stream in cloudwatch._log_groups[group]["streams"].items()
            if name.startswith(prefix) and (not names or name in names)
            for event in stream["events"]
            if since <= event["timestamp"] and (until is None or event["timestamp"] <= until)
        ]
    return sorted(events, key=lambda event: event["timestamp"])


def _page(events: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    size = 0
    for number, event in enumerate(events[:limit]):
        size += len(event["message"].encode())
        if number and size > MOST_BYTES:
            return events[:number]
    return events[:limit]


def put_metric_filter(original: Any) -> Any:
    """The operation, which refuses a pattern that no line could be compared with."""

    def _put_metric_filter(data: dict[str, Any]) -> Any:
        try:
            filter_patterns.compiled(data.get("filterPattern") or "")
        except filter_patterns.Invalid as error:
            return refused("InvalidParameterException", str(error), 400)
        return original(data)

    return _put_metric_filter
