"""The end of a function's deployment, where its release is committed or the function's wave is kept."""

from bluegreen.aws import functions
from bluegreen.decisions.restoration import LatestKind
from bluegreen.document import DEPLOYED, Plan
from bluegreen.errors import DeploymentError, DeploymentOver
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.record import Record
from bluegreen.ledger.releases import Member
from bluegreen.request.artifact import Existing


def complete(release: str, member: Member) -> None:
    """Close the deployment of a function whose alias is at green. It may be repeated."""
    record, plan = deployments.load(member.deployment)
    if record and plan and record.live:
        not_part = isinstance(plan.artifact, Existing)
        outcome: LatestKind = "not_part" if not_part else _latest(record, plan)
        deployments.complete(record, latest_outcome=outcome)
        record = deployments.find(member.deployment)
    if record is None or record.state != DEPLOYED:
        raise DeploymentOver(
            f"The deployment {member.deployment} of {member.target} was undone before it was complete."
        )
    releases.learn(release, member, state="deployed")


def _latest(record: Record, plan: Plan) -> LatestKind:
    """Whether someone else has changed $LATEST since green was published: noted, and no reason to undo anything."""
    try:
        latest = functions.describe(plan.target)
    except DeploymentError:
        return "unseen"
    ours = latest.has_code(plan.digest) and latest.has_settings_of(plan.latest, record.proof)
    return "unchanged" if ours else "changed_by_others"
