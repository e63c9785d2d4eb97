"""
UpdateCode: put the new code into $LATEST, which no production caller invokes.

Safe to retry: code that is there already is not sent again.
"""

from contextlib import suppress

from bluegreen.aws import functions
from bluegreen.document import Done
from bluegreen.edge import step
from bluegreen.errors import LatestMoved, PreconditionFailed, StillInProgress
from bluegreen.ledger import deployments
from bluegreen.rings import Opened


@step
def handler(deployment: Opened) -> Done:
    plan, target, salt = deployment.plan, deployment.target, deployment.record.proof
    latest = functions.when_settled(target)
    if not latest.holds(plan.code):
        if not latest.is_as(plan.latest, salt):
            raise LatestMoved(
                f"The code or the configuration of {target.function} changed since the deployment opened: someone else "
                "did that, or a deployment to another of its aliases."
            )
        deployments.learn_code_sent(plan.id)
        with suppress(PreconditionFailed):  # our own call may have worked although its reply was lost
            functions.update(target, plan.code, latest.revision)
        latest = functions.when_ready(target)
        if latest.is_as(plan.latest, salt):
            raise StillInProgress(
                f"$LATEST of {target.function} has a new revision and the old code; UpdateCode sends the new code again"
            )
    if not latest.holds(plan.code):
        raise LatestMoved(
            f"$LATEST of {target.function} does not have the code of {plan.artifact}: someone else changed it."
        )
    return Done(evidence={"sha256": latest.sha256})
