"""How many published versions a request keeps."""

from typing import Any

import pytest

from bluegreen.errors import InvalidRequest
from bluegreen.request.request import Request
from bluegreen.request.versions import Kept, kept

REQUEST = {"function": "Shop", "artifact": {"version": "7"}}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (None, None),
        (5, Kept(count=5)),
        (5.0, Kept(count=5)),
        (100, Kept(count=100)),
        ({"count": 5}, Kept(count=5)),
        ({"count": 5, "also_others": True}, Kept(count=5, also_others=True)),
    ],
)
def test_a_number_is_of_the_deployers_own_versions(asked: Any, meant: Kept | None) -> None:
    request = Request.read(REQUEST | {"keep_versions": asked})

    assert kept(request.keep_versions) == meant
    assert Request.read(request.to_json()) == request


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (0, "keep_versions: 0 is too small; write 1 or more"),
        (101, "keep_versions: 101 is too large; write 100 or less"),
        ("5", "keep_versions: '5' is not a whole number; write one without quotes"),
        (True, "keep_versions: "),
        ({}, "keep_versions.count: is required"),
        ({"count": 0}, "keep_versions.count: 0 is too small"),
        ({"count": 5, "also_other": True}, "keep_versions.also_other: unknown field; did you mean also_others?"),
        ({"count": 5, "also_others": 1}, "keep_versions.also_others: "),
    ],
)
def test_what_is_wrong_is_named(asked: Any, text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(REQUEST | {"keep_versions": asked})

    assert text in str(refused.value)
