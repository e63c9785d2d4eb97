"""Every number of a request is read by one rule, and a wrong one is refused with the value that was given."""

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel

from bluegreen.errors import InvalidRequest
from bluegreen.request.numbers import Real, Whole
from bluegreen.request.request import Request

REQUEST: dict[str, Any] = {"function": "Shop", "artifact": "s3://artifacts/new.zip"}
WHOLE = (
    "period_seconds",
    "delay_seconds",
    "slow_ms",
    "max_bake_seconds",
    "unmeasured_looks",
)
HURRY = "promote_by_seconds"
REAL = ("false_alarm", "margin", "icc")


def step(**fields: Any) -> dict[str, Any]:
    return {"traffic": {"steps": [{"weight": 0.1, "bake_seconds": 300} | fields]}}


def numbers(whole: Any, real: Any, by: Any) -> list[Any]:
    """A request for each number that there is, with that number; `by` is a time of Adaptive."""
    return [
        {"traffic": "Adaptive", "health": {HURRY: by}},
        *({"health": {name: whole}} for name in WHOLE),
        *({"health": {name: real}} for name in REAL),
        step(bake_seconds=whole),
        step(weight=real),
        {"traffic": {"steps": [{"weight": 0.1, "bake_seconds": 300}], "keep_control": real}},
        {"smoke_tests": [{"name": "it works", "max_duration_ms": whole}]},
    ]


def numbers_of(hint: Any, at: str = "", limits: tuple[Any, ...] = ()) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every number in a type, by the fields that lead to it, with the limits that stand at it."""
    if get_origin(hint) is Annotated:
        inner, *more = get_args(hint)
        given = [each for field in more for each in getattr(field, "metadata", [field])]
        yield from numbers_of(inner, at, (*limits, *(each for each in given if isinstance(each, (Ge, Gt, Le, Lt)))))
    elif hint in (int, float):
        yield at, limits
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, field in hint.model_fields.items():
            yield from numbers_of(Annotated[field.annotation, *field.metadata, ""], f"{at}.{name}".lstrip("."))
    elif get_origin(hint) in (tuple, dict, list, Union, types.UnionType):
        for part in get_args(hint):
            yield from numbers_of(part, at, limits)


EVERY_NUMBER = dict(numbers_of(Request))
DOCUMENTED = (Path(__file__).parents[3] / "docs" / "request.md").read_text()


def test_the_numbers_of_a_request_are_found() -> None:
    assert set(EVERY_NUMBER) == {
        "artifact.size_bytes",
        "traffic.steps.weight",
        "traffic.steps.bake_seconds",
        "traffic.final_bake_seconds",
        "traffic.keep_control",
        "smoke_tests.max_duration_ms",
        *(f"hooks.{moment}.timeout_seconds" for moment in ("before_traffic", "after_step", "after_traffic")),
        "approval.timeout_seconds",
        "keep_versions",
        "keep_versions.count",
        *(f"health.{name}" for name in (*WHOLE, HURRY, *REAL)),
    }
    assert [*numbers_of(tuple[Whole, ...])] == [("", ())]
    assert [*numbers_of(dict[str, Annotated[Real, Ge(0)] | None])] == [("", (Ge(0),))]


@pytest.mark.parametrize("field", EVERY_NUMBER)
def test_every_number_has_both_limits(field: str) -> None:
    limits = EVERY_NUMBER[field]

    assert any(isinstance(each, (Ge, Gt)) for each in limits)
    assert any(isinstance(each, (Le, Lt)) for each in limits)


@pytest.mark.parametrize("field", EVERY_NUMBER)
def test_both_limits_of_every_number_are_documented(field: str) -> None:
    (least,) = [each for each in EVERY_NUMBER[field] if isinstance(each, (Ge, Gt))]
    (most,) = [each for each in EVERY_NUMBER[field] if isinstance(each, (Le, Lt))]
    words = (
        f"{least.ge:,} at least" if isinstance(least, Ge) else f"more than {least.gt:,}",
        f"{most.le:,} at most" if isinstance(most, Le) else f"less than {most.lt:,}",
    )
    part = re.sub(r"^hooks\.[a-z_]+\.", "hooks.*.", field)

    [row] = [line for line in DOCUMENTED.splitlines() if line.startswith(f"| `{part}` |")]
    assert f"number, {words[0]}, {words[1]}" in row


@pytest.mark.parametrize("field", EVERY_NUMBER)
def test_a_number_beyond_a_limit_is_refused_by_name(field: str) -> None:
    for number in (-(10**40), 10**40):
        request: Any = number
        for name in reversed(field.split(".")):
            request = {name: [request] if name in ("steps", "smoke_tests") else request}
        request |= {"artifact": REQUEST["artifact"]} if "artifact" not in request else {}
        assert field.rpartition(".")[2] in refusal(request)


def refusal(request: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(REQUEST | request)
    return str(refused.value)


@pytest.mark.parametrize(
    "request_", [*numbers("600", "0.1", "600"), *numbers(True, True, True), *numbers(60.5, "10%", 600.5)], ids=str
)
def test_text_and_truth_values_are_no_numbers(request_: dict[str, Any]) -> None:
    said = refusal(request_)

    assert "without quotes" in said or "as 60" in said
    assert said.count(";") <= 2, "nothing else is said to be wrong"


@pytest.mark.parametrize("request_", numbers(60.0, 0.1, 600.0), ids=str)
def test_a_whole_number_may_have_a_point(request_: dict[str, Any]) -> None:
    """As JSONata and other languages write it."""
    Request.read(REQUEST | request_)


def test_a_number_out_of_its_range_is_shown() -> None:
    assert refusal(step(weight=10)) == "traffic.steps.0.weight: 10 is too large; write 1 or less"
    assert refusal({"health": {"false_alarm": 0}}) == "health.false_alarm: 0 is too small; write 0.000000001 or more"


def test_of_a_smoke_test_the_type_alone_is_shown() -> None:
    said = refusal({"smoke_tests": [{"name": "it works", "max_duration_ms": "secret"}]})

    assert "secret" not in said
    assert "a string of 6 characters is not a whole number" in said


def test_slow_ms_is_learnt_or_a_number() -> None:
    assert refusal({"health": {"slow_ms": "fast"}}) == (
        'health.slow_ms: write milliseconds as a number without quotes, as 800, or "learn"'
    )
    assert Request.read(REQUEST | {"health": {"slow_ms": "learn"}}).health.slow_ms == "learn"
