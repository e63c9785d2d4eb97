"""What is left to do when a deployment was not completed: undo, close the record, tell people."""

from bluegreen import clock, news
from bluegreen.aws import aliases, executions, notifications
from bluegreen.decisions.route import Route, route
from bluegreen.document import Failure, Rollback
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentOver,
    NotFound,
    PreconditionFailed,
    RollbackImpossible,
    StillInProgress,
)
from bluegreen.ledger import records
from bluegreen.rollback.undo import ENOUGH_ATTEMPTS, by_hand, sentence, undo

RECOVERY = "RecoverDeployments"
"""Its name in the audit, whoever does it."""

ABANDONED = "DeploymentAbandoned"
"""The error of a deployment whose execution ended without ending it."""

GIVEN_UP = "RollbackFailed"
"""The error of an execution that could not roll back; for half an hour, if it could even begin to undo."""

FORGOTTEN_AFTER_SECONDS = 24 * 3600
"""Step Functions forgets an execution 90 days after its end; a young one it does not show has only just begun."""

PAGED_AGAIN_AFTER_SECONDS = 3600

PATIENCE_SECONDS = 600
"""After the execution's end; then a person is called, and a record closed although $LATEST could not be put back."""

WILL_PASS = (AwsUnavailable, DeploymentOver, PreconditionFailed, StillInProgress)
"""What the next attempt may find otherwise."""


def finish(deployment: str, rollback: Rollback) -> Rollback:
    """Close the record as rolled back, once, and tell people."""
    if record := records.find(deployment):
        records.close(
            record.lock,
            records.ROLLED_BACK,
            serving=rollback.serving,
            error=rollback.error,
            cause=rollback.cause,
        )
    return rollback.model_copy(update={"told": news.tell(deployment)})


def recover(lock: records.Lock, *, tried: int = 1, enough_at_latest: int = ENOUGH_ATTEMPTS) -> bool:
    """
    Clean up after an execution that has ended without doing so itself, however it ended; False while it runs.

    Safe beside itself and beside RollBack. Raises StillInProgress or AwsUnavailable for what will pass, and
    RollbackImpossible for what will not or has not for long; a person is told then, once an hour, what to do by hand.
    `tried` and `enough_at_latest` are those of `undo`.
    """
    holder = executions.describe(lock.held_by)
    if holder and holder.status == executions.RUNNING:
        return False
    record = records.find(lock.deployment)  # after its end: what it did before is written down by now
    if record is None or not record.live:
        records.free(lock)
        return True
    if holder is None and clock.now() - clock.moment(record.started_at) < FORGOTTEN_AFTER_SECONDS:
        raise StillInProgress(f"Step Functions does not show the execution {lock.deployment} yet")
    long_ago = holder is None or clock.now() - holder.ended_at > PATIENCE_SECONDS
    try:
        found = _clean_up(
            record, holder, tried=ENOUGH_ATTEMPTS if long_ago else tried, enough_at_latest=enough_at_latest
        )
        records.note(record.id, RECOVERY, found)
    except Exception as error:  # a fault of ours leaves an alias split as well
        now = records.find(record.id)
        if now is None or not now.live:
            return True  # somebody else was quicker, and what failed was only to be too late
        given_up = long_ago or (holder is not None and holder.error == GIVEN_UP and record.state == records.UNDOING)
        users_are_safe = bool(now.alias_returned_at) or not now.weights
        if isinstance(error, WILL_PASS) and (users_are_safe or not given_up):
            raise StillInProgress(f"{_name(record)} is not recovered yet: {error}") from error
        _call_a_person(record, f"{type(error).__name__}: {error}")
        raise RollbackImpossible(str(error)) from error
    return True


