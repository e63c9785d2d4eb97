"""What is left to do when a deployment was not completed: undo, close the record, free the lock, tell people."""

from bluegreen import clock
from bluegreen.aws import executions, notifications, records
from bluegreen.deployment import Plan, Rollback
from bluegreen.errors import AwsUnavailable
from bluegreen.undo import undo

ABANDONED = "DeploymentAbandoned"
"""The error of a deployment whose execution ended without ending it."""

FORGOTTEN_AFTER_SECONDS = 24 * 3600
"""Step Functions forgets an execution 90 days after its end; a young one it does not show has only just begun."""


def finish(plan: Plan, rollback: Rollback) -> Rollback:
    """Close the record as rolled back, once; free the lock, always."""
    closed = records.close(
        plan.deployment, records.ROLLED_BACK, serving=rollback.serving, error=rollback.error, cause=rollback.cause
    )
    records.free(records.lock_of(plan))
    told = closed and notifications.tell(
        f"Rolled back: {plan.name} is at version {rollback.serving}", f"{rollback.error}: {rollback.cause}"
    )
    return rollback.model_copy(update={"told": told})


def recover(lock: records.Lock, holder: executions.Execution | None) -> None:
    """
    Clean up after an execution that has ended without doing so itself, however it ended.

    `holder` is None when Step Functions has forgotten it.
    """
    record = records.find(lock.deployment)
    if record and holder is None and clock.now() - clock.moment(record.started_at) < FORGOTTEN_AFTER_SECONDS:
        raise AwsUnavailable(f"Step Functions does not show the execution {lock.deployment} yet")
    if record and record.live and record.plan:
        status = holder.status if holder else "forgotten by Step Functions"
        cause = f"The execution {lock.deployment} is {status} and did not end its deployment."
        finish(record.plan, undo(record.plan, record.green, ABANDONED, cause, tried=0))
        return
    if record and record.live:
        cause = "The execution ended before anything was touched."
        records.close(record.id, records.REJECTED, error=ABANDONED, cause=cause)
    records.free(lock)
