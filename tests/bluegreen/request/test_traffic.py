"""How green's share of the alias grows: CodeDeploy's names with their timing, Adaptive, and free steps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bluegreen.errors import InvalidRequest
from bluegreen.request.health import Health
from bluegreen.request.request import Request
from bluegreen.request.traffic import (
    ADAPTIVE,
    ADAPTIVE_SECONDS,
    LONGEST_BAKE_SECONDS,
    STRATEGIES,
    Schedule,
    Steps,
    known,
    schedule,
)
from tests.bluegreen.examples import request
from tests.bluegreen.strategies import any_steps

TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

CODE_DEPLOY = [
    ("AllAtOnce", [(1.0, 0)]),
    ("Canary10Percent5Minutes", [(0.1, 300), (1.0, 0)]),
    ("Canary10Percent10Minutes", [(0.1, 600), (1.0, 0)]),
    ("Canary10Percent15Minutes", [(0.1, 900), (1.0, 0)]),
    ("Canary10Percent30Minutes", [(0.1, 1800), (1.0, 0)]),
    ("Linear10PercentEvery1Minute", [*((weight, 60) for weight in TENTHS), (1.0, 0)]),
    ("Linear10PercentEvery2Minutes", [*((weight, 120) for weight in TENTHS), (1.0, 0)]),
    ("Linear10PercentEvery3Minutes", [*((weight, 180) for weight in TENTHS), (1.0, 0)]),
    ("Linear10PercentEvery10Minutes", [*((weight, 600) for weight in TENTHS), (1.0, 0)]),
]


def steps_of(plan: Schedule) -> list[tuple[float, int]]:
    return [(step.weight, step.bake_seconds) for step in plan.steps]


class TestStrategies:
    @pytest.mark.parametrize(("name", "steps"), CODE_DEPLOY)
    def test_a_codedeploy_name_has_codedeploys_weights_and_minutes(
        self, name: str, steps: list[tuple[float, int]]
    ) -> None:
        plan = schedule(name)

        assert plan.name == name
        assert steps_of(plan) == steps

    def test_there_are_codedeploys_nine_and_no_others(self) -> None:
        assert sorted(STRATEGIES) == sorted(name for name, _ in CODE_DEPLOY)

    @pytest.mark.parametrize("name", [*STRATEGIES, ADAPTIVE])
    def test_a_strategy_is_known_by_its_name(self, name: str) -> None:
        assert known(name) == name
        assert Request.read(request(traffic=name)).traffic == name

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_a_strategy_is_known_by_codedeploys_full_name(self, name: str) -> None:
        assert Request.read(request(traffic=f"CodeDeployDefault.Lambda{name}")).traffic == name

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("Canary10Percent5Minute", "Canary10Percent5Minutes"),
            ("canary10percent5minutes", "Canary10Percent5Minutes"),
            ("Linear10PercentEvery2Minute", "Linear10PercentEvery2Minutes"),
            ("Allatonce", "AllAtOnce"),
            ("adaptive", "Adaptive"),
        ],
    )
    def test_a_misspelt_strategy_is_refused_with_the_one_that_was_meant(self, written: str, meant: str) -> None:
        with pytest.raises(ValueError, match=f"did you mean {meant}"):
            known(written)

    def test_a_strategy_that_is_like_no_other_is_refused_with_all_there_are(self) -> None:
        with pytest.raises(ValueError, match="is not a strategy") as refusal:
            known("Sideways")

        assert "did you mean" not in str(refusal.value)
        assert all(name in str(refusal.value) for name in [*STRATEGIES, ADAPTIVE])


class TestFreeSteps:
    def test_the_last_step_is_implied_and_bakes_as_long_as_the_request_says(self) -> None:
        steps = Steps.model_validate({"steps": [{"weight": 0.05, "bake_seconds": 120}], "final_bake_seconds": 600})

        assert steps_of(schedule(steps)) == [(0.05, 120), (0.95, 600), (1.0, 0)]

    def test_a_last_step_of_the_whole_alias_is_not_added_twice(self) -> None:
        steps = Steps.model_validate({"steps": [{"weight": 0.5, "bake_seconds": 1}, {"weight": 1, "bake_seconds": 2}]})

        assert steps_of(schedule(steps)) == [(0.5, 1), (0.95, 2), (1.0, 0)]

    @pytest.mark.parametrize(
        ("kept", "weights", "final", "steps"),
        [
            (0.2, [(0.5, 60)], 60, [(0.5, 60), (0.8, 60), (1.0, 0)]),
            (0, [(0.5, 60)], 60, [(0.5, 60), (1.0, 60)]),
            (0.2, [(0.5, 60)], 0, [(0.5, 60), (1.0, 0)]),
            (0.2, [(0.5, 60), (0.9, 30)], 60, [(0.5, 60), (0.9, 90), (1.0, 0)]),
            (0.01, [(0.995, 60)], 600, [(0.995, 660), (1.0, 0)]),
        ],
    )
    def test_blue_keeps_a_share_during_a_bake_at_the_end(
        self, kept: float, weights: Any, final: int, steps: Any
    ) -> None:
        written = [{"weight": weight, "bake_seconds": bake} for weight, bake in weights]
        traffic = Steps.model_validate({"steps": written, "final_bake_seconds": final, "keep_control": kept})

        assert steps_of(schedule(traffic)) == steps

    def test_a_share_that_no_alias_can_say_is_refused(self) -> None:
        with pytest.raises(ValidationError, match=r"keep_control\n.*an alias keeps three decimals; write 0.012"):
            Steps.model_validate({"steps": [{"weight": 0.5, "bake_seconds": 1}], "keep_control": 0.0123})

    def test_steps_are_read_from_a_request(self) -> None:
        read = Request.read(request(traffic={"steps": [{"weight": 0.1, "bake_seconds": 5}], "final_bake_seconds": 7}))

        assert isinstance(read.traffic, Steps)
        assert steps_of(schedule(read.traffic)) == [(0.1, 5), (0.95, 7), (1.0, 0)]

    @pytest.mark.parametrize(
        ("traffic", "complaint"),
        [
            ({"steps": []}, "at least 1"),
            ({"steps": [{"weight": 0, "bake_seconds": 1}]}, "greater than"),
            ({"steps": [{"weight": -0.1, "bake_seconds": 1}]}, "greater than"),
            ({"steps": [{"weight": 1.01, "bake_seconds": 1}]}, "less than or equal to 1"),
            ({"steps": [{"weight": float("nan"), "bake_seconds": 1}]}, "steps.0.weight"),
            ({"steps": [{"weight": 0.5, "bake_seconds": -1}]}, "greater than or equal to 0"),
            ({"steps": [{"weight": 0.5}]}, "required"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 1.5}]}, "integer"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 1}], "final_bake_seconds": -1}, "greater than or equal to 0"),
            (
                {"steps": [{"weight": 0.5, "bake_seconds": 1}, {"weight": 0.5, "bake_seconds": 1}]},
                "step 2 has 0.5 after 0.5; write each weight larger",
            ),
            (
                {"steps": [{"weight": weight, "bake_seconds": 1} for weight in (0.1, 0.3, 0.2)]},
                "step 3 has 0.2 after 0.3",
            ),
            (
                {"steps": [{"weight": 0.1, "bake_seconds": 1}, {"weight": 1 / 3, "bake_seconds": 1}]},
                "step 2 has the weight 0.3333333333333333, and an alias keeps three decimals; write 0.333",
            ),
            ({"steps": [{"weight": 1, "bake_seconds": 1}], "final_bake_seconds": 5}, "leave out final_bake_seconds"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 172_800}], "final_bake_seconds": 1}, "48 hours"),
            ({"steps": [{"weight": 0.5, "bake_seconds": 1, "wieght": 1}]}, "Extra inputs"),
            ({"steps": [{"weight": each / 1000, "bake_seconds": 1} for each in range(1, 502)]}, "at most 500"),
        ],
    )
    def test_steps_that_cannot_be_taken_are_refused(self, traffic: dict[str, Any], complaint: str) -> None:
        with pytest.raises(ValidationError, match=complaint):
            Steps.model_validate(traffic)

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("Canary10Percent5Minute", "traffic: 'Canary10Percent5Minute' is not a strategy; did you mean Canary10"),
            (5, "traffic: 5 is not a JSON object"),
            ({"steps": [{"weight": 2, "bake_seconds": 1}]}, "traffic.steps.0.weight: "),
            ({"steps": [{"weight": 0.1, "bake_seconds": -1}]}, "traffic.steps.0.bake_seconds: "),
            ({"steps": [{"weight": 0.1, "bake_seconds": 1}], "final": 1}, "traffic.final: unknown field"),
            (
                {"steps": [{"weight": 0.2, "bake_seconds": 1}, {"weight": 0.1, "bake_seconds": 1}]},
                "traffic: weights must climb",
            ),
        ],
    )
    def test_traffic_that_cannot_be_had_is_refused_by_field(self, written: Any, said: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            Request.read(request(traffic=written))

        assert str(refused.value).startswith(said)

    def test_two_days_of_bakes_are_allowed(self) -> None:
        Steps.model_validate({"steps": [{"weight": 0.5, "bake_seconds": 172_799}], "final_bake_seconds": 1})


class TestTheSchedule:
    def test_adaptive_has_no_steps_and_an_hour_unless_the_request_says_otherwise(self) -> None:
        assert schedule(ADAPTIVE) == Schedule(name=ADAPTIVE, longest_seconds=ADAPTIVE_SECONDS)
        assert schedule(ADAPTIVE, 600).longest_seconds == 600
        assert schedule(ADAPTIVE).adaptive

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_a_schedule_with_steps_is_not_adaptive(self, name: str) -> None:
        assert not schedule(name).adaptive

    @pytest.mark.parametrize(
        ("traffic", "max_bake_seconds", "longest"),
        [
            ("AllAtOnce", None, 0),
            ("AllAtOnce", 600, 0),
            ("Canary10Percent5Minutes", None, 300),
            ("Canary10Percent5Minutes", 100, 300),
            ("Canary10Percent5Minutes", 600, 600),
            ("Linear10PercentEvery1Minute", 600, 5400),
            ("Adaptive", 600, 600),
        ],
    )
    def test_a_step_that_bakes_may_be_drawn_out_and_one_that_does_not_may_not(
        self, traffic: str, max_bake_seconds: int | None, longest: int
    ) -> None:
        assert schedule(traffic, max_bake_seconds).longest_in_all == longest

    @given(any_steps())
    def test_a_schedule_ends_with_the_whole_alias_and_bakes_no_longer_than_two_days(self, steps: Steps) -> None:
        plan = schedule(steps)

        assert plan.steps[-1].weight == 1
        assert plan.longest_in_all <= LONGEST_BAKE_SECONDS


class TestAScheduleThatIsOverBeforeGreenIsSeen:
    @pytest.mark.parametrize(
        ("weights", "final", "held"),
        [
            ([(0.1, 30), (0.5, 30)], 0, [(0.1, 30), (0.5, 210), (1.0, 0)]),
            ([(0.1, 30)], 60, [(0.1, 180), (0.95, 60), (1.0, 0)]),
            ([(0.1, 0), (0.5, 0)], 0, [(0.1, 0), (0.5, 240), (1.0, 0)]),
            ([(1, 30)], 0, [(0.95, 240), (1.0, 0)]),
            ([(0.1, 120), (0.5, 120)], 0, [(0.1, 120), (0.5, 120), (1.0, 0)]),
        ],
    )
    def test_is_held_where_blue_still_has_a_half(self, weights: Any, final: int, held: Any) -> None:
        steps = [{"weight": weight, "bake_seconds": bake} for weight, bake in weights]
        plan = schedule(Steps.model_validate({"steps": steps, "final_bake_seconds": final}), sight_seconds=240)

        assert steps_of(plan) == held
        assert plan.held_seconds == sum(bake for _, bake in held) - sum(bake for _, bake in weights) - final

    @pytest.mark.parametrize("name", [*STRATEGIES])
    def test_is_no_strategy_with_a_name_unless_the_metrics_are_slower_than_lambdas(self, name: str) -> None:
        assert schedule(name, sight_seconds=Health().sight_seconds) == schedule(name)

        seen = schedule(name, sight_seconds=100_000)
        assert sum(step.bake_seconds for step in seen.steps) == (0 if name == "AllAtOnce" else 100_000)

    @given(any_steps(), st.integers(0, 2000))
    def test_is_over_no_sooner_than_it_is_seen(self, steps: Steps, sight: int) -> None:
        plan, asked = schedule(steps, sight_seconds=sight), schedule(steps)

        assert sum(step.bake_seconds for step in plan.steps) >= sight
        assert [step.weight for step in plan.steps] == [step.weight for step in asked.steps]
        assert all(held.bake_seconds >= step.bake_seconds for held, step in zip(plan.steps, asked.steps, strict=True))

    def test_is_refused_under_adaptive_with_the_least_that_works(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            Request.read(request(traffic=ADAPTIVE, health={"max_bake_seconds": 239}))

        assert "health.max_bake_seconds: Adaptive would be over after 239 seconds" in str(refused.value)
        assert "write 240 or more" in str(refused.value)
        Request.read(request(traffic=ADAPTIVE, health={"max_bake_seconds": 240}))

    def test_is_refused_if_green_could_keep_its_share_for_days_without_metrics(self) -> None:
        steps = {"steps": [{"weight": 0.5, "bake_seconds": 90_000}]}

        with pytest.raises(InvalidRequest, match=r"health.unmeasured_looks: green would keep its share for 216000 sec"):
            Request.read(request(traffic=steps, health={"period_seconds": 43_200}))
        Request.read(request(traffic=steps, health={"period_seconds": 43_200, "unmeasured_looks": 4}))

    def test_is_refused_if_a_deployment_cannot_be_as_long(self) -> None:
        health = {"period_seconds": 86_400}

        with pytest.raises(InvalidRequest, match=r"health.period_seconds: green would be seen after 172920 seconds"):
            Request.read(request(traffic="Canary10Percent5Minutes", health=health))
        Request.read(request(traffic="AllAtOnce", health=health))
