"""
The freezes: which functions nobody may deploy to, why, until when, and who said so.

All are in one partition, since every opening reads them and there are few: that of the stack's own account and region.
A freeze holds the functions whose name it fits, wherever they are. DynamoDB deletes those long over.
"""

from collections.abc import Iterable
from typing import Any

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.decisions.freezing import fits, lets_go
from bluegreen.ledger.record import readable
from bluegreen.model import Frozen, Text
from bluegreen.request.freeze import Freeze
from bluegreen.target import Target

KEPT_SECONDS = 30 * 24 * 3600
"""After its end."""

MOST = 100
"""Freezes on a page of a list."""


class Ordered(Frozen):
    """A freeze, the functions that it is for (`pattern`), who ordered it (`owner`), and since when (ISO 8601, UTC)."""

    pattern: str
    owner: Text
    since: str
    freeze: Freeze

    def said(self, until: float) -> str:
        """As a part of a sentence. `until` is when it lets go."""
        return f"{self.pattern} is frozen until {clock.iso(until)} ({self.freeze.reason}; ordered by {self.owner})"

    def to_json(self, now: float) -> dict[str, Any]:
        """As callers of the API and the command line get it. Without `in_force_until` it is not in force now."""
        until = lets_go(self.freeze, now)
        shown: dict[str, Any] = {"name": self.pattern, "owner": self.owner, "since": self.since}
        shown |= self.freeze.model_dump(mode="json") | {"until": clock.iso(self.freeze.over_at)}
        return shown | ({"in_force_until": clock.iso(until)} if until is not None else {})


def order(here: Target, ordered: Ordered) -> None:
    """Write the freeze down, in place of an earlier one for the same pattern."""
    shown = ordered.freeze.model_dump(mode="json") | {"owner": ordered.owner, "since": ordered.since}
    shown["forget_at"] = int(ordered.freeze.over_at) + KEPT_SECONDS
    table.put({"Item": table.key(_partition(here), ordered.pattern) | table.values(shown)})


def lift(here: Target, pattern: str) -> bool:
    """Delete the freeze for that very pattern. False if there is none."""
    return table.delete({"Key": table.key(_partition(here), pattern), "ConditionExpression": "attribute_exists(pk)"})


def everywhere(here: Target) -> list[Ordered]:
    """Every freeze of the stack's account and region that is not over, by the pattern."""
    return _not_over(table.query(**_all_of(here)))


def page(here: Target, after: str = "") -> tuple[list[Ordered], str]:
    """
    A page of the same freezes, and what to ask for next; "" after the last page.

    Those that are over count on a page until DynamoDB has deleted them, so a page may be short.
    """
    start = {"pk": _partition(here), "sk": after} if after else None
    items, last = table.page(after=start, Limit=MOST, **_all_of(here))
    return _not_over(items), last["sk"] if last else ""


def of(here: Target, function: str) -> tuple[Ordered, ...]:
    """The freezes of the stack that are for a function of that name, and are not over. `here` is beside the stack."""
    return tuple(each for each in everywhere(here) if fits(each.pattern, function))


def in_force(ordered: tuple[Ordered, ...], now: float) -> tuple[Ordered, float] | None:
    """The one that holds the function longest at this moment, and when it lets go; None if none is in force."""
    found = [(each, until) for each in ordered if (until := lets_go(each.freeze, now)) is not None]
    return max(found, key=lambda each: each[1], default=None)


def _all_of(here: Target) -> dict[str, Any]:
    return {
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": table.values({":pk": _partition(here)}),
    }


def _not_over(items: Iterable[Item]) -> list[Ordered]:
    now = clock.now()
    return [each for each in readable(_ordered, items) if each.freeze.over_at > now]


def _partition(here: Target) -> str:
    return f"freezes#{here.account}:{here.region}"


def _ordered(item: Item) -> Ordered:
    freeze = Freeze.model_validate({name: item[name] for name in Freeze.model_fields if name in item})
    return Ordered(pattern=item["sk"], owner=item["owner"], since=item["since"], freeze=freeze)
