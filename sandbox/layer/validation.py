"""
The constraints of a service's own API model: patterns, lengths, ranges and lists of values, refused as AWS words it.

The models are botocore's. Lambda's runtimes are left out, since Lambda refuses those in words of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from ministack.core import iam_actions

Shapes = dict[str, Any]

NOT_HERE = {"Runtime"}


def complaint(service: str, operation: str, given: dict[str, Any]) -> str | None:
    """What the service says of the request's values; None where they are as the model wants them."""
    shapes = model(service)["shapes"]
    members = shapes[model(service)["operations"][operation]["input"]["shape"]]["members"]
    found: list[str] = []
    for name, member in members.items():
        value = given.get(member.get("locationName", name), given.get(name))
        if value is not None and member["shape"] not in NOT_HERE:
            found += broken(shapes, lowered(name), value, member["shape"])
    if not found:
        return None
    return f"{len(found)} validation error{'s' * (len(found) > 1)} detected: {'; '.join(found)}"


@cache
def model(service: str) -> dict[str, Any]:
    """The service's API model, by botocore's name for it."""
    loaded: dict[str, Any] = iam_actions._load_botocore_model(service)
    return loaded


def broken(shapes: Shapes, path: str, value: Any, shape: str) -> Iterator[str]:
    """Each constraint that the value, or a value in it, breaks."""
    rules = shapes[shape]
    for constraint in constraints(shapes, value, rules):
        yield f"Value '{shown(shapes, value, shape)}' at '{path}' failed to satisfy constraint: {constraint}"
    if rules["type"] == "structure" and isinstance(value, dict):
        for name, member in rules["members"].items():
            if value.get(name) is not None and member["shape"] not in NOT_HERE:
                yield from broken(shapes, f"{path}.{lowered(name)}", value[name], member["shape"])


def constraints(shapes: Shapes, value: Any, rules: dict[str, Any]) -> Iterator[str]:
    """What the shape asks for and the value is not."""
    kind = rules["type"]
    if kind == "string" and isinstance(value, str):
        yield from length(len(value), rules)
        if "enum" in rules and value not in rules["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"
        if "pattern" in rules and not compiled(rules["pattern"]).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {rules['pattern']}"
    elif kind in ("integer", "long", "double", "float") and isinstance(value, int | float):
        if value < rules.get("min", value):
            yield f"Member must have value greater than or equal to {rules['min']}"
        if value > rules.get("max", value):
            yield f"Member must have value less than or equal to {rules['max']}"
    elif kind == "list" and isinstance(value, list):
        yield from length(len(value), rules)
        yield from inside(shapes, "Member must satisfy constraint", value, rules["member"]["shape"])
    elif kind == "map" and isinstance(value, dict):
        yield from inside(shapes, "Map keys must satisfy constraint", list(value), rules["key"]["shape"])
        yield from inside(shapes, "Map value must satisfy constraint", list(value.values()), rules["value"]["shape"])


def inside(shapes: Shapes, what: str, values: list[Any], shape: str) -> Iterator[str]:
    """The constraints of a list's members or a map's keys and values, told once."""
    rules = shapes[shape]
    wrong = list(dict.fromkeys(constraint for value in values for constraint in constraints(shapes, value, rules)))
    if wrong:
        yield f"{what}: [{', '.join(wrong)}]"


def length(found: int, rules: dict[str, Any]) -> Iterator[str]:
    """The constraints on how long a text or a list is."""
    if found > rules.get("max", found):
        yield f"Member must have length less than or equal to {rules['max']}"
    if found < rules.get("min", found):
        yield f"Member must have length greater than or equal to {rules['min']}"


@lru_cache(256)
def compiled(pattern: str) -> re.Pattern[str]:
    """The model's pattern, with Java's classes of letters, blanks and digits in Python's words."""
    return re.compile(pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s"))


def lowered(name: str) -> str:
    """A member's name as the service's messages have it."""
    return name[:1].lower() + name[1:]


def shown(shapes: Shapes, value: Any, shape: str) -> str:
    """A value as the service's messages have it."""
    rules = shapes[shape]
    if rules["type"] == "map" and isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{key}={shown(shapes, inner, rules['value']['shape'])}" for key, inner in value.items())
            + "}"
        )
    if rules["type"] == "list" and isinstance(value, list):
        return "[" + ", ".join(shown(shapes, inner, rules["member"]["shape"]) for inner in value) + "]"
    return str(float(value) if rules["type"] == "double" else value)
