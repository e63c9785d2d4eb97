"""What IAM checks a request against: the qualified ARN that is called, the tags of its function, and TLS."""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc


def extract_resource_arn(original: Any) -> Any:
    """A qualifier in the query is part of the resource, as one in the name is."""

    def _extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: Any, query: Any, *rest: Any
    ) -> str:
        arn: str = original(service, method, path, headers, body, query, *rest)
        qualifier = lambda_svc._qp_first(query or {}, "Qualifier") if service == "lambda" else ""
        if qualifier and ":function:" in arn and arn.count(":") == 6:
            return f"{arn}:{qualifier}"
        return arn

    return _extract_resource_arn


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
