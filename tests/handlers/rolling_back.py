"""What the tests of RollBack share: a smoke test that people wrote, and what a rollback came to."""

from contextlib import suppress
from typing import Any

from bluegreen.errors import DeploymentError
from tests.handlers.desk import Desk

ANSWERS = [{"name": "answers"}]


def at_last(desk: Desk) -> int:
    """RollBack is run until it is through; how many attempts failed before."""
    for failed in range(60):
        with suppress(DeploymentError):
            desk.run("RollBack", retries=failed + 1)
            return failed
    raise AssertionError("RollBack is not through after half an hour")


def blue_is_back(desk: Desk) -> bool:
    latest = desk.record()["latest_sha256"]
    return desk.deployer.alias() == ("1", {}) and desk.deployer.digest() == str(latest)


def found(desk: Desk) -> dict[str, Any]:
    """What the audit says that RollBack found and did."""
    outcome: dict[str, Any] = desk.evidence("RollBack")["outcome"]
    return outcome
