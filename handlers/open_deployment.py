"""
OpenDeployment: check the request, take the lock, write record and plan. It may change nothing else.

While another deployment holds the lock, an upload is kept: it waits. With the plan written, the deployment has started,
and that is told.

Safe to retry: the lock knows its execution, and the plan is written once.
"""

import secrets

from bluegreen import news
from bluegreen.aws import pacing
from bluegreen.decisions.gates import GRACE_SECONDS, opening_gate
from bluegreen.decisions.shift import next_weight
from bluegreen.document import NOTHING_TO_DEPLOY, Bake, Deployment, Green, Look, Opening, Plan
from bluegreen.edge import step
from bluegreen.errors import AwsUnavailable, InvalidRequest, UploadWaits
from bluegreen.ledger import deployments, starts, waiting
from bluegreen.ledger.record import Record
from bluegreen.ledger.waiting import Waiting
from bluegreen.opening.begin import Candidate, begin
from bluegreen.opening.checks import artifact_is_newer, must_pass
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Zip
from bluegreen.request.release import CALLS_TO_OPEN
from bluegreen.rings import Asked

MOST_WAITING_AT_ONCE = 3
"""Attempts to store the upload that waits, while other uploads of the alias come at the same moment."""


@step
@pacing.expecting(CALLS_TO_OPEN)
def handler(asked: Asked) -> Opening:
    if asked.record and asked.name_was_taken:
        raise InvalidRequest(
            f"name: {asked.id} was a deployment of {asked.record.target}, begun at {asked.record.started_at}; "
            "Step Functions forgets a name after 90 days, the record does not: start it under another name"
        )
    if asked.record and asked.plan:
        return _opening(asked.record, asked.plan)
    record, plan = begin(_candidate(asked), when_held=_upload_waits)
    if plan.brings != "nothing":
        news.started(record, plan)
    return _opening(record, plan)


def _candidate(asked: Asked) -> Candidate:
    return Candidate(
        id=asked.id,
        target=asked.target,
        request=asked.request,
        execution=asked.call.execution,
        started_at=asked.started_at,
        author=starts.author(asked.id, asked.call.document, asked.request.started_by or ""),
        proof=secrets.token_urlsafe(32),
    )


def _upload_waits(record: Record, situation: Situation, why: str) -> None:
    """Raises UploadWaits for an upload."""
    if situation.request.only_newer and isinstance(situation.artifact, Zip):
        raise UploadWaits(_waits(record, situation.artifact, situation, why))


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
