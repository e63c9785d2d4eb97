"""The locks: one deployment at a time has an alias, and one puts new code into $LATEST."""

import pytest

from bluegreen.aws import table
from bluegreen.document import REJECTED, ROLLED_BACK
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import deployments, locks
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import Record
from tests.bluegreen.examples import SHOP, opened, record, target
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")

MINE = locks.of(record())


def test_a_lock_says_which_execution_holds_it_for_which_deployment() -> None:
    opened(new_code=True)

    assert locks.held(SHOP) == Lock(target=SHOP, held_by=record().execution, deployment="first", new_code=True)


def test_a_lock_has_its_whole_target() -> None:
    elsewhere = SHOP.model_copy(update={"account": "210987654321", "role": "arn:aws:iam::210987654321:role/deployer"})

    opened(target=elsewhere)

    held = locks.held(elsewhere)
    assert held is not None
    assert held.target == elsewhere
    assert locks.all_held() == ([held], [])


@pytest.mark.parametrize(
    "other",
    [
        record("second", target=target(alias="LIVE")),
        record("second", target=target(function="Other")),
        record("second", target=SHOP.model_copy(update={"region": "eu-west-1"})),
        record("second", target=SHOP.model_copy(update={"account": "210987654321"})),
    ],
    ids=["alias", "function", "region", "account"],
)
def test_the_lock_of_another_alias_is_another_lock(other: Record) -> None:
    opened()
    deployments.open_deployment(other)

    assert {lock.deployment for lock in locks.all_held()[0]} == {"first", "second"}


def test_a_lock_is_held_as_long_as_the_deployment_is_live() -> None:
    opened()
    deployments.begin_undoing("first", "E", "why")
    assert locks.held(SHOP) == MINE

    deployments.close(record(), ROLLED_BACK)

    assert locks.held(SHOP) is None


def test_a_lock_that_is_free_can_be_taken() -> None:
    opened()
    deployments.close(record(), ROLLED_BACK)

    opened("second")

    assert locks.held(SHOP) == locks.of(record("second"))


def test_the_lock_of_another_is_not_freed_by_an_end_that_comes_again() -> None:
    opened()
    deployments.close(record(), ROLLED_BACK)
    opened("second")

    deployments.close(record(), ROLLED_BACK)

    assert locks.held(SHOP) == locks.of(record("second"))


def test_a_lock_that_an_operator_took_away_by_hand_leaves_the_end_unwritten() -> None:
    opened()
    locks.free(MINE)
    opened("second")

    with pytest.raises(AwsUnavailable, match="could not take the record"):
        deployments.close(record(), ROLLED_BACK)


def test_an_end_is_written_although_the_lock_is_gone() -> None:
    opened()
    locks.free(MINE)

    assert deployments.close(record(), REJECTED)


def test_a_lock_is_given_back_by_its_holder_as_often_as_it_likes() -> None:
    opened()

    locks.free(MINE)
    locks.free(MINE)

    assert locks.held(SHOP) is None


def test_a_lock_is_not_given_back_by_another_execution() -> None:
    opened()

    locks.free(locks.of(record("second")))

    assert locks.held(SHOP) == MINE


def test_the_lock_of_new_code_is_the_lock_of_latest_too() -> None:
    first = opened(new_code=True)

    with pytest.raises(deployments.Held) as refused:
        opened("second", target=target(alias="LIVE"), new_code=True)

    assert refused.value.lock == locks.of(first) == locks.held(SHOP, locks.LATEST)
    assert locks.held(target(alias="LIVE")) is None


def test_a_published_version_is_deployed_beside_new_code_for_another_alias() -> None:
    opened(new_code=True)

    opened("second", target=target(alias="LIVE"))

    assert {lock.deployment for lock in locks.all_held()[0]} == {"first", "second"}


def test_the_lock_of_new_code_is_listed_once() -> None:
    first = opened(new_code=True)

    assert locks.all_held() == ([locks.of(first)], [])


def test_the_lock_of_new_code_is_given_back_so_that_what_is_left_is_found(deployer: Deployer) -> None:
    first = locks.of(opened(new_code=True))

    with deployer.aws.fails("DeleteItem", "ServiceUnavailable", times=None, skip=1), pytest.raises(AwsUnavailable):
        locks.free(first)
    assert locks.all_held() == ([first], [])

    locks.free(first)
    assert deployer.items("lock#") == []


def test_a_lock_of_a_stack_version_that_wrote_more_is_read() -> None:
    opened()
    item = MINE.taking()[0]["Put"]["Item"] | {"colour": {"S": "blue"}}
    table.put({"Item": item})

    assert locks.all_held() == ([MINE], [])


def test_a_lock_that_cannot_be_read_keeps_no_other_from_being_found(caplog: pytest.LogCaptureFixture) -> None:
    opened()
    table.put({"Item": table.values({"pk": "lock#x", "sk": "lock", "kind": "lock"})})

    assert locks.all_held() == ([MINE], ["lock#x"])
    assert "left out lock#x, unreadable" in caplog.text


def test_an_audit_entry_with_the_attributes_of_a_lock_is_no_lock() -> None:
    """A role that may write audit entries chooses their attributes, and the index takes items of every partition."""
    forged = MINE.taking()[0]["Put"]["Item"] | {"pk": {"S": "steps#first"}}
    table.put({"Item": forged})

    assert locks.all_held() == ([], [])
