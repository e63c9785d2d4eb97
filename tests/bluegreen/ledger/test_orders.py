"""Orders are only ever added, and by one person at a time."""

from typing import Any

import pytest

from bluegreen.decisions.orders import Order
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import orders
from bluegreen.ledger.owner import of_deployment
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")

ALICE = "arn:aws:iam::123456789012:user/alice"
PAUSE = Order(order="pause", by=ALICE, at=1_700_000_000.5, reason="look at the logs", seconds=600)
PROMOTE = Order(order="promote", by=ALICE, at=1_700_000_060, to="next")


def test_orders_are_read_in_the_order_in_which_they_were_given() -> None:
    assert orders.given(of_deployment("first")) == ()
    assert orders.give(of_deployment("first"), PAUSE, 0)
    assert orders.give(of_deployment("first"), PROMOTE, 1)

    assert orders.given(of_deployment("first")) == (PAUSE, PROMOTE)
    assert orders.given(of_deployment("second")) == ()


@pytest.mark.parametrize("known", [0, 2])
def test_an_order_is_not_added_if_the_writer_does_not_know_all_of_the_others(known: int) -> None:
    orders.give(of_deployment("first"), PAUSE, 0)

    assert not orders.give(of_deployment("first"), PROMOTE, known)
    assert orders.given(of_deployment("first")) == (PAUSE,)


def test_an_order_that_this_stack_version_cannot_read_is_counted_and_left_out(deployer: Deployer) -> None:
    orders.give(of_deployment("first"), PAUSE, 0)
    orders.give(of_deployment("first"), PROMOTE.model_copy(update={"order": "dance"}), 1)

    assert orders.counted(of_deployment("first")) == ((PAUSE,), 2)
    assert orders.give(of_deployment("first"), PROMOTE, 2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_order_whose_answer_is_lost_is_given_if_the_list_has_it(deployer: Deployer, when: Any) -> None:
    """The SDK sends the call again after a lost answer: the second one finds another number of orders."""
    with deployer.aws.fails("UpdateItem", "ReadTimeout", when=when):
        assert orders.give(of_deployment("first"), PAUSE, 0)
    with deployer.aws.fails("UpdateItem", "ReadTimeout", times=None, when=when):
        if when == "after":
            assert orders.give(of_deployment("first"), PROMOTE, 1)
        else:
            with pytest.raises(AwsUnavailable):
                orders.give(of_deployment("first"), PROMOTE, 1)

    assert orders.given(of_deployment("first")) == ((PAUSE, PROMOTE) if when == "after" else (PAUSE,))


def test_people_see_who_when_and_why() -> None:
    assert orders.shown(PAUSE) == {
        "order": "pause",
        "by": ALICE,
        "at": "2023-11-14T22:13:20.500Z",
        "reason": "look at the logs",
        "seconds": 600,
    }
    assert orders.shown(PROMOTE)["to"] == "next"
