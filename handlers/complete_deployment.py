"""
CompleteDeployment: see that green serves everybody, close the record, tell people.

Safe to retry: a record that says Deployed is not written again.
"""

from bluegreen import news
from bluegreen.aws import aliases
from bluegreen.baking.alias import expected, latest_must_be_ours, must_be
from bluegreen.document import Baking, Completion
from bluegreen.edge import step
from bluegreen.errors import DeploymentOver
from bluegreen.ledger import records


@step
def handler(deployment: Baking) -> Completion:
    plan, green = deployment.plan, deployment.green.version
    record = records.find(plan.deployment)
    if record and record.state == records.OPEN:
        must_be(plan, expected(plan, green, deployment.shift), aliases.read(plan.function, plan.alias))
        latest_must_be_ours(plan)
        records.close(record.lock, records.DEPLOYED, serving=green)
        record = records.find(plan.deployment)
    if record is None or record.state != records.DEPLOYED:
        raise DeploymentOver(f"Deployment {plan.deployment} was undone before it was complete.")
    return Completion(serving=green, told=news.tell(plan.deployment))
