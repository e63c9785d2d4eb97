"""Text for people."""

import pytest

from bluegreen.text import sentence


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
