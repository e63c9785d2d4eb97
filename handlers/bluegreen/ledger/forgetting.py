"""
Forgetting a function: one that `bluegreen doctor` made and deleted, which never served anybody.

The records of every other function are the audit, and stay.
"""

from collections.abc import Iterator

from bluegreen.aws import table
from bluegreen.ledger import approvals, audit, starts
from bluegreen.ledger.deployments import of_function
from bluegreen.ledger.record import Record, partition
from bluegreen.target import Target


def is_live(target: Target) -> bool:
    """A deployment of the function has not ended."""
    return any(record.live for record in _records(target))


def forget(target: Target) -> None:
    """Delete every item of the function and the alias from the ledger, except locks. Safe to repeat."""
    for record in list(_records(target)):
        owner = record.owner
        _delete(audit.partition(owner))
        _delete(starts.partition(record.id))
        _delete(approvals.asked_partition(owner))
        _delete(approvals.decision_partition(owner))
        _delete(partition(record.id))
    for room in ("serving", "newest", "waiting"):
        _delete(f"{room}#{target.key}")
    for room in ("code", "refusals"):
        _delete(f"{room}#{target.function_key}")


def _records(target: Target) -> Iterator[Record]:
    for refused in (False, True):
        page, following = of_function(target, refused=refused)
        yield from page
        while following:
            page, following = of_function(target, refused=refused, after=following)
            yield from page


def _delete(pk: str) -> None:
    items = table.query(
        ConsistentRead=True, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=table.values({":pk": pk})
    )
    for item in items:
        table.delete({"Key": table.key(pk, item["sk"])})
