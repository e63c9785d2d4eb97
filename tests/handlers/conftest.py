"""A deployer of its own for every test, and deployments that are run by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import recover_deployments
from tests.handlers.desk import Desk, Desks, in_its_role
from tests.handlers.rolling_back import ANSWERS
from tests.machine.conftest import deployer
from tests.machine.deployer import Deployer

__all__ = ["deployer", "desk", "desks"]


@pytest.fixture
def desks(deployer: Deployer, tmp_path: Path) -> Iterator[Desks]:
    """To begin deployments."""
    desks = Desks(deployer, tmp_path)
    yield desks
    desks.close()


@pytest.fixture
def desk(desks: Desks) -> Desk:
    """A deployment of new code, by a canary of five minutes."""
    return desks()


@pytest.fixture
def shifting(desks: Desks) -> Desk:
    """Green has its first share, and failed. People wrote a smoke test."""
    desk = desks(smoke_tests=ANSWERS)
    desk.to("ShiftAlias").run("ShiftAlias")
    return desk.failed()


@pytest.fixture
def stopped(desk: Desk) -> Desk:
    """Another user stopped it when green had its first share."""
    desk.to("ShiftAlias").run("ShiftAlias")
    desk.stop()
    return desk


@pytest.fixture
def role_of_recovery(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM lets RecoverDeployments do what its role may."""
    monkeypatch.setattr(recover_deployments, "handler", in_its_role(recover_deployments.handler, "RecoverDeployments"))
