"""JSON as people write it: the body of a request, the deployment.json beside an upload, a file for the command line."""

import json
import math
from collections import Counter
from typing import Any

from bluegreen.text import plain

LONGEST_WHOLE_NUMBER = 308
"""Digits. To most readers of JSON a longer number is infinite, and Python reads none of more than 4,300."""


def read(text: str | bytes) -> Any:
    """
    The value. Raises ValueError, which says what is wrong.

    Python's parser takes NaN, numbers of any length, and a key twice. Other parsers refuse these, or take the other one
    of the two keys, so they are refused here.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_each_once, parse_constant=_no_number, parse_int=_whole, parse_float=_real
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply; write flatter JSON") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {plain(twice, 100)!r} is there twice; leave one out")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no {name}; write a number")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_WHOLE_NUMBER:
        raise ValueError(f"it has a number of {len(digits)} digits; write {LONGEST_WHOLE_NUMBER} at most")
    return int(digits)


def _real(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("it has a number beyond 1.8e308; write a smaller one")
    return value
