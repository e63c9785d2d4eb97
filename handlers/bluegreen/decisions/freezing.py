"""Whether a freeze is in force at a moment, and until when. Moments are seconds since 1970."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from bluegreen.request.freeze import Freeze, edges


def fits(pattern: str, function: str) -> bool:
    """Whether a freeze of that pattern is for the function. In the pattern * is any text."""
    return fnmatchcase(function, pattern)


def lets_go(freeze: Freeze, at: float) -> float | None:
    """When a freeze that is in force at that moment lets go; None if it is not in force then."""
    over = freeze.over_at
    if at >= over:
        return None
    if not freeze.windows:
        return over
    until = at
    while until < over and (later := [end for begin, end in _windows(freeze, until) if begin <= until < end]):
        until = max(later)
    return min(until, over) if until > at else None


def begins(freeze: Freeze, after: float, before: float) -> float | None:
    """When it next comes into force after the one moment and before the other; None if it does not."""
    coming = [begin for begin, _ in _windows(freeze, after) if after < begin < min(before, freeze.over_at)]
    return min(coming, default=None)


def _windows(freeze: Freeze, around: float) -> Iterator[tuple[float, float]]:
    """Begin and end of each window in the week of that moment, the week before and the two weeks after."""
    zone = ZoneInfo(freeze.zone)
    today = datetime.fromtimestamp(around, zone).date()
    for window in freeze.windows:
        begin, end = edges(window)
        days = (end.day - begin.day) % 7 or (0 if end.at > begin.at else 7)
        for week in (-1, 0, 1, 2):
            first = today + timedelta(days=begin.day - today.weekday(), weeks=week)
            yield (
                datetime.combine(first, begin.at, zone).timestamp(),
                datetime.combine(first + timedelta(days=days), end.at, zone).timestamp(),
            )
