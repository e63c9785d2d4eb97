"""pydantic's errors in our words, and in the request's own field names."""

import difflib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, get_args

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from bluegreen.request.names import ADVICE
from bluegreen.text import by_type

Location = tuple[int | str, ...]
"""Of a complaint: fields, places in lists, and the tags of unions."""

_TAGS = {
    "artifact": {"zip", "image", "existing", "latest"},
    "traffic": {"strategy", "steps"},
    "smoke_tests": {"off", "cases"},
    "slow_ms": {"learn", "milliseconds"},
    "keep_versions": {"number", "how"},
}


SAID: dict[str, str] = {
    "missing": "is required",
    "string_unicode": "it has half a character (a lone surrogate); write it again",
    "string_type": "{it} is no text; write it in quotes",
    "string_too_short": "{it} is too short; write {min_length} characters or more",
    "string_too_long": "{it} is too long; write {max_length} characters at most",
    "bool_type": "{it} is neither true nor false; write one of these, without quotes",
    "int_type": "{it} is not a whole number; write one without quotes, as 60",
    "int_from_float": "{it} is not a whole number; write one, as 60",
    "int_parsing_size": "{it} is too large a number; write a smaller one",
    "float_type": "{it} is not a number; write one without quotes, as 0.1",
    "finite_number": "{it} is not a number; write one, as 0.1",
    "greater_than": "{it} is too small; write more than {gt}",
    "greater_than_equal": "{it} is too small; write {ge} or more",
    "less_than": "{it} is too large; write less than {lt}",
    "less_than_equal": "{it} is too large; write {le} or less",
    "literal_error": "{it} is unknown; write {expected}",
    "tuple_type": "{it} is not a list",
    "list_type": "{it} is not a list",
    "dict_type": "{it} is not a JSON object",
    "model_type": "{it} is not a JSON object",
    "model_attributes_type": "{it} is not a JSON object",
    "too_short": "the list is too short; write {min_length} or more of them",
    "too_long": "the list is too long; write {max_length} of them at most",
}
"""By pydantic's name of what is wrong: our words, with what was written as `it`."""

AS_JSON = {"None": "null", "True": "true", "False": "false"}
"""Words of JSON, as people write them."""

KEY = "[key]"

ANYTHING_ELSE = "{it} cannot be taken; docs/request.md says what may be written"


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Every complaint about what is no such model, as `field: what is wrong`, in the model's own field names."""
    return "; ".join(f"{field or 'request'}: {said}" for field, said in complaints(error.errors(), model))


def complaints(details: Iterable[ErrorDetails], model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The field, "" for the whole, and what is wrong there."""
    return (
        (_field(detail["loc"]), _complaint(detail, model)) for detail in details if not _follows_from_another(detail)
    )


def _follows_from_another(detail: ErrorDetails) -> bool:
    """A list that is too short only because its parts are wrong, each of which is told."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _field(location: Location) -> str:
    """`artifact.zip.key` is `artifact.key` to people. pydantic adds `[key]` for what is wrong with a name itself."""
    return ".".join(str(part) for number, part in enumerate(location) if not _is_tag(location, number) and part != KEY)


def _is_tag(location: Location, number: int) -> bool:
    """A union's tag follows the field that holds the union."""
    return 0 < number < len(location) and location[number] in _TAGS.get(str(location[number - 1]), ())


def _known(model: type[BaseModel], location: Location) -> list[str]:
    """The fields that there are beside the last part of the location. A part that is no field is a name in a map."""
    there = [model]
    for number, part in enumerate(location[:-1]):
        if isinstance(part, str) and not _is_tag(location, number):
            tag = location[number + 1] if _is_tag(location, number + 1) else None
            held = [each.model_fields[part].annotation for each in there if part in each.model_fields]
            if held:
                there = [found for annotation in held for found in _models(annotation, tag)]
    return [name for each in there for name in each.model_fields]


def _models(annotation: Any, tag: int | str | None) -> Iterator[type[BaseModel]]:
    """The models in an annotation; of a union with tags only the one with that tag."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    parts = get_args(annotation)
    if tag is None or all(part.tag == tag for part in parts if isinstance(part, Tag)):
        for part in parts:
            yield from _models(part, tag)


def _complaint(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(detail["loc"][-1]), _known(model, detail["loc"]), n=1)
        return "unknown field" + (f"; did you mean {close[0]}?" if close else "; leave it out")
    if detail["type"] == "string_pattern_mismatch":
        pattern = detail["ctx"]["pattern"]
        return f"{_shown(detail)} does not match {pattern}" + (f"; {ADVICE[pattern]}" if pattern in ADVICE else "")
    if detail["type"] == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    return SAID.get(detail["type"], ANYTHING_ELSE).format(it=_shown(detail), **_limits(detail))


def _limits(detail: ErrorDetails) -> dict[str, Any]:
    """What pydantic knows of the limit that was passed: 1.0 as 1, and 1e-09 as people write it."""
    found = detail.get("ctx", {})
    return {
        name: format(Decimal(repr(value)).normalize(), "f") if isinstance(value, float) else value
        for name, value in found.items()
    }


def _shown(detail: ErrorDetails) -> str:
    """Only the type of a list, an object or any part of a smoke test: it may be a payload in the wrong place."""
    value: Any = detail["input"]
    has_parts = isinstance(value, (dict, list)) and value
    text = by_type(value) if has_parts or "smoke_tests" in detail["loc"] else AS_JSON.get(repr(value), repr(value))
    return text if len(text) <= 100 else text[:100] + " …"
