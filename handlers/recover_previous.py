"""
RecoverPrevious: undo the deployment of an execution that ended while it held the lock, so that this one can begin.

A deployment that runs is left alone: OpenDeployment, which comes next, says that it is in the way. Safe to repeat, and
safe beside RecoverDeployments.
"""

from bluegreen.document import Done
from bluegreen.edge import step
from bluegreen.ledger import locks
from bluegreen.request.artifact import Existing
from bluegreen.rings import Asked
from bluegreen.rollback.recovery import recover


@step
def handler(asked: Asked) -> Done:
    recovered = []
    new_code = not isinstance(asked.request.artifact, Existing)
    for qualifier in (asked.target.alias, *([locks.LATEST] if new_code else [])):
        lock = locks.held(asked.target, qualifier)
        if lock is None or lock.held_by == asked.call.execution or lock.deployment in recovered:
            continue
        if recover(lock, attempt=asked.call.retries) == "recovered":
            recovered.append(lock.deployment)
    return Done(evidence={"recovered": recovered})
