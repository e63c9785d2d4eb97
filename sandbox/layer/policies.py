"""
Resource policies: one for the function, one for each of its versions and aliases, none where it has no statement.

MiniStack keeps all statements of a function in one list, in which a statement's resource tells whose it is.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer.answers import Response, conflict, invalid, missing, not_found, refused

PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:.*|.*\.amazonaws\.com|.*\.amazon\.com")


def add_permission(original: Any) -> Any:
    """The operation; a statement's name is taken only among those of the same qualifier."""

    def _add_permission(name: str, data: dict[str, Any], query: Any = None, path_qualifier: str | None = None) -> Any:
        qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query)
        func = lambda_svc._functions.get(name)
        if refusal := cannot_have(func, name, qualifier):
            return refusal
        if not PRINCIPAL.fullmatch(str(data.get("Principal", ""))):
            return invalid("The provided principal was invalid. Please check the principal and try again.")
        if data.get("RevisionId") not in (None, revision(func, qualifier)):
            return stale()
        statements, others = split(func, qualifier)
        if any(statement.get("Sid") == data["StatementId"] for statement in statements):
            return conflict(
                f"The statement id ({data['StatementId']}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement."
            )
        func["policy"]["Statement"] = []
        try:
            answer = original(name, data, query, path_qualifier)
        finally:
            func["policy"]["Statement"] = others + statements + func["policy"]["Statement"]
        renew(func, qualifier)
        return answer

    return _add_permission


def remove_permission(original: Any) -> Any:
    """The operation."""

    def _remove_permission(name: str, sid: str, query: Any, path_qualifier: str | None = None) -> Response:
        qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query)
        func = lambda_svc._functions.get(name)
        if func is None:
            return missing(f"No policy found for: {lambda_svc._func_arn(name)}")
        if refusal := cannot_have(func, name, qualifier):
            return refusal
        statements, others = split(func, qualifier)
        if not statements:
            return missing("No policy is associated with the given resource.")
        if all(statement.get("Sid") != sid for statement in statements):
            return missing(f"Statement {sid} is not found in resource policy.")
        asked = lambda_svc._qp_first(query or {}, "RevisionId")
        if asked and asked != revision(func, qualifier):
            return stale()
        func["policy"]["Statement"] = others + [kept for kept in statements if kept.get("Sid") != sid]
        renew(func, qualifier)
        return 204, {}, b""

    return _remove_permission


def get_policy(original: Any) -> Any:
    """The operation."""

    def _get_policy(name: str, query: Any = None, path_qualifier: str | None = None) -> Response:
        qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query)
        func = lambda_svc._functions.get(name)
        statements = split(func, qualifier)[0] if func else []
        if not statements:
            return missing()
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        told: Response = lambda_svc.json_response(
            {"Policy": json.dumps(policy), "RevisionId": revision(func, qualifier)}
        )
        return told

    return _get_policy


def cannot_have(func: dict[str, Any] | None, name: str, qualifier: str | None) -> Response | None:
    """The refusal where the function or the qualifier is not there."""
    if func is None:
        return not_found(name, qualifier)
    if not lambda_svc._function_qualifier_exists(func, qualifier):
        is_alias = re.fullmatch(r"[A-Za-z][\w-]*", qualifier or "") is not None
        return not_found(name, qualifier, is_alias)
    return None


def split(func: dict[str, Any], qualifier: str | None) -> tuple[list[Any], list[Any]]:
    """The statements of the qualifier, and all others."""
    arn = lambda_svc._policy_resource_arn(func["config"]["FunctionName"], qualifier)
    statements = func["policy"]["Statement"]
    return [own for own in statements if own["Resource"] == arn], [no for no in statements if no["Resource"] != arn]


def resource(func: dict[str, Any], qualifier: str | None) -> dict[str, Any]:
    """What has the revision that a change of the policy gives anew: the function, its version or its alias."""
    found: dict[str, Any] = func["aliases"].get(qualifier) or func["versions"].get(qualifier, func)
    settings: dict[str, Any] = found.get("config", found)
    return settings


def revision(func: dict[str, Any], qualifier: str | None) -> str:
    """That of the policy's last change; before there is a policy, that of what it would belong to."""
    kept: str = func.get("policy_revisions", {}).get(qualifier) or resource(func, qualifier)["RevisionId"]
    return kept


def renew(func: dict[str, Any], qualifier: str | None) -> None:
    """A change of the policy is a new revision of what it belongs to, too."""
    changed = lambda_svc.new_uuid()
    resource(func, qualifier)["RevisionId"] = changed
    func.setdefault("policy_revisions", {})[qualifier] = changed


def stale() -> Response:
    """The refusal for a revision that is not the policy's."""
    return refused(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetPolicy API to retrieve the latest Revision Id",
        412,
    )
