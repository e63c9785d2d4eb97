"""The items of the Distributed Map: which functions, in an object of S3."""

import json
from collections.abc import Sequence
from typing import Any

from bluegreen.aws import objects
from bluegreen.ledger.releases import Member

OPENED, STAGED, TIDIED = "open", "stage", "tidy"
"""The phases of the functions' machine."""


def items_of(members: Sequence[Member]) -> list[dict[str, Any]]:
    """What a child of the map gets beside the release's id and proof. What is deployed stands in the ledger only."""
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


def keep(release: str, phase: str, members: Sequence[Member]) -> None:
    """Write the items to the object that the map of that phase reads."""
    objects.write_plain(f"{objects.INTERNAL}releases/{release}/{phase}.json", json.dumps(items_of(members)).encode())
