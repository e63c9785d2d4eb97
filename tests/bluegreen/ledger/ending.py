"""The ends of a deployment: how each comes to be, and what is refused after it."""

from typing import Any

import pytest

from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED, ROLLED_BACK
from bluegreen.errors import DeploymentOver
from bluegreen.ledger import deployments
from tests.bluegreen.examples import record

CLOSED_BY_CLOSE = [ROLLED_BACK, REJECTED, NOTHING_TO_DEPLOY]
ENDS = [DEPLOYED, *CLOSED_BY_CLOSE]
OVER = pytest.raises(DeploymentOver, match="nothing was changed")


def end(as_: str, **learned: Any) -> bool:
    """The way of each end: green serves, or the deployment is closed."""
    if as_ == DEPLOYED:
        return deployments.complete(record(blue="1", green="2"), latest_outcome="unchanged")
    return deployments.close(record(), as_, **learned)
