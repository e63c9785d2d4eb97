"""
PublishVersion: freeze the tested code as green, and wait until it can serve.

Safe to retry: Lambda publishes the same code once.
"""

from bluegreen.aws import functions, records
from bluegreen.deployment import Green, Updated
from bluegreen.errors import LatestMoved, PreconditionFailed
from bluegreen.step import step


@step
def handler(deployment: Updated) -> Green:
    plan = deployment.plan
    latest = functions.when_ready(plan.function)
    if latest.sha256 != deployment.code.sha256:
        raise LatestMoved(f"Someone else changed the code of {plan.function} after its smoke test.")
    try:
        green = functions.publish(plan.function, latest, f"bluegreen {plan.deployment}")
    except PreconditionFailed as error:
        raise LatestMoved(f"Someone else changed {plan.function} after its smoke test.") from error
    records.learn_green(plan.deployment, green.version)
    functions.when_ready(plan.function, green.version)
    return green
