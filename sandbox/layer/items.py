"""
What IAM knows of a request to DynamoDB: the tables and indexes that it touches, with its keys and attributes there.

IAM asks about each of them apart, and about each part of a transaction with the action of that part. Two condition keys
tell parts apart: `dynamodb:LeadingKeys` has the partition keys, `dynamodb:Attributes` the top-level attributes. A
request that names no key, as a Scan, has no `dynamodb:LeadingKeys`, so `ForAllValues` holds for it.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb

What = dict[str, Any]
"""What a request asks of one table: its parameters, a transaction's part, or what a batch has for the table."""

EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
BY_NAME = ("AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter")
HEAD_OF_A_PATH = re.compile(r"(?<![\w.:#])(#?[A-Za-z_]\w*)\b(?!\s*\()")
EQUALS = re.compile(r"([#:\w]+)\s*(?<![<>])=\s*([#:\w]+)")
WORDS = {"ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET"}


class Part(str):
    """The ARN of a table or an index, with the condition keys of what is asked of it."""

    what: What

    def __new__(cls, arn: str, what: What) -> Part:
        """Of the table or index with this ARN."""
        part = super().__new__(cls, arn)
        part.what = what
        return part

    @cached_property
    def context(self) -> dict[str, list[str]]:
        """The condition keys; one without a value is left out."""
        context = dict(iam_actions.dynamodb_service_context(json.dumps(self.what).encode()))
        items = items_of(self.what)
        if names := attributes(self.what, items):
            context["dynamodb:Attributes"] = names
        if keys := leading_keys(partition_key(self), self.what, items):
            context["dynamodb:LeadingKeys"] = keys
        return context


def dynamodb_resource_arns(original: Any) -> Any:
    """Every table or index that a request names; a batch names several."""

    def _dynamodb_resource_arns(body: bytes, region: str, account_id: str) -> list[str]:
        arns: list[str] = original(body, region, account_id)
        return [Part(arn, what) for arn, what in zip(arns, asked_of_each(body), strict=True)] if arns else arns

    return _dynamodb_resource_arns


def dynamodb_transaction_checks(original: Any) -> Any:
    """Each part of a transaction: its action and its table."""

    def _dynamodb_transaction_checks(
        iam_action: str, body: bytes, region: str, account_id: str
    ) -> list[tuple[str, str]]:
        checks: list[tuple[str, str]] = original(iam_action, body, region, account_id)
        if not checks:
            return checks
        parts = [
            part[verb]
            for part in json.loads(body)["TransactItems"]
            if isinstance(part, dict)
            for verb in iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS
            if isinstance(part.get(verb), dict) and isinstance(part[verb].get("TableName"), str)
        ]
        return [(action, Part(arn, what)) for (action, arn), what in zip(checks, parts, strict=True)]

    return _dynamodb_transaction_checks


def asked_of_each(body: bytes) -> list[What]:
    """What the request asks of each table that `dynamodb_resource_arns` names, in its order."""
    request = json.loads(body)
    if request.get("TableName"):
        return [request]
    return [
        what if isinstance(what, dict) else {"Writes": what} for name, what in request["RequestItems"].items() if name
    ]


def items_of(what: What) -> list[What]:
    """The keys and items that it names."""
    writes = [verb.get("Item") or verb.get("Key") for write in what.get("Writes", []) for verb in write.values()]
    return [item for item in (what.get("Key"), what.get("Item"), *what.get("Keys", []), *writes) if item]


def attributes(what: What, items: list[What]) -> list[str]:
    """The top-level attributes that it names, those of the key included."""
    names = what.get("ExpressionAttributeNames") or {}
    heads = [head for field in EXPRESSIONS for head in HEAD_OF_A_PATH.findall(what.get(field) or "")]
    named = {names.get(head, head) for head in heads if head.upper() not in WORDS}
    named |= {name for field in BY_NAME for name in what.get(field) or {}}
    named |= {name for item in items for name in item}
    return sorted(named | set(what.get("AttributesToGet") or []))


def leading_keys(name: str, what: What, items: list[What]) -> list[str]:
    """The values of the partition key."""
    values = [item[name] for item in items if name in item]
    names, given = what.get("ExpressionAttributeNames") or {}, what.get("ExpressionAttributeValues") or {}
    for left, right in EQUALS.findall(what.get("KeyConditionExpression") or ""):
        for path, value in ((left, right), (right, left)):
            if names.get(path, path) == name and value in given:
                values.append(given[value])
    values += (what.get("KeyConditions") or {}).get(name, {}).get("AttributeValueList", [])
    return [str(text) for value in values for text in value.values()]


def partition_key(arn: str) -> str:
    """Its name in the table or index; "" for a table that is not there."""
    region, account, resource = arn.split(":", 5)[3:]
    name, _, index = resource.removeprefix("table/").partition("/index/")
    table = dynamodb._tables.get_scoped(account, region, name) or {}
    indexes = [*table.get("GlobalSecondaryIndexes", []), *table.get("LocalSecondaryIndexes", [])]
    schemas = (
        [found["KeySchema"] for found in indexes if found["IndexName"] == index]
        if index
        else [table.get("KeySchema", [])]
    )
    return next((key["AttributeName"] for schema in schemas for key in schema if key["KeyType"] == "HASH"), "")
