"""The tables of the fields that people write: of each its type with the limits, its default, and what it says."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bluegreen.request import release_schema, schema

DOCS = Path(__file__).parents[1] / "docs"

BEGIN, END = "<!-- `make schema` writes what follows -->\n", "<!-- up to here -->\n"

HEADINGS = "| field | what may be written | default | what it says |\n|---|---|---|---|\n"

MOST_SHOWN = 5
"""Names that a field may have. Of more the table shows the first."""


class Row(NamedTuple):
    """A field, as the table shows it."""

    field: str
    kind: str
    default: str
    about: str

    def __str__(self) -> str:
        return f"| `{self.field}` | {self.kind} | {self.default} | {self.about} |\n"


class Reference(NamedTuple):
    """
    A document that people write: its schema, the file that has it, and the page with the tables of its fields.

    Another page has the tables of `parts`.
    """

    schema: dict[str, Any]
    file: Path
    page: Path
    parts: frozenset[str] = frozenset()

    @property
    def schema_as_text(self) -> str:
        """The file of the schema."""
        return json.dumps(self.schema, indent=2) + "\n"

    @property
    def page_as_text(self) -> str:
        """The page with the tables of today."""
        before, _, rest = self.page.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        return before + BEGIN + "\n" + tables(self.rows) + END + after

    @property
    def rows(self) -> list[Row]:
        """Every field of the document, its parts after it."""
        described = self.schema
        required = described.get("required") or described["$defs"]["Request"]["required"]
        kept = {name: part for name, part in described["$defs"].items() if name not in self.parts}
        return [*_rows({"properties": described["properties"], "required": required}, kept, "")]


def tables(found: list[Row]) -> str:
    """A table of the document's own fields, and one for each field with parts."""
    own = [row for row in found if "." not in row.field]
    parts: dict[str, list[Row]] = {}
    for row in found:
        if "." in row.field:
            parts.setdefault(row.field.partition(".")[0], []).append(row)
    written = [HEADINGS + "".join(map(str, own))]
    written += [f"The parts of `{name}`:\n\n{HEADINGS}{''.join(map(str, each))}" for name, each in parts.items()]
    return "\n".join(written) + "\n"


def _rows(part: dict[str, Any], definitions: dict[str, Any], under: str) -> Iterator[Row]:
    """A part that several fields have is shown once, under a star."""
    fields = part.get("properties", {})
    shared = Counter(name for field in fields.values() for name in {*_parts(field)})
    shown = set()
    for name, field in fields.items():
        yield Row(f"{under}{name}", _kind(field), _default(name, field, part), field.get("description", ""))
        for each in filter(definitions.__contains__, _parts(field)):
            if shared[each] == 1:
                yield from _rows(definitions[each], definitions, f"{under}{name}.")
            else:
                shown.add(each)
    for each in sorted(shown):
        yield from _rows(definitions[each], definitions, f"{under}*.")


def _parts(field: dict[str, Any]) -> Iterator[str]:
    """The definitions that a field refers to, also in a list or by names."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2]
    values = field.get("patternProperties", {}).values()
    for each in (*field.get("anyOf", ()), *field.get("oneOf", ()), field.get("items", {}), *values):
        if each:
            yield from _parts(each)


def _default(name: str, field: dict[str, Any], part: dict[str, Any]) -> str:
    if name in part.get("required", ()):
        return "required"
    default = field.get("default")
    return "" if default is None or "$ref" in field else f"`{json.dumps(default)}`"


def _kind(field: dict[str, Any]) -> str:
    """What may be written, with the limits; null goes without saying where it is the default."""
    either = [*field.get("anyOf", ()), *field.get("oneOf", ())]
    if either:
        silent = {"type": "null"} if field.get("default") is None else {}
        return " or ".join(dict.fromkeys(_kind(each) for each in either if each != silent))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return '`"$LATEST"`' if name == "InLatest" else "an object"
    if len(names := field.get("enum", ())) > MOST_SHOWN:
        return f"one of {len(names)} names, such as `{json.dumps(names[0])}`"
    if "enum" in field or "const" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")]))
    limits = _limits(field)
    match field.get("type"):
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"a whole number{limits}"
        case "number":
            return f"a number{limits}"
        case "array":
            most = f" of {field['maxItems']:,} at most" if "maxItems" in field else ""
            return f"a list{most}"
        case "object":
            most = f" of {field['maxProperties']:,} keys at most" if "maxProperties" in field else ""
            return f"an object{most}"
        case "null":
            return "`null`"
        case "string":
            most = f" of {field['maxLength']:,} characters at most" if "maxLength" in field else ""
            return f"a text{most}"
    return "any JSON"


def _limits(field: dict[str, Any]) -> str:
    least = f"{field['minimum']:,} at least" if "minimum" in field else ""
    least = f"more than {field['exclusiveMinimum']:,}" if "exclusiveMinimum" in field else least
    most = f"{field['maximum']:,} at most" if "maximum" in field else ""
    most = f"less than {field['exclusiveMaximum']:,}" if "exclusiveMaximum" in field else most
    return "".join(f", {limit}" for limit in (least, most) if limit)


REQUEST = Reference(schema.schema(), DOCS / "request.schema.json", DOCS / "request.md")
RELEASE = Reference(
    release_schema.schema(),
    DOCS / "release.schema.json",
    DOCS / "releases.md",
    parts=frozenset({*REQUEST.schema["$defs"], "Defaults"}),
)
