"""The OpenAPI document of the API: committed, served, and true of the template. tests/fuzz tries what it says."""

import json
import tomllib
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from bluegreen.api.openapi import document
from bluegreen.api.routes import Router
from bluegreen.api.served import ROUTERS
from bluegreen.ledger.record import KEPT_BACK, Record
from bluegreen.request.request import Request
from tests.machine.asking import ask
from tests.template.stack import TEMPLATE, stack

ROOT = Path(__file__).parents[2]
DOCUMENT = document(ROUTERS)
OPERATIONS = {
    each["operationId"]: (method.upper(), path, each)
    for path, methods in DOCUMENT["paths"].items()
    for method, each in methods.items()
}


def test_the_committed_document_is_what_the_routes_say() -> None:
    committed = json.loads((ROOT / "docs" / "openapi.json").read_text())

    assert committed == DOCUMENT, "write it anew: make openapi"


@pytest.mark.usefixtures("deployer")
def test_the_api_answers_the_document() -> None:
    assert ask("GET", "/openapi.json") == (200, DOCUMENT)


def test_its_version_is_that_of_the_product() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert DOCUMENT["info"]["version"] == project["version"]


def test_it_has_the_routes_of_the_template_under_the_names_of_their_events() -> None:
    routes = stack().properties("Api")["Body"]["paths"]
    of_template = {(method.upper(), path) for path, methods in routes.items() for method in methods}

    assert {(method, path) for method, path, _ in OPERATIONS.values()} == of_template
    for name, (method, path, _) in OPERATIONS.items():
        (event,) = [
            line for line in TEMPLATE.read_text().splitlines() if line.strip().startswith(f"{name}: {{ Type: HttpApi")
        ]
        assert f"Method: {method}, Path: {path} " in event.replace('"', ""), name


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_route_says_what_it_is_for_and_what_it_refuses(name: str) -> None:
    _, _, operation = OPERATIONS[name]

    assert operation["summary"]
    assert {"400", "403", "429", "500", "503"} < set(operation["responses"])
    assert [status for status in operation["responses"] if status.startswith("2")]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_parts_of_a_path_are_described(name: str) -> None:
    _, path, operation = OPERATIONS[name]
    described = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]

    assert [f"{{{part}}}" for part in described] == [part for part in path.split("/") if part.startswith("{")]


def test_requests_are_signed() -> None:
    assert DOCUMENT["security"] == [{"SigV4": []}]
    assert DOCUMENT["components"]["securitySchemes"]["SigV4"]["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_a_body_is_described_by_the_model_that_reads_it() -> None:
    described = DOCUMENT["components"]["schemas"]["Request"]

    assert set(described["properties"]) == set(Request.model_fields) - {"deployment_json"}
    assert described["additionalProperties"] is False


def test_a_deployment_has_the_fields_that_a_record_shows() -> None:
    described = set(DOCUMENT["components"]["schemas"]["Deployment"]["properties"])

    assert described == set(Record.model_fields) - KEPT_BACK | {"function", "alias", "account", "region"}
    assert "proof" not in described


def test_a_route_that_is_added_is_described() -> None:
    router = Router()

    @router.offers("PUT", "/things/{id}", "ChangeThing", answers={HTTPStatus.OK: dict[str, int]})
    def change(thing: str) -> dict[str, Any]:
        """
        Change a thing.

        Its colour stays.
        """
        return {}

    described = document((router,))["paths"]["/things/{id}"]["put"]
    assert (described["summary"], described["description"]) == ("Change a thing", "Its colour stays.")
    assert [each["name"] for each in described["parameters"]] == ["id"]