def _clean_up(
    record: records.Record, holder: executions.Execution | None, *, tried: int, enough_at_latest: int
) -> dict[str, str]:
    """Undo, close and tell; what was found, for the audit."""
    status = holder.status if holder else "forgotten by Step Functions"
    error, cause = ABANDONED, f"The execution {record.id} is {status} and did not end its deployment."
    if record.error and record.error != ABANDONED:
        error, cause = record.error, f"{sentence(record.cause or 'It does not say why.')} {cause}"
    if record.plan:
        undone = undo(record.plan, (), error, cause, tried=tried, enough_at_latest=enough_at_latest)
        return finish(record.id, undone).model_dump(exclude={"told"})
    if record.unreadable:
        _without_plan(record, error, cause)
    else:
        known = {"Error": holder.error, "Cause": holder.cause} if holder and holder.error else None
        failure = Failure.model_validate(known or {"Error": error, "Cause": cause})
        records.close(record.lock, records.REJECTED, error=failure.error, cause=failure.sentence)
        news.tell(record.id)
    return {"cause": cause}


def _without_plan(record: records.Record, error: str, cause: str) -> None:
    """Of what another release planned only the alias can be put back from here; what is no release's takes a person."""
    records.begin_undoing(record.id, error, cause)
    record = records.find(record.id) or record
    serving, alias = _alias_without_plan(record)
    cause += f" Another release of this deployer began it, so $LATEST was not looked at. {alias}"
    records.close(record.lock, records.ROLLED_BACK, serving=serving, error=error, cause=cause)
    news.tell(record.id)


def _alias_without_plan(record: records.Record) -> tuple[str, str]:
    """Which version serves, and a sentence about it."""
    try:
        found = aliases.read(record.function, record.alias)
    except NotFound:
        return records.NOBODY, f"Someone else deleted {_name(record)}; nothing serves by that name."
    ours = _ours(record)
    if not record.alias_returned_at and found.route in ours:
        # Also when blue has it all, as in `undo`: a shift that hangs must meet another revision.
        back = ours[0]
        aliases.point(record.function, record.alias, back, found.revision)
        found = aliases.read(record.function, record.alias)
        if found.route != back:
            raise StillInProgress(f"{_name(record)} was put back to version {back} and does not show it yet")
        records.learn_returned(record.id)
    if found.route.whole:
        return str(found.route), f"{_name(record)} is at version {found.route}."
    if aliases.moved_by_lambda(record.function, record.alias, found.route):
        raise StillInProgress(f"Lambda is moving the provisioned concurrency of {_name(record)}")
    raise RollbackImpossible(
        f"Another release of this deployer began {record.id}, and {_name(record)} is at version {found.route}. "
        f"Choose one, as with `aws lambda update-alias --function-name {record.function} --name {record.alias} "
        f"--function-version {found.route.primary} --routing-config AdditionalVersionWeights={{}}`."
    )


def _ours(record: records.Record) -> list[Route]:
    """Blue, and what else the deployment may have made of its alias; nothing if it never moved it."""
    blue, green = record.blue, record.green
    if not blue or not green or not record.weights:
        return []
    return [Route(primary=blue), *(route(blue, green, weight) for weight in record.weights)]


def _name(record: records.Record) -> str:
    return f"{record.function}:{record.alias}"


def call_without_record(execution: executions.Execution) -> None:
    """The table is away, so nobody knows who serves: what RollBack said last, the command for a person included."""
    if execution.error == GIVEN_UP:
        failure = Failure.model_validate({"Error": execution.error, "Cause": execution.cause})
        notifications.tell(f"ROLLBACK FAILED: {execution.name} may have left its alias split", failure.sentence)


def _call_a_person(record: records.Record, why: str) -> None:
    """The first time, and an hour after the last."""
    if record.paged_at and clock.now() - clock.moment(record.paged_at) < PAGED_AGAIN_AFTER_SECONDS:
        return
    command = f"\n\nBy hand: {by_hand(record.plan)}" if record.plan else ""
    if notifications.tell(
        f"ROLLBACK FAILED: {_name(record)} may be split", f"{why}\n\nIt is tried again every few minutes.{command}"
    ):
        records.paged(record.id)
