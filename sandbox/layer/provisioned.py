"""
Provisioned concurrency takes time, and fails where the code does not start.

An alias that has it and moves to another version gets a weight of 1.0 for the version it had, until the new one is
ready. Where that fails the weight stays.
"""

from __future__ import annotations

import copy
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer import pool, updates
from sandbox.layer.answers import Response, conflict, invalid, not_found, refused
from sandbox.layer.settings import current

NONE_YET = "No Provisioned Concurrency Config found for this function"
NO_START = "FUNCTION_ERROR_INIT_FAILURE"


def put(name: str, qualifier: str | None, data: dict[str, Any]) -> Response:
    """Begin to provide it."""
    if qualifier == "$LATEST":
        return invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    func = lambda_svc._functions.get(name)
    if refusal := cannot_be(func, name, qualifier):
        return refusal
    assert func is not None
    assert qualifier is not None
    if taken := taken_by_another(func, qualifier):
        return conflict(taken)
    wanted, reserved = total(func, qualifier) + data["ProvisionedConcurrentExecutions"], func.get("concurrency")
    if reserved is not None and wanted > reserved:
        return invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    config = {
        "RequestedProvisionedConcurrentExecutions": data["ProvisionedConcurrentExecutions"],
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": lambda_svc._now_iso(),
    }
    func["provisioned_concurrency"][qualifier] = config
    begin(func, qualifier)
    answer: Response = lambda_svc.json_response(shown(config), 202)
    return answer


def get(name: str, qualifier: str | None) -> Response:
    """How far it is."""
    func = lambda_svc._functions.get(name)
    if refusal := cannot_be(func, name, qualifier):
        return refusal
    assert func is not None
    config = func["provisioned_concurrency"].get(qualifier)
    if config is None:
        return refused("ProvisionedConcurrencyConfigNotFoundException", NONE_YET, 404)
    answer: Response = lambda_svc.json_response(shown(config))
    return answer


def delete(name: str, qualifier: str | None) -> Response:
    """End it; ending what is not there is no error."""
    func = lambda_svc._functions.get(name)
    if refusal := cannot_be(func, name, qualifier):
        return refusal
    assert func is not None
    func["provisioned_concurrency"].pop(qualifier, None)
    return 204, {}, b""


def listed(name: str) -> Response:
    """All of a function."""
    func = lambda_svc._functions.get(name)
    if func is None:
        return not_found(name, None)
    found = [
        {"FunctionArn": f"{func['config']['FunctionArn']}:{qualifier}", **shown(config)}
        for qualifier, config in func["provisioned_concurrency"].items()
    ]
    answer: Response = lambda_svc.json_response({"ProvisionedConcurrencyConfigs": found})
    return answer


def total(func: dict[str, Any], but: str | None = None) -> int:
    """What the function's versions and aliases ask for together, one of them aside."""
    asked = func["provisioned_concurrency"].items()
    return sum(config["RequestedProvisionedConcurrentExecutions"] for qualifier, config in asked if qualifier != but)


def covers(func: dict[str, Any], config: dict[str, Any]) -> bool:
    """Whether an invocation of this version, or by this alias, has concurrency provided for it."""
    return bool({config["Version"], *config["FunctionArn"].split(":")[7:]} & func["provisioned_concurrency"].keys())


def cannot_be(func: dict[str, Any] | None, name: str, qualifier: str | None) -> Response | None:
    """The refusal for a qualifier that is neither an alias nor a published version."""
    if qualifier in (None, "$LATEST"):
        return invalid("The function resource provided must be an alias or a published version.")
    assert qualifier is not None
    if func is None or qualifier not in {**func["aliases"], **func["versions"]}:
        return not_found(name, qualifier, is_alias=not qualifier.isdigit())
    return None


def taken_by_another(func: dict[str, Any], qualifier: str) -> str | None:
    """Why a version and an alias of it cannot both have it."""
    alias, has = func["aliases"].get(qualifier), func["provisioned_concurrency"]
    if alias is not None and alias["FunctionVersion"] in has:
        return "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    aliases = [name for name, other in func["aliases"].items() if other["FunctionVersion"] == qualifier]
    if any(name in has for name in aliases):
        return "Version is pointed by a Provisioned Concurrency alias"
    return None


def alias_moved(func: dict[str, Any], name: str, before: dict[str, Any]) -> None:
    """Provide it for the version that the alias has now, and keep callers on the one before until that is ready."""
    config, alias = func["provisioned_concurrency"].get(name), func["aliases"][name]
    if config is None or alias["FunctionVersion"] == before["FunctionVersion"]:
        return
    config.update(Status="IN_PROGRESS")
    config.pop("StatusReason", None)
    alias["RoutingConfig"] = {"AdditionalVersionWeights": {before["FunctionVersion"]: 1.0}}
    config["held"] = copy.deepcopy(alias["RoutingConfig"])
    begin(func, name)


def begin(func: dict[str, Any], qualifier: str) -> None:
    """Have it, or have failed, after the time that it takes."""
    config = func["provisioned_concurrency"][qualifier]
    updates.later(current.provision_seconds, lambda: end(func, qualifier, config))


def end(func: dict[str, Any], qualifier: str, config: dict[str, Any]) -> None:
    """Start an environment: that it starts makes the rest READY."""
    alias = func["aliases"].get(qualifier)
    version = func["versions"].get(alias["FunctionVersion"] if alias else qualifier)
    if func["provisioned_concurrency"].get(qualifier) is not config or version is None:
        return
    if not pool.starts(version["config"], version.get("code_zip") or b""):
        config.update(Status="FAILED", StatusReason=NO_START)
        return
    wanted = config["RequestedProvisionedConcurrentExecutions"]
    config.update(
        Status="READY", AvailableProvisionedConcurrentExecutions=wanted, AllocatedProvisionedConcurrentExecutions=wanted
    )
    if alias and alias.get("RoutingConfig") == config.pop("held", None):
        alias.pop("RoutingConfig", None)


def shown(config: dict[str, Any]) -> dict[str, Any]:
    """What the API tells of it."""
    return {name: value for name, value in config.items() if name != "held"}
