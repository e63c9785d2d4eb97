"""A release of one function at home and of the functions of that name in another account and in another region."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.machine.asking import order
from tests.machine.deployer import BAD_UNDER_TRAFFIC, FUNCTION, GOOD
from tests.machine.elsewhere import OTHER_ACCOUNT, Elsewhere, elsewhere
from tests.machine.shop import Shop, open_shop
from tests.machine.walk import Run

EU, OVERSEAS = "eu-west-1", "ap-southeast-2"
BLUE: tuple[str, dict[str, float]] = ("1", {})
GREEN: tuple[str, dict[str, float]] = ("2", {})


class World:
    """Home, and two targets with the same function."""

    def __init__(self, shop: Shop, eu: Elsewhere, overseas: Elsewhere) -> None:
        self.shop, self.there = shop, {"eu": eu, "overseas": overseas}

    def document(self, sources: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """New code for the function in each place: at home, in `eu` and `overseas`."""
        given = sources or {}
        entries = [
            {"function": FUNCTION, "artifact": self.shop.upload(FUNCTION, given.get(place, GOOD % 2))}
            | ({"target": place} if place != "home" else {})
            for place in ("home", *self.there)
        ]
        targets = {
            place: {"region": each.region, "role": each.target.role, "bucket": each.bucket}
            for place, each in self.there.items()
        }
        return {"functions": entries, "targets": targets, "waves": [{}]} | more

    def aliases(self) -> dict[str, Any]:
        """Where the alias is in each place."""
        return {"home": self.shop.alias(FUNCTION)} | {place: each.alias() for place, each in self.there.items()}

    def users_call(self) -> None:
        """Users of every place, once a second."""
        self.shop.users_call(1)
        for each in self.there.values():
            self.shop.aws.every(1, each.users_call)


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as opened:
        shop = opened.enter_context(open_shop((FUNCTION,)))
        eu = opened.enter_context(elsewhere(OTHER_ACCOUNT, EU))
        overseas = opened.enter_context(elsewhere(OTHER_ACCOUNT, OVERSEAS))
        yield World(shop, eu, overseas)


def test_the_function_gets_its_new_version_in_every_account_and_region(world: World) -> None:
    run = world.shop.run(world.document())

    assert run.ended == "Released"
    assert world.aliases() == {"home": GREEN, "eu": GREEN, "overseas": GREEN}
    assert not world.shop.locks()

    home, eu = _advice(run, 1), _advice(run, 2)
    together = f"`bluegreen rollback {_name(run)}` puts every function of the release back"
    assert home.startswith(f"deployment {_name(run)}.1 of {FUNCTION}:PROD cannot take this order")
    assert f" {together}. `bluegreen rollback {FUNCTION} --alias PROD` gives the alias back to the version" in home
    assert eu.startswith(f"deployment {_name(run)}.2 of {FUNCTION}:PROD ({OTHER_ACCOUNT}, {EU}) cannot take")
    assert eu.endswith(f"{together}."), "not a command about the function of that name at home"


def _name(run: Run) -> str:
    return run.arn.rpartition(":")[2]


def _advice(run: Run, number: int) -> str:
    """What the API says to an order that comes too late."""
    status, answer = order("pause", f"{_name(run)}.{number}")
    assert status == 409
    return str(answer["message"]).removeprefix("pause: ")


def test_waves_may_go_region_by_region(world: World) -> None:
    seen = []

    def note(arn: str, state: str, moment: str) -> None:
        if state == "ShiftWave" and moment == "entered":
            seen.append([place for place, alias in world.aliases().items() if alias == GREEN])

    with world.shop.aws.at_states(note):
        run = world.shop.run(world.document(waves=[{"target": "overseas"}, {"target": "eu"}, {}], traffic="AllAtOnce"))

    assert run.ended == "Released"
    assert seen == [[], ["overseas"], ["eu", "overseas"]]


@pytest.mark.parametrize(
    ("rollback", "ends", "aliases"),
    [
        ("all", "RolledBack", {"home": BLUE, "eu": BLUE, "overseas": BLUE}),
        ("target", "Released", {"home": GREEN, "eu": BLUE, "overseas": GREEN}),
    ],
)
def test_a_target_that_fails_puts_back_all_or_its_own_as_the_document_says(
    world: World, rollback: str, ends: str, aliases: dict[str, Any]
) -> None:
    bad = {"eu": BAD_UNDER_TRAFFIC}
    world.users_call()

    run = world.shop.run(world.document(bad, rollback=rollback))

    assert run.ended == ends
    assert world.aliases() == aliases
    assert world.shop.record(run)["failed"] == [f"functions.1 ({FUNCTION}:PROD, {OTHER_ACCOUNT}, {EU})"]
    assert not world.shop.locks()
