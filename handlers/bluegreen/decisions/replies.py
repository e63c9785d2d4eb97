"""
What of a smoke test's reply is not as it was expected.

Replies and payloads belong to the user. A deployment's error, its logs and its execution's history say of them which
field differed and of which type its value was. The audit, in the ledger, also has the values at the places that
`expect` and `expect_at` name (`verbatim`). No place has the whole reply, or the message of an error that the function
raised: a principal that may start a deployment can invoke a function with any payload. Of a sensitive case no place has
more of the reply than the kinds of its values.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import jmespath

from bluegreen.decisions.searching import SearchTooLong, Steps, search
from bluegreen.model import Frozen
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.text import by_kind, by_type, is_sign, plain, valid

LONGEST_TEXT = 500
READING = ("field", "subexpression", "index_expression", "index", "identity", "current")
"""The parts of a JMESPath expression that goes to one place and makes nothing of what it finds there."""
ABOUT_ONE_PLACE = ("length", "powertools_json", "powertools_base64", "powertools_base64_gzip")
"""The functions that count or decode what is at one place."""
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


class Reply(Frozen):
    """What a caller got: the payload, or the error that the function raised, unless nothing was `answered` in time."""

    payload: Any
    error: str | None
    error_message: str | None
    duration_ms: float
    version: str
    answered: bool = True


@dataclass(frozen=True)
class Voice:
    """
    How sentences show values: all by their types, or `in_full` those that the case names.

    Of the reply to a `sensitive` case they show only kinds of values, and errors that are Lambda's own.
    """

    in_full: bool
    sensitive: bool = False

    def of_type(self, value: Any) -> str:
        """A part of the reply that no place shows."""
        return by_kind(value) if self.sensitive else by_type(value)

    def error(self, reply: Reply) -> str:
        """The error that the function raised."""
        if self.sensitive and reply.answered and reply.error not in NOT_LOADED:
            return "an error"
        return name_of_error(reply.error)

    def expected(self, value: Any) -> str:
        """What the request says."""
        return in_full(value) if self.in_full else by_type(value)

    def came(self, value: Any, *, named: bool) -> str:
        """What the reply has at a place. What lies inside of a list or an object is not `named` with it."""
        if self.in_full and named and not isinstance(value, (dict, list)):
            return in_full(value)
        return self.of_type(value)

    def path(self, number: int, path: str) -> str:
        """An expression of `expect_at`, which may have a secret in it."""
        return path if self.in_full else f"expression {number} of expect_at"


BY_TYPE, IN_FULL, BY_KIND = Voice(in_full=False), Voice(in_full=True), Voice(in_full=False, sensitive=True)


def mismatches(case: Case, reply: Reply) -> list[str]:
    """What was expected and what came, a sentence each, without the values; empty when the case holds."""
    return _said(case, reply, _voice(case))


def error_of(case: Case, reply: Reply) -> str:
    """The error that the function raised, as far as it may be shown."""
    return _voice(case).error(reply)


def evidence(case: Case, reply: Reply) -> dict[str, Any]:
    """What the audit has of a case that failed: of payload and error no more than their types."""
    voice = _voice(case)
    shown = {
        "payload": voice.of_type(reply.payload),
        "error": voice.error(reply) if reply.error else None,
        "duration_ms": reply.duration_ms,
        "version": reply.version,
        "answered": reply.answered,
    }
    return {"case": case.name, "mismatches": verbatim(case, reply), "reply": shown}


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
    """The same, for the audit only, with the values at the places that the case names."""
    found = _said(case, reply, BY_KIND if case.sensitive else IN_FULL)
    more = [f"and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
    return [plain(each) for each in found[:MOST_SHOWN]] + more


def in_full(value: Any) -> str:
    """A value as JSON, as far as there is room. JSON's own escapes stand for what cannot be printed."""
    text = json.dumps(valid(value, 10 * LONGEST_TEXT), ensure_ascii=False)[: LONGEST_TEXT + 1]
    return plain("".join(each if is_sign(each) else json.dumps(each)[1:-1] for each in text), LONGEST_TEXT)


def name_of_error(error: str | None) -> str:
    """The class of an error that the function raised, as far as it looks like one."""
    return error if error and re.fullmatch(r"[A-Za-z_][\w.]{0,99}", error) else "an error"


