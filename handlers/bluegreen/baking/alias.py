"""What the alias must say between two shifts."""

from bluegreen.aws.aliases import Alias
from bluegreen.decisions.route import Route, route
from bluegreen.document import Bake
from bluegreen.errors import AliasMoved, StillInProgress, UpdateFailed
from bluegreen.target import Target


def left_at(blue: str, green: str, bake: Bake) -> Route:
    """As the last shift left it."""
    return route(blue, green, bake.green_weight) if bake.shifts else Route(primary=blue)


def must_be(target: Target, wanted: Route, found: Alias) -> None:
    """
    Raises AliasMoved if someone else moved it.

    Raises StillInProgress while Lambda moves its provisioned concurrency, and UpdateFailed if Lambda could not.
    """
    if found.route.serves_as(wanted):
        return
    if found.settling:
        raise StillInProgress(f"Lambda is moving the provisioned concurrency of {target}")
    if found.stuck:
        raise UpdateFailed(
            f"Lambda could not allocate the provisioned concurrency of {target} on version {found.route.primary} "
            f"({found.stuck}), so it lets version {found.route.alone} serve, by a weight of its own."
        )
    raise AliasMoved(f"Someone else moved {target} to {found.route}; this deployment had left it at {wanted}.")
