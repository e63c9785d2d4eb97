"""The upload that waits for its turn: the newest one of each alias that came while another deployment ran."""

from typing import Any

from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.ledger.record import readable
from bluegreen.model import Frozen
from bluegreen.request.artifact import Zip
from bluegreen.target import Target

WAITING = "waiting"


class Waiting(Frozen):
    """
    An upload whose execution was refused because the lock was held.

    `deployment` is the id of that refused execution, and `execution` its ARN: it has the request. ReceiveUpload starts
    the same request again under the next name when the lock is free.
    """

    target: Target
    artifact: Zip
    deployment: str
    execution: str


def of(target: Target) -> Waiting | None:
    """The upload that waits for the alias; None if none does."""
    item = table.get(_key(target), WAITING)
    found = readable(_waiting, [item] if item else [])
    return found[0] if found else None


def all_that_wait() -> list[Waiting]:
    """At most one for each alias. Only items with a key of this kind count, as with locks."""
    items = table.query(
        IndexName="ByKind",
        KeyConditionExpression="kind = :kind AND begins_with(pk, :prefix)",
        ExpressionAttributeValues=table.values({":kind": WAITING, ":prefix": f"{WAITING}#"}),
    )
    return [each for each in readable(_waiting, items) if _is_its_own(each, items)]


def wait(new: Waiting, instead_of: Waiting | None) -> bool:
    """Store the upload in place of `instead_of`. False if another upload has begun to wait meanwhile."""
    shown = new.model_dump(mode="json", exclude_none=True) | {"kind": WAITING}
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if instead_of:
        condition = _still(instead_of)
    return table.put({"Item": table.key(_key(new.target), WAITING) | table.values(shown), **condition})


def done(started: Waiting) -> bool:
    """Delete the item of this upload. False if another upload waits by now; that one stays."""
    return table.delete({"Key": table.key(_key(started.target), WAITING), **_still(started)})


def _still(waiting: Waiting) -> dict[str, Any]:
    return {
        "ConditionExpression": "deployment = :deployment",
        "ExpressionAttributeValues": table.values({":deployment": waiting.deployment}),
    }


def _key(target: Target) -> str:
    return f"{WAITING}#{target.key}"


def _is_its_own(waiting: Waiting, items: list[Item]) -> bool:
    return any(item["pk"] == _key(waiting.target) and item["deployment"] == waiting.deployment for item in items)


def _waiting(item: Item) -> Waiting:
    return Waiting.model_validate({name: item[name] for name in Waiting.model_fields})
