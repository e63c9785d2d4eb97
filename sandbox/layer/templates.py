"""
What CloudFormation templates may say and MiniStack does not hear.

These are an HTTP API's OpenAPI body, a table's recovery, a role's permissions boundary, the keys of a bucket and of
a topic, and a state machine for whose Tasks its role is not enough.
"""

from __future__ import annotations

import os
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import apigateway, dynamodb, iam, s3, sns
from ministack.services.cloudformation import provisioners

from sandbox.layer import machine_requests

METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "x-amazon-apigateway-any-method"}


def resource_handlers(original: Any) -> Any:
    """MiniStack's table of resource types, with ours in the place of some."""
    api, table, role = (original[f"AWS::{kind}"] for kind in ("ApiGatewayV2::Api", "DynamoDB::Table", "IAM::Role"))
    bucket, topic = original["AWS::S3::Bucket"], original["AWS::SNS::Topic"]
    machine = original["AWS::StepFunctions::StateMachine"]
    machine.update(create=machine_create(machine["create"]), update=machine_update(machine["update"]))
    bucket.update(create=bucket_create(bucket["create"]))
    topic.update(create=topic_create(topic["create"]))
    api.update(create=api_create(api["create"]), update=api_update(api["update"]))
    table.update(create=table_create(table["create"]))
    role.update(create=role_create(role["create"]), update=role_update(role["update"]))
    return original


def bucket_create(original: Any) -> Any:
    """A bucket that encrypts its objects as its template says."""

    def _s3_create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        name, attributes = original(logical_id, props, stack_name)
        for rule in props.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", []):
            by_default = rule["ServerSideEncryptionByDefault"].items()
            inner = "".join(f"<{kind}>{escape(value)}</{kind}>" for kind, value in by_default)
            body = f"<Rule><ApplyServerSideEncryptionByDefault>{inner}</ApplyServerSideEncryptionByDefault></Rule>"
            whole = f"<ServerSideEncryptionConfiguration>{body}</ServerSideEncryptionConfiguration>"
            s3._put_bucket_encryption(name, whole.encode())
        return name, attributes

    return _s3_create


def machine_create(original: Any) -> Any:
    """A machine, unless its role may not do what AWS does as that before it runs."""

    def _sfn_state_machine_create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        check_role(props)
        return original(logical_id, props, stack_name)

    return _sfn_state_machine_create


def machine_update(original: Any) -> Any:
    """The same machine with its new definition and role."""

    def _sfn_state_machine_update(
        physical_id: str, old: Any, new: dict[str, Any], stack_name: str, logical_id: Any = None
    ) -> Any:
        check_role(new)
        return original(physical_id, old, new, stack_name, logical_id)

    return _sfn_state_machine_update


def check_role(props: dict[str, Any]) -> None:
    """Fails the resource in CloudFormation's words."""
    definition = provisioners._sfn_definition(props)
    if refusal := machine_requests.rule_is_refused(props["RoleArn"], definition):
        raise provisioners._sfn_service_error(machine_requests.refused("AccessDeniedException", refusal))


def topic_create(original: Any) -> Any:
    """A topic with the key of its template."""

    def _sns_create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        arn, attributes = original(logical_id, props, stack_name)
        if key := props.get("KmsMasterKeyId"):
            sns._topics[arn]["attributes"]["KmsMasterKeyId"] = key
        return arn, attributes

    return _sns_create


def role_create(original: Any) -> Any:
    """A role with the permissions boundary of its template."""

    def _iam_role_create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        name, attributes = original(logical_id, props, stack_name)
        iam._roles[name]["PermissionsBoundary"] = props.get("PermissionsBoundary")
        return name, attributes

    return _iam_role_create


def role_update(original: Any) -> Any:
    """The same role with the boundary of its new template."""

    def _iam_role_update(name: str, old: Any, new: dict[str, Any], stack_name: str, logical_id: Any = None) -> Any:
        updated = original(name, old, new, stack_name, logical_id)
        if role := iam._roles.get(name):
            role["PermissionsBoundary"] = new.get("PermissionsBoundary")
        return updated

    return _iam_role_update


def table_create(original: Any) -> Any:
    """A table with the recovery that its template asks for."""

    def _ddb_table_create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        name, attributes = original(logical_id, props, stack_name)
        recovery = props.get("PointInTimeRecoverySpecification", {})
        dynamodb._pitr_settings[name] = str(recovery.get("PointInTimeRecoveryEnabled")).lower() == "true"
        return name, attributes

    return _ddb_table_create


def api_create(original: Any) -> Any:
    """An HTTP API with the routes of its body, at an address that any client can reach."""

    def _apigw_v2_api_create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        body = props.get("Body") or {}
        named = {"Name": body.get("info", {}).get("title"), **props}
        api_id, attributes = original(logical_id, named, stack_name)
        endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/_aws/execute-api/{api_id}"
        apigateway._apis[api_id]["apiEndpoint"] = endpoint
        import_body(api_id, body)
        return api_id, attributes | {"ApiEndpoint": endpoint}

    return _apigw_v2_api_create


def api_update(original: Any) -> Any:
    """The same API with the routes of its new body."""

    def _apigw_v2_api_update(
        physical_id: str, old: Any, new: dict[str, Any], stack_name: str, logical_id: Any = None
    ) -> Any:
        updated = original(physical_id, old, new, stack_name, logical_id)
        import_body(physical_id, new.get("Body") or {})
        return updated

    return _apigw_v2_api_update


def import_body(api_id: str, body: dict[str, Any]) -> None:
    """Put the body's routes in the place of those there are."""
    if not body.get("paths"):
        return
    apigateway._routes[api_id] = {}
    apigateway._integrations[api_id] = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            integration = operation.get("x-amazon-apigateway-integration") if method in METHODS else None
            if integration:
                add_route(api_id, route_key(method, path), integration, is_signed(operation, body))


def add_route(api_id: str, key: str, integration: dict[str, Any], signed: bool) -> None:
    """A route and the integration it leads to."""
    apigateway._create_integration(
        api_id,
        {
            "integrationType": integration["type"].upper(),
            "integrationUri": integration["uri"],
            "payloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
        },
    )
    target = f"integrations/{list(apigateway._integrations[api_id])[-1]}"
    authorization = "AWS_IAM" if signed else "NONE"
    apigateway._create_route(api_id, {"routeKey": key, "target": target, "authorizationType": authorization})


def route_key(method: str, path: str) -> str:
    """API Gateway's name for a method and a path."""
    if path == "/$default":
        return "$default"
    return f"{'ANY' if method.startswith('x-') else method.upper()} {path}"


def is_signed(operation: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether the operation, or the body for all of them, asks for a SigV4 signature."""
    schemes = body.get("components", {}).get("securitySchemes", {})
    asked = [name for need in operation.get("security", body.get("security", [])) for name in need]
    return any(schemes.get(name, {}).get("x-amazon-apigateway-authtype") == "awsSigv4" for name in asked)
