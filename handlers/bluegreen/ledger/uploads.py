"""The newest upload of each alias, so that a late event never deploys older code."""

from typing import Any

from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.document import Plan
from bluegreen.ledger.record import readable
from bluegreen.model import Frozen
from bluegreen.request.artifact import Zip
from bluegreen.target import Target

NEWEST = "newest"


class Newest(Frozen):
    """The newest upload that a deployment of an alias took, however that ended, and that deployment's id."""

    artifact: Zip
    deployment: str


def newest(target: Target) -> Newest | None:
    """What an upload must not be older than. Read it while holding the lock: then no other deployment changes it."""
    item = table.get(f"newest#{target.key}", NEWEST)
    found = readable(_newest, [item] if item else [])
    return found[0] if found else None


def writing(plan: Plan) -> dict[str, Any]:
    """The plan's upload as the newest, as a part of a transaction."""
    shown = {"artifact": plan.artifact.model_dump(mode="json", exclude_none=True), "deployment": plan.id}
    return {"Put": {"Item": table.key(f"newest#{plan.target.key}", NEWEST) | table.values(shown)}}


def _newest(item: Item) -> Newest:
    return Newest(artifact=Zip.model_validate(item["artifact"], extra="ignore"), deployment=item["deployment"])
