"""The audit: what each state of a deployment or release did, with its evidence. It is only ever added to."""

import json
import uuid
from typing import Any

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.ledger.owner import Owner
from bluegreen.ledger.record import readable
from bluegreen.model import Frozen

LARGEST_EVIDENCE = 100_000
"""Bytes: an item of DynamoDB has 400 KB at most, and a page of steps 1 MB."""

RECOVERY = "RecoverDeployments"
"""The state of recovery's step, whichever handler recovers."""

PAGE = 100


class Step(Frozen):
    """An entry of the audit: a state that ran, and its evidence. (Not a step of the schedule.)"""

    at: str
    state: str
    evidence: dict[str, Any]


def note(owner: Owner, state: str, evidence: dict[str, Any]) -> None:
    """Add a step. Evidence that is too large loses the reply, then all but the error and the cause."""
    text = json.dumps(evidence)
    size = len(text)
    if size > LARGEST_EVIDENCE:
        text = json.dumps(
            {name: value for name, value in evidence.items() if name != "reply"} | {"bytes_left_out": size}
        )
    if len(text) > LARGEST_EVIDENCE:
        text = json.dumps({"bytes_left_out": size, "error": evidence.get("error"), "cause": evidence.get("cause")})
    sk = f"{clock.iso(clock.now())}#{state}#{uuid.uuid4().hex[:8]}"
    table.put({"Item": table.key(partition(owner), sk) | table.values({"evidence": text})})


def steps(owner: Owner, after: str = "") -> tuple[list[Step], str]:
    """A page of what the states did, in order, and what to ask for next; "" after the last page."""
    items, last = table.page(
        after={"pk": partition(owner), "sk": after} if after else None,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=table.values({":pk": partition(owner)}),
        Limit=PAGE,
    )
    return readable(_step, items), last["sk"] if last else ""


def newest(owner: Owner) -> list[Step]:
    """The last steps, the newest first: a page of them at most."""
    items, _ = table.page(
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=table.values({":pk": partition(owner)}),
        ScanIndexForward=False,
        Limit=PAGE,
    )
    return readable(_step, items)


def partition(owner: Owner) -> str:
    """Apart from the record, so that a role which may add steps cannot change records."""
    return f"steps#{owner.key}"


def _step(item: Item) -> Step:
    at, state, _ = item["sk"].split("#")
    return Step(at=at, state=state, evidence=json.loads(item["evidence"]))
