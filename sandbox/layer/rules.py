"""
What the Lambda API refuses and MiniStack does not, each rule as the service words it.

A rule looks at the function and the request and answers with the refusal, or None. Requests over HTTP pass
here; MiniStack's CloudFormation, which changes functions without waiting, does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from sandbox.layer import operations, updates
from sandbox.layer.invoke import Response, not_found

IGNORED_WHEN_COMPARED = {
    "Description",
    "FunctionArn",
    "LastModified",
    "RevisionId",
    "Version",
    *updates.ACTIVE,
    *updates.SUCCESSFUL,
}


def handle_request(original: Any) -> Any:
    """Hold a request against the rules of its operation before it is served."""

    async def checked(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
        request = operations.named(method, path)
        func = lambda_svc._functions.get(request.function) if request else None
        if request is None or func is None or request.operation not in RULES:
            answer: Response = await original(method, path, headers, body, query_params)
            return answer
        data = json.loads(body or b"{}")
        if request.alias:
            data["Name"] = request.alias
        for rule in RULES[request.operation]:
            refusal = rule(func, data)
            if refusal is not None:
                return refusal
        before = set(func["versions"])
        answer = await original(method, path, headers, body, query_params)
        if answer[0] >= 400:
            func.pop("serving", None)
        for number in set(func["versions"]) - before:
            updates.begin_version(func["versions"][number])
            answer = lambda_svc.json_response(func["versions"][number]["config"], answer[0])
        return answer

    return checked


def no_update_in_progress(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """One change at a time."""
    config = func["config"]
    if config.get("State") == "Pending":
        message = "The operation cannot be performed at this time. The function is currently in the following state"
        return conflict(f"{message}: Pending")
    if config.get("LastUpdateStatus") == "InProgress":
        message = "The operation cannot be performed at this time. An update is in progress for resource"
        return conflict(f"{message}: {config['FunctionArn']}")
    return None


def revision_is_current(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """A RevisionId in the request must be the function's."""
    refusal: Response | None = lambda_svc._check_revision(func["config"], data)
    return refusal


def code_is_as_expected(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """A CodeSha256 in the request must be that of $LATEST."""
    expected, current = data.get("CodeSha256"), func["config"]["CodeSha256"]
    if expected in (None, current):
        return None
    return invalid(
        f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({current}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )


def nothing_new_is_not_published(func: dict[str, Any], data: dict[str, Any]) -> None:
    """Let MiniStack see, by the revision it compares, that code and configuration are as last published."""
    latest = func["versions"].get(max(func["versions"], key=int, default=""))
    if latest and comparable(latest["config"]) == comparable(func["config"]):
        latest["function_revision"] = func["config"]["RevisionId"]


def comparable(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a configuration that tells versions apart."""
    return {key: value for key, value in config.items() if key not in IGNORED_WHEN_COMPARED}


def dry_run(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """Answer a DryRun with what the update would come to."""
    if not data.get("DryRun"):
        return None
    if "ZipFile" in data:
        archive = base64.b64decode(data["ZipFile"])
    else:
        archive = lambda_svc._fetch_code_from_s3(
            data["S3Bucket"], data["S3Key"], version_id=data.get("S3ObjectVersion")
        )
    refusal: Response | None = lambda_svc._reject_unreadable_zip(archive)
    if archive is None or refusal:
        return refusal or invalid(f"Failed to fetch code from s3://{data['S3Bucket']}/{data['S3Key']}")
    digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
    answer: Response = lambda_svc.json_response(func["config"] | {"CodeSha256": digest, "CodeSize": len(archive)})
    return answer


def old_code_serves_meanwhile(func: dict[str, Any], data: dict[str, Any]) -> None:
    """Keep what serves now until the update is done."""
    updates.begin_update(func)


def alias_is_possible(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """The alias as it would be afterwards: what the request leaves out stays as it is."""
    alias = func["aliases"].get(data.get("Name"), {})
    primary = data.get("FunctionVersion") or alias.get("FunctionVersion")
    if primary is None:
        return None
    routing = data["RoutingConfig"] if "RoutingConfig" in data else alias.get("RoutingConfig")
    weights = (routing or {}).get("AdditionalVersionWeights") or {}
    for version in [primary, *weights]:
        if version != "$LATEST" and version not in func["versions"]:
            return not_found(func["config"]["FunctionName"], version)
    if weights and "$LATEST" in [primary, *weights]:
        return invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if len(weights) > 1:
        return invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1. Update weights and try again"
        )
    if primary in weights:
        message = f"Function version {primary} is already included in routing configuration."
        return invalid(f"Invalid function version {primary}. {message}")
    for weight in weights.values():
        if not 0.0 <= weight <= 1.0:
            where = "routingConfig.additionalVersionWeights"
            message = f"1 validation error detected: Value '{weight}' at '{where}' failed to satisfy constraint"
            return refused("ValidationException", f"{message}: Member must be between 0.0 and 1.0", 400)
    return versions_fit(func, [primary, *weights])


def versions_fit(func: dict[str, Any], versions: list[str]) -> Response | None:
    """Every version of an alias is Active, and two of them share role and dead letters."""
    configs = [func["config"] if version == "$LATEST" else func["versions"][version]["config"] for version in versions]
    for config in configs:
        if config.get("State", "Active") != "Active":
            message = "The operation cannot be performed at this time. The function is currently in the following state"
            return conflict(f"{message}: {config['State']}")
    for key, name in (("Role", "execution role"), ("DeadLetterConfig", "dead-letter queue configuration")):
        if len({json.dumps(config.get(key), sort_keys=True) for config in configs}) > 1:
            return invalid(f"Both versions of an alias with weights must have the same {name}")
    return None


def invalid(message: str) -> Response:
    """A parameter that cannot be."""
    return refused("InvalidParameterValueException", message, 400)


def conflict(message: str) -> Response:
    """Something that cannot be now."""
    return refused("ResourceConflictException", message, 409)


def refused(code: str, message: str, status: int) -> Response:
    """What the API answers where a rule says no."""
    answer: Response = error_response_json(code, message, status)
    return answer


Rule = Callable[[dict[str, Any], dict[str, Any]], Response | None]

RULES: dict[str, list[Rule]] = {
    "UpdateFunctionCode": [revision_is_current, dry_run, no_update_in_progress, old_code_serves_meanwhile],
    "UpdateFunctionConfiguration": [revision_is_current, no_update_in_progress, old_code_serves_meanwhile],
    "PublishVersion": [
        revision_is_current,
        code_is_as_expected,
        no_update_in_progress,
        nothing_new_is_not_published,
    ],
    "CreateAlias": [alias_is_possible],
    "UpdateAlias": [alias_is_possible],
}
