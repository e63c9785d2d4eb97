"""A deployer of its own for every test."""

from collections.abc import Iterator

import pytest

from tests.machine.deployer import Deployer, installed


@pytest.fixture
def deployer() -> Iterator[Deployer]:
    """The deployer, installed; the function has no callers yet."""
    with installed() as deployer:
        yield deployer
