"""What the tests of RecoverDeployments share: its events, what may be in its way, and what it leaves."""

from datetime import UTC, datetime
from typing import Any

import boto3

import recover_deployments
from bluegreen.ledger.locks import Lock
from tests.handlers.desk import Desk, context_of
from tests.handlers.rolling_back import blue_is_back
from tests.machine.deployer import TARGET

SWEEP: dict[str, Any] = {"id": "e1", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def ended_badly(desk: Desk, status: str = "ABORTED") -> dict[str, Any]:
    """As EventBridge tells of it."""
    return {
        "id": "e2",
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": desk.arn, "name": desk.name, "status": status},
    }


def the_tag_is_gone() -> None:
    """Another user took it away, so that the deployer may touch the function no more."""
    boto3.client("lambda").untag_resource(Resource=TARGET.arn, TagKeys=["bluegreen:managed"])


def recover(event: dict[str, Any]) -> list[str]:
    found: dict[str, list[str]] = recover_deployments.handler(event, context_of("RecoverDeploymentsFunction"))
    return found["recovered"]


def the_last_first(locks: list[Lock], number: int) -> list[Lock]:
    """In place of dice."""
    return sorted(locks, key=lambda lock: lock.deployment)[::-1]


def is_whole(desk: Desk) -> bool:
    return blue_is_back(desk) and desk.deployer.items("lock#") == [] and desk.state() == "RolledBack"


def as_step_functions_says(desk: Desk, error: str, cause: str) -> dict[str, Any]:
    now = datetime.fromtimestamp(desk.aws.clock.now(), UTC)
    ended = {"executionArn": desk.arn, "name": desk.name, "status": "FAILED", "error": error, "cause": cause}
    return ended | {"startDate": now, "stopDate": now}
