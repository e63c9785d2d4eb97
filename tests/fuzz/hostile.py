"""What hypothesis draws: values of JSON, texts and answers as no honest caller sends them."""

import json
from typing import Any

from hypothesis import strategies as st

MARKED = "marked-4711-secret"
"""It stands in payloads and replies only, so no log may have it."""

GONE = object()
"""In place of a value: the field is not there at all."""

ODD_TEXTS = (
    *("", " ", "..", "/", "0", "null", "$LATEST", "\x00", "\x1b[2J\x9b31m", "\u202e", "\ufffe", "\ud83d", "a\nb"),
    *("%ff", "%", "a+b c", "x" * 3_000, "9" * 5_000, "{" * 300, "arn:aws:states:::"),
)
ODD_NUMBERS = (0, -1, 2**31, 2**63, 10**30, 10**400, -0.0, 5e-324, 1e300, 0.1 + 0.2)
NO_NUMBERS = (float("nan"), float("inf"), float("-inf"))

texts = st.sampled_from(ODD_TEXTS) | st.text(st.characters(codec=None), max_size=8)
numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts


def nested(levels: int, *, in_objects: bool = False) -> Any:
    """A list of a list of a list."""
    value: Any = MARKED
    for _ in range(levels):
        value = {"a": value} if in_objects else [value]
    return value


deep = st.builds(nested, st.sampled_from([99, 101, 300]), in_objects=st.booleans())

values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
"""Any JSON that Step Functions takes."""

no_objects: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 7, -0.5, "", "Shop", [], [[]], [{"function": "Shop"}], {}]
)
"""What people start an execution with that is no request."""

places = st.lists(st.integers(0, 97), min_size=1, max_size=4)
"""Numbers by which `spoilt` finds a place in a value."""

wrong = st.just(GONE) | st.sampled_from(NO_NUMBERS) | values | deep


def spoilt(value: Any, place: list[int], by: Any) -> Any:
    """A copy in which one part, which the numbers choose, is another one or gone."""
    if not value or not isinstance(value, (dict, list)):
        return by
    keys: list[Any] = sorted(value, key=str) if isinstance(value, dict) else list(range(len(value)))
    key = keys[place[0] % len(keys)]
    rest = value.copy()
    if len(place) > 1 and isinstance(value[key], (dict, list)) and value[key]:
        rest[key] = spoilt(value[key], place[1:], by)
    elif by is GONE:
        del rest[key]
    else:
        rest[key] = by
    return rest


def json_text(value: Any) -> str:
    """As JSON, or what Python takes for it: NaN is written too."""
    return json.dumps(value, default=str)


DEEP_TEXTS = tuple(opening * levels for levels in (500, 10_000, 60_000) for opening in ("[", '{"a":'))
NO_JSON = (
    *("", "{", "}", "nul", "NaN", '{"a": Infinity}', "[1e400]", f"[{'9' * 5_000}]", '{"a": 1, "a": 2}', "\ufeff{}"),
    *('"\\ud83d"', '{"\\u0000": "\\u001b"}', "traffic: AllAtOnce", f'{{"{"k" * 100_000}": 1}}'),
    *DEEP_TEXTS,
    *(f"{text}{'}' if text.endswith(':') else ']'}" for text in DEEP_TEXTS[:2]),
)

bodies = (
    st.sampled_from(NO_JSON).map(str.encode)
    | values.map(lambda value: json_text(value).encode())
    | st.binary(max_size=40)
)
"""Bytes where JSON is expected."""
