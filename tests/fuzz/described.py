"""The API, tried by schemathesis with what its own OpenAPI document says of each route."""

import base64
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import boto3
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import serve_api
from bluegreen.api.openapi import document
from bluegreen.api.served import ROUTERS
from bluegreen.document import DEPLOYED
from tests.fuzz.machine import taking_all
from tests.fuzz.playing import Play
from tests.handlers.desk import Desks, context_of, in_its_role
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, STACK, place

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
"""
Left out are the checks of what API Gateway does before ServeApi is invoked: it refuses methods that there are not.
Left out is also that every request is accepted that fits the schema: no schema says how fields depend on each other.
"""

UNSIGNED: dict[str, Any] = {
    "statusCode": 403,
    "headers": {"content-type": "application/json"},
    "body": '{"message":"Forbidden"}',
}

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 ..."}

IDS = ("runs", "runs", "ended", "waits", "refused")
NAMES = (FUNCTION, f"{FUNCTION}:{ALIAS}", f"function:{FUNCTION}")

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

handler: Callable[..., dict[str, Any]] = in_its_role(serve_api.handler, "ServeApi")


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """
    ServeApi behind an API Gateway that lets every signature pass, as a WSGI application.

    The request becomes the event that API Gateway makes of it.
    """
    signed = "HTTP_AUTHORIZATION" in environ
    answer: dict[str, Any] = handler(_event(environ), context_of("ServeApiFunction")) if signed else UNSIGNED
    start_response(f"{answer['statusCode']} -", [*answer.get("headers", {}).items()])
    return [answer["body"].encode()]


def _event(environ: Environ) -> dict[str, Any]:
    path, _, _ = environ["REQUEST_URI"].partition("?")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, errors="replace"):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    http = {"method": environ["REQUEST_METHOD"], "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": environ["QUERY_STRING"],
        "headers": {"content-type": environ.get("CONTENT_TYPE", ""), "host": "api"},
        "queryStringParameters": parameters or None,
        "stageVariables": {"stack": STACK},
        "requestContext": {
            "authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/alice"}},
            "domainName": "api",
            "http": http | {"userAgent": "t"},
            "requestId": "request-1",
            "stage": "$default",
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


@contextmanager
def api() -> Iterator[Play]:
    """A deployment runs, one has ended, one was refused, and an execution has no record yet."""
    with taking_all() as (deployer, machine), tempfile.TemporaryDirectory() as folder:
        desks = Desks(deployer, Path(folder))
        try:
            artifact = deployer.upload(GOOD % 2, place("2.zip"))
            assert deployer.run({"function": FUNCTION, "artifact": artifact}, "ended").ended == DEPLOYED
            desks("runs", source=GOOD % 3).to("ShiftAlias").run("ShiftAlias")
            desks("refused").failed("DeploymentInProgress", "runs deploys").run("RejectDeployment")
            boto3.client("stepfunctions").start_execution(stateMachineArn=machine, name="waits", input="{}")
            yield _play
        finally:
            desks.close()


def _play(case: Case[Any]) -> None:
    case.validate_response(case.call(), checks=CHECKS)


def cases() -> st.SearchStrategy[Case[Any]]:
    """Requests that fit the document, the most of them about what there is, and requests that do not fit it."""
    described = schemathesis.openapi.from_dict(document(ROUTERS), config=SchemathesisConfig())
    described.app = application
    operations = [each.ok() for each in described.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) == sum(len(router.operations) for router in ROUTERS)
    fit, wrong = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    takes = [each for each in operations if each.path_parameters or each.query or each.body]
    return st.one_of(
        *(
            each.as_strategy(fit, headers=SIGNED, **known).map(_sensible)
            for each in operations
            for known in _known(each)
        ),
        *(each.as_strategy(fit, headers=SIGNED) for each in operations),
        *(each.as_strategy(wrong, headers=SIGNED) for each in takes),
    )


def _known(operation: APIOperation[Any, Any, Any, Any]) -> Iterator[dict[str, Any]]:
    """Parameters that name something that there is."""
    there = {"id": IDS, "name": NAMES, "function": NAMES}
    for where in ("path_parameters", "query"):
        parameters = getattr(operation, where)
        for parameter in parameters:
            yield from ({where: {parameter.name: value}} for value in there.get(parameter.name, ()))
    if operation.body:
        yield {}


def _sensible(case: Case[Any]) -> Case[Any]:
    """A deployment is asked for of a function that there is, and a freeze has an end that is to come."""
    if isinstance(case.body, dict) and "artifact" in case.body:
        case.body |= {"function": FUNCTION, "artifact": "$LATEST"}
    if isinstance(case.body, dict) and "until" in case.body:
        case.body |= {"until": "2026-02-01", "zone": "UTC", "reason": "why", "windows": ["Fri 16:00-Mon 08:00"]}
    return case
