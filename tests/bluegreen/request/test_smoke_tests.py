"""Smoke tests: the cases that a request may give, and those that are refused before the function is invoked."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from bluegreen.errors import InvalidRequest
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import MOST_CASES, UNLESS_GIVEN, Case
from tests.bluegreen.examples import plan, request
from tests.bluegreen.strategies import json_values


def test_smoke_tests_are_cases() -> None:
    case = {"name": "a", "payload": {"b": 1}, "expect": {"c": 2}}

    assert Request.read(request(smoke_tests=[case])).smoke_tests == (Case.model_validate(case),)


def test_smoke_tests_are_off_only_when_the_request_says_so() -> None:
    assert Request.read(request(smoke_tests="off")).smoke_tests == "off"
    assert Request.read(request()).smoke_tests != "off"


def test_a_function_must_at_least_answer_an_empty_object_unless_cases_are_given() -> None:
    (case,) = UNLESS_GIVEN

    assert (case.payload, case.expect, case.expect_error) == ({}, None, None)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("on", 'smoke_tests: write a list of cases, or "off"'),
        ([{"payload": {}}], "smoke_tests.0.name: is required"),
        ([{"name": "a", "expcet": 1}], "smoke_tests.0.expcet: unknown field"),
        ([{"name": "a"}, {"name": ""}], "smoke_tests.1.name: "),
        ([{"name": "a", "max_duration_ms": 0}], "smoke_tests.0.max_duration_ms: "),
        ([{"name": "a", "expect_at": {"b[": 1}}], "smoke_tests.0.expect_at: 'b[' is not JMESPath"),
        ([{"name": str(number)} for number in range(MOST_CASES + 1)], "smoke_tests: "),
        *((wrong, 'smoke_tests: write a list of cases, or "off"') for wrong in ({"name": "a"}, None, False, 1)),
    ],
)
def test_cases_that_cannot_be_run_are_refused_by_field(written: Any, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(request(smoke_tests=written))

    assert str(refused.value).startswith(said)


@given(json_values)
def test_a_payload_is_any_json(payload: Any) -> None:
    assert Case(name="a", payload=payload, expect=payload, expect_at={"b": payload}).payload == payload


@pytest.mark.parametrize("name", ["", "x" * 81])
def test_a_case_has_a_name_that_fits_on_a_line(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        Case(name=name)


@pytest.mark.parametrize("limit", [0, -1, 240_001])
def test_a_limit_that_no_answer_can_keep_or_break_is_refused(limit: int) -> None:
    with pytest.raises(ValidationError, match="max_duration_ms"):
        Case(name="a", max_duration_ms=limit)


def test_an_expression_that_does_not_parse_is_refused_before_the_function_is_invoked() -> None:
    with pytest.raises(ValidationError, match=r"'a\[' is not JMESPath"):
        Case(name="a", expect_at={"a[": 1})


@pytest.mark.parametrize("written", [{"name": "a"}, {"name": "a", "expect": None}, {"name": "a", "expect": [None]}])
def test_an_expectation_of_null_goes_through_every_part_as_it_was_written(written: dict[str, Any]) -> None:
    asked = Request.read(request(smoke_tests=[written]))
    (sent,) = asked.to_json()["smoke_tests"]
    (planned,) = plan(smoke_tests=asked.smoke_tests).as_json()["smoke_tests"]

    assert sent == written
    assert ("expect" in planned) == ("expect" in written)
    assert Request.read(request(smoke_tests=[planned])).smoke_tests == asked.smoke_tests
