"""
What the Lambda API refuses and MiniStack does not, each rule as the service words it.

A rule looks at the function, None where there is none of the name, and the request, and answers with the refusal or
None. Requests over HTTP pass here; MiniStack's CloudFormation, which changes functions without waiting, does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer import creation, provisioned, updates
from sandbox.layer.answers import Response, conflict, invalid, missing, not_found, refused


def exists(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """There is a function of the name."""
    return None if func else not_found(data["FunctionName"], data.get("Qualifier"))


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
    """A RevisionId in the request must be the function's, or the alias's."""
    now = func.get("config", func)
    if func.get("aliases", {}).get(data.get("Name")):
        now = func["aliases"][data["Name"]]
    if data.get("RevisionId") in (None, now["RevisionId"]):
        return None
    return refused(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )


def code_is_as_expected(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """A CodeSha256 in the request must be that of $LATEST."""
    expected, current = data.get("CodeSha256"), func["config"]["CodeSha256"]
    if expected in (None, current):
        return None
    return invalid(
        f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({current}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )


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
        assert archive is not None
    refusal: Response | None = lambda_svc._reject_unreadable_zip(archive)
    if refusal:
        return refusal
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
        return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if primary in weights:
        message = f"Function version {primary} is already included in routing configuration."
        return invalid(f"Invalid function version {primary}. {message}")
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


def alias_is_new(func: dict[str, Any], data: dict[str, Any]) -> Response | None:
    """No alias has the name."""
    if data["Name"] in func["aliases"]:
        return conflict(f"Alias already exists: {func['config']['FunctionArn']}:{data['Name']}")
    return None


def alias_exists(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """There is an alias of the name."""
    if func and data["Name"] in func["aliases"]:
        return None
    return not_found(data["FunctionName"], data["Name"], is_alias=True)


def target_exists(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """There is a function for the alias; its refusal names the version that was asked for."""
    return None if func else not_found(data["FunctionName"], data.get("FunctionVersion"))


def qualifier_exists(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """There is a version or an alias of the name."""
    if lambda_svc._function_qualifier_exists(func, data.get("Qualifier")):
        return None
    return not_found(data["FunctionName"], data.get("Qualifier"))


def version_that_is_gone_is_deleted(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """Deleting a version that is not there is no error."""
    qualifier = data.get("Qualifier")
    if func and qualifier and qualifier.isdigit() and qualifier not in func["versions"]:
        return 204, {}, b""
    return None if func else not_found(data["FunctionName"], None)


def reserved_is_possible(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """Concurrency is reserved for a whole function, at least as much as is provisioned for it."""
    if data.get("Qualifier"):
        return invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    if func is None:
        return not_found(data["FunctionName"], "$LATEST")
    reserved, provided = data["ReservedConcurrentExecutions"], provisioned.total(func)
    if provided > reserved:
        return invalid(
            f" ReservedConcurrentExecutions  {reserved} should not be lower than "
            f"function's total provisioned concurrency [{provided}]."
        )
    return None


def url_is_new(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """The qualifier has no URL."""
    if lambda_svc._url_config_key(data["FunctionName"], data.get("Qualifier")) not in lambda_svc._function_urls:
        return None
    arn = lambda_svc._policy_resource_arn(data["FunctionName"], data.get("Qualifier"))
    return conflict(
        f"Failed to create function url config for [functionArn = {arn}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function"
    )


def url_exists(func: dict[str, Any] | None, data: dict[str, Any]) -> Response | None:
    """The qualifier has a URL."""
    if lambda_svc._url_config_key(data["FunctionName"], data.get("Qualifier")) in lambda_svc._function_urls:
        return None
    return missing()


Rule = Callable[[Any, dict[str, Any]], Response | None]

RULES: dict[str, list[Rule]] = {
    "CreateFunction": [creation.runtime_is_supported, creation.environment_is_small, creation.code_can_be_had],
    "GetFunction": [qualifier_exists],
    "GetFunctionConfiguration": [qualifier_exists],
    "DeleteFunction": [version_that_is_gone_is_deleted],
    "UpdateFunctionCode": [
        exists,
        revision_is_current,
        creation.code_can_be_had,
        dry_run,
        no_update_in_progress,
        old_code_serves_meanwhile,
    ],
    "UpdateFunctionConfiguration": [
        exists,
        creation.runtime_is_supported,
        creation.environment_is_small,
        revision_is_current,
        no_update_in_progress,
        old_code_serves_meanwhile,
    ],
    "PublishVersion": [exists, revision_is_current, code_is_as_expected, no_update_in_progress],
    "CreateAlias": [target_exists, alias_is_possible, alias_is_new],
    "GetAlias": [alias_exists],
    "UpdateAlias": [alias_exists, revision_is_current, alias_is_possible],
    "CreateFunctionUrlConfig": [url_is_new],
    "GetFunctionUrlConfig": [url_exists],
    "UpdateFunctionUrlConfig": [url_exists],
    "DeleteFunctionUrlConfig": [url_exists],
    "PutFunctionConcurrency": [reserved_is_possible],
}
