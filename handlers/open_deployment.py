"""
OpenDeployment: check the request, take the lock, write record and plan. It may change nothing else.

Safe to retry: the lock knows its execution, and the plan is written once.
"""

import secrets

from bluegreen.aws import executions, functions
from bluegreen.decisions.shift import next_weight
from bluegreen.document import DIRECTLY, NOTHING_TO_DEPLOY, Bake, Deployment, Green, Look, Opening, Plan
from bluegreen.edge import step
from bluegreen.errors import DeploymentInProgress, DeploymentInterrupted, InvalidRequest
from bluegreen.ledger import deployments
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import OPEN, Record
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.plan import is_newest, planned
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Existing
from bluegreen.rings import Asked


@step
def handler(asked: Asked) -> Opening:
    if asked.record and asked.name_was_taken:
        raise InvalidRequest(
            f"name: {asked.id} was a deployment of {asked.record.target}, begun at {asked.record.started_at}; "
            "Step Functions forgets a name after 90 days, the record does not: start it under another name"
        )
    if asked.record and asked.plan:
        return _opening(asked.record, asked.plan)
    situation = Situation(asked.request, asked.target)
    must_pass(BEFORE_THE_LOCK, situation)
    record = _record(asked, situation)
    _take_lock(record)
    must_pass(WITH_THE_LOCK, situation)
    plan = planned(asked.id, situation, functions.describe(asked.target), record.proof)
    return _opening(*deployments.learn_plan(record, plan, is_newest=is_newest(situation)))


def _record(asked: Asked, situation: Situation) -> Record:
    return Record(
        id=asked.id,
        target=asked.target,
        state=OPEN,
        execution=asked.call.execution,
        started_at=asked.started_at,
        started_by=asked.request.started_by or DIRECTLY,
        artifact=str(situation.artifact),
        proof=secrets.token_urlsafe(32),
        new_code=not isinstance(situation.artifact, Existing),
    )


def _take_lock(record: Record) -> None:
    """Raises DeploymentInterrupted if the holder's execution has ended: its deployment is recovered first."""
    try:
        deployments.open_deployment(record)
    except deployments.Held as held:
        holder = executions.describe(held.lock.held_by)
        if holder is None or not holder.running:
            raise DeploymentInterrupted(
                f"{held.lock.deployment} holds the lock of {held.lock.target}, and its execution has ended"
            ) from held
        raise DeploymentInProgress(_in_the_way(record, held.lock)) from held


def _in_the_way(record: Record, lock: Lock) -> str:
    target = record.target
    why = (
        f"alias: {target} is being deployed to by {lock.deployment}"
        if lock.target.alias == target.alias
        else f"function: {lock.deployment} puts new code into $LATEST of {target.function}, for the alias "
        f"{lock.target.alias}, and a function has only one $LATEST"
    )
    return f"{why}; nothing was changed; wait for that deployment, or stop it: {executions.console_link(lock.held_by)}"


def _opening(record: Record, plan: Plan) -> Opening:
    """With nothing to deploy the deployment ends here."""
    if plan.brings == "nothing":
        deployments.close(record, NOTHING_TO_DEPLOY, serving=plan.blue.version)
    return Opening(
        deployment=Deployment(
            id=plan.id, proof=record.proof, target=plan.target, blue=plan.blue.version, brings=plan.brings
        ),
        bake=Bake(
            revision=plan.blue.revision,
            look=Look(next_weight=next_weight(plan.schedule, 0), pardoned=plan.red_alarms),
        ),
        green=Green(version=plan.artifact.version) if isinstance(plan.artifact, Existing) else None,
        evidence={
            "blue": plan.blue.version,
            "artifact": str(plan.artifact),
            "traffic": plan.schedule.name,
            "watched": plan.schedule.watched,
            "held_seconds": plan.schedule.held_seconds,
            "brings": plan.brings,
        },
    )
