"""
AwaitApproval: let the first shift wait until a person has decided about it.

Step Functions waits for the task token, which the handler writes into the ledger. ServeApi sends the decision to the
token. If the decision came earlier, or went to an earlier attempt's token, the handler sends it itself. Once the time
is over, the state's retry comes back here and says so.
"""

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.baking.gates import is_approved, wait_for_approval
from bluegreen.document import Done
from bluegreen.edge import step
from bluegreen.errors import AwsUnavailable, DeploymentOver
from bluegreen.ledger import approvals, deployments
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import OPEN
from bluegreen.rings import Awaiting

TOLD_WITHIN_ATTEMPTS = 3
"""The state is retried so often if people could not be told."""


@step
def handler(deployment: Awaiting) -> Done:
    plan, bake = deployment.plan, deployment.bake
    number, *_ = plan.schedule.approvals(bake.green_weight, bake.look.next_weight)
    token = deployment.call.token
    approvals.ask(of_deployment(plan.id), number, plan.schedule.approval_seconds, token)
    # Read after the token is written. An abort marks the record before it reads tokens: one of the two sees the other.
    record, _ = deployments.load(plan.id)
    if record is None or record.state != OPEN:
        raise DeploymentOver(f"Deployment {plan.id} was undone before it waited for an approval.")
    waiting = wait_for_approval(record, plan, number, bake.look.next_weight, token)
    if is_approved(plan.id, number):
        executions.succeed(token)
    elif waiting.is_over(clock.now()):
        raise AwsUnavailable("the time to decide is over, and a decision may still be on its way")
    elif not waiting.told_at and deployment.call.retries < TOLD_WITHIN_ATTEMPTS:
        raise AwsUnavailable("people could not be told yet that the deployment waits for an approval")
    return Done(evidence={"step": number, "asked_at": waiting.asked_at, "ends_at": waiting.ends_at})
