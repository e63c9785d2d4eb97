"""
What of a smoke test's reply is not as it was expected.

Replies and payloads belong to the user. A deployment's error, its logs and its execution's history say of them which
field differed and of which type its value was. The audit, in the ledger, has the values themselves (`verbatim`).
"""

import json
import re
from collections.abc import Callable
from typing import Any

import jmespath
from aws_lambda_powertools.utilities.jmespath_utils import PowertoolsFunctions

from bluegreen.model import Frozen
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.text import by_type, is_sign, plain, valid

LONGEST_TEXT = 500
LARGEST_SHOWN = 50_000
"""Characters of a reply in the audit, so that they fit beside the rest of an entry."""
MOST_SHOWN = 20
"""Values in the audit."""

NOT_LOADED = (
    "Runtime.ImportModuleError",
    "Runtime.HandlerNotFound",
    "Runtime.MalformedHandlerName",
    "Runtime.UserCodeSyntaxError",
    "Runtime.InvalidEntrypoint",
    "Runtime.InvalidWorkingDir",
    "Runtime.CallbackHandlerDeprecated",
)

NOT_LOADED_IN_RUBY = "Init<"
"""As Init<LoadError>."""

Say = Callable[[Any], str]


class Reply(Frozen):
    """What a caller got: the payload, or the error that the function raised, unless nothing was `answered` in time."""

    payload: Any
    error: str | None
    error_message: str | None
    duration_ms: float
    version: str
    answered: bool = True

    def shown(self) -> dict[str, Any]:
        """For the audit: as JSON that can be stored, and as far as there is room."""
        return self.model_dump(exclude={"payload"}) | {"payload": valid(self.payload, LARGEST_SHOWN)}


def mismatches(case: Case, reply: Reply) -> list[str]:
    """What was expected and what came, a sentence each, without the values; empty when the case holds."""
    return [*_error(case, reply, by_type), *_payload(case, reply, by_type), *_duration(case, reply)]


def fails_by_default(reply: Reply) -> list[str]:
    """What is wrong with a reply to the default test: an error, or a statusCode of 500 or more."""
    if wrong := mismatches(UNLESS_GIVEN[0], reply):
        return wrong
    status = reply.payload.get("statusCode") if isinstance(reply.payload, dict) else None
    return ["it returned a statusCode of 500 or more"] if _is_http_500(status) else []


def _is_http_500(status: Any) -> bool:
    """API Gateway and load balancers accept the number as text, too."""
    if isinstance(status, str):
        return re.fullmatch(r"\s*[5-9][0-9]{2}(\.0+)?\s*", status) is not None
    return isinstance(status, (int, float)) and not isinstance(status, bool) and status >= 500


def cannot_be_loaded(reply: Reply) -> bool:
    """Lambda could not load the code, whatever the event is. (Lambda's runtimes name these errors alike.)"""
    return reply.error in NOT_LOADED or (reply.error or "").startswith(NOT_LOADED_IN_RUBY)


def verbatim(case: Case, reply: Reply) -> list[str]:
    """The same with the values, for the audit only."""
    found = [*_error(case, reply, in_full), *_payload(case, reply, in_full), *_duration(case, reply)]
    more = [f"and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
    return [plain(each) for each in found[:MOST_SHOWN]] + more


def in_full(value: Any) -> str:
    """A value as JSON, as far as there is room. JSON's own escapes stand for what cannot be printed."""
    text = json.dumps(valid(value, 10 * LONGEST_TEXT), ensure_ascii=False)[: LONGEST_TEXT + 1]
    return plain("".join(each if is_sign(each) else json.dumps(each)[1:-1] for each in text), LONGEST_TEXT)


def name_of_error(error: str | None) -> str:
    """The class of an error that the function raised, as far as it looks like one."""
    return error if error and re.fullmatch(r"[A-Za-z_][\w.]{0,99}", error) else "an error"


def _error(case: Case, reply: Reply, say: Say) -> list[str]:
    if reply.error == case.expect_error:
        return []
    came = f"it returned {say(reply.payload)}"
    if reply.error:
        came = f"it raised {name_of_error(reply.error)}"
        came += f": {reply.error_message}" if say is in_full else ""
    expected = f"the error {case.expect_error}" if case.expect_error else "no error"
    return [f"expected {expected}, but {came}"]


def _payload(case: Case, reply: Reply, say: Say) -> list[str]:
    if reply.error:
        return []
    found = _differences(case.expect, reply.payload, "reply", say) if case.expects_a_reply else []
    for number, (path, expected) in enumerate(case.expect_at.items(), start=1):
        place = path if say is in_full else f"expression {number} of expect_at"
        try:
            came = jmespath.search(
                path, reply.payload, options=jmespath.Options(custom_functions=PowertoolsFunctions())
            )
        except Exception as error:  # JMESPath's functions raise errors of many kinds for a reply of the wrong type
            why = f": {error}" if say is in_full else ""
            found.append(f"expected {say(expected)} at {place}, but {say(reply.payload)} cannot be searched{why}")
            continue
        if not _same(expected, came):
            found.append(f"expected {say(expected)} at {place}, but {_other(expected, came, say)} came")
    return found


def _duration(case: Case, reply: Reply) -> list[str]:
    if case.max_duration_ms is None or reply.duration_ms <= case.max_duration_ms:
        return []
    return [f"expected an answer within {case.max_duration_ms} ms, but it took {reply.duration_ms:.0f} ms"]


def _differences(expected: Any, came: Any, place: str, say: Say) -> list[str]:
    """Where `came` lacks what `expected` has."""
    if isinstance(expected, dict) and isinstance(came, dict):
        found: list[str] = []
        for key, value in expected.items():
            where = f"{place}.{key}"
            if key in came:
                found += _differences(value, came[key], where, say)
            else:
                found.append(f"expected {say(value)} at {where}, but there is no such key in {say(came)}")
        return found
    if isinstance(expected, list) and isinstance(came, list) and len(expected) == len(came):
        return [
            difference
            for number, (left, right) in enumerate(zip(expected, came, strict=True))
            for difference in _differences(left, right, f"{place}[{number}]", say)
        ]
    if _same(expected, came):
        return []
    return [f"expected {say(expected)} at {place}, but {_other(expected, came, say)} came"]


def _other(expected: Any, came: Any, say: Say) -> str:
    """Two different values may be said by the same words."""
    said = say(came)
    return f"another one, {said}," if said == say(expected) else said


def _same(expected: Any, came: Any) -> bool:
    """Equal as JSON is: true is not 1."""
    if isinstance(expected, dict) and isinstance(came, dict):
        return expected.keys() == came.keys() and all(_same(value, came[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(came, list):
        return len(expected) == len(came) and all(map(_same, expected, came))
    return bool(expected == came) and isinstance(expected, bool) == isinstance(came, bool)
