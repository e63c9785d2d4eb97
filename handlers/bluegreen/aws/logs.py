"""
Lines of a function's log that fit a filter pattern: counted by the version that wrote them, or read.

Lambda names a log stream `2026/01/05/[7]…` after the version that writes it, and in a log group of the function's own
choice `2026/01/05/Shop[7][…]`. No line of a watch is kept.
"""

import math
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.aws.metrics import Series
from bluegreen.aws.sharing import Asked, together
from bluegreen.decisions.complaints import Line
from bluegreen.errors import AwsRefused, AwsUnavailable
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

CALLS_A_SECOND = 5
"""
FilterLogEvents of an account in a region.

AWS does not raise it (its knowledge center, "How do I determine throttling in my CloudWatch logs?").
"""

MOST_SECONDS_TOGETHER = 120
"""After so long a look at many functions begins no other call: at that pace it has read 600 logs, each by one call."""

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


class _Search(NamedTuple):
    """
    Of some functions' lines: those that fit the pattern, in streams whose names begin so.

    Streams without a function's name are those of the group's `owner`.
    """

    target: Target
    functions: Collection[str]
    owner: str
    group: str
    pattern: str
    prefix: str


class _Written(NamedTuple):
    """A line that fits: the function that wrote it, what it is an answer to, and its second since 1970."""

    function: str
    query: LogQuery
    second: int


class _Pace:
    """The calls of a look at many functions: none sooner after another than AWS allows, and none when time is up."""

    def __init__(self) -> None:
        self.until = clock.now() + MOST_SECONDS_TOGETHER
        self._next = 0.0

    def wait(self) -> None:
        """For the moment of the next call."""
        clock.sleep(max(0.0, self._next - clock.now()))
        self._next = clock.now() + 1 / CALLS_A_SECOND


class _Budget:
    """What may still be asked for, at the pace of a look at many functions if it is a part of one."""

    def __init__(self, calls: int = MOST_CALLS, seconds: int = MOST_SECONDS, pace: _Pace | None = None) -> None:
        self._calls = calls
        self._pace = pace
        self._until = min(clock.now() + seconds, pace.until if pace else math.inf)

    def take(self) -> bool:
        """One more call, if there is one left."""
        self._calls -= 1
        if self._calls < 0 or clock.now() >= self._until:
            return False
        if self._pace:
            self._pace.wait()
        return True


def try_pattern(target: Target, group: str, pattern: str) -> None:
    """Raises AwsRefused if it is no pattern, NotFound if there is no such group, AccessDenied if it may not be read."""
    now = int(clock.now())
    with in_our_words():
        _ask(target, group, pattern, now - SAMPLE_SECONDS, now, limit=1)


def read(target: Target, queries: Iterable[LogQuery], since: int, until: int, period_seconds: int) -> Counted:
    """
    Each query's lines from `since` up to, not including, `until`, or as far as the calls of a look reach.

    The lines of all versions come out of the same calls, so that none is read further than another.

    Raises AwsUnavailable or AwsRefused if AWS does not answer.
    """
    [found] = read_all([Asked(target, tuple(queries), since, until, period_seconds)])
    if isinstance(found, AwsUnavailable | AwsRefused):
        raise found
    return found


def read_all(asked: Sequence[Asked[LogQuery]]) -> list[Counted | AwsUnavailable | AwsRefused]:
    """
    What `read` answers for each, or the error that it raises, in the same order.

    Functions that write to the same group share its calls. Any other log takes a call at least, so the time may not
    suffice for all: those for which it does not are read as far as `since`, others at each look.
    """
    found: dict[int, Counted | AwsUnavailable | AwsRefused] = {}
    searched = [frozenset((query.group, query.pattern) for query in each.queries) for each in asked]
    parties = together(asked, searched)
    pace = _Pace() if sum(bool(searched[party[0]]) for party in parties) > 1 else None
    for party in _in_turn(parties):
        found |= zip(party, _read([asked[number] for number in party], pace), strict=True)
    return [found[number] for number in range(len(asked))]


