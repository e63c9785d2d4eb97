"""DynamoDB's capacity units, as AWS bills them: by the items that lie in the table when a handler reads or writes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from botocore.client import BaseClient
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from tests.machine.deployer import TABLE
from tests.machine.faults import acting_now
from tests.machine.walk import REGION

READ_BYTES, WRITE_BYTES = 4096, 1024
INDEXES = (("listed", "started_at"), ("kind", "pk"))
"""The keys of the table's indexes, which have the whole item."""


@dataclass
class Units:
    """What was read and written."""

    read: float = 0.0
    written: int = 0


@contextmanager
def weighed() -> Iterator[Units]:
    """
    What handlers read and write while the block lasts.

    A write weighs the item before it or after it, whichever is larger, and as much again for each index that has it. A
    write that its condition refuses is billed as well.
    """
    units = Units()
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def seen(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        def call() -> Any:
            return make(client, operation, asked)

        if acting_now() is None or client.meta.service_model.service_name != "dynamodb":
            return call()
        if operation == "TransactWriteItems":
            keys = [_key(next(iter(each.values()))) for each in asked["TransactItems"]]
            return _written(units, keys, call, times=2)
        if operation in ("PutItem", "UpdateItem", "DeleteItem"):
            return _written(units, [_key(asked)], call, times=1)
        answer = call()
        units.read += _read(asked, answer)
        return answer

    with mock.patch.object(BaseClient, "_make_api_call", seen):
        yield units


def _key(asked: dict[str, Any]) -> dict[str, Any]:
    item = asked.get("Key") or asked["Item"]
    return {"pk": item["pk"], "sk": item["sk"]}


def _written(units: Units, keys: list[dict[str, Any]], call: Callable[[], Any], times: int) -> Any:
    before = [_weight(key) for key in keys]
    try:
        return call()
    finally:
        after = [_weight(key) for key in keys]
        units.written += times * sum(map(max, before, after))


def _weight(key: dict[str, Any]) -> int:
    item = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_item(TABLE, key)
    if item is None:
        return 1
    has = sum(all(name in item.attrs for name in index) for index in INDEXES)
    size: int = item.size()
    return math.ceil(size / WRITE_BYTES) * (1 + has)


def _read(asked: dict[str, Any], answer: dict[str, Any]) -> float:
    """The items of a query are weighed together, others one by one; half as much where the read need not be new."""
    if "RequestItems" in asked:
        (table,) = asked["RequestItems"].values()
        found = [item for items in answer["Responses"].values() for item in items]
        missing = len(table["Keys"]) - len(found)
        return missing + sum(math.ceil(_bytes(item) / READ_BYTES) for item in found)
    items = answer["Items"] if "Items" in answer else [answer.get("Item", {})]
    units = max(1, math.ceil(sum(map(_bytes, items)) / READ_BYTES))
    return units if asked.get("ConsistentRead") else units / 2


def _bytes(item: dict[str, Any]) -> int:
    return len(json.dumps(item))
