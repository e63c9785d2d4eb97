"""
Lines of a function's log that fit a filter pattern: counted by the version that wrote them, or read.

Lambda names a log stream `2026/01/05/[7]…` after the version that writes it, and in a log group of the function's own
choice `2026/01/05/Shop[7][…]`. No line of a watch is kept.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.aws.metrics import Series
from bluegreen.decisions.complaints import Line
from bluegreen.target import Target

MOST_CALLS = 20
"""Of FilterLogEvents in one look; each answers 1 MB or 10,000 lines at most. AWS may allow no more than 5 a second."""

MOST_SECONDS = 30
"""After so long a look begins no other call."""

SLICES = 4
"""
A look reads its time in so many slices at most.

AWS does not say that pages come in the order of time, so a slice counts only if it was read to its end.
"""

GLANCE_CALLS, GLANCE_BYTES, GLANCE_SECONDS, GLANCE_LINES = 5, 500_000, 8, 1_000
"""What a glance at one version's lines may ask for, and how many lines a call may answer."""

SAMPLE_SECONDS = 60
"""What the check of a pattern reads."""


@dataclass(frozen=True)
class LogQuery:
    """The lines of a version that fit the pattern."""

    group: str
    version: str
    pattern: str


@dataclass
class Counted:
    """The number of lines by query and period, and the end of what was read."""

    until: int
    series: dict[LogQuery, Series] = field(default_factory=dict)


class _Budget:
    """What a look may still ask for."""

    def __init__(self, calls: int = MOST_CALLS, seconds: int = MOST_SECONDS) -> None:
        self._calls = calls
        self._until = clock.now() + seconds

    def take(self) -> bool:
        """One more call, if there is one left."""
        self._calls -= 1
        return self._calls >= 0 and clock.now() < self._until


def try_pattern(target: Target, group: str, pattern: str) -> None:
    """Raises AwsRefused if it is no pattern, NotFound if there is no such group, AccessDenied if it may not be read."""
    now = int(clock.now())
    with in_our_words():
        _ask(target, group, pattern, now - SAMPLE_SECONDS, now, limit=1)


def read(target: Target, queries: Iterable[LogQuery], since: int, until: int, period_seconds: int) -> Counted:
    """
    Each query's lines from `since` up to, not including, `until`, or as far as the calls of a look reach.

    The lines of all versions come out of the same calls, so that none is read further than another.
    """
    found = Counted(since, {query: {} for query in queries})
    budget = _Budget()
    for start, end in pairwise(_edges(since, until, period_seconds)):
        lines = _slice(target, found.series, start, end, budget)
        if lines is None:
            break
        for query, second in lines:
            bucket = second // period_seconds * period_seconds
            found.series[query][bucket] = found.series[query].get(bucket, 0) + 1
        found.until = end
    return found


def glance(target: Target, query: LogQuery, since: float, until: float) -> tuple[list[Line], bool]:
    """
    Lines of a version that fit the pattern, and whether these are all.

    The streams of the last day come first. The calls are few and have little patience: what waits for the answer can do
    without it.
    """
    lines: list[Line] = []
    size, budget = 0, _Budget(GLANCE_CALLS, GLANCE_SECONDS)
    for stream in reversed(streams(target.function, query.group, query.version, since, until)):
        more: dict[str, Any] = {"logStreamNamePrefix": stream}
        while True:
            if size >= GLANCE_BYTES or not budget.take():
                return lines, False
            with in_our_words():
                page = client("glance", target).filter_log_events(
                    logGroupName=query.group,
                    filterPattern=query.pattern,
                    startTime=int(since * 1000),
                    endTime=int(until * 1000),
                    limit=GLANCE_LINES,
                    **more,
                )
                found = [
                    Line(int(each["timestamp"]), each["logStreamName"], each["message"]) for each in page["events"]
                ]
                token = page.get("nextToken")
            lines += found
            size += sum(len(line.text) for line in found)
            if not token:
                break
            more["nextToken"] = token
    return lines, True


def streams(function: str, group: str, version: str, since: float, until: float) -> list[str]:
    """
    How the names of a version's log streams begin, the oldest day first.

    The day is that on which the execution environment was made. One lives for hours, so the day before counts, too.
    """
    of_function = "" if group == own_group(function) else function
    return [f"{day}/{of_function}[{version}]" for day in _days(since, until)]


def _edges(since: int, until: int, period_seconds: int) -> list[int]:
    periods = (until - since) // period_seconds
    slices = min(SLICES, periods)
    return [since + number * periods // slices * period_seconds for number in range(slices + 1)] if slices > 0 else []


def _slice(
    target: Target, queries: Iterable[LogQuery], start: int, end: int, budget: _Budget
) -> list[tuple[LogQuery, int]] | None:
    """Every line with its second, None if the budget does not last to the end."""
    asked = set(queries)
    lines = []
    for group, pattern in sorted({(query.group, query.pattern) for query in asked}):
        for prefix in _prefixes(target.function, group, start, end):
            more = {"logStreamNamePrefix": prefix} if prefix else {}
            while True:
                if not budget.take():
                    return None
                with in_our_words():
                    page = _ask(target, group, pattern, start, end, **more)
                    seen = [(each["logStreamName"], int(each["timestamp"]) // 1000) for each in page["events"]]
                    token = page.get("nextToken")
                for stream, second in seen:
                    query = LogQuery(group, _version(target.function, stream), pattern)
                    lines += [(query, second)] if query in asked else []
                if not token:
                    break
                more["nextToken"] = token
    return lines


def _ask(target: Target, group: str, pattern: str, start: int, end: int, **more: Any) -> Any:
    """The end of AWS's range is part of it."""
    return client("logs", target).filter_log_events(
        logGroupName=group, filterPattern=pattern, startTime=start * 1000, endTime=end * 1000 - 1, **more
    )


def _prefixes(function: str, group: str, start: int, end: int) -> Iterator[str]:
    """
    None for a group that only this function writes to.

    In another group its streams begin with the day on which the execution environment was made: today or the day
    before.
    """
    if group == own_group(function):
        yield ""
        return
    for day in _days(start, end - 1):
        yield f"{day}/{function}["


def _days(start: float, last: float) -> list[str]:
    """Those between two moments, and the one before them, as streams begin with them."""
    day, end = datetime.fromtimestamp(start, UTC) - timedelta(days=1), datetime.fromtimestamp(last, UTC)
    days = []
    while day.date() <= end.date():
        days.append(f"{day:%Y/%m/%d}")
        day += timedelta(days=1)
    return days


def _version(function: str, stream: str) -> str:
    """The version that writes the stream, "" if that is another function's."""
    found = re.fullmatch(rf"\d{{4}}/\d\d/\d\d/(?:{re.escape(function)})?\[([^]]+)\].*", stream)
    return found[1] if found else ""


def own_group(function: str) -> str:
    """The log group of a function that names none."""
    return f"/aws/lambda/{function}"
