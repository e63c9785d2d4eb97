"""What serves an alias and what served before: items of their own, which no number of refused requests pushes out."""

from typing import Any

from bluegreen.aws import table
from bluegreen.ledger.record import Record
from bluegreen.model import Frozen
from bluegreen.target import Target


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
    return _served(target, "now")


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
    keys = ["now", *([_sk(green)] if forward else [])]
    return [{"Put": {"Item": table.key(_key(record.target), sk) | table.values(served.model_dump())}} for sk in keys]


def _served(target: Target, sk: str) -> Served | None:
    item = table.get(_key(target), sk)
    return Served.model_validate(item, extra="ignore") if item else None


def _key(target: Target) -> str:
    return f"serving#{target.key}"


def _sk(version: str) -> str:
    return f"version#{version:0>10}"
