"""Every number of a request is read by one rule, and a wrong one is refused with the value that was given."""

from typing import Any

import pytest

from bluegreen.errors import InvalidRequest
from bluegreen.request.request import Request

REQUEST: dict[str, Any] = {"function": "Shop", "artifact": "s3://artifacts/new.zip"}
WHOLE = ("period_seconds", "delay_seconds", "slow_ms", "max_bake_seconds", "unmeasured_looks")
REAL = ("false_alarm", "margin", "icc")


def step(**fields: Any) -> dict[str, Any]:
    return {"traffic": {"steps": [{"weight": 0.1, "bake_seconds": 300} | fields]}}


def numbers(whole: Any, real: Any) -> list[Any]:
    """A request for each number that there is, with that number."""
    return [
        *({"health": {name: whole}} for name in WHOLE),
        *({"health": {name: real}} for name in REAL),
        step(bake_seconds=whole),
        step(weight=real),
        {"smoke_tests": [{"name": "it works", "max_duration_ms": whole}]},
    ]


def refusal(request: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(REQUEST | request)
    return str(refused.value)


@pytest.mark.parametrize("request_", [*numbers("600", "0.1"), *numbers(True, True), *numbers(60.5, "10%")], ids=str)
def test_text_and_truth_values_are_no_numbers(request_: dict[str, Any]) -> None:
    said = refusal(request_)

    assert "without quotes" in said or "as 60" in said
    assert said.count(";") <= 2, "nothing else is said to be wrong"


@pytest.mark.parametrize("request_", numbers(60.0, 0.1), ids=str)
def test_a_whole_number_may_have_a_point(request_: dict[str, Any]) -> None:
    """As JSONata and other languages write it."""
    Request.read(REQUEST | request_)


def test_a_number_out_of_its_range_is_shown() -> None:
    assert refusal(step(weight=10)) == "traffic.steps.0.weight: Input should be less than or equal to 1; it is 10"


def test_of_a_smoke_test_the_type_alone_is_shown() -> None:
    said = refusal({"smoke_tests": [{"name": "it works", "max_duration_ms": "secret"}]})

    assert "secret" not in said
    assert "it is a string of 6 characters" in said


def test_slow_ms_is_learnt_or_a_number() -> None:
    assert refusal({"health": {"slow_ms": "fast"}}) == (
        'health.slow_ms: write milliseconds as a number without quotes, as 800, or "learn"'
    )
    assert Request.read(REQUEST | {"health": {"slow_ms": "learn"}}).health.slow_ms == "learn"
