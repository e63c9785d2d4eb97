"""People are told of a function's refused requests once an hour."""

import pytest

from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import refusals
from bluegreen.ledger.refusals import QUIET_SECONDS
from tests.bluegreen.examples import SHOP, target
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")


def test_people_are_told_of_the_first_refused_request_of_an_hour() -> None:
    assert [refusals.may_tell(SHOP.function_key, name) for name in ("first", "second", "third")] == [True, False, False]


def test_people_are_told_again_after_an_hour(deployer: Deployer) -> None:
    refusals.may_tell(SHOP.function_key, "first")

    deployer.aws.clock.sleep(QUIET_SECONDS - 1)
    assert not refusals.may_tell(SHOP.function_key, "second")
    deployer.aws.clock.sleep(1)
    assert refusals.may_tell(SHOP.function_key, "second")


def test_an_hour_counts_from_when_people_were_told_and_not_from_the_last_request(deployer: Deployer) -> None:
    told = []
    for number in range(7):
        told.append(refusals.may_tell(SHOP.function_key, f"d{number}"))
        deployer.aws.clock.sleep(QUIET_SECONDS / 3)

    assert told == [True, False, False, True, False, False, True]


def test_the_refused_request_that_people_are_told_of_may_be_told_of_again_and_no_other_one() -> None:
    """SNS may not have taken it."""
    assert [refusals.may_tell(SHOP.function_key, name) for name in ("first", "first", "second", "first")] == [
        True,
        True,
        False,
        True,
    ]


def test_a_refused_request_that_was_silenced_gets_no_leave_by_asking_again() -> None:
    refusals.may_tell(SHOP.function_key, "first")

    assert [refusals.may_tell(SHOP.function_key, "second") for _ in range(2)] == [False, False]


def test_an_hour_begins_anew_with_a_request_that_is_told_of_again(deployer: Deployer) -> None:
    refusals.may_tell(SHOP.function_key, "first")
    deployer.aws.clock.sleep(QUIET_SECONDS - 1)
    refusals.may_tell(SHOP.function_key, "first")

    deployer.aws.clock.sleep(QUIET_SECONDS - 1)
    assert not refusals.may_tell(SHOP.function_key, "second")
    deployer.aws.clock.sleep(1)
    assert refusals.may_tell(SHOP.function_key, "second")


def test_the_refused_requests_of_one_function_silence_no_other() -> None:
    refusals.may_tell(SHOP.function_key, "first")

    assert refusals.may_tell(target(function="Other").function_key, "second")
    assert refusals.may_tell(SHOP.model_copy(update={"account": "999999999999"}).function_key, "third")


def test_people_are_not_told_while_the_table_does_not_answer(deployer: Deployer) -> None:
    with deployer.aws.fails("UpdateItem", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        refusals.may_tell(SHOP.function_key, "first")

    assert refusals.may_tell(SHOP.function_key, "second")
