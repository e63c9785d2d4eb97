"""Beginning a deployment: the checks, the lock, record and plan. Nothing of a user's is changed. Safe to repeat."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bluegreen.aws import executions, functions
from bluegreen.document import UNMOVED, Plan
from bluegreen.errors import DeploymentInProgress, DeploymentInterrupted, InvalidRequest
from bluegreen.ledger import deployments, starts
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import OPEN, Record
from bluegreen.ledger.starts import Author
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.plan import brings, is_newest, planned
from bluegreen.opening.preflight import PREFLIGHT
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Existing
from bluegreen.request.request import Request
from bluegreen.target import Target

Held = Callable[[Record, Situation, str], None]
"""Gets the record that could not be opened, the situation and why, and may raise an error of its own."""


@dataclass(frozen=True)
class Candidate:
    """
    A deployment that is to begin.

    `execution` is the ARN that will hold the lock, and `started_at` (ISO 8601) is when that began. `release` is the id
    of the release that the deployment belongs to, "" for none. `while_` is what the lock's transaction wants beside it.
    """

    id: str
    target: Target
    request: Request
    execution: str
    started_at: str
    author: Author
    proof: str
    release: str = ""
    while_: dict[str, Any] | None = None


def begin(candidate: Candidate, when_held: Held | None = None) -> tuple[Record, Plan]:
    """
    The record, which is open and holds the lock, and the plan.

    Raises what the checks raise, DeploymentInterrupted if the holder of the lock has ended, and DeploymentInProgress if
    it runs, unless `when_held` raises something else.
    """
    situation = Situation(candidate.request, candidate.target)
    warnings = must_pass(BEFORE_THE_LOCK, situation)
    record = _record(candidate, situation)
    _starter_must_be_known(record, situation)
    _take_lock(record, situation, candidate.while_, when_held)
    warnings += must_pass(WITH_THE_LOCK, situation)
    if brings(situation.artifact, situation.blue, situation.successor) not in UNMOVED:
        warnings += must_pass(PREFLIGHT, situation)
    plan = planned(candidate.id, situation, functions.describe(candidate.target), record.proof)
    record = record.model_copy(update={"warnings": tuple(map(str, warnings))})
    return deployments.learn_plan(record, plan, is_newest=is_newest(situation))


def _record(candidate: Candidate, situation: Situation) -> Record:
    return Record(
        id=candidate.id,
        target=candidate.target,
        state=OPEN,
        execution=candidate.execution,
        release=candidate.release or None,
        started_at=candidate.started_at,
        started_by=candidate.author.said,
        started_by_proved=candidate.author.proved,
        artifact=str(situation.artifact),
        proof=candidate.proof,
        new_code=not isinstance(situation.artifact, Existing),
        override_freeze=situation.request.override_freeze if situation.frozen else None,
    )


def _starter_must_be_known(record: Record, situation: Situation) -> None:
    """Raises InvalidRequest where another person than the starter must approve, and only a claim says who that is."""
    proved = record.started_by_proved and record.started_by.startswith(starts.BY_API)
    asks = situation.schedule.approvals(0.0, 1.0)
    if asks and situation.request.approval.other_than_starter and not proved:
        raise InvalidRequest(
            f"approval.other_than_starter: this request does not prove who started it ({record.started_by}), and the "
            "starter's own approval could not be refused; nothing was changed; start it with `bluegreen deploy` or "
            "POST /deployments"
        )


def _take_lock(record: Record, situation: Situation, while_: dict[str, Any] | None, when_held: Held | None) -> None:
    try:
        deployments.open_deployment(record, while_)
    except deployments.Held as held:
        holder = executions.describe(held.lock.held_by)
        if holder is None or not holder.running:
            raise DeploymentInterrupted(
                f"{held.lock.deployment} holds the lock of {held.lock.target}, and its execution has ended"
            ) from held
        why = _in_the_way(record, held.lock)
        if when_held:
            when_held(record, situation, why)
        raise DeploymentInProgress(f"{why}; nothing was changed; {_what_to_do(held.lock)}") from held


def _what_to_do(lock: Lock) -> str:
    if lock.release:
        return (
            f"wait for that release (`bluegreen watch {lock.release}`), or abort it (`bluegreen abort {lock.release}`)"
        )
    target = lock.target
    return (
        f"wait for that deployment (`bluegreen watch {lock.deployment}`), or abort it (`bluegreen abort "
        f"{target.function} --alias {target.alias}`): {executions.console_link(lock.held_by)}"
    )


def _in_the_way(record: Record, lock: Lock) -> str:
    target, whose = record.target, f"the release {lock.release}" if lock.release else lock.deployment
    if lock.target.alias == target.alias:
        return f"alias: {target} is being deployed to by {whose}"
    return (
        f"function: {whose} puts new code into $LATEST of {target.function}, for the alias {lock.target.alias}, and a "
        "function has only one $LATEST"
    )
