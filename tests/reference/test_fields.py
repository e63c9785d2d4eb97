"""The reference of requests and releases: it is that of the models, an editor can use it, and every example fits it."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from bluegreen.errors import InvalidRequest
from bluegreen.request.release import Release
from bluegreen.request.release_document import Document, Entry
from bluegreen.request.request import SCHEMA as NAMES_THE_SCHEMA
from bluegreen.request.request import Request
from bluegreen.request.schema import schema
from reference.fields import RELEASE, REQUEST, Reference

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("[a-z]*/README.md"))]
WHOLE = {"function": "Shop", "artifact": {"version": "7"}}

FILE = jsonschema_rs.Draft202012Validator(schema())
COMPLETE = jsonschema_rs.Draft202012Validator({**schema(), "$ref": "#/$defs/Request"})
OF_A_RELEASE = jsonschema_rs.Draft202012Validator(RELEASE.schema)

each_document = pytest.mark.parametrize("reference", [REQUEST, RELEASE], ids=["request", "release"])


def is_a_request(found: Any) -> bool:
    """Each of its keys is a field of a request."""
    return isinstance(found, dict) and bool(found) and found.keys() <= {NAMES_THE_SCHEMA, *Request.model_fields}


def requests_of(page: Path) -> list[dict[str, Any]]:
    """Requests, or the rest of one, in blocks of JSON and in a line's code."""
    text = page.read_text()
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    inline = re.findall(r"`(\{\"function\".*?\})`", text)
    return [each for each in (*blocks, *map(json.loads, inline)) if is_a_request(each)]


EXAMPLES = [
    *((str(page.relative_to(ROOT)), request) for page in PAGES for request in requests_of(page)),
    *(
        (str(file.relative_to(ROOT)), json.loads(file.read_text()))
        for file in sorted(ROOT.glob("examples/*/*.json"))
        if file.name == "deployment.json"
    ),
]


@each_document
def test_the_schema_is_that_of_the_models(reference: Reference) -> None:
    assert reference.file.read_text() == reference.schema_as_text, "run `make schema`"


@each_document
def test_the_page_has_the_tables_of_the_models(reference: Reference) -> None:
    assert reference.page.read_text() == reference.page_as_text, "run `make schema`"


@each_document
def test_every_field_says_what_it_is_for(reference: Reference) -> None:
    assert [row.field for row in reference.rows if not row.about.endswith(".")] == []


def test_the_tables_have_every_field() -> None:
    requests, releases = ({row.field for row in each.rows} for each in (REQUEST, RELEASE))

    assert {field for field in requests if "." not in field} == {
        NAMES_THE_SCHEMA,
        *(name for name in Request.model_fields if name != "deployment_json"),
    }
    assert {field for field in releases if "." not in field} == {NAMES_THE_SCHEMA, *Document.model_fields}
    assert {field for field in releases if field.startswith("functions.")} == {
        f"functions.{name}" for name in Entry.model_fields
    }
    assert {"waves.hooks.before", "targets.role"} <= releases


def test_the_examples_are_found() -> None:
    found = [name for name, _ in EXAMPLES]

    assert {"README.md", "docs/request.md", "examples/job/deployment.json"} <= {*found}
    assert found.count("README.md") >= 2


@pytest.mark.parametrize(("where", "request_"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_fits_the_schema_and_is_read(where: str, request_: dict[str, Any]) -> None:
    FILE.validate(request_)
    COMPLETE.validate(WHOLE | request_)
    Request.read(WHOLE | request_)


@pytest.mark.parametrize(
    "rest",
    [
        {"trafic": "AllAtOnce"},
        {"traffic": "Canary20Percent5Minutes"},
        {"traffic": {"steps": []}},
        {"health": {"unmeasured_looks": 101}},
        {"health": {"false_alarm": 1}},
        {"health": {"no_trafic": "probe"}},
        {"smoke_tests": [{"payload": {}}]},
        {"approval": {"timeout_seconds": 59}},
        {"$schema": 7},
    ],
    ids=json.dumps,
)
def test_an_editor_shows_the_mistakes_that_the_deployer_refuses(rest: dict[str, Any]) -> None:
    assert not FILE.is_valid(rest)
    with pytest.raises(InvalidRequest):
        Request.read(WHOLE | rest)


def test_a_file_need_not_be_complete_and_a_request_must_be() -> None:
    assert FILE.is_valid({})
    assert not COMPLETE.is_valid({"function": "Shop"})


def test_an_editor_completes_the_names_of_strategies() -> None:
    assert "Linear10PercentEvery2Minutes" in json.dumps(schema()["properties"]["traffic"])


def test_the_schema_that_a_file_names_is_no_part_of_the_request() -> None:
    read = Request.read(WHOLE | {NAMES_THE_SCHEMA: "../request.schema.json"})

    assert read.to_json() == WHOLE


A_FUNCTION = {"function": "Shop", "artifact": {"version": "7"}}


@pytest.mark.parametrize(
    "rest",
    [
        {"trafic": "AllAtOnce"},
        {"traffic": "Adaptive"},
        {"functions": []},
        {"functions": [{"function": "Shop"}]},
        {"functions": [A_FUNCTION | {"traffic": "AllAtOnce"}]},
        {"functions": [A_FUNCTION | {"depends_on": ["Shop:"]}]},
        {"defaults": {"function": "Shop"}},
        {"waves": []},
        {"waves": [{"most": 0}]},
        {"waves": [{"share": 1.1}]},
        {"targets": {"eu": {"region": "Europe", "role": "arn:aws:iam::111122223333:role/R", "bucket": "artifacts"}}},
        {"targets": {"eu": {"region": "eu-west-1", "role": "R", "bucket": "artifacts"}}},
        {"calls_per_second": 15},
        {"false_alarm": 0.2},
        {"tolerate": -1},
    ],
    ids=json.dumps,
)
def test_an_editor_shows_the_mistakes_of_a_release_that_the_deployer_refuses(rest: dict[str, Any]) -> None:
    right = {"functions": [A_FUNCTION]}

    OF_A_RELEASE.validate(right)
    assert not OF_A_RELEASE.is_valid(right | rest)
    with pytest.raises(InvalidRequest):
        Release.read(right | rest)
