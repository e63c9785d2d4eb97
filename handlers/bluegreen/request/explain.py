"""pydantic's errors in the request's own field names."""

import difflib
from collections.abc import Iterator
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


NUMBERS = {
    "int_type": "a whole number without quotes, as 60",
    "int_from_float": "a whole number, as 60",
    "float_type": "a number without quotes, as 0.1",
}
"""What to write instead of a value that is not a number."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Every complaint about what is no such model, as `field: what is wrong`, in the model's own field names."""
    told = [detail for detail in error.errors() if not _follows_from_another(detail)]
    return "; ".join(f"{_field(detail['loc'])}: {_complaint(detail, model)}" for detail in told)


def _follows_from_another(detail: ErrorDetails) -> bool:
    """A list that is too short only because its parts are wrong, each of which is told."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _field(location: Location) -> str:
    """`artifact.zip.key` is `artifact.key` to people."""
    return ".".join(str(part) for number, part in enumerate(location) if not _is_tag(location, number)) or "request"


def _is_tag(location: Location, number: int) -> bool:
    """A union's tag follows the field that holds the union."""
    return 0 < number < len(location) and location[number] in _TAGS.get(str(location[number - 1]), ())


def _known(model: type[BaseModel], location: Location) -> list[str]:
    """The fields that there are beside the last part of the location."""
    there = [model]
    for number, part in enumerate(location[:-1]):
        if isinstance(part, str) and not _is_tag(location, number):
            tag = location[number + 1] if _is_tag(location, number + 1) else None
            held = [each.model_fields[part].annotation for each in there if part in each.model_fields]
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
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "string_pattern_mismatch":
        pattern = detail["ctx"]["pattern"]
        return f"{_shown(detail)} does not match {pattern}" + (f"; {ADVICE[pattern]}" if pattern in ADVICE else "")
    if detail["type"] == "string_unicode":
        return "it has half a character (a lone surrogate); write it again"
    if detail["type"] == "tuple_type":
        return f"{_shown(detail)} is not a list"
    if detail["type"] in {"model_type", "model_attributes_type"}:
        return f"{_shown(detail)} is not a JSON object"
    said = detail["msg"].removeprefix("Value error, ").replace("valid tuple", "valid list")
    if detail["type"] in NUMBERS:
        return f"{said}; it is {_shown(detail)}; write {NUMBERS[detail['type']]}"
    return f"{said}; it is {_shown(detail)}" if said.startswith("Input should be") else said


def _shown(detail: ErrorDetails) -> str:
    """Only the type of a list, an object or any part of a smoke test: it may be a payload in the wrong place."""
    value: Any = detail["input"]
    has_parts = isinstance(value, (dict, list)) and value
    text = by_type(value) if has_parts or "smoke_tests" in detail["loc"] else repr(value)
    return text if len(text) <= 100 else text[:100] + " …"
