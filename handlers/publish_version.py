"""
PublishVersion: freeze the tested code as green, and wait until it can serve.

Safe to retry: Lambda publishes the same code once. Once green is in the record, $LATEST is no longer looked at.
"""

from bluegreen.aws import functions
from bluegreen.document import Green
from bluegreen.edge import step
from bluegreen.errors import AwsRefused, InvalidRequest, LatestMoved
from bluegreen.ledger import deployments
from bluegreen.rings import Opened


@step
def handler(deployment: Opened) -> Green:
    version = deployment.record.green or _made(deployment)
    functions.when_ready(deployment.target, version)
    return Green(version=version)


def _made(deployment: Opened) -> str:
    try:
        version = _published(deployment)
    except AwsRefused:
        # Lambda may have changed the revision by itself, or published although the reply was lost: read it again.
        version = _published(deployment)
    if version == deployment.plan.blue.version:
        raise InvalidRequest(
            f"artifact: Lambda published nothing, since {deployment.plan.artifact} has the code and the settings of "
            f"version {version}, which serves already; change $LATEST first"
        )
    deployments.learn_green(deployment.plan.id, version)
    return version


def _published(deployment: Opened) -> str:
    plan, target = deployment.plan, deployment.target
    latest = functions.when_ready(target)
    if not latest.has_code(plan.digest) or not latest.has_settings_of(plan.latest, deployment.record.proof):
        raise LatestMoved(
            f"The code or the configuration of {target.function} changed after its smoke test: someone else did that, "
            "or a deployment to another of its aliases."
        )
    return functions.publish(target, latest, f"bluegreen {plan.id}")
