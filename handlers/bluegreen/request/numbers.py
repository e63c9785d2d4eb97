"""
Numbers of a request: one rule for all of them.

A number is JSON's. A text such as "60" is none, and true is not 1. JSON has one kind of number, so 60.0 is 60.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _without_a_fraction(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, Field(strict=True), BeforeValidator(_without_a_fraction)]
Real = Annotated[float, Field(strict=True)]
