"""
The JSON Schema of a release's document, for editors and programs.

Rules between fields and between functions are not in it: OpenRelease and the command line check these.
"""

from typing import Any

from bluegreen.request.release_document import Document, Entry
from bluegreen.request.request import SCHEMA
from bluegreen.request.schema import ABOUT, DIALECT, STARTED_BY, WithLimits

FIRST = ("functions", "defaults")


def schema() -> dict[str, Any]:
    """The schema."""
    described = Document.model_json_schema(schema_generator=WithLimits)
    fields, parts = described["properties"], described["$defs"]
    fields["started_by"] = STARTED_BY | {"description": "Who asks for the release. The record shows it as a claim."}
    entry = parts[Entry.__name__]
    entry["properties"] = _first(entry["properties"], *entry["required"], "depends_on")
    return {
        "$schema": DIALECT,
        "title": "A release",
        "description": described["description"],
        "type": "object",
        "properties": {SCHEMA: ABOUT, **_first(fields, *FIRST)},
        "required": described["required"],
        "additionalProperties": False,
        "$defs": parts,
    }


def _first(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names} | fields
