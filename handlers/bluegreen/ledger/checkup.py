"""What `bluegreen doctor` found last: one item, which every examination replaces."""

from typing import Any

from bluegreen.aws import table
from bluegreen.model import Frozen
from bluegreen.text import valid

DOCTOR = "doctor"
LAST = "last"
ROOM = 200_000
"""Characters of a report, of the 400 KB that an item may have."""


class Checkup(Frozen):
    """
    An examination: when it ended (ISO 8601, UTC), who made it, and the ids of assumptions by their result.

    `delay_seconds` is the one that it suggests, None if it could not tell. `report` is the whole of it.
    """

    at: str
    by: str
    held: tuple[str, ...]
    differs: tuple[str, ...]
    unseen: tuple[str, ...]
    delay_seconds: int | None = None
    report: dict[str, Any] = {}


def keep(checkup: Checkup) -> None:
    """Store an examination in place of the one before."""
    shown = checkup.model_dump(mode="json", exclude_none=True)
    table.put({"Item": table.key(DOCTOR, LAST) | table.values(shown | {"report": valid(shown["report"], ROOM)})})


def last() -> Checkup | None:
    """None if nobody has made one, or if another stack version wrote it so that this one cannot read it."""
    item = table.get(DOCTOR, LAST)
    try:
        return Checkup.model_validate(item, extra="ignore") if item else None
    except ValueError:
        return None
