"""
Which calls of AWS a handler's code can come to, found by reading it.

From every function of the handler's file to every function, class or method that those name, through the imports. The
rooms `aws` and `ledger` speak to AWS: of the table the verbs are in `aws.table`, and the parts of a transaction are
where they are made, in the ledger.
"""

import ast
from dataclasses import dataclass
from functools import cache

import botocore
import botocore.session

from tests.template.stack import ROOT

HANDLERS = ROOT / "handlers"

NEEDS: dict[str, set[str]] = {
    "get_account_settings": {"lambda:GetAccountSettings"},
    "get_alias": {"lambda:GetAlias"},
    "get_function": {"lambda:GetFunction"},
    "get_function_event_invoke_config": {"lambda:GetFunctionEventInvokeConfig"},
    "get_function_url_config": {"lambda:GetFunctionUrlConfig"},
    "get_policy": {"lambda:GetPolicy"},
    "get_provisioned_concurrency_config": {"lambda:GetProvisionedConcurrencyConfig"},
    "invoke": {"lambda:InvokeFunction"},
    "list_event_source_mappings": {"lambda:ListEventSourceMappings"},
    "list_tags": {"lambda:ListTags"},
    "publish_version": {"lambda:PublishVersion"},
    "update_alias": {"lambda:UpdateAlias"},
    "update_function_code": {
        "lambda:UpdateFunctionCode",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    },
    "get_object": {"s3:GetObject"},
    "get_object of a version": {"s3:GetObjectVersion"},
    "head_object": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
    "list_object_versions": {"s3:ListBucketVersions"},
    "put_object": {"s3:PutObject"},
    "get_item": {"dynamodb:GetItem"},
    "put_item": {"dynamodb:PutItem"},
    "update_item": {"dynamodb:UpdateItem"},
    "delete_item": {"dynamodb:DeleteItem"},
    "query": {"dynamodb:Query"},
    "transact_write_items": set(),
    "delete_function": {"lambda:DeleteFunction"},
    "list_aliases": {"lambda:ListAliases"},
    "list_versions_by_function": {"lambda:ListVersionsByFunction"},
    "describe_alarms": {"cloudwatch:DescribeAlarms"},
    "get_metric_data": {"cloudwatch:GetMetricData"},
    "filter_log_events": {"logs:FilterLogEvents"},
    "put_events": {"events:PutEvents"},
    "publish": {"sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"},
    "send_task_success": {"states:SendTaskSuccess"},
    "send_task_failure": {"states:SendTaskFailure"},
    "start_execution": {"states:StartExecution"},
    "describe_execution": {"states:DescribeExecution"},
    "get_execution_history": {"states:GetExecutionHistory"},
}
"""A method of boto3, and what IAM asks of its caller; for a transaction that is what it asks for each of its parts."""

PACE = "bluegreen.aws.pacing"
"""It lies under every client of Lambda, and acts before those calls that it paces."""

NOT_PACED = {"invoke", "get_policy"}
"""Methods of Lambda with limits of their own."""

ADAPTERS = ("bluegreen.aws.", "bluegreen.ledger.")
"""The rooms whose modules speak to AWS."""

ROUTES = "bluegreen.api"

SERVICES = ("cloudwatch", "dynamodb", "events", "lambda", "logs", "s3", "sns", "stepfunctions")

Place = tuple[str, str]
"""A module and a name in it."""


@dataclass(frozen=True)
class Module:
    """What a module defines, and what its names stand for."""

    name: str
    definitions: dict[str, ast.AST]
    imports: dict[str, Place]


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in HANDLERS.rglob("*.py"):
        name = ".".join(path.relative_to(HANDLERS).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text())
        definitions = (ast.FunctionDef, ast.ClassDef)
        found[name] = Module(
            name,
            {node.name: node for node in tree.body if isinstance(node, definitions)},
            {
                alias.asname or alias.name: (node.module, alias.name)
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module
                for alias in node.names
            },
        )
    return found


def calls_of(handler: str) -> set[str]:
    """The methods of boto3 that the handler of that file can come to call."""
    methods: set[str] = set()
    seen: set[Place] = set()
    ahead: list[Place] = [(handler, name) for name in modules()[handler].definitions] + _routes(handler)
    while ahead:
        place = ahead.pop()
        module = modules().get(place[0])
        if module is None or module.name == PACE or place in seen:
            continue
        seen.add(place)
        if place[1] in module.imports:
            ahead.append(module.imports[place[1]])
        definition = module.definitions.get(place[1], ast.Pass())
        local = _assigned(definition)
        for node in ast.walk(definition):
            ahead += _named(module, node, local)
            if module.name.startswith(ADAPTERS):
                methods |= _methods(node) & NEEDS.keys()
    return methods


def _routes(handler: str) -> list[Place]:
    """The functions of the API's files, which the handler includes as a whole, each by the others."""
    files, ahead = set[str](), [handler]
    while ahead:
        imported = {".".join(place) for place in modules()[ahead.pop()].imports.values() if place[0] == ROUTES}
        ahead += imported - files
        files |= imported
    return [(file, name) for file in files for name in modules()[file].definitions]


def needs_of(handler: str) -> set[str]:
    """The permissions without which those calls fail."""
    calls = calls_of(handler)
    paced = {"dynamodb:UpdateItem"} if any(map(_is_paced, calls)) else set()
    return paced.union(*(NEEDS[method] for method in calls))


def _is_paced(method: str) -> bool:
    return method not in NOT_PACED and any(action.startswith("lambda:") for action in NEEDS[method])


def unknown_calls() -> set[str]:
    """Methods of boto3 that the adapters call and NEEDS does not know."""
    session = botocore.session.get_session()
    of_boto3 = {
        botocore.xform_name(operation)
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }
    adapters = [module for name, module in modules().items() if name.startswith(ADAPTERS)]
    walked = [node for module in adapters for each in module.definitions.values() for node in ast.walk(each)]
    return set().union(*map(_methods, walked)) & of_boto3 - NEEDS.keys()


def _assigned(definition: ast.AST) -> set[str]:
    """Names that stand for something of the definition's own."""
    return {
        node.id for node in ast.walk(definition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {node.arg for node in ast.walk(definition) if isinstance(node, ast.arg)}


def _named(module: Module, node: ast.AST, local: set[str]) -> list[Place]:
    """The definition that a name, or a name in a module, stands for."""
    match node:
        case ast.Name(id=name) if name in local:
            return []
        case ast.Name(id=name) if name in module.definitions:
            return [(module.name, name)]
        case ast.Name(id=name) if name in module.imports:
            return [module.imports[name]]
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in module.imports:
            return [(".".join(module.imports[name]), attribute)]
    return []


def _methods(node: ast.AST) -> set[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr="get_paginator"), args=[ast.Constant(value=str(method))]):
            return {method}
        case ast.Dict(keys=[ast.Constant(value=("Put" | "Update" | "Delete") as part)]):
            return {f"{part.lower()}_item"}
        case ast.Call(func=ast.Attribute(attr="get_object"), keywords=[*_, ast.keyword(arg=None)]):
            return {"get_object", "get_object of a version"}
        case ast.Call(func=ast.Attribute(attr=method)):
            return {method}
    return set()
