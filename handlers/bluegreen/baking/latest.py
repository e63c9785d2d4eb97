"""$LATEST at the end of a deployment: noted, and no reason to undo anything."""

from bluegreen.aws import functions
from bluegreen.decisions.restoration import LatestKind
from bluegreen.document import Plan
from bluegreen.errors import DeploymentError
from bluegreen.ledger.record import Record
from bluegreen.request.artifact import Existing


def found(record: Record, plan: Plan) -> LatestKind:
    """Whether someone else has changed $LATEST since green was published."""
    if isinstance(plan.artifact, Existing):
        return "not_part"
    try:
        latest = functions.describe(plan.target)
    except DeploymentError:
        return "unseen"
    ours = latest.has_code(plan.digest) and latest.has_settings_of(plan.latest, record.proof)
    return "unchanged" if ours else "changed_by_others"
