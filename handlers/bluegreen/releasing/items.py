"""The items of the Distributed Map: which functions, in an object of S3."""

import json
import os
from collections.abc import Sequence
from typing import Any

from bluegreen.aws import objects
from bluegreen.ledger.releases import Member
from bluegreen.releasing.document import Items

OPENED, STAGED = "open", "stage"


def items_of(members: Sequence[Member]) -> list[dict[str, Any]]:
    """What a child of the map needs to know beside the release. Nothing of a request is among it."""
    return [
        {
            "id": each.deployment,
            "number": each.number,
            "wave": each.wave,
            "brings": each.brings or "",
            "green": {"version": each.green} if each.green else None,
        }
        for each in members
    ]


def kept(release: str, phase: str, items: list[dict[str, Any]]) -> Items:
    """Store them; where the map finds them."""
    key = f"releases/{release}/{phase}.json"
    objects.put(key, json.dumps(items).encode())
    return Items(bucket=os.environ["ARTIFACT_BUCKET"], key=f"{objects.INTERNAL}{key}")
