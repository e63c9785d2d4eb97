"""The short way to moto finds what moto finds."""

import gc
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from tests.machine.wire import short_way

KEY = {"AttributeName": "pk", "KeyType": "HASH"}
UPDATES: list[dict[str, Any]] = [
    {"UpdateExpression": "SET #a = :one, things = list_append(things, :list) REMOVE gone ADD amount :one"},
    {"UpdateExpression": "SET things[0] = if_not_exists(nowhere, :one), deep.inner = :one"},
    {"UpdateExpression": "REMOVE things[0], things[1], deep.inner"},
    {"UpdateExpression": "SET #a = #a + :one", "ConditionExpression": "attribute_exists(pk) AND NOT amount IN (:one)"},
    {"UpdateExpression": "SET nowhere.deeper = :one"},
    {"UpdateExpression": "SET pk = :one"},
    {"UpdateExpression": "SET amount = :one, amount = :one"},
    {"UpdateExpression": "SET amount = :one", "ConditionExpression": "amount < :one OR (gone = :one)"},
]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        yield


def make_the_table() -> None:
    attribute: Any = {"AttributeName": "pk", "AttributeType": "S"}
    dynamodb: Any = boto3.client("dynamodb", "eu-west-1")
    dynamodb.create_table(
        TableName="things", KeySchema=[KEY], AttributeDefinitions=[attribute], BillingMode="PAY_PER_REQUEST"
    )


def after(update: dict[str, Any], way: Any) -> Any:
    """What the item is after the update, or the error."""
    with way:
        table: Any = boto3.resource("dynamodb", "eu-west-1").Table("things")
        names = {"#a": "amount"} if "#a" in str(update) else {}
        given = {":one": 1, ":list": ["x"]}
        values = {name: value for name, value in given.items() if name in str(update)}
        arguments = update | ({"ExpressionAttributeNames": names} if names else {})
        arguments |= {"ExpressionAttributeValues": values} if values else {}
        item = {"pk": "1", "amount": 2, "things": ["a", "b"], "gone": "x", "deep": {"inner": "y", "other": "z"}}
        table.put_item(Item=item)
        try:
            table.update_item(Key={"pk": "1"}, **arguments)
        except ClientError as error:
            return error.response["Error"]
        return table.get_item(Key={"pk": "1"})["Item"]


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: " if ".join(update.values()))
def test_an_update_has_the_same_effect_or_the_same_error(update: dict[str, Any]) -> None:
    make_the_table()

    assert after(update, short_way()) == after(update, nullcontext())


def test_a_condition_that_cannot_be_read_is_refused_each_time() -> None:
    with short_way():
        for _ in range(2):
            with pytest.raises(ValueError, match="Cannot parse condition"):
                ConditionExpressionParser("pk = ?", None, None).parse()


def test_an_item_is_not_changed_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    make_the_table()
    changed, was_changed = threading.Event(), []
    read = DynamoHandler.get_item

    def change() -> None:
        boto3.client("dynamodb", "eu-west-1").put_item(TableName="things", Item={"pk": {"S": "1"}, "more": {"S": "x"}})
        changed.set()

    def read_slowly(handler: DynamoHandler) -> Any:
        threading.Thread(target=change).start()
        was_changed.append(changed.wait(0.2))
        return read(handler)

    monkeypatch.setattr(DynamoHandler, "get_item", read_slowly)
    with short_way():
        boto3.client("dynamodb", "eu-west-1").get_item(TableName="things", Key={"pk": {"S": "1"}})
        assert changed.wait(60)

    assert was_changed == [False]


SIBLINGS = [("lock", "a"), ("lock", "b"), ("record", "a")]


def make_a_table_of_siblings() -> Any:
    """Items by two keys. The partition `gone` had one."""
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    dynamodb: Any = boto3.client("dynamodb", "eu-west-1")
    dynamodb.create_table(
        TableName="siblings", KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
    )
    for pk, sk in [*SIBLINGS, ("gone", "a")]:
        dynamodb.put_item(TableName="siblings", Item={"pk": {"S": pk}, "sk": {"S": sk}, "is": {"S": "old"}})
    dynamodb.delete_item(TableName="siblings", Key={"pk": {"S": "gone"}, "sk": {"S": "a"}})
    return dynamodb


def write(condition: str) -> list[Any]:
    """A transaction: an item is updated, one deleted, and some are put, if the record is as the condition says."""
    at = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in [*SIBLINGS, ("lock", "c"), ("gone", "a"), ("new", "a")]]
    new = {":new": {"S": "new"}}
    change: Any = {"UpdateExpression": "SET #is = :new", "ExpressionAttributeNames": {"#is": "is"}}
    check: Any = {"ConditionExpression": "#is = :is", "ExpressionAttributeNames": {"#is": "is"}}
    writes: list[Any] = [
        {"Update": {"Key": at[0], "ExpressionAttributeValues": new} | change},
        {"Delete": {"Key": at[1]}},
        *({"Put": {"Item": each | {"is": {"S": "new"}}}} for each in at[3:]),
        {"ConditionCheck": {"Key": at[2], "ExpressionAttributeValues": {":is": {"S": condition}}} | check},
    ]
    return [{kind: op | {"TableName": "siblings"} for kind, op in each.items()} for each in writes]


@pytest.mark.parametrize("condition", ["old", "another"], ids=["done", "cancelled"])
def test_a_transaction_has_the_same_effect_on_all_items_or_none(condition: str) -> None:
    found = []
    for way in (short_way(), nullcontext()):
        with way:
            dynamodb = make_a_table_of_siblings()
            with (
                nullcontext() if condition == "old" else pytest.raises(dynamodb.exceptions.TransactionCanceledException)
            ):
                dynamodb.transact_write_items(TransactItems=write(condition))
            found.append(dynamodb.scan(TableName="siblings")["Items"])
            dynamodb.delete_table(TableName="siblings")

    assert found[0] == found[1]
    assert (len(found[0]) == len(SIBLINGS)) == (condition == "another")


def test_a_transaction_leaves_no_copy_of_its_table_behind() -> None:
    with short_way():
        make_a_table_of_siblings().transact_write_items(TransactItems=write("old"))

        assert vars(Table)["instances_tracked"] == []
        assert len([each for each in gc.get_objects() if type(each) is Table]) == 1
