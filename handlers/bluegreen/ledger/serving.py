"""What serves an alias and what served before: items of their own, which no number of refused requests pushes out."""

from typing import Any

from bluegreen.aws import table
from bluegreen.ledger.record import Record, readable
from bluegreen.model import Frozen
from bluegreen.target import Target

NOW = "now"
SERVING = "serving"
MOST = 100
"""Aliases on a page of a list."""


class Served(Frozen):
    """
    A version that a deployment gave the alias.

    `before` is the version that served until then; `since` is ISO 8601, UTC.
    """

    version: str
    before: str
    deployment: str
    since: str


def now(target: Target) -> Served | None:
    """What the last deployment that was completed left; None if none was."""
    return _served(target, NOW)


def listed(after: str = "") -> tuple[list[tuple[Target, Served]], str]:
    """
    A page of the aliases to which a deployment was completed, with what serves them, and what to ask for next.

    Only these items count: a role that may write audit entries can put one into the index.
    """
    start = {"kind": SERVING, "pk": after, "sk": NOW} if after else None
    items, last = table.page(after=start, Limit=MOST, **_beginning_with("serving#"))
    return readable(_listed, items), last["pk"] if last else ""


def of_function(function: Target) -> list[tuple[Target, Served]]:
    """Every alias of the function to which a deployment was completed, with what serves it."""
    return readable(_listed, table.query(**_beginning_with(f"serving#{function.function_key}:")))


def of_version(target: Target, version: str) -> Served | None:
    """The deployment that brought the version to the alias; None if none did."""
    return _served(target, _sk(version))


def before(target: Target, version: str, steps: int) -> tuple[str, ...]:
    """The versions to which so many rollbacks, one after the other, would go back from that version."""
    found: list[str] = []
    while len(found) < steps and (brought := of_version(target, version)) and brought.before not in found:
        version = brought.before
        found.append(version)
    return tuple(found)


def writing(record: Record, since: str) -> list[dict[str, Any]]:
    """
    What a completed deployment gives the alias, as parts of a transaction.

    A deployment of an older version leaves that version's item as it is, so a second rollback goes further back.
    """
    green, before = record.green or "", record.blue or ""
    served = Served(version=green, before=before, deployment=record.id, since=since)
    forward = green.isdigit() and before.isdigit() and int(green) > int(before)
    indexed = record.target.model_dump() | {"kind": SERVING}
    items = {NOW: served.model_dump() | indexed} | ({_sk(green): served.model_dump()} if forward else {})
    return [{"Put": {"Item": table.key(_key(record.target), sk) | table.values(item)}} for sk, item in items.items()]


def _beginning_with(prefix: str) -> dict[str, Any]:
    """Such keys in the index of what serves."""
    return {
        "IndexName": "ByKind",
        "KeyConditionExpression": "kind = :kind AND begins_with(pk, :prefix)",
        "ExpressionAttributeValues": table.values({":kind": SERVING, ":prefix": prefix}),
    }


def _served(target: Target, sk: str) -> Served | None:
    item = table.get(_key(target), sk)
    return Served.model_validate(item, extra="ignore") if item else None


def _listed(item: table.Item) -> tuple[Target, Served]:
    return Target.model_validate(item, extra="ignore"), Served.model_validate(item, extra="ignore")


def _key(target: Target) -> str:
    return f"serving#{target.key}"


def _sk(version: str) -> str:
    return f"version#{version:0>10}"
