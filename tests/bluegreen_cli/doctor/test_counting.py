"""How late a count was, from looks at it while it came."""

from collections.abc import Iterable

import pytest

from bluegreen_cli.doctor.calls import SERVED, Call
from bluegreen_cli.doctor.counting import Late, _lateness, _Look
from bluegreen_cli.doctor.patient import SPLIT, WHOLE

MINUTE = 60


def looks(*seen: tuple[float, dict[int, float]]) -> list[_Look]:
    """Each took a second: when it was asked, and the counts by minute that it was told of the alias without weights."""
    whole, split = (WHOLE, "", "Invocations"), (SPLIT, "", "Invocations")
    return [_Look(at, at + 1, {whole: counts, split: {}}, (), {}) for at, counts in seen]


def called(*ended: float) -> list[Call]:
    return [Call(WHOLE, SERVED, "1", at - 0.1, at) for at in ended]


def late(seen: list[_Look], made: Iterable[Call]) -> list[Late]:
    return list(_lateness(seen, list(made), MINUTE))


def test_a_count_is_as_late_as_the_look_that_found_its_last_change() -> None:
    seen = looks((70, {}), (130, {0: 3.0}), (140, {0: 5.0}), (150, {0: 5.0}))

    assert late(seen, called(10, 50)) == [Late(WHOLE, 70, 81)]


def test_lateness_begins_when_the_last_call_of_the_minute_has_ended() -> None:
    seen = looks((130, {0: 3.0}), (140, {0: 5.0}))

    assert late(seen, [Call(WHOLE, SERVED, "1", 59, 75)]) == [Late(WHOLE, 55, 66)]


def test_of_a_minute_that_was_never_seen_in_part_nothing_is_known() -> None:
    assert late(looks((130, {0: 5.0}), (140, {0: 5.0})), called(10)) == []


@pytest.mark.parametrize("asked", [30, 58])
def test_a_count_that_is_there_before_its_minute_is_over_is_not_late(asked: float) -> None:
    assert late(looks((20, {}), (asked, {0: 5.0})), called(10)) == [Late(WHOLE, 0, 0)]
