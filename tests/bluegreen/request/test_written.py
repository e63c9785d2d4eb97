"""JSON as people write it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given

from bluegreen.request import written
from tests.bluegreen.strategies import json_values


@given(json_values)
def test_any_json_is_read(value: Any) -> None:
    assert written.read(json.dumps(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("traffic: AllAtOnce", "Expecting value"),
        ('{"traffic": "AllAtOnce", "traffic": "Adaptive"}', "the key 'traffic' is there twice; leave one out"),
        ('{"a": [{"\\ud83d": 1, "\\ud83d": 2}]}', "is there twice"),
        ('{"a": NaN}', "JSON has no NaN; write a number"),
        ("-Infinity", "JSON has no -Infinity; write a number"),
        ("[1e400]", "it has a number beyond 1.8e308"),
        ("9" * 309, "it has a number of 309 digits; write 308 at most"),
        ("9" * 5_000, "it has a number of 5000 digits; write 308 at most"),
        ("[" * 100_000, "it is nested too deeply; write flatter JSON"),
        ('{"a":' * 100_000, "it is nested too deeply; write flatter JSON"),
        (b"\x1f\x8b\x08\x00", "can't decode"),
    ],
    ids=lambda drawn: repr(drawn)[:40],
)
def test_what_only_some_readers_take_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        written.read(text)


def test_a_key_that_stands_twice_among_very_many_is_told_at_once() -> None:
    text = "{" + ",".join(f'"{number}": 1' for number in range(20_000)) + ',"19999": 2}'
    begun = time.process_time()

    with pytest.raises(ValueError, match="the key '19999' is there twice"):
        written.read(text)

    assert time.process_time() - begun < 2
