"""
A function to deploy that fails once in so many requests as its package says; the test knows it, since it has the file.

Of every so many numbers in a row one fails, which one is settled by a digest. So callers know beforehand which answer
each version has to give them, and only the routing is left to chance.
"""

import hashlib
from pathlib import Path
from typing import Any

RATE = "one_in"


class Unlucky(Exception):
    """What it raises."""


def fails(number: int, one_in: int) -> bool:
    """Whether the request with this number fails."""
    row, place = divmod(number, one_in)
    return place == int(hashlib.sha256(f"{one_in} {row}".encode()).hexdigest(), 16) % one_in


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A request without a number, such as a smoke test's, is none of those."""
    number = event.get("number")
    if number is not None and fails(number, int(Path(__file__).with_name(RATE).read_text())):
        raise Unlucky(f"request {number}")
    return {"number": number}
