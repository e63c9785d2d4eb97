"""
JMESPath in a reply, within limits.

A short expression can cost more than a handler has: each `[@, @] |` in it doubles what a later part walks through, and
a few kilobytes of gzip can hold gigabytes. So a search has a number of steps. A step is a node of the expression that
is visited, an element that goes into a new list, or a value (of a text, 64 characters) that a function or a comparison
looks at.
"""

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any

import jmespath
from aws_lambda_powertools.utilities.jmespath_utils import PowertoolsFunctions
from jmespath.functions import signature
from jmespath.visitor import TreeInterpreter

MOST_STEPS = 200_000
"""Of all searches in one reply: a second, at the memory that the stack's functions have."""

CHARACTERS_A_STEP = 64
CHARACTERS_OF_JSON_A_STEP = 16
"""JSON inside a string becomes values, which take more room than their text."""

LARGEST_UNZIPPED = 6_000_000
"""Bytes: as much as a reply may have itself."""


class SearchTooLong(Exception):
    """The steps are used up. The text has nothing of the reply."""


class Steps:
    """The steps that the searches in one reply still have."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self, number: int = 1) -> None:
        """Raises SearchTooLong if there are fewer."""
        self._left -= number
        if self._left < 0:
            raise SearchTooLong(
                f"the search takes more than {MOST_STEPS:,} steps; write shorter expressions, or send a payload with a "
                "smaller reply"
            )

    def take_for(self, value: Any) -> None:
        """As many as it takes to look at the whole value. Without recursion, since a reply may be nested deeply."""
        ahead = [value]
        while ahead:
            each = ahead.pop()
            if isinstance(each, str):
                self.take(1 + len(each) // CHARACTERS_A_STEP)
            elif isinstance(each, dict):
                self.take(1 + len(each))
                ahead += [*each, *each.values()]
            elif isinstance(each, list):
                self.take(1 + len(each))
                ahead += each
            else:
                self.take()


def search(expression: str, value: Any, steps: Steps) -> Any:
    """
    What the expression finds in a value of JSON.

    Raises SearchTooLong, and what JMESPath and its functions raise for a value of the wrong type.
    """
    return _Interpreter(steps).visit(jmespath.compile(expression).parsed, value)


class _Functions(PowertoolsFunctions):
    """The functions of JMESPath and of Powertools, each limited in what it may make of its arguments."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        """Before the arguments are looked at, their steps are taken."""
        arguments = list(resolved_args)
        self._steps.take_for(arguments)
        return super().call_function(function_name, arguments)

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, array: list[str]) -> str:
        self._steps.take(len(separator) * len(array) // CHARACTERS_A_STEP)
        return separator.join(array)

    @signature({"types": ["string"]})
    def _func_powertools_json(self, value: str) -> Any:
        self._steps.take(len(value) // CHARACTERS_OF_JSON_A_STEP)
        return json.loads(value)

    @signature({"types": ["string"]})
    def _func_powertools_base64_gzip(self, value: str) -> str:
        unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        found = unzip.decompress(base64.b64decode(value), LARGEST_UNZIPPED)
        if not unzip.eof:
            raise SearchTooLong(f"a gzip in the reply is cut off, or unzips to more than {LARGEST_UNZIPPED:,} bytes")
        self._steps.take(len(found) // CHARACTERS_A_STEP)
        return found.decode()


class _Interpreter(TreeInterpreter):
    """JMESPath's own, except that it takes the steps before it does what costs them."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(jmespath.Options(custom_functions=_Functions(steps)))
        self._steps = steps

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._steps.take()
        return super().visit(node, *args, **kwargs)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        sides = [self.visit(child, value) for child in node["children"]]
        self._steps.take_for(sides)
        return super().visit_comparator(node | {"children": [_literal(side) for side in sides]}, value)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._steps.take(sum(len(each) if isinstance(each, list) else 1 for each in base))
        return super().visit_flatten(node | {"children": [_literal(base)]}, value)

    def visit_slice(self, node: Any, value: Any) -> Any:
        part = super().visit_slice(node, value)
        self._steps.take(len(part or ()))
        return part


def _literal(value: Any) -> dict[str, Any]:
    """A node that stands for a value that is known already."""
    return {"type": "literal", "value": value, "children": []}
