"""A freeze, as people ask for it: why, until when, and in which hours of the week. It always has an end."""

import re
from datetime import datetime, time
from typing import Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator

from bluegreen.errors import InvalidRequest
from bluegreen.model import Frozen
from bluegreen.request.explain import explain
from bluegreen.request.names import FunctionReference
from bluegreen.text import plain

LONGEST_REASON = 500
LONGEST_DAYS = 366
MOST_WINDOWS = 21
"""Three for each day of the week."""

LONGEST_ZONE = 64

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_EDGE = rf"({'|'.join(DAYS)}) ((?:[01][0-9]|2[0-3]):[0-5][0-9])"
_WINDOW = re.compile(f"{_EDGE}-{_EDGE}")
_PATTERN = re.compile(r"[A-Za-z0-9_*-]{1,64}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")


class Edge(NamedTuple):
    """A day of the week, 0 for Monday, and a time of the clock."""

    day: int
    at: time


def edges(window: str) -> tuple[Edge, Edge]:
    """When a window begins and ends. Raises ValueError for another text."""
    found = _WINDOW.fullmatch(window)
    if found is None:
        raise ValueError(f"{plain(window, 100)!r} is no window; write it as Fri 16:00-Mon 08:00")
    first, begins, last, ends = found.groups()
    if (first, begins) == (last, ends):
        raise ValueError(f"{window} ends where it begins; leave the windows out for a freeze of every hour")
    return Edge(DAYS.index(first), time.fromisoformat(begins)), Edge(DAYS.index(last), time.fromisoformat(ends))


def _window(text: str) -> str:
    edges(text)
    return text


def _zone(name: str) -> str:
    try:
        if _ZONE.fullmatch(name) and len(name) <= LONGEST_ZONE:
            ZoneInfo(name)
            return name
    except (KeyError, ValueError, OSError):
        pass
    raise ValueError(f"{plain(name, 100)!r} is no time zone; write its IANA name, as Europe/Berlin, or UTC")


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("say why, in a sentence")
    return plain(text.strip(), LONGEST_REASON)


Reason = Annotated[str, Field(max_length=LONGEST_REASON), AfterValidator(_reason)]


def pattern_of(name: Any, region: str = "", account: str = "") -> str:
    """
    The functions that a freeze is for: one by its name or its ARN, or all whose name fits, where * is any text.

    Raises InvalidRequest, also for a function of another region or account; "" is a place that is not known yet.
    """
    reference = FunctionReference.read(name)
    if reference and (wrong := reference.complaint(region, account)):
        raise InvalidRequest(f"name: {wrong}")
    if reference and not reference.qualifier:
        return reference.name
    if isinstance(name, str) and _PATTERN.fullmatch(name):
        return name
    raise InvalidRequest(
        f"name: {plain(name, 100)!r} is neither a function's name nor a pattern; write a name without an alias, or a "
        "pattern as shop-* or *"
    )


class Freeze(Frozen):
    """
    Why deployments are refused, and when.

    `windows` are hours that come every week, by the clocks of `zone`; without any the freeze is always in force.
    `until` is ISO 8601, and by the clocks of `zone` unless it says an offset. From then on the freeze is over.
    """

    reason: Reason
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    until: Annotated[str, Field(max_length=40)]
    windows: Annotated[tuple[Annotated[str, AfterValidator(_window)], ...], Field(max_length=MOST_WINDOWS)] = ()

    @classmethod
    def read(cls, asked: Any, now: float) -> Self:
        """Raises InvalidRequest naming every wrong field. `now` is in seconds since 1970."""
        try:
            return cls.model_validate(asked, context={"now": now})
        except ValidationError as error:
            raise InvalidRequest(explain(error, cls)) from error

    @field_validator("until")
    @classmethod
    def ends(cls, until: str, info: ValidationInfo) -> str:
        """Refuse what is no moment, is over already, or is too far away."""
        try:
            ends = _moment(until, info.data.get("zone", "UTC"))
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"{plain(until, 100)!r} is no moment; write it in ISO 8601, as 2026-12-24T18:00"
            ) from error
        now = info.context["now"] if info.context else None
        if now is not None and ends <= now:
            raise ValueError(f"{until} is over; write a moment that is to come")
        if now is not None and ends > now + LONGEST_DAYS * 24 * 3600:
            raise ValueError(
                f"{until} is more than {LONGEST_DAYS} days away, and that is the most; write an earlier end"
            )
        return until

    @property
    def over_at(self) -> float:
        """The end, in seconds since 1970."""
        return _moment(self.until, self.zone)


def _moment(text: str, zone: str) -> float:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp()
