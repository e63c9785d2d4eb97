"""What a smoke test expects of a reply, and the words for what did not come true."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bluegreen.decisions.replies import LONGEST_TEXT, Reply, mismatches
from bluegreen.request.smoke_tests import Case

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def reply(payload: Any = None, *, error: str | None = None, duration_ms: float = 5.0) -> Reply:
    message = "the reason" if error else None
    return Reply(payload=payload, error=error, error_message=message, duration_ms=duration_ms, version="2")


def case(**expected: Any) -> Case:
    return Case(name="a case", **expected)


class TestTheReply:
    @pytest.mark.parametrize(
        ("expect", "came"),
        [
            ({"statusCode": 200}, {"statusCode": 200}),
            ({"statusCode": 200}, {"statusCode": 200, "body": "hello"}),
            ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}),
            ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}),
            ({}, {"a": 1}),
            ([1, 2], [1, 2]),
            ("hello", "hello"),
            (0, 0),
            (False, False),
            (1, 1.0),
            (None, {"anything": "at all"}),
            ({"a": None}, {"a": None}),
        ],
    )
    def test_matches_when_it_has_at_least_what_was_expected(self, expect: Any, came: Any) -> None:
        assert mismatches(case(expect=expect), reply(came)) == []

    @pytest.mark.parametrize(
        ("expect", "came", "sentence"),
        [
            ({"statusCode": 200}, {"statusCode": 500}, "expected 200 at reply.statusCode, but 500 came"),
            ({"a": {"b": 1}}, {"a": {"b": 2}}, "expected 1 at reply.a.b, but 2 came"),
            ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "expected 2 at reply.a[1].b, but 3 came"),
            (
                {"a": 1},
                {"b": 1},
                'expected 1 at reply.a, but there is no such key in {"b": 1}',
            ),
            ({"a": 1}, [1], 'expected {"a": 1} at reply, but [1] came'),
            ([1], [1, 2], "expected [1] at reply, but [1, 2] came"),
            ([1, 2], [2, 1], "expected 1 at reply[0], but 2 came"),
            ({"a": None}, {}, "expected null at reply.a, but there is no such key in {}"),
            (1, True, "expected 1 at reply, but true came"),
            (True, 1, "expected true at reply, but 1 came"),
            (0, False, "expected 0 at reply, but false came"),
            ({"a": [True]}, {"a": [1]}, "expected true at reply.a[0], but 1 came"),
            ("1", 1, 'expected "1" at reply, but 1 came'),
        ],
    )
    def test_says_where_it_is_not_what_was_expected(self, expect: Any, came: Any, sentence: str) -> None:
        assert sentence in mismatches(case(expect=expect), reply(came))

    def test_every_difference_is_told(self) -> None:
        found = mismatches(case(expect={"a": 1, "b": 2, "c": 3}), reply({"a": 9, "b": 2}))

        assert len(found) == 2
        assert "reply.a" in found[0]
        assert "reply.c" in found[1]

    @given(documents)
    def test_matches_itself(self, document: Any) -> None:
        assert mismatches(case(expect=document), reply(document)) == []

    @given(st.dictionaries(st.text(max_size=3), documents, min_size=1), st.data())
    def test_a_reply_that_lacks_a_key_never_matches(self, document: dict[str, Any], data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(document)))
        came = {name: value for name, value in document.items() if name != key}

        assert mismatches(case(expect=document), reply(came)) != []

    @given(st.dictionaries(st.text(max_size=3), documents), st.dictionaries(st.text(max_size=3), documents))
    def test_a_reply_with_more_in_it_matches(self, document: dict[str, Any], more: dict[str, Any]) -> None:
        assert mismatches(case(expect=document), reply(more | document)) == []


class TestAPlaceInTheReply:
    @pytest.mark.parametrize(
        ("path", "expected", "came"),
        [
            ("statusCode", 200, {"statusCode": 200}),
            ("items[0].price", 10, {"items": [{"price": 10}]}),
            ("length(items)", 2, {"items": [1, 2]}),
            ("powertools_json(body).ok", True, {"body": '{"ok": true}'}),
            ("powertools_json(powertools_base64(body)).ok", True, {"body": "eyJvayI6IHRydWV9"}),
            ("missing", None, {"a": 1}),
        ],
    )
    def test_is_found_by_jmespath(self, path: str, expected: Any, came: Any) -> None:
        assert mismatches(case(expect_at={path: expected}), reply(came)) == []

    @pytest.mark.parametrize(
        ("path", "expected", "came", "sentence"),
        [
            ("statusCode", 200, {"statusCode": 500}, "expected 200 at statusCode, but 500 came"),
            ("ok", True, {"ok": 1}, "expected true at ok, but 1 came"),
            ("a", {"ok": True}, {"a": {"ok": 1}}, 'expected {"ok": true} at a, but {"ok": 1} came'),
            ("a", [1], {"a": [True]}, "expected [1] at a, but [true] came"),
            ("missing", 1, {"a": 1}, "expected 1 at missing, but null came"),
            ("a", {"b": 1}, {"a": {"b": 1, "c": 2}}, 'expected {"b": 1} at a, but {"b": 1, "c": 2} came'),
        ],
    )
    def test_says_what_came_there(self, path: str, expected: Any, came: Any, sentence: str) -> None:
        assert mismatches(case(expect_at={path: expected}), reply(came)) == [sentence]

    @pytest.mark.parametrize(
        ("path", "came"),
        [
            ("powertools_json(body)", {"body": "not JSON"}),
            ("powertools_json(body)", {"body": 5}),
            ("no_such_function(body)", {"body": 5}),
            ("length(body)", {"body": 5}),
            ("powertools_base64(body)", {"body": "x"}),
        ],
    )
    def test_that_cannot_be_reached_is_a_mismatch_and_not_a_crash(self, path: str, came: Any) -> None:
        (sentence,) = mismatches(case(expect_at={path: 1}), reply(came))

        assert sentence.startswith(f"expected 1 at {path}, but {json.dumps(came)} cannot be searched: ")

    def test_an_expression_that_does_not_parse_is_refused_before_anything_is_invoked(self) -> None:
        with pytest.raises(ValidationError, match=r"'a\[' is not JMESPath"):
            case(expect_at={"a[": 1})


class TestErrors:
    def test_an_error_fails_the_case_and_is_quoted(self) -> None:
        assert mismatches(case(), reply(error="ValueError")) == [
            "expected no error, but it raised ValueError: the reason"
        ]

    def test_an_error_that_was_expected_is_what_should_come(self) -> None:
        assert mismatches(case(expect_error="ValueError"), reply(error="ValueError")) == []

    def test_another_error_than_the_expected_one_fails_the_case(self) -> None:
        assert mismatches(case(expect_error="ValueError"), reply(error="KeyError")) == [
            "expected the error ValueError, but it raised KeyError: the reason"
        ]

    def test_an_answer_instead_of_the_expected_error_fails_the_case(self) -> None:
        assert mismatches(case(expect_error="ValueError"), reply({"ok": True})) == [
            'expected the error ValueError, but it returned {"ok": true}'
        ]

    def test_a_payload_is_not_looked_for_in_an_error(self) -> None:
        assert len(mismatches(case(expect={"a": 1}, expect_at={"b": 2}), reply(error="ValueError"))) == 1


class TestDuration:
    def test_within_the_limit_is_fine_and_at_the_limit_too(self) -> None:
        assert mismatches(case(max_duration_ms=100), reply(duration_ms=100)) == []

    def test_over_the_limit_is_told_in_milliseconds(self) -> None:
        assert mismatches(case(max_duration_ms=100), reply(duration_ms=123.6)) == [
            "expected an answer within 100 ms, but it took 124 ms"
        ]

    def test_without_a_limit_any_time_will_do(self) -> None:
        assert mismatches(case(), reply(duration_ms=1e9)) == []

    def test_counts_for_an_expected_error_as_well(self) -> None:
        assert mismatches(
            case(expect_error="ValueError", max_duration_ms=1), reply(error="ValueError", duration_ms=2)
        ) == ["expected an answer within 1 ms, but it took 2 ms"]

    @pytest.mark.parametrize("limit", [0, -1, 240_001])
    def test_a_limit_that_no_answer_can_keep_or_break_is_refused(self, limit: int) -> None:
        with pytest.raises(ValidationError, match="max_duration_ms"):
            case(max_duration_ms=limit)


class TestWords:
    def test_a_long_reply_is_cut_short(self) -> None:
        (sentence,) = mismatches(case(expect="short"), reply("x" * 100_000))

        assert len(sentence) < LONGEST_TEXT + 100
        assert sentence.endswith("… came")

    def test_a_reply_is_quoted_as_json_in_its_own_letters(self) -> None:
        assert mismatches(case(expect="a"), reply("größer")) == ['expected "a" at reply, but "größer" came']

    @pytest.mark.parametrize("name", ["", "x" * 81])
    def test_a_case_has_a_name_that_fits_on_a_line(self, name: str) -> None:
        with pytest.raises(ValidationError, match="name"):
            Case(name=name)
