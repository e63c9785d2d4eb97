"""What the alias must say between two shifts."""

from bluegreen.aws.aliases import Alias
from bluegreen.decisions.route import Route, route
from bluegreen.document import Bake
from bluegreen.errors import AliasMoved, DeploymentOver, StillInProgress, UpdateFailed
from bluegreen.ledger import deployments
from bluegreen.ledger.record import OPEN, Record


def left_at(blue: str, green: str, bake: Bake) -> Route:
    """As the last shift left it."""
    return route(blue, green, bake.green_weight) if bake.shifts else Route(primary=blue)


def must_be(record: Record, wanted: Route, found: Alias) -> None:
    """
    Raises AliasMoved if someone else moved it, and DeploymentOver if the deployment was undone meanwhile.

    Raises StillInProgress while Lambda moves its provisioned concurrency, and UpdateFailed if Lambda could not.
    """
    target = record.target
    if found.route.serves_as(wanted):
        return
    if found.settling:
        raise StillInProgress(f"Lambda is moving the provisioned concurrency of {target}")
    if found.stuck:
        raise UpdateFailed(
            f"Lambda could not allocate the provisioned concurrency of {target} on version {found.route.primary} "
            f"({found.stuck}), so it lets version {found.route.alone} serve, by a weight of its own."
        )
    now, _ = deployments.load(record.id)  # an undoing marks the record before it moves the alias
    if now is None or now.state != OPEN:
        raise DeploymentOver(_over(record, now, found.route))
    raise AliasMoved(f"Someone else moved {target} to {found.route}; this deployment had left it at {wanted}.")


def _over(record: Record, now: Record | None, found: Route) -> str:
    """What became of the deployment while its handler ran."""
    state = now.state if now else "gone"
    why = f" ({now.error}: {now.cause})" if now and now.error else ""
    return f"Deployment {record.id} is {state} by now{why}. {record.target} is at {found}; this state changed nothing."
