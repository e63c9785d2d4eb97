"""The one DynamoDB table: items of strings, writes that may be refused by their condition, several writes as one."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bluegreen.aws.client import client, in_our_words

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

REFUSED = "ConditionalCheckFailed"


def name() -> str:
    """As the stack says."""
    return os.environ["TABLE_NAME"]


def key(pk: str, sk: str) -> dict[str, "AttributeValueTypeDef"]:
    """As DynamoDB takes it."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def values(of: Mapping[str, Any]) -> dict[str, "AttributeValueTypeDef"]:
    """As DynamoDB takes them, each as a string."""
    return {name: {"S": str(value)} for name, value in of.items()}


def get(pk: str, sk: str) -> dict[str, str] | None:
    """An item as it is, not as an index or a replica says."""
    with in_our_words():
        item = client("dynamodb").get_item(TableName=name(), Key=key(pk, sk), ConsistentRead=True).get("Item")
    return _strings(item) if item else None


def query(**what: Any) -> list[dict[str, str]]:
    """All pages of it, or as many items as `PaginationConfig` allows."""
    with in_our_words():
        pages = client("dynamodb").get_paginator("query").paginate(TableName=name(), **what)
        return [_strings(item) for page in pages for item in page["Items"]]


def put(what: Any) -> bool:
    """False when its condition does not hold."""
    return _holds(lambda: client("dynamodb").put_item(TableName=name(), **what))


def update(what: Any) -> bool:
    """False when its condition does not hold."""
    return _holds(lambda: client("dynamodb").update_item(TableName=name(), **what))


def delete(what: Any) -> bool:
    """False when its condition does not hold."""
    return _holds(lambda: client("dynamodb").delete_item(TableName=name(), **what))


def together(*parts: dict[str, Any]) -> list[str]:
    """All or nothing: nothing, and for each part why, REFUSED by its condition or another of DynamoDB's codes."""
    dynamodb = client("dynamodb")
    items: Any = [{verb: {"TableName": name(), **what} for verb, what in part.items()} for part in parts]
    with in_our_words():
        try:
            dynamodb.transact_write_items(TransactItems=items)
        except dynamodb.exceptions.TransactionCanceledException as refusal:
            reasons: list[Any] = refusal.response.get("CancellationReasons", [])
            return [str(reason.get("Code")) for reason in reasons] or ["unknown"]
    return []


def _holds(write: Callable[[], object]) -> bool:
    dynamodb = client("dynamodb")
    with in_our_words():
        try:
            write()
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
    return True


def _strings(item: Mapping[str, "AttributeValueTypeDef"]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}
