"""
What people ordered a running deployment or release to do: a list that is only ever added to.

Its partition is its own, so that ServeApi's role can write orders and never a record.
"""

from typing import Any

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.aws.table import Item
from bluegreen.decisions.orders import Order
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger.owner import Owner
from bluegreen.ledger.record import readable

ORDERS = "orders"


def given(owner: Owner) -> tuple[Order, ...]:
    """Every order so far, the first one first. Those of another stack version that cannot be read are left out."""
    return counted(owner)[0]


def counted(owner: Owner) -> tuple[tuple[Order, ...], int]:
    """The same, and how many there are with those that cannot be read."""
    item = table.get(partition(owner), ORDERS)
    return (tuple(readable(_order, item["given"])), len(item["given"])) if item else ((), 0)


def give(owner: Owner, order: Order, known: int) -> bool:
    """
    Add the order. False if there are not `known` orders any more: someone else gave one meanwhile.

    DynamoDB may have taken the order although its answer was lost: then the list has it.
    """
    count = {":known": known} if known else {}
    update = {
        "Key": table.key(partition(owner), ORDERS),
        "UpdateExpression": "SET given = list_append(if_not_exists(given, :none), :one)",
        "ConditionExpression": "size(given) = :known" if known else "attribute_not_exists(given)",
        "ExpressionAttributeValues": table.values(
            {":none": [], ":one": [order.model_dump(mode="json", exclude_defaults=True)]} | count
        ),
    }
    try:
        after = table.update(update)
    except AwsUnavailable:
        if order not in given(owner):
            raise
        return True
    return after is not None or order in given(owner)


def shown(order: Order) -> dict[str, Any]:
    """As people see it."""
    said = order.model_dump(mode="json", exclude_defaults=True)
    return said | {"at": clock.iso(order.at)} | ({"to": order.to} if order.order == "promote" else {})


def partition(owner: Owner) -> str:
    """The key of the orders."""
    return f"{ORDERS}#{owner.key}"


def _order(item: Item) -> Order:
    return Order.model_validate(item, extra="ignore")
