"""
OpenMember: do for one function of a release what OpenDeployment does for a deployment. It changes nothing of a user's.

What refuses the function is written down, so that the release can name every function that is refused. Safe to retry.
"""

from bluegreen.aws import pacing
from bluegreen.document import NOTHING_TO_DEPLOY, Done, Plan
from bluegreen.edge import step
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentError,
    DeploymentInterrupted,
    DeploymentOver,
    InvalidRequest,
    NotTheHolder,
    StillInProgress,
)
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.record import Record
from bluegreen.ledger.starts import Author
from bluegreen.opening.begin import Candidate, begin
from bluegreen.releasing.rings import Part
from bluegreen.request.release import CALLS_TO_OPEN
from bluegreen.request.request import Request

RAISED = (AwsUnavailable, StillInProgress, DeploymentInterrupted, DeploymentOver, NotTheHolder)
"""What the state is retried for, or what is no fault of the function; the rest refuses it."""


@step
@pacing.expecting(CALLS_TO_OPEN)
def handler(part: Part) -> Done:
    release, member = part.release, part.member
    try:
        record, plan = _opened(part)
    except RAISED:
        raise
    except DeploymentError as refusal:
        releases.learn(
            release.id, member, at=("new", "refused"), state="refused", error=type(refusal).__name__, cause=str(refusal)
        )
        return Done(evidence={"refused": str(refusal)})
    if plan.brings == "nothing":
        deployments.close(record, NOTHING_TO_DEPLOY, serving=plan.blue.version)
    releases.learn(
        release.id,
        member,
        state="nothing" if plan.brings == "nothing" else "opened",
        brings=plan.brings,
        blue=plan.blue.version,
        green=plan.green or "",
        revision=plan.blue.revision,
        tidies=plan.kept is not None,
        alarms=tuple(name for name in plan.health.alarms if name not in plan.red_alarms),
    )
    return Done(evidence={"blue": plan.blue.version, "brings": plan.brings, "changes": list(plan.changes)})


def _opened(part: Part) -> tuple[Record, Plan]:
    release, member = part.release, part.member
    record, plan = deployments.load(member.deployment)
    if record and record.release != release.id:
        raise InvalidRequest(
            f"name: {record.id} is a deployment of {record.target} already; start the release under another name"
        )
    if record and plan:
        return record, plan
    request = Request.read(releases.request_for(release.id, member.number))
    return begin(
        Candidate(
            id=member.deployment,
            target=member.target,
            request=request,
            execution=release.began_as,
            started_at=release.started_at,
            author=Author(said=release.started_by, proved=release.started_by_proved),
            proof=release.proof,
            release=release.id,
            while_=releases.still_opening(release.id),
        )
    )
