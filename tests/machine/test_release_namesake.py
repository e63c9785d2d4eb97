"""A release with the name of an earlier deployment: executions of two machines may have the same name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.machine.asking import ask
from tests.machine.deployer import FUNCTION, GOOD
from tests.machine.shop import GREEN, NAMES, Shop, at, open_shop
from tests.machine.walk import Run

BY_STEPS = {"steps": [{"weight": 0.1, "bake_seconds": 300}, {"weight": 0.5, "bake_seconds": 300, "approve": True}]}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def order(method: str, path: str, **body: Any) -> None:
    status, answer = ask(method, f"/deployments/monday{path}", json.dumps(body))
    assert status in (200, 202), answer


def deploy(shop: Shop, **request: Any) -> Run:
    """The deployment `monday`."""
    return shop.deployer.run({"function": FUNCTION, "artifact": shop.upload(FUNCTION)} | request, "monday")


def test_the_approval_of_a_deployment_approves_no_wave(shop: Shop) -> None:
    shop.aws.after(900, lambda: order("POST", "/approve", step=2))
    assert deploy(shop, traffic=BY_STEPS).ended == "Deployed"
    before = ask("GET", "/deployments/monday")

    run = shop.release(
        {name: GOOD % 3 for name in NAMES},
        name="monday",
        waves=[{"most": 2}, {"approve": True}],
        approval={"timeout_seconds": 600},
    )

    assert run.error == "ApprovalTimedOut"
    assert ask("GET", "/deployments/monday") == before, "no step of the release is one of the deployment"


def test_the_abort_of_a_deployment_aborts_no_release(shop: Shop) -> None:
    with at(shop, "CheckHealth", lambda: order("DELETE", "")):
        assert deploy(shop).error == "Aborted"

    assert shop.release(name="monday", waves=[{}], traffic="AllAtOnce").ended == "Released"
    assert shop.aliases() == GREEN
