"""In which waves functions come: callees before their callers, in the sizes that are asked for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.request.waves import Take, cycles, dealt, levels, share_of

ALL = Take()


@st.composite
def calls_without_cycles(draw: st.DrawFn, most: int = 30) -> list[list[int]]:
    """Of each function those that it calls: in an order that is none of the document's."""
    count = draw(st.integers(1, most))
    order = draw(st.permutations(range(count)))
    calls: list[list[int]] = [[] for _ in range(count)]
    for place, number in enumerate(order[1:], start=1):
        calls[number] = draw(st.lists(st.sampled_from(order[:place]), max_size=3))
    return calls


any_calls = st.integers(1, 12).flatmap(
    lambda count: st.lists(st.lists(st.integers(0, count - 1), max_size=3), min_size=count, max_size=count)
)
sizes = st.lists(st.integers(1, 8).map(Take) | st.just(ALL), min_size=1, max_size=5)


def known(calls: list[list[int]]) -> list[int]:
    return [level for level in levels(calls) if level is not None]


def waves(takes: list[Take], of: list[int], targets: list[str | None] | None = None) -> list[tuple[int, ...]]:
    return [wave for _, wave in dealt(takes, of, targets or [None] * len(of))]


class TestLevels:
    def test_a_function_is_one_level_above_the_highest_that_it_calls(self) -> None:
        assert levels([[1, 2], [2], [], []]) == [2, 1, 0, 0]

    def test_what_is_called_twice_counts_once(self) -> None:
        assert levels([[1, 1], []]) == [1, 0]

    def test_functions_in_a_cycle_and_their_callers_have_none(self) -> None:
        assert levels([[1], [2], [1], []]) == [None, None, None, 0]

    @given(calls_without_cycles())
    def test_every_callee_is_on_a_lower_level(self, calls: list[list[int]]) -> None:
        found = known(calls)

        assert all(found[callee] < found[caller] for caller, called in enumerate(calls) for callee in called)

    def test_a_chain_of_ten_thousand_has_as_many_levels(self) -> None:
        assert max(known([[], *([number] for number in range(9_999))])) == 9_999


class TestCycles:
    @pytest.mark.parametrize(
        ("calls", "found"),
        [
            ([[0]], [(0,)]),
            ([[1], [0]], [(0, 1)]),
            ([[1], [2], [1]], [(1, 2)]),
            ([[1], [0], [3], [2], []], [(0, 1), (2, 3)]),
            ([[1], []], []),
        ],
    )
    def test_each_is_named_in_its_order(self, calls: list[list[int]], found: list[tuple[int, ...]]) -> None:
        assert [*cycles(calls, levels(calls))] == found

    @given(any_calls)
    def test_there_is_one_if_and_only_if_a_function_has_no_level(self, calls: list[list[int]]) -> None:
        found = [*cycles(calls, levels(calls))]

        assert bool(found) == (None in levels(calls))
        for cycle in found:
            assert all(after in calls[before] for before, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert all(times == 1 for times in Counter(number for cycle in found for number in cycle).values())


class TestSizes:
    def test_are_taken_one_after_the_other_and_the_last_is_repeated(self) -> None:
        assert waves([Take(1), Take(2)], [0] * 6) == [(0,), (1, 2), (3, 4), (5,)]

    def test_end_where_a_level_ends(self) -> None:
        assert waves([Take(1), Take(3), ALL], [0, 1, 0, 1, 1]) == [(0,), (2,), (1, 3, 4)]

    def test_of_all_is_one_wave_for_each_level(self) -> None:
        assert waves([ALL], [1, 0, 2, 1]) == [(1,), (0, 3), (2,)]

    @given(calls_without_cycles(), sizes)
    def test_every_function_comes_once_and_after_those_that_it_calls(
        self, calls: list[list[int]], takes: list[Take]
    ) -> None:
        found = waves(takes, known(calls))
        comes = {number: place for place, wave in enumerate(found) for number in wave}

        assert sorted(number for wave in found for number in wave) == [*range(len(calls))]
        assert all(comes[callee] < comes[caller] for caller, called in enumerate(calls) for callee in called)

    @given(calls_without_cycles(), sizes)
    def test_a_wave_has_its_size_or_what_is_left_of_its_level(self, calls: list[list[int]], takes: list[Take]) -> None:
        of = known(calls)
        left = Counter(of)
        for place, wave in enumerate(waves(takes, of)):
            level = of[wave[0]]
            asked = takes[min(place, len(takes) - 1)].most
            assert {of[number] for number in wave} == {level}
            assert len(wave) == min(asked, left[level])
            assert [*wave] == sorted(wave)
            left[level] -= len(wave)

    @given(calls_without_cycles(), sizes)
    def test_a_function_stays_where_it_is_among_others_of_its_level(
        self, calls: list[list[int]], takes: list[Take]
    ) -> None:
        of = known(calls)
        taken = [number for wave in waves(takes, of) for number in wave]

        assert taken == sorted(range(len(of)), key=lambda number: (of[number], number))


class TestNamesAndTargets:
    def test_a_wave_that_names_functions_has_these_and_earlier_ones_leave_them(self) -> None:
        assert waves([Take(2), Take(named=(3, 0)), ALL], [0] * 5) == [(1, 2), (3, 0), (4,)]

    def test_a_target_is_taken_level_by_level(self) -> None:
        targets = ["eu", None, "eu", "us", "eu"]

        assert waves([Take(target="eu"), ALL], [0, 0, 1, 1, 1], targets) == [(0,), (2, 4), (1,), (3,)]

    def test_of_a_target_comes_what_is_left(self) -> None:
        assert waves([Take(1), Take(target="eu"), ALL], [0, 0, 0], ["eu", None, "eu"]) == [(0,), (2,), (1,)]

    def test_a_target_of_which_nothing_is_left_makes_no_wave(self) -> None:
        assert waves([Take(1), Take(target="eu"), ALL], [0, 0], ["eu", None]) == [(0,), (1,)]

    def test_no_wave_has_more_than_one_look_can_take(self) -> None:
        of_a_target = dealt([Take(target="eu"), Take()], [0] * 2_500, ["eu"] * 1_500 + [None] * 1_000)
        assert [len(wave) for _, wave in of_a_target] == [1_000, 500, 1_000]
        assert [len(wave) for _, wave in dealt([Take(), Take(most=9_000)], [0] * 3_001, [None] * 3_001)] == [
            1_000,
            1_000,
            1_000,
            1,
        ]

    def test_each_wave_says_of_which_take_it_comes(self) -> None:
        assert [take for take, _ in dealt([Take(named=(0,)), Take(1)], [0] * 3, [None] * 3)] == [0, 1, 1]


@pytest.mark.parametrize(
    ("share", "functions", "so_many"),
    [(0.1, 30, 3), (0.2, 10_000, 2_000), (0.2, 6, 2), (1.0, 7, 7), (1e-9, 10_000, 1), (0.07, 100, 7)],
)
def test_a_share_is_rounded_up_as_it_is_written(share: float, functions: int, so_many: int) -> None:
    assert share_of(share, functions) == so_many
