"""A deployer of its own for every test, and deployments that are run by hand."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import Deployer, installed

_make_client = boto3.client
_client = functools.cache(_make_client)


@pytest.fixture
def deployer() -> Iterator[Deployer]:
    """The deployer, installed; nobody calls the function yet. Making clients would take most of a test's time."""

    def client(*arguments: Any, **named: Any) -> Any:
        return (_make_client if named else _client)(*arguments, **named)

    with mock.patch.object(boto3, "client", client), installed() as deployer:
        yield deployer


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
