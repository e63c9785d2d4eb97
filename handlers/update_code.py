"""
UpdateCode: put the new code into $LATEST, which no production caller invokes.

Safe to retry: code that is there already is not sent again.
"""

from contextlib import suppress

from bluegreen.aws import functions
from bluegreen.document import Code, Opened
from bluegreen.edge import step
from bluegreen.errors import LatestMoved, PreconditionFailed, StillInProgress
from bluegreen.ledger import records


@step
def handler(deployment: Opened) -> Code:
    plan = deployment.plan
    latest = functions.when_settled(plan.function)
    if not latest.holds(plan.code):
        if latest.sha256 != plan.latest.sha256 or not latest.has_settings_of(plan.latest):
            raise LatestMoved(
                f"The code or the configuration of {plan.function} changed since the deployment opened: someone else "
                "did that, or a deployment to another of its aliases."
            )
        records.learn_code_sent(plan.deployment)
        with suppress(PreconditionFailed):  # our own call may have worked with its reply lost: what is there decides
            functions.update(plan.function, plan.code, latest.revision)
        latest = functions.when_ready(plan.function)
        if latest.sha256 == plan.latest.sha256 and latest.has_settings_of(plan.latest):
            raise StillInProgress(f"$LATEST of {plan.function} has another revision and the code it had; sending again")
    if not latest.holds(plan.code):
        raise LatestMoved(
            f"$LATEST of {plan.function} does not have the code of {plan.artifact}: someone else changed it."
        )
    return Code(sha256=latest.sha256)