def _in_turn(parties: list[list[int]]) -> list[list[int]]:
    """All of them. Which is the first is as good as diced for each minute, whatever the time between looks."""
    first = zlib.crc32(b"%d" % (clock.now() // 60)) % max(1, len(parties))
    return [*parties[first:], *parties[:first]]


def _read(party: Sequence[Asked[LogQuery]], pace: _Pace | None) -> Sequence[Counted | AwsUnavailable | AwsRefused]:
    """
    Of functions that write to the same groups.

    At the pace of a look at many functions a log with little in it takes one call instead of one a slice.
    """
    since, until, period = min(each.since for each in party), max(each.until for each in party), party[0].period_seconds
    try:
        if pace and since < until:
            searches = _searches(party, since, until)
            lines = _lines(searches, since, until, _Budget(len(searches), pace=pace))
            if lines is not None:
                return _shared_out(party, lines, until)
        lines, reached, budget = [], since, _Budget(MOST_CALLS * len(party), pace=pace)
        for start, end in pairwise(_edges(since, until, period)):
            found = _lines(_searches(party, start, end), start, end, budget)
            if found is None:
                break
            lines += found
            reached = end
    except (AwsUnavailable, AwsRefused) as error:
        return [error] * len(party)
    return _shared_out(party, lines, reached)


def _shared_out(party: Sequence[Asked[LogQuery]], lines: Iterable[_Written], reached: int) -> list[Counted]:
    """What each function wrote of these lines. They may be of a longer time than is asked for there."""
    period = party[0].period_seconds
    counts = Counter((line.function, line.query, line.second // period * period) for line in lines)
    of = defaultdict[str, list[tuple[LogQuery, int, int]]](list)
    for (function, query, bucket), count in counts.items():
        of[function].append((query, bucket, count))
    found = []
    for each in party:
        first, series = each.since // period * period, {query: Series() for query in each.queries}
        for query, bucket, count in of[each.target.function]:
            if query in series and first <= bucket < each.until:
                series[query][bucket] = count
        found.append(Counted(max(each.since, min(reached, each.until)), series))
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


def _searches(party: Sequence[Asked[LogQuery]], start: int, end: int) -> list[_Search]:
    """What has to be searched for, so that every line of these functions is found once."""
    functions = {each.target.function for each in party}
    patterns = sorted({(query.group, query.pattern) for each in party for query in each.queries})
    return [
        _Search(party[0].target, functions, owner, group, pattern, prefix)
        for group, pattern in patterns
        for owner in [next((each for each in functions if own_group(each) == group), "")]
        for prefix in ([""] if owner else _prefixes(functions, start, end))
    ]


def _lines(searches: Iterable[_Search], start: int, end: int, budget: _Budget) -> list[_Written] | None:
    """Every line that was found, None if the budget does not last to the end."""
    lines = []
    for search in searches:
        more = {"logStreamNamePrefix": search.prefix} if search.prefix else {}
        while True:
            if not budget.take():
                return None
            with in_our_words():
                page = _ask(search.target, search.group, search.pattern, start, end, **more)
                seen = [(each["logStreamName"], int(each["timestamp"]) // 1000) for each in page["events"]]
                token = page.get("nextToken")
            for stream, second in seen:
                function, version = _writer(search, stream)
                lines += (
                    [_Written(function, LogQuery(search.group, version, search.pattern), second)] if function else []
                )
            if not token:
                break
            more["nextToken"] = token
    return lines


def _ask(target: Target, group: str, pattern: str, start: int, end: int, **more: Any) -> Any:
    """The end of AWS's range is part of it."""
    return client("logs", target).filter_log_events(
        logGroupName=group, filterPattern=pattern, startTime=start * 1000, endTime=end * 1000 - 1, **more
    )


def _prefixes(functions: Collection[str], start: int, end: int) -> Iterator[str]:
    """
    Of the streams in a group that is no function's own.

    They begin with the day on which the execution environment was made: today or the day before. Those of one function
    have its name after that.
    """
    for day in _days(start, end - 1):
        yield f"{day}/" if len(functions) > 1 else f"{day}/{''.join(functions)}["


def _days(start: float, last: float) -> list[str]:
    """Those between two moments, and the one before them, as streams begin with them."""
    day, end = datetime.fromtimestamp(start, UTC) - timedelta(days=1), datetime.fromtimestamp(last, UTC)
    days = []
    while day.date() <= end.date():
        days.append(f"{day:%Y/%m/%d}")
        day += timedelta(days=1)
    return days


def _writer(search: _Search, stream: str) -> tuple[str, str]:
    """The function and the version that write the stream, "" for both if that is none of those that are asked about."""
    found = re.fullmatch(r"\d{4}/\d\d/\d\d/([^[]*)\[([^]]+)\].*", stream)
    if not found:
        return "", ""
    function = found[1] or search.owner
    return (function, found[2]) if function in search.functions else ("", "")


def own_group(function: str) -> str:
    """The log group of a function that names none."""
    return f"/aws/lambda/{function}"
