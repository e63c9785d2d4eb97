"""What the alias must say between two shifts, and the shift itself."""

from collections.abc import Callable

from bluegreen.aws import aliases
from bluegreen.aws.aliases import Alias
from bluegreen.decisions.route import Route, route
from bluegreen.document import Bake
from bluegreen.errors import AliasMoved, DeploymentOver, PreconditionFailed, StillInProgress, UpdateFailed
from bluegreen.ledger import deployments
from bluegreen.ledger.record import OPEN, Record

ATTEMPTS = 2
"""With the revision of the last shift, and with the one that the alias has."""


def left_at(blue: str, green: str, bake: Bake) -> Route:
    """As the last shift left it."""
    return route(blue, green, bake.green_weight) if bake.shifts else Route(primary=blue)


def give(
    record: Record, before: Route, wanted: Route, revision: str, write_ahead: Callable[[], None]
) -> tuple[str, bool]:
    """
    Point the record's alias from `before` to `wanted`; its revision after that, and whether this call moved it.

    The alias is not read before: it still has `revision`, that of the last shift, unless someone else has moved it.
    `write_ahead` notes in the ledger where the alias may be from now on. Raises as `must_be` does.
    """
    target = record.target
    for _ in range(ATTEMPTS):
        # Written after the alias's revision is known and before it is used: an undoing that begins in between is seen.
        write_ahead()
        try:
            return aliases.point(target, wanted, revision).revision, True
        except PreconditionFailed:
            found = aliases.read(target, before, wanted)
        must_be(record, wanted if found.route == wanted else before, found)
        if found.route == wanted:
            return found.revision, False  # our own call worked, although its reply was lost
        revision = found.revision
    raise StillInProgress(f"{target} has another revision each time it is read; the shift is tried again")


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
