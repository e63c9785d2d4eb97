"""The next share of the alias that green gets, and how long it is watched there."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.shift import SILENCE_SECONDS, Bakes, Shifted, bakes, next_weight
from bluegreen.request.traffic import ADAPTIVE, STRATEGIES, Schedule, Steps, schedule
from tests.bluegreen.examples import ADAPTIVELY, CANARY
from tests.bluegreen.strategies import any_steps


def walked(plan: Schedule, start: float = 1_000_000.0) -> tuple[Shifted, ...]:
    """Every shift, each made the moment the bake before it is over."""
    shifts: tuple[Shifted, ...] = ()
    now = start
    while not shifts or shifts[-1].weight < 1:
        shifts = (*shifts, Shifted(at=now, weight=next_weight(plan, len(shifts))))
        now += bakes(plan, shifts).bake_seconds
    return shifts


class TestSteps:
    @pytest.mark.parametrize("name", STRATEGIES)
    def test_a_deployment_takes_the_steps_one_after_another(self, name: str) -> None:
        plan = schedule(name)
        shifts = walked(plan)

        assert [shift.weight for shift in shifts] == [step.weight for step in plan.steps]
        assert [bakes(plan, shifts[: number + 1]).bake_seconds for number in range(len(shifts))] == [
            step.bake_seconds for step in plan.steps
        ]

    def test_a_deployment_remembers_when_green_had_which_share(self) -> None:
        assert walked(schedule("Canary10Percent5Minutes"), start=1000.0) == (
            Shifted(at=1000.0, weight=0.1),
            Shifted(at=1300.0, weight=1.0),
        )

    @given(any_steps())
    def test_green_never_loses_share_and_ends_with_all(self, steps: Steps) -> None:
        weights = [shift.weight for shift in walked(schedule(steps))]

        assert all(before < after for before, after in pairwise(weights))
        assert weights[-1] == 1

    @given(any_steps(), st.integers(0, 600))
    def test_green_has_all_after_the_last_step(self, steps: Steps, more: int) -> None:
        plan = schedule(steps)

        assert next_weight(plan, len(plan.steps) + more) == 1

    def test_each_step_is_watched_from_its_own_shift(self) -> None:
        shifts = (Shifted(at=1000.0, weight=0.1), Shifted(at=1300.0, weight=1.0))

        assert bakes(CANARY, shifts[:1]) == Bakes(since=1000.0, bake_seconds=300, silence_seconds=300)
        assert bakes(CANARY, shifts) == Bakes(since=1300.0, bake_seconds=0, silence_seconds=0)

    @given(any_steps())
    def test_the_shifts_survive_the_way_through_json(self, steps: Steps) -> None:
        for shift in walked(schedule(steps)):
            assert Shifted.model_validate_json(shift.model_dump_json()) == shift


class TestAdaptive:
    @pytest.mark.parametrize("shifts", [0, 1, 7])
    def test_the_schedule_knows_the_first_weight_and_the_looks_know_the_others(self, shifts: int) -> None:
        assert next_weight(ADAPTIVELY, shifts) == 0.05

    def test_all_the_way_up_is_one_bake_from_the_first_shift_on(self) -> None:
        shifts = (Shifted(at=1000.0, weight=0.05), Shifted(at=1600.0, weight=0.4))

        assert bakes(ADAPTIVELY, shifts) == Bakes(since=1000.0, bake_seconds=3600, silence_seconds=SILENCE_SECONDS)

    def test_the_bake_is_over_with_the_whole_alias(self) -> None:
        shifts = (Shifted(at=1000.0, weight=0.05), Shifted(at=1600.0, weight=1.0))

        assert bakes(ADAPTIVELY, shifts).bake_seconds == 0

    def test_the_bake_is_as_long_as_the_request_allows(self) -> None:
        plan = schedule(ADAPTIVE, 600)

        assert bakes(plan, (Shifted(at=0.0, weight=0.05),)).bake_seconds == 600
