"""Recovery: what is left to do when an execution ended without ending its deployment."""

from typing import Any, Literal

from bluegreen import clock, news
from bluegreen.aws import executions, notifications
from bluegreen.decisions.orders import standing
from bluegreen.document import REJECTED, ROLLBACK_FAILED, Failure
from bluegreen.errors import (
    Aborted,
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    PreconditionFailed,
    RollbackImpossible,
    StillInProgress,
    Untagged,
)
from bluegreen.ledger import approvals, audit, deployments, locks, orders, releases
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import UNDOING, Record
from bluegreen.rollback import latest
from bluegreen.rollback.undo import mark, restore, undo
from bluegreen.rollback.words import for_an_operator
from bluegreen.text import sentence

ABANDONED = "DeploymentAbandoned"
"""The error of a deployment whose execution ended without ending it."""

PATIENCE_SECONDS = 600
"""So long after an execution's end recovery calls an operator, and closes a record without $LATEST put back."""

WILL_PASS = (AwsUnavailable, DeploymentOver, PreconditionFailed, StillInProgress)
"""Errors that a later attempt may not meet."""

ABORTED = Aborted.__name__

Recovered = Literal["recovered", "running"]
"""`waiting`: it runs, and goes on once a person does something."""


def recover(lock: Lock, *, attempt: int = 1) -> Recovered:
    """
    Undo the deployment of an execution that has ended without doing so itself, however it ended.

    Safe beside itself and beside RollBack. Raises StillInProgress or AwsUnavailable for what will pass, and
    RollbackImpossible for what will not, or has not for long; an operator is called then, once an hour.
    """
    holder = executions.describe(lock.held_by)
    if holder and holder.running:
        return "running"
    if lock.release and _is_live(lock.release):
        raise StillInProgress(f"{lock.target} is held by the release {lock.release}, which is recovered as a whole")
    record = deployments.find(lock.deployment)  # after its end: what it did before is written down by now
    if record is None or not record.live or record.execution != lock.held_by:
        locks.free(lock)  # only items that this execution holds; a live deployment's own lock names its execution
        return "recovered"
    if holder is None and clock.now() - clock.moment(record.started_at) < executions.FORGOTTEN_AFTER_SECONDS:
        raise StillInProgress(f"Step Functions does not show the execution {lock.deployment} yet")
    long_ago = holder is None or clock.now() - holder.ended_at > PATIENCE_SECONDS
    try:
        found = _clean_up(record, holder, attempt=latest.ENOUGH_ATTEMPTS if long_ago else attempt)
        audit.note(record.owner, audit.RECOVERY, found)
    except Exception as error:  # a fault of ours leaves an alias split as well
        _give_up_or_wait(record, holder, long_ago, error)
    return "recovered"


def _is_live(release: str) -> bool:
    known = releases.find(release)
    return known is not None and known.live


def recover_or_abort(lock: Lock) -> Recovered:
    """
    The same. An execution that runs is left alone, but its deployment is undone if a person ordered to abort it.

    Nothing but the ledger's order counts. The execution finds the record undone in its next state, and ends as that
    says. One that waits for an approval waits no longer.
    A function of a release is undone with its release only.
    """
    if recover(lock) == "recovered":
        return "recovered"
    if lock.release:
        return "running"
    order = standing(orders.given(of_deployment(lock.deployment)), clock.now()).aborted
    record = deployments.find(lock.deployment)
    if order is None or record is None or not record.live or record.execution != lock.held_by:
        return "running"
    long_ago = clock.now() - order.at > PATIENCE_SECONDS
    try:
        attempt = latest.ENOUGH_ATTEMPTS if long_ago else 1
        audit.note(record.owner, audit.RECOVERY, _aborted(record, order.why_aborted, attempt=attempt))
    except Exception as error:
        _give_up_or_wait(record, None, long_ago, error)
    return "recovered"


def _aborted(record: Record, why: str, *, attempt: int) -> dict[str, Any]:
    """
    Undo the deployment whose execution runs, close and tell.

    AwaitApproval waits before the first shift only. Its tokens are read once the record is `undoing`: an attempt that
    writes one later sees that, and does not wait.
    """
    if not record.blue:
        return _undone(record, ABORTED, why, attempt=attempt)
    marked = mark(record, ABORTED, why)
    tokens = [] if marked.weights else [each.task_token for each in approvals.asked(marked.owner) if each.task_token]
    if tokens:
        executions.fail(tokens[-1], ABORTED, why)
    return restore(marked, attempt=attempt).noted()


def _clean_up(record: Record, holder: executions.Execution | None, *, attempt: int) -> dict[str, Any]:
    """Undo, close and tell; what was found, for the audit."""
    status = holder.status if holder else "forgotten by Step Functions"
    error, cause = ABANDONED, f"The execution {record.id} is {status} and did not end its deployment."
    if record.error and record.error != ABANDONED:
        error, cause = record.error, f"{sentence(record.cause or 'It does not say why.')} {cause}"
    if not record.blue and holder and holder.error:
        error, cause = holder.error, Failure.model_validate({"Error": holder.error, "Cause": holder.cause}).sentence
    return _undone(record, error, cause, attempt=attempt)


def _undone(record: Record, error: str, cause: str, *, attempt: int) -> dict[str, Any]:
    """A deployment without a plan has touched nothing, so it is rejected."""
    if record.blue:
        return undo(record, error, cause, attempt=attempt).noted()
    deployments.close(record, REJECTED, error=error, cause=cause)
    news.tell(record.id)
    return {"cause": cause}


def _give_up_or_wait(record: Record, holder: executions.Execution | None, long_ago: bool, error: Exception) -> None:
    """Raises what `recover` does, unless another handler was quicker."""
    now = deployments.find(record.id)
    if now is None or not now.live:
        return
    rollback_gave_up = holder is not None and holder.error == ROLLBACK_FAILED and record.state == UNDOING
    will_pass = isinstance(error, WILL_PASS) and (now.users_are_safe or not (long_ago or rollback_gave_up))
    only_latest = isinstance(error, DeploymentError) and now.users_are_safe and not isinstance(error, Untagged)
    if will_pass or only_latest:
        raise StillInProgress(f"{record.target} is not recovered yet: {error}") from error
    news.call_an_operator(now, *for_an_operator(now, f"{type(error).__name__}: {error}"))
    raise RollbackImpossible(str(error)) from error


def call_without_record(execution: executions.Execution) -> None:
    """Send RollBack's last error, which has the command for an operator, while DynamoDB does not answer."""
    if execution.error == ROLLBACK_FAILED:
        failure = Failure.model_validate({"Error": execution.error, "Cause": execution.cause})
        notifications.tell(f"ROLLBACK FAILED: {execution.name} may have left its alias split", failure.sentence)
