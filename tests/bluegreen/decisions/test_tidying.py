"""Which published versions are no longer of use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.tidying import Published, too_old
from bluegreen.request.versions import Kept


def published(*numbers: int, by_others: tuple[int, ...] = ()) -> list[Published]:
    return [
        Published(version=str(each), description="" if each in by_others else f"bluegreen Shop-{each}")
        for each in numbers
    ]


@pytest.mark.parametrize(
    ("numbers", "by_others", "count", "also_others", "in_use", "deleted"),
    [
        ((1, 2, 3, 4, 5), (), 2, False, (), ("1", "2", "3")),
        ((1, 2, 3, 4, 5), (), 5, False, (), ()),
        ((1, 2, 3, 4, 5), (), 100, False, (), ()),
        ((1, 2, 3, 4, 5), (), 2, False, ("1", "3", "9"), ("2",)),
        ((1, 2, 3, 4, 5), (2, 4), 1, False, (), ("1", "3")),
        ((1, 2, 3, 4, 5), (2, 4), 1, True, (), ("1", "2", "3", "4")),
        ((1, 2, 3, 4, 5), (1, 2, 3, 4, 5), 1, False, (), ()),
        ((10, 9, 100, 8), (), 2, False, (), ("8", "9")),
        ((), (), 1, True, (), ()),
    ],
)
def test_the_oldest_of_the_deployers_versions_go_unless_they_are_in_use(
    numbers: tuple[int, ...],
    by_others: tuple[int, ...],
    count: int,
    also_others: bool,
    in_use: tuple[str, ...],
    deleted: tuple[str, ...],
) -> None:
    kept = Kept(count=count, also_others=also_others)

    assert too_old(published(*numbers, by_others=by_others), kept, in_use) == deleted


@pytest.mark.parametrize("version", ["$LATEST", "", "PROD", "1a"])
def test_what_is_no_number_is_no_version_to_delete(version: str) -> None:
    found = [Published(version=version, description="bluegreen Shop-1"), *published(2, 3)]

    assert too_old(found, Kept(count=1, also_others=True), ()) == ("2",)


@given(st.sets(st.integers(1, 60)), st.integers(1, 100), st.sets(st.integers(1, 60)), st.booleans())
def test_the_newest_and_those_in_use_are_never_deleted(
    numbers: set[int], count: int, in_use: set[int], also_others: bool
) -> None:
    deleted = too_old(published(*numbers), Kept(count=count, also_others=also_others), {*map(str, in_use)})

    assert not {*map(int, deleted)} & ({*sorted(numbers)[-count:]} | in_use)
    assert {*map(int, deleted)} <= numbers
