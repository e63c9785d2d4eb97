"""
RollBack: put blue back, whatever happened.

Safe to repeat, and repeated for a long time: it reads before it changes, and verifies what it did.
"""

from bluegreen.deployment import Failed, Rollback
from bluegreen.recovery import finish
from bluegreen.shifting import expected
from bluegreen.step import Execution, step
from bluegreen.undo import undo


@step
def handler(deployment: Failed, execution: Execution) -> Rollback:
    plan, failure = deployment.plan, deployment.failure
    last = expected(plan, deployment.green.version, deployment.shift) if deployment.green else None
    rollback = undo(plan, last, failure.error, failure.sentence, tried=execution.retries)
    return finish(plan, rollback)