def _voice(case: Case) -> Voice:
    return BY_KIND if case.sensitive else BY_TYPE


def _said(case: Case, reply: Reply, voice: Voice) -> list[str]:
    return [*_error(case, reply, voice), *_payload(case, reply, voice), *_duration(case, reply)]


def _error(case: Case, reply: Reply, voice: Voice) -> list[str]:
    """An error's message is the function's, unless the function gave no answer."""
    if reply.error == case.expect_error:
        return []
    came = f"it returned {voice.of_type(reply.payload)}"
    if reply.error:
        came = f"it raised {voice.error(reply)}"
        came += "" if reply.answered else f": {reply.error_message}"
    expected = f"the error {case.expect_error}" if case.expect_error else "no error"
    return [f"expected {expected}, but {came}"]


def _payload(case: Case, reply: Reply, voice: Voice) -> list[str]:
    if reply.error:
        return []
    found = _differences(case.expect, reply.payload, "", voice) if case.expects_a_reply else []
    steps = Steps()
    for number, (path, expected) in enumerate(case.expect_at.items(), start=1):
        place = voice.path(number, path)
        try:
            came = search(path, reply.payload, steps)
        except SearchTooLong as error:
            return [*found, f"expected {voice.expected(expected)} at {place}, but {error}"]
        except Exception as error:  # JMESPath's functions raise errors of many kinds for a reply of the wrong type
            why = f": {type(error).__name__}" if voice.in_full else ""
            found.append(
                f"expected {voice.expected(expected)} at {place}, but {voice.of_type(reply.payload)} cannot be "
                f"searched{why}"
            )
            continue
        if not _same(expected, came):
            found.append(_other(expected, came, place, voice, named=_goes_to_one_place(path)))
    return found


def _goes_to_one_place(path: str) -> bool:
    """It names a key or an index, and turns no list or object into text, as to_string(@) would."""
    nodes, names = [jmespath.compile(path).parsed], 0
    while nodes:
        node = nodes.pop()
        called = node["value"] if node["type"] == "function_expression" else None
        if node["type"] not in READING and called not in ABOUT_ONE_PLACE:
            return False
        names += node["type"] in ("field", "index")
        nodes += node["children"]
    return names > 0


def _duration(case: Case, reply: Reply) -> list[str]:
    if case.max_duration_ms is None or reply.duration_ms <= case.max_duration_ms:
        return []
    return [f"expected an answer within {case.max_duration_ms} ms, but it took {reply.duration_ms:.0f} ms"]


def _differences(expected: Any, came: Any, place: str, voice: Voice) -> list[str]:
    """Where `came` lacks what `expected` has. The place "" is the whole reply."""
    if isinstance(expected, dict) and isinstance(came, dict):
        found: list[str] = []
        for key, value in expected.items():
            where = f"{place}.{key}"
            if key in came:
                found += _differences(value, came[key], where, voice)
            else:
                found.append(
                    f"expected {voice.expected(value)} at reply{where}, but there is no such key in "
                    f"{voice.of_type(came)}"
                )
        return found
    if isinstance(expected, list) and isinstance(came, list) and len(expected) == len(came):
        return [
            difference
            for number, (left, right) in enumerate(zip(expected, came, strict=True))
            for difference in _differences(left, right, f"{place}[{number}]", voice)
        ]
    if _same(expected, came):
        return []
    return [_other(expected, came, f"reply{place}", voice, named=place != "")]


def _other(expected: Any, came: Any, place: str, voice: Voice, *, named: bool) -> str:
    """Two different values may be said by the same words."""
    wanted, shown = voice.expected(expected), voice.came(came, named=named)
    shown = f"another one, {shown}," if shown == wanted else shown
    return f"expected {wanted} at {place}, but {shown} came"


def _same(expected: Any, came: Any) -> bool:
    """Equal as JSON is: true is not 1."""
    if isinstance(expected, dict) and isinstance(came, dict):
        return expected.keys() == came.keys() and all(_same(value, came[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(came, list):
        return len(expected) == len(came) and all(map(_same, expected, came))
    return bool(expected == came) and isinstance(expected, bool) == isinstance(came, bool)
