"""
RollBack: put blue back, whatever happened.

Safe to repeat, and repeated for a long time: it reads before it changes, and verifies what it did.
"""

from bluegreen.deployment import Failed, Rollback
from bluegreen.recovery import finish
from bluegreen.step import Execution, step
from bluegreen.undo import undo


@step
def handler(deployment: Failed, execution: Execution) -> Rollback:
    green = deployment.green.version if deployment.green else None
    failure = deployment.failure
    rollback = undo(deployment.plan, green, failure.error, failure.sentence, tried=execution.retries)
    return finish(deployment.plan, rollback)
