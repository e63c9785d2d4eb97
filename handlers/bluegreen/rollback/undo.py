"""
Undoing a deployment: what RollBack, RecoverPrevious and RecoverDeployments have in common.

Users first: the record is marked, the alias goes back, then $LATEST, then blue is asked whether it is well and green's
log what was wrong, and at last the record is closed and people are told. Each part reads before it changes, changes
only what this deployment put there, and names the revision that it read. So it is safe to repeat, and safe beside
itself.
"""

from typing import Any

from bluegreen import news
from bluegreen.aws import pacing
from bluegreen.decisions.restoration import Outcome
from bluegreen.document import DEPLOYED, ROLLBACK_FAILED, ROLLED_BACK, Ended
from bluegreen.errors import DeploymentError, RollbackImpossible
from bluegreen.ledger import audit, deployments
from bluegreen.ledger.record import Record
from bluegreen.rollback import alias, blue, green, latest, words
from bluegreen.text import sentence

WATCH, ROLL_BACK = "CheckHealth", "RollBack"
"""States by whose steps in the audit a rollback finds the last look, and leaves out its own attempts."""


def undo(
    record: Record, error: str, cause: str, *, attempt: int, enough_at_latest: int = latest.ENOUGH_ATTEMPTS
) -> Ended:
    """
    Put the alias and $LATEST back to what they were, close the record, and tell people.

    The record keeps the first error; if `error` is the same, `cause` replaces its cause. `attempt` counts from 0. If
    the deployment was undone already, the answer is that of its record. Raises RollbackImpossible if an operator must
    help, and any other DeploymentError if the undo should be retried.
    """
    marked = mark(record, error, cause)
    if marked.live and marked.error == error:
        marked = marked.model_copy(update={"cause": cause})
    return restore(marked, attempt=attempt, enough_at_latest=enough_at_latest)


def mark(record: Record, error: str, cause: str) -> Record:
    """The record, which is `undoing` from now on if it was live. The first error and cause that were given stay."""
    marked = deployments.begin_undoing(record.id, error, cause)
    if marked is None:
        raise RollbackImpossible(f"The record of {record.id} is gone, so it is not known what {record.target} was.")
    return marked


@pacing.undoing()
def restore(marked: Record, *, attempt: int, enough_at_latest: int = latest.ENOUGH_ATTEMPTS) -> Ended:
    """
    What `undo` does with a record that is marked.

    If blue's version is gone, the record is closed as RollbackFailed before RollbackImpossible is raised: the lock is
    free for the deployment that mends it.
    """
    if not marked.live:
        return _as_it_ended(marked)
    outcome = _restored(marked, attempt, enough_at_latest)
    cause = words.told(marked.cause or "", outcome, marked.target, marked.blue or "")
    if outcome.alias.kind != "blue_gone":
        return _closed(marked, ROLLED_BACK, cause, outcome)
    raise RollbackImpossible(cause, _closed(marked, ROLLBACK_FAILED, cause, outcome).evidence)


def _restored(record: Record, attempt: int, enough_at_latest: int) -> Outcome:
    aliased = alias.put_back(record, attempt)
    latests = latest.put_back(record, enough=enough_at_latest)
    doubts = blue.doubts(record) if aliased.kind == "back" else ""
    return Outcome(alias=aliased, latest=latests, doubts=doubts, complained=green.complained(record))


def _closed(record: Record, state: str, cause: str, outcome: Outcome) -> Ended:
    error = record.error or record.state
    deployments.close(
        record,
        state,
        serving=outcome.serving,
        error=error,
        cause=cause,
        alias_outcome=outcome.alias.kind,
        latest_outcome=outcome.latest.kind,
        complained=outcome.complained and outcome.complained.model_dump(exclude_defaults=True),
        **_of_the_watch(record),
    )
    told = news.tell(record.id)
    return Ended(error=error, cause=cause, evidence={"outcome": outcome.to_json(), "told": told})


def _of_the_watch(record: Record) -> dict[str, Any]:
    """
    What the audit says of a green that had traffic: its failed requests, and when the step failed that led to this.

    Only metrics need it, so an audit that cannot be read holds nothing up.
    """
    try:
        steps = audit.newest(record.owner) if record.weights else []
    except DeploymentError:
        return {}
    counts = (step.evidence.get("harmed") for step in steps if step.state == WATCH)
    failed = [step.at for step in steps if step.state != ROLL_BACK and step.evidence.get("error") == record.error]
    return {
        "harmed": next((each for each in counts if each is not None), None),
        "undoing_at": min(filter(None, [record.undoing_at, *failed]), default=None),
    }


def _as_it_ended(record: Record) -> Ended:
    """Its lock is free, so the alias may be another deployment's by now: nothing is touched."""
    if record.state == DEPLOYED:
        raise RollbackImpossible(
            f"The deployment was complete when its last state failed: {record.target.said} is at version "
            f"{record.serving}. If that is not wanted: {sentence(record.way_back)}"
        )
    told = news.tell(record.id)
    if record.state == ROLLBACK_FAILED:
        raise RollbackImpossible(record.cause or "", {"told": told})
    return Ended(error=record.error or record.state, cause=record.cause or "", evidence={"told": told})
