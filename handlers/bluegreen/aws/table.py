"""The one DynamoDB table: items of native types, conditional writes, several writes as one."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

MOST_AT_ONCE = 100
"""Items of one BatchGetItem. (DynamoDB's API reference.)"""

MOST_ATTEMPTS = 5
"""At what BatchGetItem leaves out: 16 MB at a time, or what a throttled partition does not give."""

REFUSED = "ConditionalCheckFailed"

Item = dict[str, Any]

_serialize, _deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize


def name() -> str:
    """The table's name, from the environment."""
    return os.environ["TABLE_NAME"]


def key(pk: str, sk: str) -> dict[str, "AttributeValueTypeDef"]:
    """As DynamoDB takes it."""
    return values({"pk": pk, "sk": sk})


def values(of: Mapping[str, Any]) -> dict[str, "AttributeValueTypeDef"]:
    """JSON values as DynamoDB takes them. A number keeps its digits."""
    exact: Item = json.loads(json.dumps(dict(of)), parse_float=Decimal)
    return {name: _serialize(value) for name, value in exact.items()}


def get(pk: str, sk: str) -> Item | None:
    """The item by a consistent read."""
    with in_our_words():
        item = client("dynamodb").get_item(TableName=name(), Key=key(pk, sk), ConsistentRead=True).get("Item")
    return item_of(item) if item else None


def get_many(keys: Sequence[tuple[str, str]]) -> list[Item]:
    """Those of the items that there are, consistently. Raises AwsUnavailable if DynamoDB does not answer for all."""
    found: list[Item] = []
    for start in range(0, len(keys), MOST_AT_ONCE):
        left: Any = {
            name(): {"Keys": [key(*each) for each in keys[start : start + MOST_AT_ONCE]], "ConsistentRead": True}
        }
        for _ in range(MOST_ATTEMPTS):
            with in_our_words():
                answer = client("dynamodb").batch_get_item(RequestItems=left)
                found += [item_of(item) for item in answer["Responses"].get(name(), [])]
                left = answer.get("UnprocessedKeys")
            if not left:
                break
        if left:
            raise AwsUnavailable("DynamoDB did not answer for all items")
    return found


def query(**what: Any) -> list[Item]:
    """All pages."""
    with in_our_words():
        pages = client("dynamodb").get_paginator("query").paginate(TableName=name(), **what)
        return [item_of(item) for page in pages for item in page["Items"]]


def page(*, after: Item | None = None, **what: Any) -> tuple[list[Item], Item | None]:
    """One page, of 1 MB at most, and the key to go on after; None if it was the last."""
    if after:
        what["ExclusiveStartKey"] = values(after)
    with in_our_words():
        answer = client("dynamodb").query(TableName=name(), **what)
    last = answer.get("LastEvaluatedKey")
    return [item_of(item) for item in answer["Items"]], item_of(last) if last else None


def put(what: Any) -> bool:
    """False when its condition does not hold."""
    return _holds(lambda: client("dynamodb").put_item(TableName=name(), **what))


def update(what: Any) -> Item | None:
    """The item after the update; None when its condition does not hold."""
    dynamodb = client("dynamodb")
    with in_our_words():
        try:
            answer = dynamodb.update_item(TableName=name(), ReturnValues="ALL_NEW", **what)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return None
    return item_of(answer["Attributes"])


def delete(what: Any) -> bool:
    """False when its condition does not hold."""
    return _holds(lambda: client("dynamodb").delete_item(TableName=name(), **what))


def together(*parts: dict[str, Any]) -> list[str]:
    """
    All or nothing. Answers nothing if it was written; otherwise each part's reason, REFUSED for its condition.

    The reasons are DynamoDB's cancellation codes.
    """
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


def item_of(item: Mapping[str, "AttributeValueTypeDef"]) -> Item:
    """An item of DynamoDB as plain Python values."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """DynamoDB's numbers are Decimals; a whole one is an int."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
