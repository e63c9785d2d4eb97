"""pydantic's errors in the request's own field names."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bluegreen.request.names import ADVICE
from bluegreen.text import by_type

Fields = Mapping[str, Collection[str]]
"""The fields that there are, by the part of the request that has them: "" is the request itself."""

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


def explain(error: ValidationError, fields: Fields) -> str:
    """Every complaint as `field: what is wrong`, in the request's own field names."""
    told = [detail for detail in error.errors() if not _follows_from_another(detail)]
    return "; ".join(f"{_field(detail['loc'])}: {_complaint(detail, fields)}" for detail in told)


def _follows_from_another(detail: ErrorDetails) -> bool:
    """A list that is too short only because its parts are wrong, each of which is told."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _field(location: tuple[int | str, ...]) -> str:
    """`artifact.zip.key` is `artifact.key` to people: a union's tag follows the field that holds the union."""
    kept = [
        str(part)
        for number, part in enumerate(location)
        if not (number and part in _TAGS.get(str(location[number - 1]), ()))
    ]
    return ".".join(kept) or "request"


def _complaint(detail: ErrorDetails, fields: Fields) -> str:
    if detail["type"] == "extra_forbidden":
        known_there = fields.get(str(detail["loc"][-2]) if len(detail["loc"]) > 1 else "", ())
        close = difflib.get_close_matches(str(detail["loc"][-1]), [*known_there], n=1)
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
