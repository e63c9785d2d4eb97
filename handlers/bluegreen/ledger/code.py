"""Where the code of $LATEST can be had again: the zips that deployments took, by their digest."""

from typing import Any

from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.ledger.record import readable
from bluegreen.request.artifact import Zip
from bluegreen.target import Target


def known(target: Target, sha256: str) -> Zip | None:
    """The zip with that digest; None if no deployment of the function took it."""
    item = table.get(_key(target), sha256)
    found = readable(_zip, [item] if item else [])
    return found[0] if found else None


def writing(target: Target, artifact: Zip) -> dict[str, Any]:
    """A zip whose digest is known, as a part of a transaction."""
    shown = {"artifact": artifact.model_dump(mode="json", exclude_none=True)}
    return {"Put": {"Item": table.key(_key(target), artifact.sha256 or "") | table.values(shown)}}


def _key(target: Target) -> str:
    return f"code#{target.function_key}"


def _zip(item: Item) -> Zip:
    return Zip.model_validate(item["artifact"], extra="ignore")
