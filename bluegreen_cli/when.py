"""Moments in people's time: how long ago, and the time with its zone."""

from datetime import UTC, datetime

from bluegreen import clock

UNITS = (("day", 86_400), ("h", 3600), ("min", 60))


def said(moment: str) -> str:
    """Of an ISO 8601 time: `20 min ago (2026-01-05 09:00:00 UTC)`, `in 5 min (…)`."""
    return f"{ago(moment)} ({utc(moment)})"


def at(moment: str) -> str:
    """The same as the end of a phrase, as after "until": `2026-01-05 09:00:00 UTC (in 5 min)`."""
    return f"{utc(moment)} ({ago(moment)})"


def ago(moment: str) -> str:
    """How far from now: `20 min ago`, `in 5 min`."""
    seconds = clock.now() - clock.moment(moment)
    span = _span(abs(seconds))
    return f"{span} ago" if seconds >= 0 else f"in {span}"


def utc(moment: str) -> str:
    """As all times of the product, and to the second: `2026-01-05 09:00:00 UTC`."""
    return f"{datetime.fromtimestamp(clock.moment(moment), UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(seconds: float) -> str:
    """The largest unit alone, rounded down. An hour later the seconds do not matter."""
    for unit, length in UNITS:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    return f"{int(seconds)} s"
