"""What the alias and $LATEST must say between two shifts."""

from bluegreen import clock
from bluegreen.aws import aliases, functions
from bluegreen.decisions.route import Route, route
from bluegreen.decisions.shift import Shift
from bluegreen.document import Plan
from bluegreen.errors import AliasMoved, LatestMoved, StillInProgress

SECOND_LOOK_SECONDS = 3
"""Lambda may show for a moment what $LATEST was before we changed it; no deployment turns on one such look."""


def expected(plan: Plan, green: str, shift: Shift | None) -> Route:
    """As the last shift left it."""
    return route(plan.blue.version, green, shift.green_weight) if shift else Route(primary=plan.blue.version)


def must_be(plan: Plan, wanted: Route, found: aliases.Alias) -> None:
    """Raises AliasMoved if someone else moved it, StillInProgress if Lambda moves provisioned concurrency."""
    if found.route == wanted:
        return
    if found.route.versions <= wanted.versions | {plan.blue.version} and aliases.moved_by_lambda(
        plan.function, plan.alias, found.route
    ):
        raise StillInProgress(f"Lambda is moving the provisioned concurrency of {plan.name}")
    raise AliasMoved(
        f"Someone else moved {plan.name} to version {found.route}; this deployment had left it at {wanted}."
    )


def latest_must_be_ours(plan: Plan) -> None:
    """
    Raises LatestMoved if someone else changed $LATEST since green was published from it.

    Green would serve all the same; but who deploys by another way meanwhile should not find this one done over it.
    """
    if not plan.new_code or _latest_is_ours(plan):
        return
    clock.sleep(SECOND_LOOK_SECONDS)
    if not _latest_is_ours(plan):
        raise LatestMoved(
            f"The code or the configuration of {plan.function} changed while green was watched: someone else did that, "
            "or a deployment to another of its aliases."
        )


def _latest_is_ours(plan: Plan) -> bool:
    latest = functions.describe(plan.function)
    return latest.holds(plan.code) and latest.has_settings_of(plan.latest)
