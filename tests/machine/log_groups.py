"""
A log group that moto searches as CloudWatch Logs does.

Moto takes most patterns for a match, knows no prefix of streams, and keeps no line that is older than real time allows.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import boto3
from moto.logs.exceptions import InvalidParameterException
from moto.logs.responses import LogsResponse

from sandbox.layer.filter_patterns import Invalid, compiled

MANAGED = {"bluegreen:managed": "true"}


@dataclass
class LogGroup:
    """Its lines, in the order in which they were written: second, stream and text. A page has `page` lines at most."""

    name: str
    page: int = 10_000
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    searches: list[dict[str, Any]] = field(default_factory=list)

    def write(self, second: float, stream: str, line: str, times: int = 1) -> None:
        """At that moment, so often."""
        self.lines += [(second, stream, line)] * times

    def search(self, asked: dict[str, Any]) -> dict[str, Any]:
        """FilterLogEvents."""
        self.searches.append(asked)
        try:
            fits = compiled(asked.get("filterPattern") or "")
        except Invalid as error:
            raise InvalidParameterException("filterPattern", str(error), asked["filterPattern"]) from error
        found = [
            {"timestamp": round(second * 1000), "logStreamName": stream, "message": line}
            for second, stream, line in self.lines
            if asked["startTime"] <= round(second * 1000) <= asked["endTime"]
            and stream.startswith(asked.get("logStreamNamePrefix", ""))
            and fits(line)
        ]
        at = int(asked.get("nextToken", 0))
        more = {"nextToken": str(at + self.page)} if at + self.page < len(found) else {}
        return {"events": found[at : at + self.page]} | more


@contextmanager
def log_group(name: str, *, tags: dict[str, str] | None = None, page: int = 10_000) -> Iterator[LogGroup]:
    """Opted in unless `tags` say otherwise."""
    group = LogGroup(name, page)
    boto3.client("logs", "us-east-1").create_log_group(logGroupName=name, tags=MANAGED if tags is None else tags)
    search = LogsResponse.filter_log_events

    def filter_log_events(response: LogsResponse) -> str:
        asked: dict[str, Any] = json.loads(response.body)
        return json.dumps(group.search(asked)) if asked["logGroupName"] == name else search(response)

    with mock.patch.object(LogsResponse, "filter_log_events", filter_log_events):
        yield group
