"""A search in a reply costs a limited number of steps, whatever the expression and the reply are."""

import base64
import gzip
import json
import reprlib
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.replies import Reply, mismatches, verbatim
from bluegreen.decisions.searching import LARGEST_UNZIPPED, MOST_STEPS, SearchTooLong, Steps, search
from bluegreen.request.smoke_tests import DEEPEST_EXPRESSION, Case
from tests.bluegreen.decisions.test_replies import documents

DOUBLED = " | ".join(["[@, @]"] * DEEPEST_EXPRESSION)
WIDE = [[0] * 1_000] * 1_000


def zipped(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


@pytest.mark.parametrize(
    ("expression", "payload"),
    [
        (f"{DOUBLED} | to_string(@)", 1),
        (f"{DOUBLED} | @ == [@]", 1),
        (f"[{DOUBLED}, {DOUBLED}] | [0] == [1]", 1),
        (f"{DOUBLED} | contains(@, `[1]`)", 1),
        (" | ".join(["[@, @][]"] * DEEPEST_EXPRESSION), [1]),
        (" | ".join(["join('', [@, @])"] * DEEPEST_EXPRESSION), "ab"),
        (" | ".join(["to_string([@, @])"] * DEEPEST_EXPRESSION), '"'),
        ("join(@[0], @)", ["x" * 100_000, *["y"] * 100_000]),
        ("[].[length(@), @, @]", WIDE),
        ("[*][*].to_string(@)", WIDE),
        ("[@[:], @[:]]", [0] * (MOST_STEPS + 1)),
        ("sort_by([], &to_string(@))", WIDE),
        ("powertools_json(@)", "[" + "[]," * 2_000_000 + "1]"),
        ("powertools_base64_gzip(@)", zipped(b"\0" * (LARGEST_UNZIPPED + 1))),
        ("powertools_base64_gzip(@)", zipped(b"abc")[:12]),
        (f"[{', '.join(['powertools_base64_gzip(@)'] * 3)}]", zipped(b"\0" * LARGEST_UNZIPPED)),
    ],
    ids=lambda drawn: reprlib.repr(drawn)[:40],
)
def test_a_search_that_costs_too_much_ends(expression: str, payload: Any) -> None:
    with pytest.raises(SearchTooLong):
        search(expression, payload, Steps())


@given(
    st.sampled_from(
        (
            *(
                "@",
                "a",
                "a.b",
                "*",
                "[*].a",
                "[]",
                "[0]",
                "[?a == b]",
                "[?@ > `1`]",
                "[::2]",
                "{x: a, y: @}",
                "type(@)",
            ),
            *("[a, b] | [1]", "length(@)", "keys(@)", "to_string(@)", "not_null(a, b)", "!a", "a || b", "a && b"),
            "map(&a, @)",
        )
    ),
    documents,
)
def test_within_the_limits_it_finds_what_jmespath_finds(expression: str, document: Any) -> None:
    try:
        expected = jmespath.search(expression, document)
    except (jmespath.exceptions.JMESPathError, TypeError) as error:  # it orders a text and a number
        with pytest.raises(type(error)):
            search(expression, document, Steps())
    else:
        assert search(expression, document, Steps()) == expected


def test_a_body_as_lambda_gets_it_can_be_read() -> None:
    inside = json.dumps({"sum": 2})

    assert search("powertools_json(body).sum", {"body": inside}, Steps()) == 2
    assert search("powertools_json(powertools_base64_gzip(@)).sum", zipped(inside.encode()), Steps()) == 2
    assert search("powertools_base64(@)", base64.b64encode(b"abc").decode(), Steps()) == "abc"


def test_ten_thousand_items_can_be_searched() -> None:
    items = [{"price": number, "name": str(number)} for number in range(10_000)]

    assert search("items[?price > `9998`].name", {"items": items}, Steps()) == ["9999"]


def failed(payload: Any, **expect_at: Any) -> tuple[list[str], list[str]]:
    """What the deployment's error says, and what the audit has."""
    case = Case(name="a", expect_at={path.replace("_", " "): value for path, value in expect_at.items()})
    reply = Reply(payload=payload, error=None, error_message=None, duration_ms=1, version="2")
    return mismatches(case, reply), verbatim(case, reply)


def test_all_searches_in_a_reply_share_the_steps_and_the_error_names_the_expression() -> None:
    case = Case(name="a", expect_at={f"[*][*] | [{number}] | [0]": 0 for number in range(500)})
    reply = Reply(payload=WIDE[:20], error=None, error_message=None, duration_ms=1, version="2")

    (said,) = mismatches(case, reply)

    assert said.startswith("expected a number at expression ")
    assert f"the search takes more than {MOST_STEPS:,} steps; write shorter expressions" in said


def test_an_expression_that_is_no_value_is_told_as_such() -> None:
    said, in_full = failed({"a": 1}, **{"&a": 1})

    assert said == ["expected a number at expression 1 of expect_at, but no JSON came"]
    assert in_full == ["expected 1 at &a, but no JSON came"]


def test_a_sum_with_more_digits_than_python_writes_is_told_by_its_type() -> None:
    _, in_full = failed([10**4299] * 20, **{"sum(@)": 1})

    assert in_full == ["expected 1 at sum(@), but a number came"]
