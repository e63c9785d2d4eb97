"""A freeze, as people ask for it."""

from typing import Any

import pytest

from bluegreen import clock
from bluegreen.errors import InvalidRequest
from bluegreen.request.freeze import MOST_WINDOWS, Freeze, pattern_of

NOW = clock.moment("2026-11-26T12:00:00+00:00")
ASKED = {"reason": "inventory", "until": "2026-12-24T18:00"}


def refusal(asked: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Freeze.read(asked, NOW)
    return str(refused.value)


@pytest.mark.parametrize(
    ("until", "zone", "over_at"),
    [
        ("2026-12-24T18:00", "UTC", "2026-12-24T18:00:00.000Z"),
        ("2026-12-24T18:00", "Europe/Berlin", "2026-12-24T17:00:00.000Z"),
        ("2027-07-01", "America/New_York", "2027-07-01T04:00:00.000Z"),
        ("2026-12-24T18:00+05:30", "Europe/Berlin", "2026-12-24T12:30:00.000Z"),
        ("2026-12-24T18:00:00Z", "Europe/Berlin", "2026-12-24T18:00:00.000Z"),
        ("2027-11-27T12:00", "UTC", "2027-11-27T12:00:00.000Z"),
    ],
)
def test_the_end_is_by_the_clocks_of_the_zone_unless_it_says_an_offset(until: str, zone: str, over_at: str) -> None:
    freeze = Freeze.read(ASKED | {"until": until, "zone": zone}, NOW)

    assert clock.iso(freeze.over_at) == over_at


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"reason": None}, "reason: "),
        ({"reason": "  "}, "reason: say why, in a sentence"),
        ({"reason": "x" * 501}, "is too long; write 500 characters at most"),
        ({"reason": "\ud800"}, "reason: it has half a character"),
        ({"until": "tomorrow"}, "until: 'tomorrow' is no moment; write it in ISO 8601, as 2026-12-24T18:00"),
        ({"until": 1}, "until: 1 is no text"),
        ({"until": "2026-11-26T12:00"}, "until: 2026-11-26T12:00 is over; write a moment that is to come"),
        ({"until": "2026-11-26T12:30+01:00"}, "until: 2026-11-26T12:30+01:00 is over"),
        ({"until": "2027-11-27T12:01"}, "until: 2027-11-27T12:01 is more than 366 days away, and that is the most"),
        ({"until": "9999-12-31T23:59-23:00"}, "more than 366 days away"),
        ({"until": "0001-01-01T00:00+23:00"}, "until: "),
        ({"until": "2027-11-27T12:01", "windows": ["Fri 16:00-Mon 08:00"]}, "until: "),
        (
            {"zone": "Mars/Olympus"},
            "zone: 'Mars/Olympus' is no time zone; write its IANA name, as Europe/Berlin",
        ),
        ({"zone": "Europe"}, "zone: 'Europe' is no time zone"),
        ({"zone": "../../etc/passwd"}, "zone: '../../etc/passwd' is no time zone"),
        ({"zone": "x" * 65}, "is no time zone"),
        ({"windows": "Fri 16:00-Mon 08:00"}, "windows: 'Fri 16:00-Mon 08:00' is not a list"),
        ({"windows": ["weekends"]}, "windows.0: 'weekends' is no window; write it as Fri 16:00-Mon 08:00"),
        ({"windows": ["Fri 16:00-Mon 24:00"]}, "windows.0: "),
        (
            {"windows": ["Fri 16:00-Fri 16:00"]},
            "windows.0: Fri 16:00-Fri 16:00 ends where it begins",
        ),
        ({"windows": ["Fri 16:00-Mon 08:00"] * (MOST_WINDOWS + 1)}, "windows: "),
        ({"untill": "2026-12-24"}, "untill: unknown field; did you mean until?"),
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, Any], text: str) -> None:
    assert text in refusal(ASKED | wrong)


def test_every_wrong_field_is_named_at_once() -> None:
    told = refusal({"zone": "Mars", "windows": ["x"], "more": 1})

    assert {each.partition(":")[0] for each in told.split("; ") if ": " in each} >= {
        *("reason", "until", "zone", "windows.0", "more")
    }


@pytest.mark.parametrize("asked", [None, [], "x", 1])
def test_what_is_no_object_is_refused(asked: Any) -> None:
    assert "is not a JSON object" in refusal(asked)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Shop", "Shop"),
        ("shop-*", "shop-*"),
        ("*", "*"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:Shop", "Shop"),
    ],
)
def test_a_freeze_is_for_a_function_or_a_pattern(name: str, pattern: str) -> None:
    assert pattern_of(name, "eu-west-1", "123456789012") == pattern


@pytest.mark.parametrize(
    "name",
    [
        *("", "a b", "shop?", "[a-z]", "Shop:PROD", "Shop:7", "x" * 65, "\ud800", None, 7, "a/b", "shop-*:PROD"),
        "arn:aws:lambda:eu-west-2:123456789012:function:Shop",
        "arn:aws:lambda:eu-west-1:210987654321:function:Shop",
    ],
)
def test_any_other_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^name: "):
        pattern_of(name, "eu-west-1", "123456789012")
