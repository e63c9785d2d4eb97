"""
The description of the API as an OpenAPI document, made of what the routes say of themselves.

    GET /openapi.json   this document
"""

import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

from bluegreen import VERSION
from bluegreen.api.routes import PATH, Answer, Operation, Parameter, Router
from bluegreen.request.schema import WithLimits

TYPE = "application/json"
MODE: Literal["validation"] = "validation"
"""Of pydantic's schemas, also of answers: fields without a value are left out there, as those with a default here."""
REFUSAL = ("", "refusal")

REFUSES = {
    HTTPStatus.BAD_REQUEST: "`message` names the field or the parameter that is wrong. Nothing was changed.",
    HTTPStatus.FORBIDDEN: "The IAM principal may not do this, or did not sign the request.",
    HTTPStatus.TOO_MANY_REQUESTS: "More requests than the stage takes at a time; try again in a moment.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "ServeApi failed, and an alarm of the stack rings. The log group has the reason.",
    HTTPStatus.SERVICE_UNAVAILABLE: "AWS could not answer now; try again in a moment.",
}
"""What every route may answer. API Gateway itself answers 429, 500 and most of 403."""

ABOUT = (
    "Zero-downtime deployments for AWS Lambda. Requests are signed (SigV4) for the service `execute-api`. "
    "API Gateway answers 404 for a path or a method that is not described here."
)

SIGNED = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
"""As AWS itself writes it: OpenAPI has no type of its own for SigV4."""


class Refusal(Answer):
    """Why a request was not served. Some refusals have the parts of `message` apart, too."""

    message: str
    statusCode: int | None = None  # noqa: N815  # Powertools' name
    what: str | None = None
    untouched: str | None = None
    advice: str | None = None


def describing(*others: Router) -> Router:
    """A router that serves the document of the others' routes and its own."""
    router = Router()

    @router.offers("GET", "/openapi.json", "ReadDocument", answers={HTTPStatus.OK: dict[str, Any]})
    def described() -> dict[str, Any]:
        """Answer the description of this API, in OpenAPI."""
        return document((*others, router))

    return router


@cache
def document(routers: tuple[Router, ...]) -> dict[str, Any]:
    """The document, in the order of the routers."""
    operations = [operation for router in routers for operation in router.operations]
    keys = {(each.name, place): kind for each in operations for place, kind in _types(each)}
    keys[REFUSAL] = Refusal
    schemas, defined = TypeAdapter.json_schemas(
        [(key, MODE, TypeAdapter(kind)) for key, kind in keys.items()],
        ref_template="#/components/schemas/{model}",
        schema_generator=WithLimits,
    )
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        own = {place: schemas[(each.name, place), MODE] for place, _ in _types(each)}
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, own, schemas[REFUSAL, MODE])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lambda Blue/Green", "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"SigV4": []}],
        "paths": paths,
        "components": {
            "schemas": defined["$defs"],
            "responses": {_named(each): _answer(why, schemas[REFUSAL, MODE]) for each, why in REFUSES.items()},
            "securitySchemes": {"SigV4": SIGNED},
        },
    }


def _types(of: Operation) -> Iterable[tuple[str, Any]]:
    """Each type of a route, by its place there."""
    if of.body:
        yield "body", of.body
    yield from ((name, parameter.type) for name, _, parameter in _parameters(of))
    yield from ((str(status.value), kind) for status, kind in of.answers.items())


def _parameters(of: Operation) -> Iterable[tuple[str, str, Parameter]]:
    yield from ((name, "path", PATH[name]) for name in re.findall("{([a-z]+)}", of.path))
    yield from ((name, "query", parameter) for name, parameter in of.query.items())


def _operation(of: Operation, schemas: dict[str, Any], refusal: Any) -> dict[str, Any]:
    summary, _, more = of.about.partition("\n\n")
    described: dict[str, Any] = {"operationId": of.name, "summary": summary.rstrip(".")}
    if more:
        described["description"] = more
    parameters = [
        {
            "name": name,
            "in": where,
            "description": parameter.about,
            "required": where == "path" or parameter.required,
            "schema": schemas[name],
        }
        for name, where, parameter in _parameters(of)
    ]
    if parameters:
        described["parameters"] = parameters
    if of.body:
        described["requestBody"] = {"required": of.needs_body, "content": _content(schemas["body"])}
    answers = {status: _answer(status.phrase, schemas[str(status.value)]) for status in of.answers}
    answers |= {status: {"$ref": f"#/components/responses/{_named(status)}"} for status in REFUSES}
    answers |= {status: _answer(why, refusal) for status, why in of.refuses.items()}
    described["responses"] = {str(status.value): answer for status, answer in sorted(answers.items())}
    return described


def _named(status: HTTPStatus) -> str:
    return status.phrase.replace(" ", "")


def _answer(about: str, schema: Any) -> dict[str, Any]:
    return {"description": about, "content": _content(schema)}


def _content(schema: Any) -> dict[str, Any]:
    return {TYPE: {"schema": schema}}
