"""Smoke tests: the cases that a request may give, and those that are refused before the function is invoked."""

import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from bluegreen.errors import InvalidRequest
from bluegreen.request.artifact import Stored
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import MOST_CASES, UNLESS_GIVEN, Case, as_sent
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
        ([{"name": "a", "expect_at": {"a" * 1_001: 1}}], "smoke_tests.0.expect_at: 'aaaaa"),
        ([{"name": "a", "expect_at": {"(" * 900: 1}}], "smoke_tests.0.expect_at: '((((("),
        ([{"name": "a", "expect_at": {"a" + "|a" * 51: 1}}], "smoke_tests.0.expect_at: 'a|a|a"),
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


class TestASensitiveCase:
    PLACE = "s3://artifacts/functions/Shop/by-request/login.json"

    def test_names_the_place_of_its_payload(self) -> None:
        asked = request(smoke_tests=[{"name": "a", "sensitive": True, "payload_from": f"{self.PLACE}?versionId=v1"}])

        case = Request.read(asked).smoke_tests[0]

        assert isinstance(case, Case)
        assert case.payload_from == Stored(
            bucket="artifacts", key="functions/Shop/by-request/login.json", version_id="v1"
        )
        assert (case.sensitive, case.payload) == (True, {})

    @pytest.mark.parametrize("case", [{"payload_from": PLACE}, {"payload_from": PLACE, "payload": {}}, {}])
    def test_goes_through_the_plan_as_it_is(self, case: dict[str, Any]) -> None:
        case = {"name": "a", "sensitive": True} | case
        written = plan(smoke_tests=[case]).smoke_tests[0]

        assert Case.model_validate(written.model_dump()) == written

    @pytest.mark.parametrize("payload", [{"token": "a-secret"}, "a-secret", [], None, 0, False, ""])
    def test_with_its_payload_in_the_request_is_refused_without_a_word_of_it(self, payload: Any) -> None:
        for case in ({"payload": payload, "sensitive": True}, {"sensitive": True, "payload": payload}):
            with pytest.raises(InvalidRequest) as refused:
                Request.read(request(smoke_tests=[{"name": "a"} | case]))

            assert str(refused.value) == (
                "smoke_tests.0.payload: of a sensitive case it must not be in the request, which the execution's "
                "history keeps; upload it to functions/<Function>/by-request/ in the artifact bucket, and write that "
                "place as payload_from"
            )

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("a-secret", "is no place in S3; write s3://bucket/key"),
            ("s3://artifacts", "is no place in S3; write s3://bucket/key"),
            ("https://artifacts/key", "is no place in S3; write s3://bucket/key"),
            ("s3://artifacts/a/../b", "has a part `..`"),
            ("s3://X/key", "does not match"),
            (7, "is not a JSON object"),
        ],
    )
    def test_needs_a_place_in_s3(self, place: Any, said: str) -> None:
        with pytest.raises(InvalidRequest, match=rf"^smoke_tests\.0\.payload_from(\.\w+)?: .*{said}"):
            Request.read(request(smoke_tests=[{"name": "a", "payload_from": place}]))

    def test_has_one_payload(self) -> None:
        case = {"name": "a", "payload": 1, "payload_from": self.PLACE}

        with pytest.raises(InvalidRequest, match=r"^smoke_tests\.0\.payload: the case has payload_from, too"):
            Request.read(request(smoke_tests=[case]))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("a" * 1_001, "has 1001 characters; write 1000 at most"),
        ("!" * 60 + "a", "is nested more than 50 levels deep; write it flatter"),
        ("(" * 900, "is nested more than 50 levels deep; write it flatter"),
    ],
)
def test_an_expression_beyond_the_limits_names_the_limit(expression: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(request(smoke_tests=[{"name": "a", "expect_at": {expression: 1}}]))

    assert str(refused.value).endswith(said)


def test_an_expression_within_the_limits_is_taken() -> None:
    long, deep = ".".join(["a"] * 500), "|".join(["a"] * 50)

    assert Case(name="a", expect_at={long: 1, deep: 1}).expect_at == {long: 1, deep: 1}


@pytest.mark.parametrize(
    "payload", [{}, None, {"a": [1, 2.5]}, "\u8cb8", "\U0001f4b8", {"half": "\ud83d", "\udcb8": 1}]
)
def test_the_event_says_the_same_in_utf_8(payload: Any) -> None:
    event = as_sent(payload)

    assert json.loads(event.decode()) == payload
    assert b" " not in event
