"""
The JSON Schema of a request, for editors and programs.

The schema of this page describes a file with the rest of a request: a deployment.json beside an upload, or the file of
`--request`. `#/$defs/Request` is a complete request. Rules between fields are not in it: OpenDeployment, `plan` and
`deploy` check these.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from bluegreen.request.request import LONGEST_STARTER, SCHEMA, Request

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ABOUT = {"type": "string", "description": "Where this schema is, for an editor. The deployer does not read it."}

LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}

STARTED_BY = {
    "anyOf": [{"type": "string", "maxLength": LONGEST_STARTER}, {"type": "null"}],
    "default": None,
    "description": "Who asks for the deployment. The record shows it as a claim.",
}
"""The HTTP API takes any value there, and writes the caller instead."""


class WithLimits(GenerateJsonSchema):
    """
    Names limits in JSON Schema's words.

    pydantic keeps its own words where a validator reads a number before its limit is checked, as that of `Whole` does.
    """

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """One part of a schema."""
        return {LIMITS.get(name, name): value for name, value in super().generate_inner(schema).items()}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A field has its name and its description, and needs no title."""
        return False


def schema() -> dict[str, Any]:
    """The schema."""
    described = Request.model_json_schema(schema_generator=WithLimits)
    fields, required = described.pop("properties"), described.pop("required")
    fields["started_by"] = STARTED_BY
    whole = {"description": described.pop("description"), "$ref": "#", "required": required}
    return {
        "$schema": DIALECT,
        "title": "The request",
        "description": "The rest of a request: a deployment.json, or the file of --request.",
        "type": "object",
        "properties": {SCHEMA: ABOUT, **fields},
        "additionalProperties": False,
        "$defs": {"Request": whole, **described["$defs"]},
    }
