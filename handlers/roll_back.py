"""
RollBack: put blue back.

Safe to retry, and retried for half an hour: the handler reads before it changes, and verifies each change.
"""

from bluegreen.decisions.route import Route, route
from bluegreen.document import Ended
from bluegreen.edge import step
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.rings import Failed
from bluegreen.rollback.alias import take_back
from bluegreen.rollback.undo import mark, restore

FOUND_BETWEEN_SHIFTS = ("AliasMoved", "GreenUnhealthy")
"""After these errors the alias cannot have the next weight: no UpdateAlias is without an answer."""


@step
def handler(deployment: Failed) -> Ended:
    record, failure = deployment.record, deployment.failure
    if record is None:
        raise _without_the_ledger(deployment, _routes(deployment))
    try:
        marked = mark(record, failure.error, failure.sentence)
    except (AwsRefused, AwsUnavailable) as away:
        if not record.live or record.alias_returned_at:
            raise
        raise _without_the_ledger(deployment, record.routes) from away
    return restore(marked, attempt=deployment.call.retries)


def _routes(deployment: Failed) -> tuple[Route, ...]:
    """Where this deployment may have left the alias, by the document."""
    blue, green, bake = deployment.deployment.blue, deployment.green, deployment.bake
    if green is None or bake.look.next == "complete":
        return ()  # green was found healthy, and CompleteDeployment may have closed the record
    weights = [shift.weight for shift in bake.shifts[-1:]]
    if deployment.failure.error not in FOUND_BETWEEN_SHIFTS:
        weights.append(bake.look.next_weight)
    return tuple(route(blue, green.version, weight) for weight in weights)


def _without_the_ledger(deployment: Failed, routes: tuple[Route, ...]) -> AwsUnavailable:
    """Users get blue back at once; the rest waits until the ledger answers."""
    known = deployment.deployment
    back = take_back(known.target, known.blue, routes, deployment.call.retries, deployment.bake.revision)
    return AwsUnavailable(f"{back} The deployments table does not answer, so the record is still open.")
