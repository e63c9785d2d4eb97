"""
RollBack: put blue back, whatever happened.

Safe to repeat, and repeated for a long time: it reads before it changes, and verifies what it did.
"""

from bluegreen.deployment import Failed, Rollback
from bluegreen.recovery import finish
from bluegreen.step import step
from bluegreen.undo import undo


@step
def handler(deployment: Failed) -> Rollback:
    green = deployment.green.version if deployment.green else None
    rollback = undo(deployment.plan, green, deployment.failure.error, deployment.failure.sentence)
    return finish(deployment.plan, rollback)
