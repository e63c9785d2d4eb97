"""Whether a freeze is in force, until when, and when it begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen import clock
from bluegreen.decisions.freezing import begins, fits, lets_go
from bluegreen.request.freeze import Freeze

WEEKEND = "Fri 16:00-Mon 08:00"


def freeze(*windows: str, zone: str = "Europe/Berlin", until: str = "2027-06-01T00:00:00Z") -> Freeze:
    return Freeze(reason="because", zone=zone, until=until, windows=windows)


def at(text: str) -> float:
    return clock.moment(f"{text}+00:00")


@pytest.mark.parametrize(
    ("pattern", "function", "held"),
    [
        ("Shop", "Shop", True),
        ("Shop", "shop", False),
        ("Shop", "Shop2", False),
        ("shop-*", "shop-basket", True),
        ("shop-*", "my-shop-basket", False),
        ("*-prod", "shop-prod", True),
        ("*", "anything", True),
    ],
)
def test_a_pattern_is_for_the_functions_that_it_fits(pattern: str, function: str, held: bool) -> None:
    assert fits(pattern, function) is held


@pytest.mark.parametrize(
    ("windows", "moment", "until"),
    [
        ((), "2026-11-27T12:00", "2027-06-01T00:00"),
        ((), "2027-06-01T00:00", None),
        ((WEEKEND,), "2026-11-27T14:59", None),
        ((WEEKEND,), "2026-11-27T15:00", "2026-11-30T07:00"),
        ((WEEKEND,), "2026-11-30T06:59", "2026-11-30T07:00"),
        ((WEEKEND,), "2026-11-30T07:00", None),
        (("Mon 22:00-Mon 23:00",), "2026-11-30T21:30", "2026-11-30T22:00"),
        (("Mon 23:00-Mon 22:00",), "2026-11-30T21:30", None),
        (("Mon 23:00-Mon 22:00",), "2026-11-30T20:59", "2026-11-30T21:00"),
        ((WEEKEND, "Mon 08:00-Mon 12:00"), "2026-11-28T00:00", "2026-11-30T11:00"),
        ((WEEKEND, "Sat 00:00-Tue 00:00"), "2026-11-27T20:00", "2026-11-30T23:00"),
        ((WEEKEND,), "2027-05-30T00:00", "2027-05-31T06:00"),
        (("Mon 00:00-Thu 00:00", "Thu 00:00-Mon 00:00"), "2026-11-27T12:00", "2027-06-01T00:00"),
        (("Mon 08:00-Fri 08:00",), "2027-05-31T12:00", "2027-06-01T00:00"),
    ],
)
def test_it_lets_go_at_the_end_of_its_hours_and_at_its_own_end(
    windows: tuple[str, ...], moment: str, until: str | None
) -> None:
    assert lets_go(freeze(*windows), at(moment)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("zone", "moment", "until"),
    [
        ("Europe/Berlin", "2026-10-24T22:30", "2026-10-25T07:00"),  # the night of 25 hours
        ("Europe/Berlin", "2027-03-27T23:30", "2027-03-28T06:00"),  # the night of 23 hours
        ("Asia/Kolkata", "2026-10-24T19:00", "2026-10-25T02:30"),
        ("UTC", "2026-10-25T07:59", "2026-10-25T08:00"),
    ],
)
def test_hours_are_by_the_clocks_of_the_zone_also_when_they_change(zone: str, moment: str, until: str) -> None:
    assert lets_go(freeze("Sat 23:00-Sun 08:00", zone=zone), at(moment)) == at(until)


@pytest.mark.parametrize(
    ("after", "before", "begin"),
    [
        ("2026-11-27T14:00", "2026-11-27T16:00", "2026-11-27T15:00"),
        ("2026-11-27T14:00", "2026-11-27T15:00", None),
        ("2026-11-27T15:00", "2026-11-27T16:00", None),
        ("2026-11-30T08:00", "2026-12-06T00:00", "2026-12-04T15:00"),
        ("2027-05-31T08:00", "2027-06-06T00:00", None),
    ],
)
def test_the_next_hours_begin_before_a_moment_or_do_not(after: str, before: str, begin: str | None) -> None:
    assert begins(freeze(WEEKEND), at(after), at(before)) == (at(begin) if begin else None)


def test_a_freeze_of_every_hour_begins_at_no_moment_to_come() -> None:
    assert begins(freeze(), at("2026-11-27T14:00"), at("2026-12-27T14:00")) is None


@given(
    st.floats(at("2026-01-01T00:00"), at("2027-06-01T00:00")),
    st.lists(
        st.sampled_from([WEEKEND, "Mon 08:00-Mon 12:00", "Wed 23:00-Thu 01:00", "Sun 00:00-Sat 12:00"]), max_size=21
    ),
)
def test_it_never_holds_beyond_its_end_and_lets_go_after_the_moment(moment: float, windows: list[str]) -> None:
    asked = freeze(*windows)
    until = lets_go(asked, moment)

    assert until is None or moment < until <= asked.over_at
    assert until is None or until == asked.over_at or lets_go(asked, until) is None
