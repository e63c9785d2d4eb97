"""What the demo calls harm, and what it complains about: it must not be pleased with itself too easily."""

import io
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.demo.callers import Callers, Tally
from sandbox.demo.chapter import DEPLOYED, UNHEALTHY, Chapter, Expected
from sandbox.testing import eventually


class Lambda:
    """Answers every invocation with the next of these, over and over."""

    def __init__(self, *answers: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._answers = itertools.cycle(answers)

    def invoke(self, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        return next(self._answers)(json.loads(Payload))


def reply(version: str, body: dict[str, Any]) -> dict[str, Any]:
    payload = json.dumps({"statusCode": 200, "body": json.dumps(body)}).encode()
    return {"ExecutedVersion": version, "Payload": io.BytesIO(payload)}


def right(question: dict[str, Any]) -> dict[str, Any]:
    return reply("1", {"employee": question["employee"], "bonus": 1})


def of_another_caller(question: dict[str, Any]) -> dict[str, Any]:
    return reply("1", {"employee": "someone else", "bonus": 1})


def raised(question: dict[str, Any]) -> dict[str, Any]:
    return {"ExecutedVersion": "2", "FunctionError": "Unhandled", "Payload": io.BytesIO(b"{}")}


def throttled(question: dict[str, Any]) -> dict[str, Any]:
    raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded"}}, "Invoke")


def test_every_request_is_counted_as_what_became_of_it() -> None:
    function = Lambda(right, of_another_caller, raised, throttled)

    with Callers(function, "Shop", "PROD", callers=1, per_second=2000) as callers:
        tally = callers.during()
        while tally.requests < 40:
            time.sleep(0.01)

    assert set(tally.served) == {"1"}
    assert set(tally.failed) == {"2"}
    assert {lost.partition(":")[0].partition(" ")[0] for lost in tally.lost} == {"asked", "ClientError"}
    assert tally.requests == tally.served.total() + tally.failed.total() + len(tally.lost)


def test_callers_ask_no_more_often_than_they_may_and_know_an_error_that_is_not_the_versions_own() -> None:
    settings: dict[str, Any] = {"callers": 3, "per_second": 2000, "most": 30}
    settings |= {"asks": lambda number: {"number": number}, "is_own_error": lambda asked, *_: asked["number"] % 2 == 0}

    callers = Callers(Lambda(raised), "Shop", "PROD", **settings)
    tally = callers.during()

    with callers:
        eventually(lambda: tally.requests >= 30)
        time.sleep(0.05)

    assert (tally.requests, tally.failed, len(tally.lost)) == (30, {"2": 15}, 15)
    assert "got {} from version 2" in tally.lost[0]


def test_only_the_bad_versions_own_errors_are_no_harm() -> None:
    tally = Tally(served=Counter({"1": 90}), failed=Counter({"1": 1, "2": 7}), lost=["timed out"])

    assert tally.harmed("2") == 2
    assert tally.harmed(None) == 9


def chapter(expected: Expected, **found: Any) -> Chapter:
    as_it_should_be: dict[str, Any] = {
        "function": "Shop",
        "code": "v2",
        "how": "upload",
        "expected": expected,
        "ended": expected.end,
        "error": expected.error,
        "cause": None,
        "path": [],
        "blue": "1",
        "green": "2",
        "serving": "1" if expected.error else "2",
        "seconds": 1.0,
        "tally": Tally(served=Counter({"1": 90, "2": 10})),
    }
    return Chapter(**(as_it_should_be | found))


@pytest.mark.parametrize("expected", [DEPLOYED, UNHEALTHY])
def test_a_deployment_that_ends_as_it_should_is_no_complaint(expected: Expected) -> None:
    assert chapter(expected).complaints() == []


@pytest.mark.parametrize(
    ("expected", "found", "complaint"),
    [
        (DEPLOYED, {"ended": "RolledBack", "error": "GreenUnhealthy"}, "it ended RolledBack (GreenUnhealthy: None)"),
        (UNHEALTHY, {"ended": "Deployed", "error": None}, "it ended Deployed (None: None)"),
        (UNHEALTHY, {"error": "AccessDenied"}, "it ended RolledBack (AccessDenied: None)"),
        (DEPLOYED, {"serving": "1"}, "version 1 serves, not version 2"),
        (UNHEALTHY, {"serving": "1 and 2"}, "version 1 and 2 serves, not version 1"),
        (DEPLOYED, {"tally": Tally(served=Counter({"1": 90}))}, "no caller met version 2"),
        (DEPLOYED, {"tally": Tally(Counter({"1": 9, "2": 9}), Counter({"2": 1}))}, "1 requests harmed"),
        (UNHEALTHY, {"tally": Tally(Counter({"1": 9}), Counter({"1": 1, "2": 3}))}, "1 requests harmed"),
        (UNHEALTHY, {"tally": Tally(Counter({"1": 9}), lost=["reset"])}, "1 requests harmed"),
    ],
)
def test_anything_else_is(expected: Expected, found: dict[str, Any], complaint: str) -> None:
    assert [complaint in words for words in chapter(expected, **found).complaints()] == [True]
