"""
UpdateCode: put the new code into $LATEST, which no production caller invokes.

It runs in two states. MendLatest gives $LATEST blue's own code, and no green follows. Code that is nowhere but in
$LATEST is copied first, so that it can be had again. Safe to retry: code that is there already is not sent again, and
a second copy is the same. Once green is in the record, $LATEST is no longer looked at, and no code is sent.
"""

from contextlib import suppress

from bluegreen.aws import artifacts, functions
from bluegreen.aws.functions import Function
from bluegreen.document import Done, Plan
from bluegreen.edge import step
from bluegreen.errors import DeploymentError, LatestMoved, PreconditionFailed, StillInProgress
from bluegreen.ledger import deployments
from bluegreen.request.artifact import Image, Zip
from bluegreen.rings import Opened


@step
def handler(deployment: Opened) -> Done:
    plan, record, target, salt = deployment.plan, deployment.record, deployment.target, deployment.record.proof
    if record.green and not record.mends_latest:
        return Done(evidence={"published": record.green})
    latest = functions.when_settled(target)
    if not latest.holds(plan.code):
        if not latest.is_as(plan.latest, salt):
            raise LatestMoved(
                f"The code or the configuration of {target.function} changed since the deployment opened: someone else "
                "did that, or a deployment to another of its aliases."
            )
        deployments.learn_code_sent(plan.id, _kept(plan, latest), mends=record.mends_latest)
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


def _kept(plan: Plan, latest: Function) -> Zip | Image | None:
    """Where the code of $LATEST is kept, None if blue or an earlier artifact has it. Raises if no copy can be made."""
    if latest.image_uri:
        return Image(image_uri=latest.image_uri)
    if not plan.latest.only_there:
        return None
    try:
        return artifacts.keep_copy(latest, plan.target)
    except DeploymentError as error:
        raise type(error)(
            f"$LATEST of {latest.name} was not touched: neither version {plan.blue.version} nor an artifact of an "
            f"earlier deployment has its code, and the code could not be copied: {error}. "
            f"`aws lambda publish-version {plan.target.option}` keeps it as a version."
        ) from error
