"""
RollBack: put blue back, whatever happened.

Safe to repeat, and repeated for a long time: it reads before it changes, and verifies what it did.
"""

from bluegreen.decisions.route import Route, route
from bluegreen.document import Failed, Rollback
from bluegreen.edge import Execution, step
from bluegreen.errors import AliasMoved, GreenUnhealthy, LatestMoved
from bluegreen.rollback.recovery import finish
from bluegreen.rollback.undo import undo

FOUND_BETWEEN_SHIFTS = {error.__name__ for error in (AliasMoved, GreenUnhealthy, LatestMoved)}


@step
def handler(deployment: Failed, execution: Execution) -> Rollback:
    plan, failure = deployment.plan, deployment.failure
    rollback = undo(plan, _left(deployment), failure.error, failure.sentence, tried=execution.retries)
    return finish(plan.deployment, rollback)


def _left(deployment: Failed) -> list[Route]:
    """As the last shift left the alias, or as one may have that failed without an answer."""
    plan, green, shift, look = deployment.plan, deployment.green, deployment.shift, deployment.look
    weights = [shift.green_weight] if shift else []
    if deployment.failure.error not in FOUND_BETWEEN_SHIFTS:
        if plan.schedule.adaptive:
            weights.append((look.next_weight if look else 0) or plan.schedule.first_weight)
        else:
            weights += [step.weight for step in plan.schedule.steps[shift.step if shift else 0 :][:1]]
    return [route(plan.blue.version, green.version, weight) for weight in weights] if green else []
