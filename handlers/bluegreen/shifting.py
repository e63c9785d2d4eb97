"""What the alias must say between two shifts."""

from bluegreen.aws import aliases
from bluegreen.deployment import Plan
from bluegreen.errors import AliasMoved, StillInProgress
from bluegreen.traffic import Route, Shift, route


def expected(plan: Plan, green: str, shift: Shift | None) -> Route:
    """As the last shift left it."""
    return route(plan.blue.version, green, shift.green_weight) if shift else Route(primary=plan.blue.version)


def must_be(plan: Plan, wanted: Route, found: aliases.Alias) -> None:
    """Raises AliasMoved if someone else moved it, StillInProgress if Lambda moves provisioned concurrency."""
    if found.route == wanted:
        return
    if found.route.versions <= wanted.versions | {plan.blue.version} and aliases.moved_by_lambda(
        plan.function, plan.alias
    ):
        raise StillInProgress(f"Lambda is moving the provisioned concurrency of {plan.name}")
    raise AliasMoved(
        f"Someone else moved {plan.name} to version {found.route}; this deployment had left it at {wanted}."
    )
