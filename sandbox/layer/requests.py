"""
A request to Lambda over HTTP: held against the API's model and its rules, and told as Lambda tells it.

MiniStack's CloudFormation calls MiniStack itself and does not pass here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ministack.core import router
from ministack.services import lambda_svc

from sandbox.layer import asynchronous, images, operations, provisioned, shape, validation
from sandbox.layer.answers import Response, invalid, refused
from sandbox.layer.rules import RULES

INVOKES = {"Invoke", "InvokeWithResponseStream"}
LARGEST_PAYLOAD = 6_291_456
CHANGES_TAGS = {"TagResource", "UntagResource"}
OWN: dict[str, Callable[[str, str | None, dict[str, Any]], Response]] = {
    "PutProvisionedConcurrencyConfig": provisioned.put,
    "GetProvisionedConcurrencyConfig": lambda name, qualifier, data: provisioned.get(name, qualifier),
    "DeleteProvisionedConcurrencyConfig": lambda name, qualifier, data: provisioned.delete(name, qualifier),
    "ListProvisionedConcurrencyConfigs": lambda name, qualifier, data: provisioned.listed(name),
    "PutFunctionEventInvokeConfig": asynchronous.put,
    "UpdateFunctionEventInvokeConfig": asynchronous.update,
    "GetFunctionEventInvokeConfig": lambda name, qualifier, data: asynchronous.get(name, qualifier),
    "DeleteFunctionEventInvokeConfig": lambda name, qualifier, data: asynchronous.delete(name, qualifier),
    "ListFunctionEventInvokeConfigs": lambda name, qualifier, data: asynchronous.listed(name),
}


def handle_request(original: Any) -> Any:
    """Everything that Lambda is asked."""

    async def served(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
        request = operations.named(method, path)
        if request is None:
            unknown: Response = await original(method, path, headers, body, query_params)
            return unknown
        if request.operation in INVOKES:
            refusal = payload_is_json(body)
            invoked: Response = refusal or await original(method, path, headers, body, query_params)
            return invoked
        if request.operation == "GetProvisionedConcurrencyConfig" and "List" in (query_params or {}):
            request = replace(request, operation="ListProvisionedConcurrencyConfigs")
        qualifier = lambda_svc._qualifier_from_path_or_query(request.qualifier, query_params)
        try:
            data = json.loads(body or b"{}")
        except ValueError as error:
            return refused("InvalidRequestContentException", f"Could not parse request body into json: {error}", 400)
        if refusal := refused_at_once(request, qualifier, query_params, data):
            return refusal
        if refusal := images.out_of_reach(request, data, router.extract_access_key_id(headers, query_params)):
            return refusal
        func = lambda_svc._functions.get(request.function)
        before = dict((func or {}).get("aliases", {}).get(request.alias) or {})
        if own := OWN.get(request.operation):
            return own(request.function, qualifier, data)
        answer: Response = await original(method, path, headers, body, query_params)
        if answer[0] >= 400:
            if func is not None and request.operation.startswith("UpdateFunctionC"):
                func.pop("serving", None)
            return answer
        remember(request, func, before)
        return as_told(request, qualifier, query_params, answer)

    return served


def refused_at_once(
    request: operations.Request, qualifier: str | None, query: Any, data: dict[str, Any]
) -> Response | None:
    """The refusal of the API's model, or of the first rule that says no."""
    asked = {name: lambda_svc._qp_first(query, name) for name in query or {}}
    if complaint := validation.complaint("lambda", request.operation, {**request.path, **asked, **data}):
        return refused("ValidationException", complaint, 400)
    about = {**data, "FunctionName": data.get("FunctionName") or request.function, "Qualifier": qualifier}
    if request.alias:
        about["Name"] = request.alias
    func = lambda_svc._functions.get(request.function)
    if request.operation in CHANGES_TAGS and ":function:" in request.path.get("Resource", ""):
        return tags_can_change(request.path["Resource"])
    for rule in RULES.get(request.operation, []):
        refusal = rule(func, about)
        if refusal is not None:
            return refusal
    return None


def payload_is_json(body: bytes) -> Response | None:
    """An event is JSON in UTF-8, of 6 MB at most."""
    if len(body) > LARGEST_PAYLOAD:
        return refused(
            "RequestTooLargeException", f"{len(body)} byte payload is too large for the Invoke operation", 413
        )
    try:
        json.loads(body or b"null", parse_constant=not_a_number)
    except ValueError as error:
        why = f"Could not parse request body into json: Could not parse payload into json: {error}"
        return refused("InvalidRequestContentException", why, 400)
    return None


def not_a_number(name: str) -> None:
    """NaN and the infinities are no JSON, though Python reads them."""
    raise ValueError(f"Non-standard token '{name}'")


def tags_can_change(arn: str) -> Response | None:
    """Functions have tags; their versions and aliases have none of their own."""
    if len(arn.split(":")) > 7:
        return invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return None


def remember(request: operations.Request, func: dict[str, Any] | None, before: dict[str, Any]) -> None:
    """What else changes with an operation that was served."""
    if request.operation == "UpdateAlias" and func is not None and request.alias:
        provisioned.alias_moved(func, request.alias, before)
    elif request.operation == "DeleteAlias" and func is not None:
        func["provisioned_concurrency"].pop(request.alias, None)
    elif request.operation in CHANGES_TAGS:
        name = lambda_svc._resolve_name_and_qualifier(request.path["Resource"])[0]
        if tagged := lambda_svc._functions.get(name):
            tagged["config"]["RevisionId"] = lambda_svc.new_uuid()


def as_told(request: operations.Request, qualifier: str | None, query: Any, answer: Response) -> Response:
    """The answer as Lambda words it."""
    status, headers, body = answer
    if not body:
        return answer
    said = json.loads(body)
    if request.operation == "ListAliases" and (version := lambda_svc._qp_first(query, "FunctionVersion")):
        said["Aliases"] = [alias for alias in said["Aliases"] if alias["FunctionVersion"] == version]
    elif request.operation in ("CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"):
        said.pop("InvokeMode", None)
    return status, headers, json.dumps(shape.told(request.operation, qualifier, said)).encode()


def put_provisioned_concurrency(original: Any) -> Any:
    """What a template's alias asks for."""
    return provisioned.put


def put_event_invoke_config(original: Any) -> Any:
    """What a template says of asynchronous invocations."""
    return asynchronous.put
