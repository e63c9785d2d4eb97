"""The locks: which execution deploys to an alias, and which puts new code into a function's $LATEST."""

from typing import Any

from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.ledger.record import Record, readable
from bluegreen.model import Frozen
from bluegreen.target import Target

LATEST = "$LATEST"
LOCK = "lock"


class Lock(Frozen):
    """
    An execution holds it for a deployment, from the opening to the end. With `new_code` it covers $LATEST too.

    The sweep finds it by its kind. That of a function of a release has none: the sweep looks after the release.
    """

    target: Target
    held_by: str
    deployment: str
    new_code: bool = False
    release: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The items of it, the alias's first."""
        return (key(self.target, self.target.alias), *([key(self.target, LATEST)] if self.new_code else []))

    def taking(self) -> list[dict[str, Any]]:
        """A put for each item, as parts of a transaction. The sweep finds the lock by the alias's item."""
        shown = self.target.model_dump() | self.model_dump(exclude={"target"}, exclude_none=True)
        found = {"kind": LOCK} if self.release is None else {}
        return [
            {
                "Put": {
                    "Item": table.key(item, LOCK) | table.values(shown | (found if not number else {})),
                    **_ours_or_free(self),
                }
            }
            for number, item in enumerate(self.keys)
        ]

    def freeing(self) -> list[dict[str, Any]]:
        """A deletion of each item, as parts of a transaction."""
        return [{"Delete": {"Key": table.key(item, LOCK), **_ours_or_free(self)}} for item in self.keys]


def of(record: Record) -> Lock:
    """The lock that the deployment holds while it is live."""
    return Lock(
        target=record.target,
        held_by=record.execution,
        deployment=record.id,
        new_code=record.new_code,
        release=record.release,
    )


def held(target: Target, qualifier: str = "") -> Lock | None:
    """The lock on the alias, or with the qualifier $LATEST the lock on $LATEST; None if no deployment holds it."""
    item = table.get(key(target, qualifier or target.alias), LOCK)
    return _lock(item) if item else None


def is_held(target: Target, qualifier: str) -> bool:
    """Whether a deployment, of whatever execution, holds the lock."""
    return table.get(key(target, qualifier), LOCK) is not None


def all_held(function: Target | None = None) -> tuple[list[Lock], list[str]]:
    """
    The lock of every alias that is being deployed to, and the keys of those that this stack version cannot read.

    Those of one function, if it is given. Only locks count: a role that may write audit entries can put one into the
    index.
    """
    prefix = key(function, "") if function else "lock#"
    items = table.query(
        IndexName="ByKind",
        KeyConditionExpression="kind = :kind AND begins_with(pk, :prefix)",
        ExpressionAttributeValues=table.values({":kind": LOCK, ":prefix": prefix}),
    )
    held = readable(_lock, items)
    known = {key(lock.target, lock.target.alias) for lock in held}
    return held, [item["pk"] for item in items if item["pk"] not in known]


def free(lock: Lock) -> None:
    """Give back the lock of a deployment that is not live, as far as the execution still has it."""
    for part in reversed(lock.freeing()):  # the alias's item last: by it the sweep finds what is left
        table.delete(part["Delete"])


def key(target: Target, qualifier: str) -> str:
    """The key of a lock's item."""
    return f"lock#{target.function_key}:{qualifier}"


def _ours_or_free(lock: Lock) -> dict[str, Any]:
    return {
        "ConditionExpression": "attribute_not_exists(pk) OR held_by = :me",
        "ExpressionAttributeValues": table.values({":me": lock.held_by}),
    }


def _lock(item: Item) -> Lock:
    target = Target.model_validate({name: item[name] for name in Target.model_fields if name in item})
    return Lock(target=target, **{name: item[name] for name in Lock.model_fields if name in item})
