"""The freezes that the ledger keeps."""

import pytest

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.request.freeze import Freeze
from tests.bluegreen.examples import SHOP

pytestmark = pytest.mark.usefixtures("deployer")


def ordered(pattern: str = "Shop", seconds: float = 3600, **more: object) -> Ordered:
    now = clock.now()
    freeze = Freeze.model_validate({"reason": "inventory", "until": clock.iso(now + seconds)} | more)
    return Ordered(pattern=pattern, owner="API by alice", since=clock.iso(now), freeze=freeze)


def test_a_freeze_comes_back_as_it_was_ordered() -> None:
    wanted = ordered(windows=["Fri 16:00-Mon 08:00"], zone="Europe/Berlin")

    freezes.order(SHOP, wanted)

    assert freezes.everywhere(SHOP) == [wanted]


def test_those_that_fit_the_function_are_for_it() -> None:
    for pattern in ("Shop", "Sh*", "*", "Basket", "shop"):
        freezes.order(SHOP, ordered(pattern))

    assert {each.pattern for each in freezes.of(SHOP, SHOP.function)} == {"Shop", "Sh*", "*"}


def test_a_later_one_for_the_same_name_takes_its_place() -> None:
    freezes.order(SHOP, ordered())
    later = ordered(seconds=60)
    freezes.order(SHOP, later)

    assert freezes.everywhere(SHOP) == [later]


def test_one_that_is_over_is_none_and_is_forgotten_by_dynamodb() -> None:
    freezes.order(SHOP, ordered(seconds=-1))

    assert freezes.everywhere(SHOP) == []
    (item,) = table.query(
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=table.values({":pk": f"freezes#{SHOP.account}:{SHOP.region}"}),
    )
    assert clock.now() < item["forget_at"] < clock.now() + 31 * 24 * 3600


def test_a_freeze_is_lifted_once() -> None:
    freezes.order(SHOP, ordered())

    assert [freezes.lift(SHOP, "Shop"), freezes.lift(SHOP, "Shop")] == [True, False]
    assert freezes.everywhere(SHOP) == []


def test_another_region_has_freezes_of_its_own() -> None:
    freezes.order(SHOP, ordered("*"))

    assert freezes.of(SHOP.model_copy(update={"region": "eu-west-3"}), SHOP.function) == ()


def test_the_one_that_holds_longest_is_in_force() -> None:
    found = freezes.in_force((ordered(), ordered("*", seconds=7200), ordered("S*", seconds=60)), clock.now())

    assert found is not None
    assert found[0].pattern == "*"
    assert freezes.in_force((), clock.now()) is None


def test_one_that_this_stack_version_cannot_read_holds_nobody_up() -> None:
    key = table.key(f"freezes#{SHOP.account}:{SHOP.region}", "Shop")
    table.put({"Item": key | table.values({"owner": "x", "since": "x", "until": "never", "reason": "x"})})
    freezes.order(SHOP, ordered("*"))

    assert [each.pattern for each in freezes.of(SHOP, SHOP.function)] == ["*"]
