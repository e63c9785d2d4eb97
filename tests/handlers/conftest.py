"""A deployer of its own for every test, and deployments that are run by hand."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import Deployer, installed


def _made_once(make: Callable[..., Any]) -> Callable[..., Any]:
    """Reading AWS's models for each client again would take most of a test's time."""
    once = functools.cache(make)

    def made(*arguments: Any, **named: Any) -> Any:
        return (make if named else once)(*arguments, **named)

    return made


_client, _resource = _made_once(boto3.client), _made_once(boto3.resource)


@pytest.fixture
def deployer() -> Iterator[Deployer]:
    """The deployer, installed; nobody calls the function yet."""
    with (
        mock.patch.object(boto3, "client", _client),
        mock.patch.object(boto3, "resource", _resource),
        installed() as deployer,
    ):
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
