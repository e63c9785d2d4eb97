"""What is left to do when a deployment was not completed: undo, close the record, tell people."""

from bluegreen import clock, news
from bluegreen.aws import executions, notifications, records
from bluegreen.deployment import Plan, Rollback
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    PreconditionFailed,
    RollbackImpossible,
    StillInProgress,
)
from bluegreen.undo import ENOUGH_ATTEMPTS, by_hand, undo

ABANDONED = "DeploymentAbandoned"
"""The error of a deployment whose execution ended without ending it."""

FORGOTTEN_AFTER_SECONDS = 24 * 3600
"""Step Functions forgets an execution 90 days after its end; a young one it does not show has only just begun."""

PAGED_AGAIN_AFTER_SECONDS = 3600

PATIENCE_SECONDS = 600
"""After the execution's end; then a person is called, and a record closed although $LATEST could not be put back."""

WILL_PASS = (AwsUnavailable, DeploymentOver, PreconditionFailed, StillInProgress)
"""What the next attempt may find otherwise."""


def finish(plan: Plan, rollback: Rollback) -> Rollback:
    """Close the record as rolled back, once, and tell people."""
    records.close(
        records.lock_of(plan),
        records.ROLLED_BACK,
        serving=rollback.serving,
        error=rollback.error,
        cause=rollback.cause,
    )
    return rollback.model_copy(update={"told": news.tell(plan.deployment)})


def recover(lock: records.Lock, *, impatient: bool = False) -> bool:
    """
    Clean up after an execution that has ended without doing so itself, however it ended; False while it runs.

    Safe beside itself and beside RollBack. Raises StillInProgress for what will pass, as long as nobody gave it up, and
    else what `undo` raises; a person is told then, once an hour, what to do by hand. An impatient caller goes on with
    $LATEST as it is, if it cannot be put back.
    """
    record = records.find(lock.deployment)
    holder = executions.describe(lock.held_by)
    if holder and holder.status == executions.RUNNING:
        return False
    if record and holder is None and clock.now() - clock.moment(record.started_at) < FORGOTTEN_AFTER_SECONDS:
        raise StillInProgress(f"Step Functions does not show the execution {lock.deployment} yet")
    if record and record.live and record.plan:
        status = holder.status if holder else "forgotten by Step Functions"
        name = record.plan.name
        cause = f"The execution {lock.deployment} is {status} and did not end its deployment."
        long_ago = holder is None or clock.now() - holder.ended_at > PATIENCE_SECONDS
        try:
            tried = ENOUGH_ATTEMPTS if impatient or long_ago else 0
            finish(record.plan, undo(record.plan, record.green, ABANDONED, cause, tried=tried))
        except DeploymentError as error:
            if isinstance(error, WILL_PASS) and not long_ago and status != executions.FAILED:
                raise StillInProgress(f"{name} is not recovered yet: {error}") from error
            _call_a_person(record, name, f"{type(error).__name__}: {error} By hand: {by_hand(record.plan)}")
            raise
        return True
    if record and record.live and record.unreadable:
        name = f"{lock.function}:{lock.alias}"
        lost = RollbackImpossible(
            f"Another release of this deployer began {lock.deployment}, and this one cannot read its plan. "
            f"See where {name} is: `aws lambda get-alias --function-name {lock.function} --name {lock.alias}`."
        )
        _call_a_person(record, name, str(lost))
        raise lost
    if record and record.live:
        cause = "The execution ended before anything was touched."
        records.close(lock, records.REJECTED, error=ABANDONED, cause=cause)
        news.tell(record.id)
    records.free(lock)
    return True


def _call_a_person(record: records.Record, name: str, why: str) -> None:
    """The first time, and an hour after the last."""
    if record.paged_at and clock.now() - clock.moment(record.paged_at) < PAGED_AGAIN_AFTER_SECONDS:
        return
    if notifications.tell(f"ROLLBACK FAILED: {name} may be split", f"{why}\n\nIt is tried again every few minutes."):
        records.paged(record.id)
