"""
PublishVersion: freeze the tested code as green, and wait until it can serve.

Safe to retry: Lambda publishes the same code once.
"""

from bluegreen.aws import functions
from bluegreen.document import Green, Updated
from bluegreen.edge import step
from bluegreen.errors import AwsRefused, LatestMoved
from bluegreen.ledger import records


@step
def handler(deployment: Updated) -> Green:
    plan = deployment.plan
    try:
        green = _publish(deployment)
    except AwsRefused:
        # Lambda changes revisions by itself, late, and a lost reply may have published: what is there decides.
        green = _publish(deployment)
    records.learn_green(plan.deployment, green.version)
    functions.when_ready(plan.function, green.version)
    return green


def _publish(deployment: Updated) -> Green:
    plan = deployment.plan
    latest = functions.when_ready(plan.function)
    if latest.sha256 != deployment.code.sha256 or not latest.has_settings_of(plan.latest):
        raise LatestMoved(
            f"The code or the configuration of {plan.function} changed after its smoke test: someone else did that, "
            "or a deployment to another of its aliases."
        )
    return functions.publish(plan.function, latest, f"bluegreen {plan.deployment}")
