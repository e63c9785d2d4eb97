"""What IAM checks a request against: the ARN that is called, the function's tags, who calls, and TLS."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, lambda_svc

from sandbox.layer import keys, operations, sessions
from sandbox.layer.events import Entries
from sandbox.layer.items import Part

GIVES_CREDENTIALS = {"sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"}
"""SDKs never sign these; the role's trust policy judges the token."""


def extract_resource_arn(original: Any) -> Any:
    """
    A qualifier in the query is part of the resource, as one in the name is; CreateFunction names it in its body. Of
    events IAM knows where they come from.
    """

    def _extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: Any, query: Any, *rest: Any
    ) -> str:
        if service == "lambda" and (made := function_to_make(method, path, body)):
            region, account = rest
            return f"arn:aws:lambda:{region}:{account}:function:{made}"
        arn: str = original(service, method, path, headers, body, query, *rest)
        if service == "events" and ":event-bus/" in arn and b'"Entries"' in body:
            return Entries(arn, body)
        qualifier = lambda_svc._qp_first(query or {}, "Qualifier") if service == "lambda" else ""
        if qualifier and ":function:" in arn and arn.count(":") == 6:
            return f"{arn}:{qualifier}"
        return arn

    return _extract_resource_arn


def function_to_make(method: str, path: str, body: bytes) -> str:
    """The name that CreateFunction gives; "" for any other call, and for a body that is refused later."""
    request = operations.named(method, path)
    if request is None or request.operation != "CreateFunction":
        return ""
    try:
        return str(json.loads(body)["FunctionName"])
    except (ValueError, KeyError, TypeError):
        return ""


def resource_tags(original: Any) -> Any:
    """Versions and aliases have their function's tags."""

    def _resource_tags(arn: str) -> dict[str, str] | None:
        parts = arn.split(":")
        if parts[2:3] != ["lambda"] or parts[5:6] != ["function"]:
            tags: dict[str, str] | None = original(arn)
            return tags
        func = lambda_svc._functions.get_scoped(parts[4], parts[3], parts[6])
        return func and dict(func.get("tags") or {})

    return _resource_tags


def pin_request_origin(original: Any) -> Any:
    """The wire on this machine stands for TLS, which policies may insist on with aws:SecureTransport."""
    return lambda source_ip, secure_transport: original(source_ip, True)


def enforce(original: Any) -> Any:
    """
    Some calls need no caller. A part of a request to DynamoDB has condition keys of its own. A call that uses a key
    needs it allowed.
    """

    def _enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        if not access_key_id and is_for_everybody(iam_action, service_context or {}):
            return None
        of_the_part = resource_arn.context if isinstance(resource_arn, (Part, Entries)) else {}
        context = {**(service_context or {}), **of_the_part}
        denied = original(access_key_id, iam_action, service, region, resource_arn, context)
        via = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
        for action, key in [] if denied else keys.used_by(iam_action, resource_arn):
            denied = denied or original(access_key_id, action, "kms", region, key, via)
        return denied

    return _enforce


def refusal_of_role(role_arn: str, action: str, resource: str) -> str | None:
    """AWS's sentence for what a role may not do that Step Functions does for a machine; None for what it may."""
    session = sessions.open_session(role_arn, "StepFunctions")
    service, region = action.partition(":")[0], resource.split(":")[3]
    try:
        refusal = iam_evaluator.enforce(session.access_key, action, service, region, resource)
    finally:
        sessions.close_session(session.access_key)
    if refusal is None:
        return None
    account, role = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    return (
        f"User: arn:aws:sts::{account}:assumed-role/{role}/StepFunctions is not authorized to perform: {action} "
        f"on resource: {resource} because no identity-based policy allows the {action} action"
    )


def is_for_everybody(action: str, context: dict[str, Any]) -> bool:
    """Whether who has no credentials may call."""
    of_a_url = action == "lambda:InvokeFunctionUrl" and context.get("lambda:FunctionUrlAuthType") == "NONE"
    return of_a_url or action in GIVES_CREDENTIALS


def resolve_condition_key(original: Any) -> Any:
    """Who acts as a role has the role's ARN for aws:PrincipalArn, not its session's."""

    def _resolve_condition_key(key: str, ctx: Any) -> Any:
        if key.lower() == "aws:principalarn":
            return role_of(ctx.principal_arn)
        return original(key, ctx)

    return _resolve_condition_key


def evaluate_resource_policy(original: Any) -> Any:
    """A resource's policy, NotPrincipal included, which MiniStack passes over."""

    def _evaluate_resource_policy(doc: Any, ctx: Any, *how: Any, **named: Any) -> Any:
        return original(with_principals(doc, ctx.principal_arn), ctx, *how, **named)

    return _evaluate_resource_policy


def with_principals(doc: Any, caller: str) -> Any:
    """
    The policy as it is for this caller, in terms of Principal.

    A Deny spares a session only if NotPrincipal names the session, its role and its account.
    """
    document = json.loads(doc) if isinstance(doc, str) and doc else doc
    if not document:
        return doc
    statements = document.get("Statement", [])
    applicable = []
    for statement in statements if isinstance(statements, list) else [statements]:
        if "NotPrincipal" in statement:
            spared, chain = names_of(statement["NotPrincipal"]), chain_of(caller)
            if "*" in spared or (chain <= spared if statement["Effect"] == "Deny" else chain & spared):
                continue
            statement = {**statement, "Principal": "*"}
        applicable.append(statement)
    return {**document, "Statement": applicable}


def names_of(principal: Any) -> set[str]:
    """Whom a principal element names, accounts by the ARN of their root."""
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    listed = [named] if isinstance(named, str) else named
    return {f"arn:aws:iam::{name}:root" if name.isdigit() else name for name in listed}


def chain_of(caller: str) -> set[str]:
    """The caller, the role it acts as, and its account; a service is only itself."""
    if not caller.startswith("arn:"):
        return {caller}
    return {caller, role_of(caller), f"arn:aws:iam::{caller.split(':')[4]}:root"}


def role_of(caller: str) -> str:
    """The ARN of the role of an assumed role's session; any other principal's own."""
    if ":assumed-role/" not in caller:
        return caller
    account, role = caller.split(":")[4], caller.split("/")[1]
    found = iam._roles.get_scoped(account, None, role) or {}
    return str(found.get("Arn", f"arn:aws:iam::{account}:role/{role}"))
