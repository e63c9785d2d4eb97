"""What of a smoke test's reply is not as it was expected."""

import json
from typing import Any

import jmespath
from aws_lambda_powertools.utilities.jmespath_utils import PowertoolsFunctions

from bluegreen.model import Frozen
from bluegreen.request.smoke_tests import Case

LONGEST_TEXT = 500


class Reply(Frozen):
    """What a caller got: the payload, or the error that the function raised, unless nothing was `answered` in time."""

    payload: Any
    error: str | None
    error_message: str | None
    duration_ms: float
    version: str
    answered: bool = True


class Passed(Frozen):
    """A case that held."""

    case: str
    duration_ms: float


class Smoke(Frozen):
    """The section of a smoke test that passed; no `passed` means that smoke tests were off."""

    version: str
    passed: tuple[Passed, ...]


def mismatches(case: Case, reply: Reply) -> list[str]:
    """What was expected and what came, a sentence each; empty when the case holds."""
    return [*_error(case, reply), *_payload(case, reply), *_duration(case, reply)]


def _error(case: Case, reply: Reply) -> list[str]:
    if reply.error == case.expect_error:
        return []
    came = f"it raised {reply.error}: {reply.error_message}" if reply.error else f"it returned {_text(reply.payload)}"
    expected = f"the error {case.expect_error}" if case.expect_error else "no error"
    return [f"expected {expected}, but {came}"]


def _payload(case: Case, reply: Reply) -> list[str]:
    if reply.error:
        return []
    found = [] if case.expect is None else _differences(case.expect, reply.payload, "reply")
    for path, expected in case.expect_at.items():
        try:
            came = jmespath.search(
                path, reply.payload, options=jmespath.Options(custom_functions=PowertoolsFunctions())
            )
        except (jmespath.exceptions.JMESPathError, ValueError, TypeError) as error:
            found.append(
                f"expected {_text(expected)} at {path}, but {_text(reply.payload)} cannot be searched: {error}"
            )
            continue
        if not _same(expected, came):
            found.append(f"expected {_text(expected)} at {path}, but {_text(came)} came")
    return found


def _duration(case: Case, reply: Reply) -> list[str]:
    if case.max_duration_ms is None or reply.duration_ms <= case.max_duration_ms:
        return []
    return [f"expected an answer within {case.max_duration_ms} ms, but it took {reply.duration_ms:.0f} ms"]


def _differences(expected: Any, came: Any, place: str) -> list[str]:
    """Where `came` lacks what `expected` has."""
    if isinstance(expected, dict) and isinstance(came, dict):
        found: list[str] = []
        for key, value in expected.items():
            where = f"{place}.{key}"
            if key in came:
                found += _differences(value, came[key], where)
            else:
                found.append(f"expected {_text(value)} at {where}, but there is no such key in {_text(came)}")
        return found
    if isinstance(expected, list) and isinstance(came, list) and len(expected) == len(came):
        return [
            difference
            for number, (left, right) in enumerate(zip(expected, came, strict=True))
            for difference in _differences(left, right, f"{place}[{number}]")
        ]
    return [] if _same(expected, came) else [f"expected {_text(expected)} at {place}, but {_text(came)} came"]


def _same(expected: Any, came: Any) -> bool:
    """Equal as JSON is: true is not 1."""
    if isinstance(expected, dict) and isinstance(came, dict):
        return expected.keys() == came.keys() and all(_same(value, came[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(came, list):
        return len(expected) == len(came) and all(map(_same, expected, came))
    return bool(expected == came) and isinstance(expected, bool) == isinstance(came, bool)


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " …"
