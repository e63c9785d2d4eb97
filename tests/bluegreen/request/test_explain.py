"""The words in which a request is refused: every wrong field, by the name that it has in the request."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bluegreen.errors import InvalidRequest
from bluegreen.request.explain import _models, explain
from bluegreen.request.request import Request
from tests.bluegreen.examples import ARTIFACT, IMAGE, request


def refusal(document: Any) -> str:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(document)
    return str(refused.value)


def test_every_wrong_field_is_named_at_once() -> None:
    said = refusal({"traffic": "Sideways", "health": {"delay_seconds": -1}})

    assert [part.partition(":")[0] for part in said.split("; ") if ":" in part][:2] == ["function", "artifact"]
    assert "traffic: 'Sideways' is not a strategy" in said
    assert "health.delay_seconds: " in said


@pytest.mark.parametrize(
    ("written", "meant"),
    [("trafic", "traffic"), ("Alias", "alias"), ("smoke_test", "smoke_tests"), ("artefact", "artifact")],
)
def test_a_misspelt_field_is_refused_with_the_one_that_was_meant(written: str, meant: str) -> None:
    assert refusal(request(**{written: "x"})) == f"{written}: unknown field; did you mean {meant}?"


def test_a_field_that_is_like_no_other_is_to_be_left_out() -> None:
    assert refusal(request(colour="blue")) == "colour: unknown field; leave it out"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"artifact": ARTIFACT | {"sha265": "x"}}, "artifact.sha265: unknown field; did you mean sha256?"),
        ({"health": {"delay_second": 1}}, "health.delay_second: unknown field; did you mean delay_seconds?"),
        (
            {"traffic": {"steps": [{"weight": 0.5, "bake_seconds": 1}], "final_bake_second": 1}},
            "traffic.final_bake_second: unknown field; did you mean final_bake_seconds?",
        ),
        (
            {"traffic": {"steps": [{"weight": 0.5, "bake_seconds": 1, "aprove": True}]}},
            "traffic.steps.0.aprove: unknown field; did you mean approve?",
        ),
        ({"smoke_tests": [{"name": "a", "expct": 1}]}, "smoke_tests.0.expct: unknown field; did you mean expect?"),
        (
            {"hooks": {"after_step": {"function": "F", "timeout": 1}}},
            "hooks.after_step.timeout: unknown field; did you mean timeout_seconds?",
        ),
        (
            {"health": {"logs": {"bad": "x", "request": "y"}}},
            "health.logs.request: unknown field; did you mean requests?",
        ),
        ({"artifact": ARTIFACT | {"versoin": "x"}}, "artifact.versoin: unknown field; did you mean version_id?"),
        (
            {"keep_versions": {"count": 3, "other": True}},
            "keep_versions.other: unknown field; did you mean also_others?",
        ),
    ],
)
def test_a_misspelt_field_of_a_part_is_refused_with_the_one_of_that_part(more: dict[str, Any], said: str) -> None:
    assert refusal(request(**more)) == said


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"artifact": {"bucket": "artifacts"}}, "artifact.key"),
        ({"artifact": {"image_uri": IMAGE, "key": "x"}}, "artifact.key"),
        ({"artifact": {"version": "x"}}, "artifact.version"),
        ({"traffic": {"steps": [{"weight": 5, "bake_seconds": 1}]}}, "traffic.steps.0.weight"),
        ({"smoke_tests": [{"name": ""}]}, "smoke_tests.0.name"),
        ({"smoke_tests": "on"}, "smoke_tests"),
    ],
)
def test_a_field_is_named_as_people_write_it_and_not_by_its_kind(more: dict[str, Any], field: str) -> None:
    assert refusal(request(**more)).partition(": ")[0] == field


def test_a_name_in_a_map_is_named_as_people_wrote_it() -> None:
    metric = {"name": "a", "namespace": "b", "bad": "c", "requests": "d", "dimensions": {"a\tb": "{version}"}}

    assert refusal(request(health={"metrics": [metric]})) == (
        "health.metrics.0.dimensions.a b: 'a b' has a character that cannot be printed; correct the name"
    )
    assert refusal(request(health={"metrics": [metric | {"dimensions": {"x": 5}}]})) == (
        "health.metrics.0.dimensions.x: 5 is no text; write it in quotes"
    )


def test_a_value_is_shown_as_far_as_there_is_room() -> None:
    said = refusal(request(function="x" * 60_000))

    assert said.startswith("function: 'xxx")
    assert " … does not match " in said
    assert len(said) < 300


@pytest.mark.parametrize("field", ["function", "alias", "artifact", "traffic", "health", "bypass", "started_by"])
@pytest.mark.parametrize("payload", [["secret"], {"deep": {"token": "secret"}}], ids=["list", "object"])
def test_what_has_parts_is_told_by_its_type_wherever_it_was_written(field: str, payload: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Request.read(request() | {field: payload})

    assert "secret" not in str(refused.value)


ANYTHING: tuple[Any, ...] = (None, True, 1.5, -1, 10**400, "", "x", "\ud83d", [], [1], [[]], [None], {}, {"x": 1})
OF_THE_VALIDATOR = re.compile(
    r"Input should|[Vv]alid|type=|pydantic|Value error|Assertion|should (have|match)|None|True"
)


def fields(model: type[BaseModel], *before: str) -> Iterator[tuple[str, ...]]:
    """The way to every field, also within objects and lists."""
    for name, field in model.model_fields.items():
        yield (*before, name)
        for inner in dict.fromkeys(_models(field.annotation, None)):
            yield from fields(inner, *before, name)


def written(way: tuple[str, ...], value: Any) -> Any:
    """A request with that value there."""
    found = request()
    place: Any = found
    for name in way[:-1]:
        place[name] = [{}] if name in ("steps", "smoke_tests", "metrics") else {}
        place = place[name][0] if isinstance(place[name], list) else place[name]
    place[way[-1]] = value
    return found


@pytest.mark.parametrize("way", sorted(set(fields(Request))), ids=".".join)
def test_whatever_is_written_into_a_field_is_refused_in_our_words(way: tuple[str, ...]) -> None:
    refused = []
    for value in ANYTHING:
        try:
            Request.read(written(way, value))
        except InvalidRequest as error:
            refused.append(str(error))

    assert refused
    for said in refused:
        assert OF_THE_VALIDATOR.search(said) is None, said
        assert re.match(r"[a-z_.0-9]+: ", said), said


def test_an_error_that_has_no_words_yet_is_told_all_the_same() -> None:
    class Moment(BaseModel):
        at: datetime

    with pytest.raises(ValidationError) as error:
        Moment.model_validate({"at": "x"})

    assert explain(error.value, Moment) == "at: 'x' cannot be taken; docs/request.md says what may be written"


def test_words_for_what_is_written_are_those_of_json() -> None:
    assert refusal(request(alias=True)) == "alias: true is no text; write it in quotes"
    assert refusal(request(bypass="forbid")) == "bypass: 'forbid' is unknown; write 'allow'"
    assert refusal(request(from_elsewhere=None)).startswith("from_elsewhere: null is neither true nor false")
