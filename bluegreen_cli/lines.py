"""Lines of a function's log, by the version that wrote them, as the caller may read them."""

from dataclasses import dataclass
from typing import Any

from bluegreen import clock
from bluegreen.aws.client import in_our_words
from bluegreen.aws.logs import streams
from bluegreen.decisions.complaints import FILTER
from bluegreen.errors import AccessDenied, NotFound
from bluegreen_cli.aws import client
from bluegreen_cli.problems import NOTHING_CHANGED, explained

MOST_CALLS = 20
"""Of FilterLogEvents for a version; each answers 1 MB or 10,000 lines at most."""
MOST_SECONDS = 30
"""After so long no other call begins."""

LET_READ = (
    "OperatorPolicy allows it for log groups with the tag: `aws logs tag-resource --resource-arn ARN_OF_THE_GROUP "
    "--tags bluegreen:managed=true` sets it."
)


@dataclass(frozen=True)
class Line:
    """When it was written (ISO 8601, UTC), to which stream."""

    at: str
    stream: str
    text: str


@dataclass(frozen=True)
class Found:
    """The lines in the order of time. There are `more` if a limit was in the way. `missing`: there is no such group."""

    lines: tuple[Line, ...]
    more: bool = False
    missing: bool = False


def read(function: str, group: str, version: str, since: float, until: float, limit: int, *, every: bool) -> Found:
    """At most `limit` lines of the version between two moments, the oldest first; those of errors unless `every`."""
    lines: list[Line] = []
    calls, stop_at = MOST_CALLS, clock.now() + MOST_SECONDS
    for stream in streams(function, group, version, since, until):
        asked: dict[str, Any] = {
            "logGroupName": group,
            "logStreamNamePrefix": stream,
            "startTime": int(since * 1000),
            "endTime": int(until * 1000),
            "limit": limit + 1,
        } | ({} if every else {"filterPattern": FILTER})
        while True:
            if not calls or clock.now() >= stop_at:
                return Found(_sorted(lines, limit), more=True)
            calls -= 1
            try:
                page, token = _page(asked)
            except NotFound:
                return Found((), missing=True)
            lines += page
            if len(lines) > limit or not token:
                break
            asked["nextToken"] = token
    return Found(_sorted(lines, limit), more=len(lines) > limit)


def _page(asked: dict[str, Any]) -> tuple[list[Line], str]:
    """Lines, and the token for the next ones. Raises NotFound without a group, and a Problem that says who may read."""
    try:
        with in_our_words():
            answer = client("logs").filter_log_events(**asked)
            events = answer["events"]
            found = [
                Line(clock.iso(each["timestamp"] / 1000), each["logStreamName"], each["message"]) for each in events
            ]
            return found, str(answer.get("nextToken") or "")
    except AccessDenied:
        with explained(f"reading the log group {asked['logGroupName']}", NOTHING_CHANGED, LET_READ):
            raise


def _sorted(lines: list[Line], limit: int) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.at)[:limit])
