"""What is left to do when a deployment was not completed: undo, close the record, free the lock, tell people."""

from bluegreen import clock
from bluegreen.aws import executions, notifications, records
from bluegreen.deployment import Plan, Rollback
from bluegreen.errors import AwsUnavailable, DeploymentError
from bluegreen.undo import ENOUGH_ATTEMPTS, by_hand, undo

ABANDONED = "DeploymentAbandoned"
"""The error of a deployment whose execution ended without ending it."""

FORGOTTEN_AFTER_SECONDS = 24 * 3600
"""Step Functions forgets an execution 90 days after its end; a young one it does not show has only just begun."""

PATIENCE_WITH_LATEST_SECONDS = 600
"""After the execution's end; then a record is closed although $LATEST could not be put back."""


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


def recover(lock: records.Lock, *, impatient: bool = False) -> bool:
    """
    Clean up after an execution that has ended without doing so itself, however it ended; False while it runs.

    Safe beside itself and beside RollBack. Raises what `undo` raises; people are told then, once an hour, what to do
    by hand. An impatient caller goes on with $LATEST as it is, if it cannot be put back.
    """
    record = records.find(lock.deployment)
    holder = executions.describe(lock.held_by)
    if holder and holder.status == executions.RUNNING:
        return False
    if record and holder is None and clock.now() - clock.moment(record.started_at) < FORGOTTEN_AFTER_SECONDS:
        raise AwsUnavailable(f"Step Functions does not show the execution {lock.deployment} yet")
    if record and record.live and record.plan:
        status = holder.status if holder else "forgotten by Step Functions"
        cause = f"The execution {lock.deployment} is {status} and did not end its deployment."
        long_ago = holder is None or clock.now() - holder.ended_at > PATIENCE_WITH_LATEST_SECONDS
        try:
            tried = ENOUGH_ATTEMPTS if impatient or long_ago else 0
            finish(record.plan, undo(record.plan, record.green, ABANDONED, cause, tried=tried))
        except DeploymentError as error:
            _call_a_person(record, record.plan, error)
            raise
        return True
    if record and record.live:
        cause = "The execution ended before anything was touched."
        records.close(record.id, records.REJECTED, error=ABANDONED, cause=cause)
    records.free(lock)
    return True


def _call_a_person(record: records.Record, plan: Plan, error: DeploymentError) -> None:
    if records.page(record.id):
        notifications.tell(
            f"ROLLBACK FAILED: {plan.name} may be split",
            f"{type(error).__name__}: {error}\n\nIt is tried again every few minutes. By hand: {by_hand(plan)}",
        )
