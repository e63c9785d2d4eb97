"""Text for people."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.text import comparable, is_deeper, plain, sentence, valid

anything = st.text(st.characters(codec=None, categories=("L", "N", "P", "C", "Z")))


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("green failed", "green failed."),
        ("green failed.", "green failed."),
        ("Again!", "Again!"),
        ("Again?", "Again?"),
    ],
)
def test_a_sentence_has_a_stop_at_its_end(text: str, whole: str) -> None:
    assert sentence(text) == whole


FOREIGN = [
    ("red \x1b[31malert", "red \N{REPLACEMENT CHARACTER}[31malert"),
    ("\x9b31m", "\N{REPLACEMENT CHARACTER}31m"),
    ("half \ud83d", "half \N{REPLACEMENT CHARACTER}"),
    ("two\r\nlines\tand\u2028more\N{NO-BREAK SPACE}", "two  lines and more "),
    ("to the \u202eleft", "to the \N{REPLACEMENT CHARACTER}left"),
    ("größer, 日本, \N{WOMAN}\u200d\N{PERSONAL COMPUTER}", "größer, 日本, \N{WOMAN}\u200d\N{PERSONAL COMPUTER}"),
    ("[bold]as it is[/bold]", "[bold]as it is[/bold]"),
]


@pytest.mark.parametrize(("foreign", "shown"), FOREIGN)
def test_a_foreign_text_is_shown_without_what_steers_a_terminal(foreign: str, shown: str) -> None:
    assert plain(foreign) == shown


@given(anything, st.integers(1, 50))
def test_a_plain_text_can_be_sent_and_shown_whatever_it_was(foreign: str, longest: int) -> None:
    text = plain(foreign, longest)

    text.encode()  # raises an error for half a character
    assert len(text) <= longest + 2
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text)
    assert plain(text, longest) == text


@pytest.mark.parametrize("never", ["\ufffe", "\uffff", "\ufdd0", "\U0010ffff"])
def test_a_code_point_that_never_is_a_character_is_not_shown(never: str) -> None:
    assert plain(f"a{never}b") == "a\ufffdb"


foreign_values = st.recursive(
    st.none() | st.floats() | anything, lambda inner: st.lists(inner) | st.dictionaries(anything, inner)
)


@given(foreign_values)
def test_a_foreign_value_is_json_for_every_service_whatever_it_was(foreign: Any) -> None:
    text = json.dumps(valid(foreign, 500), allow_nan=False, ensure_ascii=False)

    text.encode()  # raises an error for half a character
    assert len(text) < 10_000


def test_a_value_that_every_service_takes_stays_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, "two\nlines"], "größer": {}}

    assert valid(value, 1_000) == value


def test_a_value_that_is_too_deep_or_too_large_is_told_by_its_type() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]

    assert json.dumps(valid(deep, 100_000)).strip("[]") == '"\\u2026 a list of 1"'
    assert valid(["x" * 10] * 100, 50)[-2:] == ["… a string of 10 characters", "… 100 in all"]
    assert is_deeper(deep, 4_999)
    assert not is_deeper(deep, 5_001)


class _Unwritable:
    def __str__(self) -> str:
        raise RecursionError


@pytest.mark.parametrize(
    ("value", "shown"), [(10**5_000, "a number"), (_Unwritable(), "no JSON")], ids=["long", "deep"]
)
def test_a_value_that_python_does_not_write_is_told_by_its_type(value: Any, shown: str) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize(
    ("shown", "sent", "alike"),
    [
        (1e30, 10**30, True),
        (1.0, 1, True),
        (float("inf"), 10**400, True),
        (10**30, 10**31, False),
        ("\ud83d", "?", True),
    ],
)
def test_a_value_is_compared_as_far_as_services_show_it_alike(shown: Any, sent: Any, alike: bool) -> None:
    assert (comparable(shown) == comparable(sent)) == alike
