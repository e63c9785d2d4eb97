"""
AwaitApproval: let the first shift wait until a person has decided about it.

Step Functions waits for the task token, which the handler writes into the ledger. ServeApi sends the decision to the
token. A decision that came before the token, or for the token of an earlier attempt, the handler sends itself. Once the
time is over, the state's retry comes back here and says so.
"""

from bluegreen.aws import executions
from bluegreen.baking.gates import is_approved, wait_for_approval
from bluegreen.document import Done
from bluegreen.edge import step
from bluegreen.rings import Awaiting


@step
def handler(deployment: Awaiting) -> Done:
    plan, bake = deployment.plan, deployment.bake
    number, *_ = plan.schedule.approvals(bake.green_weight, bake.look.next_weight)
    token = deployment.call.token
    waiting = wait_for_approval(deployment.record, plan, number, bake.look.next_weight, token)
    if is_approved(plan.id, number):
        executions.succeed(token)
    return Done(evidence={"step": number, "asked_at": waiting.asked_at, "ends_at": waiting.ends_at})
