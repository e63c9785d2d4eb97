"""
RollBack: put blue back.

Safe to retry, and retried for half an hour: the handler reads before it changes, and verifies each change. An operator
is called at once if AWS refuses what users wait for; once the operator has mended it, the next attempt succeeds.
"""

from bluegreen import news
from bluegreen.decisions.route import Route, route
from bluegreen.document import ROLLBACK_FAILED, Ended
from bluegreen.edge import logger, step
from bluegreen.errors import AwsRefused, AwsUnavailable, PreconditionFailed, Untagged
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.rings import Failed
from bluegreen.rollback.alias import take_back
from bluegreen.rollback.undo import mark, restore
from bluegreen.rollback.words import for_an_operator

FOUND_BETWEEN_SHIFTS = (
    "AliasMoved",
    "ApprovalRefused",
    "ApprovalTimedOut",
    "GreenUnhealthy",
    "HookFailed",
    "NotApproved",
)
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
    try:
        return restore(marked, attempt=deployment.call.retries)
    except PreconditionFailed:
        raise
    except AwsRefused as refused:
        _call_an_operator(marked, refused)
        raise


def _call_an_operator(record: Record, refused: AwsRefused) -> None:
    """Unless no user waits for it. The alarm goes off by the line in the log."""
    now = deployments.find(record.id) or record
    if now.users_are_safe and not isinstance(refused, Untagged):
        return
    logger.error("an operator must help", extra={"alarm": ROLLBACK_FAILED})
    news.call_an_operator(now, *for_an_operator(now, f"{type(refused).__name__}: {refused}"))


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
