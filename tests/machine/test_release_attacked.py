"""A release that somebody or something crosses: answers that are lost, people who act beside it, little time."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.machine.deployer import GOOD, alarm
from tests.machine.shop import GREEN, NAMES, Shop, open_shop

MOST_TURNS = 40


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def bounded(shop: Shop, state: str) -> Any:
    """A release that comes to this state again and again is stopped, so that the test ends."""
    seen = [0]

    def hook(arn: str, name: str, moment: str) -> None:
        if (name, moment) == (state, "entered"):
            seen[0] += 1
            if seen[0] == MOST_TURNS:
                shop.aws.stop(arn)

    return shop.aws.at_states(hook)


def test_a_release_whose_last_answer_is_lost_is_released_once(shop: Shop) -> None:
    with (
        bounded(shop, "CompleteRelease"),
        shop.aws.state_fails("CompleteRelease", "HandlerKilled", when="after"),
    ):
        run = shop.release()

    assert run.ended == "Released"
    assert "RollBackRelease" not in run.path
    assert shop.aliases() == GREEN


def test_a_release_with_nothing_to_deploy_says_so_although_an_answer_is_lost(shop: Shop) -> None:
    with shop.aws.state_fails("ConfirmOpen", "Lambda.ServiceException", when="after"):
        run = shop.release({name: GOOD % 1 for name in NAMES})

    assert run.ended == "NothingToDeploy"


def test_an_alarm_that_was_red_before_the_release_puts_nothing_back(shop: Shop) -> None:
    document = shop.document()
    document["functions"][0]["health"] = {"alarms": ["sales"]}
    alarm("sales", "ALARM")

    assert shop.run(document).ended == "Released"
