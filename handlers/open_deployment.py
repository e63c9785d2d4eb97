"""
OpenDeployment: check the request, take the lock, write record and plan. It may change nothing else.

While another deployment holds the lock, an upload is kept: it waits. With the plan written, the deployment has started,
and that is told.

Safe to retry: the lock knows its execution, and the plan is written once.
"""

import secrets

from bluegreen import news
from bluegreen.aws import executions, functions, pacing
from bluegreen.decisions.gates import GRACE_SECONDS, opening_gate
from bluegreen.decisions.shift import next_weight
from bluegreen.document import NOTHING_TO_DEPLOY, Bake, Deployment, Green, Look, Opening, Plan
from bluegreen.edge import step
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentInProgress,
    DeploymentInterrupted,
    InvalidRequest,
    UploadWaits,
)
from bluegreen.ledger import deployments, starts, waiting
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import OPEN, Record
from bluegreen.ledger.waiting import Waiting
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, artifact_is_newer, must_pass
from bluegreen.opening.plan import brings, is_newest, planned
from bluegreen.opening.preflight import PREFLIGHT
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Existing, Zip
from bluegreen.rings import Asked

CONTROL_PLANE_CALLS = 10
"""Of Lambda, to open a deployment of new code."""

MOST_WAITING_AT_ONCE = 3
"""Attempts to store the upload that waits, while other uploads of the alias come at the same moment."""


@step
@pacing.expecting(CONTROL_PLANE_CALLS)
def handler(asked: Asked) -> Opening:
    if asked.record and asked.name_was_taken:
        raise InvalidRequest(
            f"name: {asked.id} was a deployment of {asked.record.target}, begun at {asked.record.started_at}; "
            "Step Functions forgets a name after 90 days, the record does not: start it under another name"
        )
    if asked.record and asked.plan:
        return _opening(asked.record, asked.plan)
    situation = Situation(asked.request, asked.target)
    warnings = must_pass(BEFORE_THE_LOCK, situation)
    record = _record(asked, situation)
    _starter_must_be_known(record, situation)
    _take_lock(record, situation)
    warnings += must_pass(WITH_THE_LOCK, situation)
    if brings(situation.artifact, situation.blue, situation.successor) not in ("nothing", "mending"):
        warnings += must_pass(PREFLIGHT, situation)
    plan = planned(asked.id, situation, functions.describe(asked.target), record.proof)
    record = record.model_copy(update={"warnings": tuple(map(str, warnings))})
    record, plan = deployments.learn_plan(record, plan, is_newest=is_newest(situation))
    if plan.brings != "nothing":
        news.started(record, plan)
    return _opening(record, plan)


def _record(asked: Asked, situation: Situation) -> Record:
    author = starts.author(asked.id, asked.call.document, asked.request.started_by or "")
    return Record(
        id=asked.id,
        target=asked.target,
        state=OPEN,
        execution=asked.call.execution,
        started_at=asked.started_at,
        started_by=author.said,
        started_by_proved=author.proved,
        artifact=str(situation.artifact),
        proof=secrets.token_urlsafe(32),
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


def _take_lock(record: Record, situation: Situation) -> None:
    """
    Raises DeploymentInterrupted if the holder's execution has ended: its deployment is recovered first.

    Raises DeploymentInProgress if it runs, and UploadWaits for an upload.
    """
    try:
        deployments.open_deployment(record)
    except deployments.Held as held:
        holder = executions.describe(held.lock.held_by)
        if holder is None or not holder.running:
            raise DeploymentInterrupted(
                f"{held.lock.deployment} holds the lock of {held.lock.target}, and its execution has ended"
            ) from held
        why = _in_the_way(record, held.lock)
        if situation.request.only_newer and isinstance(situation.artifact, Zip):
            raise UploadWaits(_waits(record, situation.artifact, situation, why)) from held
        target = held.lock.target
        raise DeploymentInProgress(
            f"{why}; nothing was changed; wait for that deployment (`bluegreen watch {held.lock.deployment}`), or "
            f"abort it (`bluegreen abort {target.function} --alias {target.alias}`): "
            f"{executions.console_link(held.lock.held_by)}"
        ) from held


def _waits(record: Record, artifact: Zip, situation: Situation, why: str) -> str:
    """
    Let the newest upload wait, and say so. Raises InvalidRequest for one that is older than what waits or was taken.

    Of two uploads that cannot be ordered, the one that comes now counts as the newer one.
    """
    must_pass([artifact_is_newer], situation)
    new = Waiting(target=record.target, artifact=artifact, deployment=record.id, execution=record.execution)
    for _ in range(MOST_WAITING_AT_ONCE):
        before = waiting.of(record.target)
        if before and before.artifact.is_newer_than(artifact):
            raise InvalidRequest(
                f"artifact: {why}, and {before.artifact}, which was uploaded later, waits already; nothing was "
                "changed; if you want the older one, deploy it by hand"
            )
        if waiting.wait(new, instead_of=before):
            replaced = before and not before.artifact.is_same_upload_as(artifact)
            instead = f" in the place of {before.artifact}, which is not deployed" if before and replaced else ""
            return f"{why}; nothing was changed; this upload waits{instead}, and starts by itself when that is over"
    raise AwsUnavailable(f"uploads for {record.target} come so fast that this one could not be stored")


def _in_the_way(record: Record, lock: Lock) -> str:
    target = record.target
    if lock.target.alias == target.alias:
        return f"alias: {target} is being deployed to by {lock.deployment}"
    return (
        f"function: {lock.deployment} puts new code into $LATEST of {target.function}, for the alias "
        f"{lock.target.alias}, and a function has only one $LATEST"
    )


def _first_look(plan: Plan) -> Look:
    """No look yet: what has to pass before green's first share."""
    weight = next_weight(plan.schedule, 0)
    return Look(
        next=opening_gate(plan.schedule, plan.hooks, weight),
        next_seconds=plan.schedule.approval_seconds + GRACE_SECONDS,
        next_weight=weight,
        pardoned=plan.red_alarms,
    )


def _opening(record: Record, plan: Plan) -> Opening:
    """With nothing to deploy the deployment ends here."""
    if plan.brings == "nothing":
        deployments.close(record, NOTHING_TO_DEPLOY, serving=plan.blue.version)
        news.tell(plan.id)
    return Opening(
        deployment=Deployment(
            id=plan.id,
            proof=record.proof,
            target=plan.target,
            blue=plan.blue.version,
            brings=plan.brings,
            old_versions="delete" if plan.kept else "keep",
        ),
        bake=Bake(revision=plan.blue.revision, look=_first_look(plan)),
        green=Green(version=plan.green) if plan.green else None,
        evidence={
            "blue": plan.blue.version,
            "artifact": str(plan.artifact),
            "traffic": plan.schedule.name,
            "watched": plan.schedule.watched,
            "held_seconds": plan.schedule.held_seconds,
            "brings": plan.brings,
            "changes": list(plan.changes),
            "warnings": list(record.warnings),
        },
    )
