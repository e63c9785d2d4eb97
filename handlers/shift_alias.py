"""
ShiftAlias: give green its next share of the alias.

Safe to retry: the step taken depends only on the share already recorded, and an alias that has it is left alone.
"""

from bluegreen import clock
from bluegreen.aws import aliases
from bluegreen.baking.alias import expected, latest_must_be_ours, must_be
from bluegreen.decisions.route import route
from bluegreen.decisions.shift import Shift, next_shift
from bluegreen.document import Shifting
from bluegreen.edge import step
from bluegreen.errors import PreconditionFailed, StillInProgress
from bluegreen.ledger import records


@step
def handler(deployment: Shifting) -> Shift:
    plan, green = deployment.plan, deployment.green.version
    allowed = deployment.look.next_weight if deployment.look else None
    shift = next_shift(plan.schedule, deployment.shift, clock.now(), plan.health.period_seconds, allowed)
    target = route(plan.blue.version, green, shift.green_weight)
    found = aliases.read(plan.function, plan.alias)
    if found.route == target:
        return shift
    must_be(plan, expected(plan, green, deployment.shift), found)
    latest_must_be_ours(plan)
    had = [deployment.shift.green_weight] if deployment.shift else []
    records.learn_shift(plan.deployment, shift.step, green, [*had, shift.green_weight])
    try:
        aliases.point(plan.function, plan.alias, target, found.revision)
    except PreconditionFailed:
        # Our own call may have worked with its reply lost: what the alias says decides.
        now = aliases.read(plan.function, plan.alias)
        if now.route == found.route:
            raise StillInProgress(f"{plan.name} has another revision and the route it had; shifting again") from None
        must_be(plan, target, now)
    return shift
