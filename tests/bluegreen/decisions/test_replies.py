"""What a smoke test expects of a reply, and the words for what did not come true: by types, and in the audit."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.replies import (
    LONGEST_TEXT,
    Reply,
    cannot_be_loaded,
    error_of,
    evidence,
    in_full,
    mismatches,
    name_of_error,
    verbatim,
)
from bluegreen.request.smoke_tests import Case
from bluegreen.text import by_type, valid

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)

SECRET = "αβγδεζηθικλμνξοπρστυφχψω"
"""Letters of none of our words."""

secrets = st.text(SECRET, min_size=1, max_size=8)
secret_documents = st.recursive(
    secrets | st.booleans() | st.integers(-5, 5) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def reply(payload: Any = None, *, error: str | None = None, duration_ms: float = 5.0) -> Reply:
    message = "the reason" if error else None
    return Reply(payload=payload, error=error, error_message=message, duration_ms=duration_ms, version="2")


def case(**expected: Any) -> Case:
    return Case(name="a case", **expected)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class TestTheDefaultTest:
    @pytest.mark.parametrize(
        "error",
        [
            "Runtime.ImportModuleError",
            "Runtime.CallbackHandlerDeprecated",
            "Runtime.InvalidWorkingDir",
            "Init<LoadError>",
        ],
    )
    def test_code_that_no_runtime_loads_is_told_from_code_that_fails(self, error: str) -> None:
        assert cannot_be_loaded(reply(error=error))
        assert not any(cannot_be_loaded(reply(error=each)) for each in (None, "KeyError", "Runtime.ExitError"))


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
            (None, None),
            ({"a": None}, {"a": None}),
        ],
    )
    def test_a_reply_matches_when_it_has_at_least_what_was_expected(self, expect: Any, came: Any) -> None:
        assert mismatches(case(expect=expect), reply(came)) == []
        assert verbatim(case(expect=expect), reply(came)) == []

    @pytest.mark.parametrize(
        ("expect", "came", "sentence"),
        [
            ({"statusCode": 200}, {"statusCode": 500}, "expected 200 at reply.statusCode, but 500 came"),
            ({"a": {"b": 1}}, {"a": {"b": 2}}, "expected 1 at reply.a.b, but 2 came"),
            ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "expected 2 at reply.a[1].b, but 3 came"),
            ([1, 2], [2, 1], "expected 1 at reply[0], but 2 came"),
            ({"a": 1}, {"a": True}, "expected 1 at reply.a, but true came"),
            ({"a": True}, {"a": 1}, "expected true at reply.a, but 1 came"),
            ({"a": 0}, {"a": False}, "expected 0 at reply.a, but false came"),
            ({"a": [True]}, {"a": [1]}, "expected true at reply.a[0], but 1 came"),
            ({"a": 0.5}, {"a": None}, "expected 0.5 at reply.a, but null came"),
        ],
    )
    def test_numbers_and_booleans_are_in_the_audit_only(self, expect: Any, came: Any, sentence: str) -> None:
        assert sentence in verbatim(case(expect=expect), reply(came))
        shown = " ".join(mismatches(case(expect=expect), reply(came)))
        assert "a number" in shown or "a boolean" in shown
        assert not re.search(r"expected \d|but \d|true|false", shown)

    @pytest.mark.parametrize(
        ("expect", "came", "shown", "in_the_audit"),
        [
            (
                {"a": 1},
                {"b": 1},
                "expected a number at reply.a, but there is no such key in an object with 1 keys",
                "expected 1 at reply.a, but there is no such key in an object with 1 keys",
            ),
            (
                {"a": 1},
                [1],
                "expected an object with 1 keys at reply, but a list of 1 came",
                'expected {"a": 1} at reply, but a list of 1 came',
            ),
            (
                [1],
                [1, 2],
                "expected a list of 1 at reply, but a list of 2 came",
                "expected [1] at reply, but a list of 2 came",
            ),
            (
                {"a": None},
                {},
                "expected null at reply.a, but there is no such key in an object with 0 keys",
                "expected null at reply.a, but there is no such key in an object with 0 keys",
            ),
            (
                "1",
                1,
                "expected a string of 1 characters at reply, but a number came",
                'expected "1" at reply, but a number came',
            ),
            (
                {"token": "abc"},
                {"token": "hello"},
                "expected a string of 3 characters at reply.token, but a string of 5 characters came",
                'expected "abc" at reply.token, but "hello" came',
            ),
            (
                {"token": "abc"},
                {"token": "xyz"},
                "expected a string of 3 characters at reply.token, but another one, a string of 3 characters, came",
                'expected "abc" at reply.token, but "xyz" came',
            ),
        ],
    )
    def test_other_values_are_shown_by_their_type_and_in_full_in_the_audit_only(
        self, expect: Any, came: Any, shown: str, in_the_audit: str
    ) -> None:
        assert mismatches(case(expect=expect), reply(came)) == [shown]
        assert verbatim(case(expect=expect), reply(came)) == [in_the_audit]

    def test_every_difference_is_told(self) -> None:
        found = mismatches(case(expect={"a": 1, "b": 2, "c": 3}), reply({"a": 9, "b": 2}))

        assert len(found) == 2
        assert "reply.a" in found[0]
        assert "reply.c" in found[1]

    @given(documents)
    def test_a_reply_matches_itself(self, document: Any) -> None:
        assert mismatches(case(expect=document), reply(document)) == []

    @given(st.dictionaries(st.text(max_size=3), documents, min_size=1), st.data())
    def test_a_reply_that_lacks_a_key_never_matches(self, document: dict[str, Any], data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(document)))
        came = {name: value for name, value in document.items() if name != key}

        assert mismatches(case(expect=document), reply(came)) != []

    @given(st.dictionaries(st.text(max_size=3), documents), st.dictionaries(st.text(max_size=3), documents))
    def test_a_reply_with_more_in_it_matches(self, document: dict[str, Any], more: dict[str, Any]) -> None:
        assert mismatches(case(expect=document), reply(more | document)) == []


class TestWhatIsSecret:
    @given(secret_documents, secret_documents, st.sampled_from(["a", "length(@)", "keys(@)", "powertools_json(@)"]))
    def test_no_string_of_a_reply_and_no_expected_string_is_shown_outside_the_audit(
        self, expect: Any, came: Any, path: str
    ) -> None:
        found = mismatches(case(expect=expect, expect_at={path: expect}), reply(came))

        assert not set(SECRET) & set("".join(found))

    @given(secret_documents, secrets, secrets)
    def test_no_text_of_an_error_is_shown_outside_the_audit(self, expect: Any, error: str, message: str) -> None:
        raised = Reply(payload={}, error=error, error_message=message, duration_ms=1, version="2")

        assert not set(SECRET) & set("".join(mismatches(case(expect=expect), raised)))

    @given(secret_documents)
    def test_no_payload_that_came_instead_of_an_error_is_shown_outside_the_audit(self, came: Any) -> None:
        assert not set(SECRET) & set("".join(mismatches(case(expect_error="ValueError"), reply(came))))

    @given(documents, documents, st.sampled_from([None, "KeyError"]))
    def test_the_audit_has_as_many_sentences_as_are_shown(self, expect: Any, came: Any, error: str | None) -> None:
        asked = case(expect=expect, expect_at={"a": expect})

        assert len(verbatim(asked, reply(came, error=error))) == len(mismatches(asked, reply(came, error=error)))

    def test_the_audit_has_the_values_at_the_places_that_the_case_names(self) -> None:
        (sentence,) = verbatim(case(expect={"token": "abc"}), reply({"token": "der Schlüssel"}))

        assert sentence == 'expected "abc" at reply.token, but "der Schlüssel" came'

    @given(
        st.dictionaries(st.sampled_from("ab"), secret_documents),
        st.sampled_from([{"c": 1}, {"c": {"a": 1}}, [1], 1, "a", None]),
        st.sampled_from(
            ["c", "@", "to_string(@)", "keys(@)", "values(@)", "*", "[a, b]", "join('', values(@))", "a || b"]
        ),
    )
    def test_the_audit_has_no_value_at_a_place_that_the_case_does_not_name(
        self, came: dict[str, Any], expect: Any, path: str
    ) -> None:
        for asked in (case(expect=expect), case(expect_at={path: expect}), case(expect_error="KeyError")):
            assert not set(SECRET) & set(json.dumps(evidence(asked, reply(came)), ensure_ascii=False))

    @given(secret_documents, secrets, secrets)
    def test_the_audit_has_no_text_of_an_error(self, came: Any, error: str, message: str) -> None:
        raised = Reply(payload=came, error=error, error_message=message, duration_ms=1, version="2")

        assert not set(SECRET) & set(json.dumps(evidence(case(expect={"a": 1}), raised), ensure_ascii=False))

    @given(secrets.map(lambda text: f"'{text}'") | secrets, st.sampled_from(["@", "powertools_json(@)", "length(@)"]))
    def test_a_reply_of_one_value_is_in_no_place(self, came: str, path: str) -> None:
        for asked in (case(expect="a"), case(expect_at={path: "a"})):
            assert not set(SECRET) & set("".join(verbatim(asked, reply(came))))

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("", "a string of 0 characters"),
            ("abc", "a string of 3 characters"),
            ([1, "a"], "a list of 2"),
            ({"a": "b"}, "an object with 1 keys"),
            (5, "a number"),
            (1e300, "a number"),
            (True, "a boolean"),
            (None, "null"),
        ],
    )
    def test_a_value_is_said_by_its_type(self, value: Any, said: str) -> None:
        assert by_type(value) == said


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
    def test_a_place_is_found_by_jmespath(self, path: str, expected: Any, came: Any) -> None:
        assert mismatches(case(expect_at={path: expected}), reply(came)) == []

    @pytest.mark.parametrize(
        ("path", "expected", "came", "sentence"),
        [
            ("statusCode", 200, {"statusCode": 500}, "expected 200 at statusCode, but 500 came"),
            ("ok", True, {"ok": 1}, "expected true at ok, but 1 came"),
            ("a[0].b", 1, {"a": [{"b": 2}]}, "expected 1 at a[0].b, but 2 came"),
            ("powertools_json(a).b", 1, {"a": '{"b": "c"}'}, 'expected 1 at powertools_json(a).b, but "c" came'),
            ("length(a)", 1, {"a": [1, 2]}, "expected 1 at length(a), but 2 came"),
            ("a", {"ok": True}, {"a": {"ok": 1}}, 'expected {"ok": true} at a, but an object with 1 keys came'),
            ("a", [1], {"a": [True]}, "expected [1] at a, but a list of 1 came"),
            ("missing", 1, {"a": 1}, "expected 1 at missing, but null came"),
            ("a", {"b": 1}, {"a": {"b": 1, "c": 2}}, 'expected {"b": 1} at a, but an object with 2 keys came'),
            ("a.*", [1], {"a": {"b": "c"}}, "expected [1] at a.*, but a list of 1 came"),
        ],
    )
    def test_the_audit_says_what_came_there(self, path: str, expected: Any, came: Any, sentence: str) -> None:
        assert verbatim(case(expect_at={path: expected}), reply(came)) == [sentence]

    @pytest.mark.parametrize(
        ("expected", "came", "sentence"),
        [
            (200, {"a": 500}, "expected a number at {}, but another one, a number, came"),
            (1, {}, "expected a number at {}, but null came"),
            ({"b": 1}, {"a": {"b": 1, "c": 2}}, "expected an object with 1 keys at {}, but an object with 2 keys came"),
            ([1], {"a": [True]}, "expected a list of 1 at {}, but another one, a list of 1, came"),
            (
                "x",
                {"a": "y"},
                "expected a string of 1 characters at {}, but another one, a string of 1 characters, came",
            ),
        ],
    )
    def test_an_error_says_of_which_type_it_is_what_came_there(self, expected: Any, came: Any, sentence: str) -> None:
        """An expression may have a secret in it, so an error names it by its number."""
        asked = case(expect_at={"a": expected})
        assert mismatches(asked, reply(came)) == [sentence.format("expression 1 of expect_at")]

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
    def test_a_place_that_cannot_be_reached_is_a_mismatch_and_not_a_crash(self, path: str, came: Any) -> None:
        (shown,) = mismatches(case(expect_at={path: 1}), reply(came))
        (in_the_audit,) = verbatim(case(expect_at={path: 1}), reply(came))

        assert shown == "expected a number at expression 1 of expect_at, but an object with 1 keys cannot be searched"
        assert re.fullmatch(
            rf"expected 1 at {re.escape(path)}, but an object with 1 keys cannot be searched: \w+", in_the_audit
        )


class TestErrors:
    def test_an_error_fails_the_case_and_is_called_by_its_class(self) -> None:
        for say in (mismatches, verbatim):
            assert say(case(), reply(error="ValueError")) == ["expected no error, but it raised ValueError"]

    def test_that_no_answer_came_is_told_with_the_time(self) -> None:
        silence = Reply(
            payload=None,
            error="NoAnswer",
            error_message="nothing came within 120 seconds",
            duration_ms=1,
            version="2",
            answered=False,
        )

        for say in (mismatches, verbatim):
            assert say(case(), silence) == [
                "expected no error, but it raised NoAnswer: nothing came within 120 seconds"
            ]

    def test_an_error_that_was_expected_is_what_should_come(self) -> None:
        assert mismatches(case(expect_error="ValueError"), reply(error="ValueError")) == []

    def test_another_error_than_the_expected_one_fails_the_case(self) -> None:
        assert mismatches(case(expect_error="ValueError"), reply(error="KeyError")) == [
            "expected the error ValueError, but it raised KeyError"
        ]

    def test_an_answer_instead_of_the_expected_error_fails_the_case(self) -> None:
        for say in (mismatches, verbatim):
            assert say(case(expect_error="ValueError"), reply({"ok": True})) == [
                "expected the error ValueError, but it returned an object with 1 keys"
            ]

    def test_a_payload_is_not_looked_for_in_an_error(self) -> None:
        assert len(mismatches(case(expect={"a": 1}, expect_at={"b": 2}), reply(error="ValueError"))) == 1

    @pytest.mark.parametrize("error", ["ValueError", "app.errors.NoBonus", "Runtime.ExitError", "_E", "E" * 100])
    def test_an_error_is_called_by_its_class(self, error: str) -> None:
        assert name_of_error(error) == error

    @pytest.mark.parametrize("error", [None, "", "no card 4711 of alice", "5", "E" * 101, "E\n", "a-b", "ö"])
    def test_an_error_that_looks_like_no_class_is_an_error(self, error: str | None) -> None:
        assert name_of_error(error) == "an error"


class TestDuration:
    def test_an_answer_within_the_limit_is_fine_and_one_at_the_limit_too(self) -> None:
        assert mismatches(case(max_duration_ms=100), reply(duration_ms=100)) == []

    def test_an_answer_over_the_limit_is_told_in_milliseconds(self) -> None:
        late = "expected an answer within 100 ms, but it took 124 ms"

        assert mismatches(case(max_duration_ms=100), reply(duration_ms=123.6)) == [late]
        assert verbatim(case(max_duration_ms=100), reply(duration_ms=123.6)) == [late]

    def test_any_time_will_do_without_a_limit(self) -> None:
        assert mismatches(case(), reply(duration_ms=1e9)) == []

    def test_the_limit_counts_for_an_expected_error_as_well(self) -> None:
        assert mismatches(
            case(expect_error="ValueError", max_duration_ms=1), reply(error="ValueError", duration_ms=2)
        ) == ["expected an answer within 1 ms, but it took 2 ms"]


class TestWords:
    def test_a_long_reply_is_cut_short_in_the_audit(self) -> None:
        (sentence,) = verbatim(case(expect={"a": "short"}), reply({"a": "x" * 100_000}))

        assert len(sentence) < LONGEST_TEXT + 100
        assert sentence.endswith("… came")

    def test_a_reply_is_quoted_as_json_in_its_own_letters(self) -> None:
        assert verbatim(case(expect=["a"]), reply(["größer"])) == ['expected "a" at reply[0], but "größer" came']

    @given(documents)
    def test_a_value_in_full_is_json(self, value: Any) -> None:
        text = in_full(value)

        assert text.endswith(" …") or json.loads(text) == valid(value, 10_000)

    def test_what_cannot_be_printed_is_shown_by_the_escapes_of_json(self) -> None:
        (said,) = verbatim(case(expect=["a"]), reply(["red\x1b[31m\u202e\x9b\n"]))

        assert said == 'expected "a" at reply[0], but "red\\u001b[31m\\u202e\\u009b\\n" came'

    def test_no_more_values_than_people_read_are_in_the_audit(self) -> None:
        said = verbatim(case(expect={str(number): 1 for number in range(1_000)}), reply({}))

        assert (len(said), said[-1]) == (21, "and 980 more")

    def test_any_reply_will_do_if_none_is_expected(self) -> None:
        assert mismatches(case(), reply({"anything": "at all"})) == []

    def test_null_is_expected_like_any_other_value(self) -> None:
        assert mismatches(case(expect=None), reply({"a": 1})) == [
            "expected null at reply, but an object with 1 keys came"
        ]


class TestForeignReplies:
    @pytest.mark.parametrize("expression", ["powertools_json(body)", "powertools_base64_gzip(body)"])
    @pytest.mark.parametrize("body", ["[" * 100_000, "not json", 5, None, "\ud83d"])
    def test_a_reply_that_a_function_of_jmespath_cannot_take_is_a_mismatch(self, expression: str, body: Any) -> None:
        (said,) = mismatches(case(expect_at={expression: 1}), reply({"body": body}))

        assert said.startswith("expected a number at expression 1 of expect_at, but ")

    @pytest.mark.parametrize(
        "payload",
        ["\ud83d", {"\udc00": "\ud83d"}, float("nan"), [float("inf")], nested(900), ["x" * 100] * 60_000],
        ids=["half a character", "half a key", "nan", "infinity", "nested", "6 MB"],
    )
    def test_a_reply_of_any_shape_is_shown_as_json_that_every_service_takes(self, payload: Any) -> None:
        shown = json.dumps(evidence(case(expect=1), reply(payload))["reply"], allow_nan=False, ensure_ascii=False)

        assert len(shown.encode()) < 200
        assert len(mismatches(case(expect=1), reply(payload))) == len(verbatim(case(expect=1), reply(payload))) == 1


class TestASensitiveCase:
    REPLIES = (
        reply({"token": SECRET, "many": [SECRET] * 7}),
        reply(SECRET),
        reply([SECRET, {SECRET: SECRET}]),
        Reply(payload={"errorMessage": SECRET}, error=SECRET, error_message=SECRET, duration_ms=1, version="2"),
        Reply(payload=None, error="ASecretName", error_message=SECRET, duration_ms=1, version="2"),
    )
    EXPECTED = (
        {"expect": {"token": "abc", "more": 1}},
        {"expect_at": {"token": "abc", "to_string(@)": 1, "sum(token)": 2, "@": None}},
        {"expect": ["a", "b"]},
        {"expect_error": "KeyError"},
        {"expect": 1, "max_duration_ms": 1},
    )

    @pytest.mark.parametrize("came", REPLIES, ids=range(len(REPLIES)))
    @pytest.mark.parametrize("expected", EXPECTED, ids=range(len(EXPECTED)))
    def test_has_nothing_of_the_reply_in_any_place(self, came: Reply, expected: dict[str, Any]) -> None:
        asked = case(sensitive=True, **expected)

        said = json.dumps([mismatches(asked, came), evidence(asked, came), error_of(asked, came)], ensure_ascii=False)

        assert mismatches(asked, came)
        assert not set(SECRET) & set(said)
        assert "ASecretName" not in said
        of_the_reply = [sentence.partition(", but ")[2] for sentence in mismatches(asked, came)]
        assert not [each for each in of_the_reply if re.search("[0-9]", each.removesuffix("5 ms"))], "how much came"

    @pytest.mark.parametrize(
        ("expected", "said"),
        [
            (
                {"expect_at": {"token": "abc"}},
                "expected a string of 3 characters at expression 1 of expect_at, but a string came",
            ),
            ({"expect": {"many": 1}}, "expected a number at reply.many, but a list came"),
            ({"expect": {"none": 1}}, "expected a number at reply.none, but there is no such key in an object"),
            ({"expect_error": "KeyError"}, "expected the error KeyError, but it returned an object"),
        ],
    )
    def test_is_told_by_the_place_and_the_kind_of_what_came(self, expected: dict[str, Any], said: str) -> None:
        assert mismatches(case(sensitive=True, **expected), self.REPLIES[0]) == [said]
        assert verbatim(case(sensitive=True, **expected), self.REPLIES[0]) == [said]

    def test_has_the_names_of_errors_that_lambda_gives(self) -> None:
        """They say that the code cannot be loaded, or that nothing came in time."""
        unloaded = Reply(payload={}, error="Runtime.HandlerNotFound", error_message=SECRET, duration_ms=1, version="2")
        late = Reply(
            payload=None, error="NoAnswer", error_message="nothing came", duration_ms=1, version="2", answered=False
        )
        asked = case(sensitive=True)

        assert mismatches(asked, unloaded) == ["expected no error, but it raised Runtime.HandlerNotFound"]
        assert mismatches(asked, late) == ["expected no error, but it raised NoAnswer: nothing came"]
        assert mismatches(asked, self.REPLIES[4]) == ["expected no error, but it raised an error"]
