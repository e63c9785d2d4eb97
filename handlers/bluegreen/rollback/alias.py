"""The alias, put back to blue: facts, decision, act."""

from bluegreen.aws import aliases
from bluegreen.decisions.restoration import AliasFacts, AliasOutcome, alias_restoration
from bluegreen.decisions.route import Route
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    NotFound,
    PreconditionFailed,
    RollbackImpossible,
    StillInProgress,
)
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.target import Target

ENOUGH_ATTEMPTS = 10
"""After so many attempts the handler stops waiting for a new revision of an alias that is at blue already."""


def put_back(record: Record, attempt: int) -> AliasOutcome:
    """
    Give blue the alias back, if it still is as this deployment may have left it. The record is `undoing`.

    Raises RollbackImpossible when it takes an operator, and any other DeploymentError when it is worth repeating.
    """
    target, blue = record.target, Route(primary=record.blue or "")
    with_advice = f"By hand: `{target.by_hand(blue.primary)}`."
    try:
        found = _found(target, blue, *record.routes)
        facts = _facts(record, found)
        kind = alias_restoration(facts)
        if kind != "put_back" or found is None:
            return AliasOutcome(kind=kind, route=facts.found)
        # Another attempt may have put it back meanwhile, and the next deployment may have moved it since.
        now = deployments.must_be_undoing(record.id)
        if now.alias_returned_at:
            return AliasOutcome(kind=alias_restoration(_facts(now, found)), route=facts.found)
        back = _write(target, blue, found, attempt)
        deployments.learn_returned(record.id)
        return AliasOutcome(kind="back", route=back.route)
    except NotFound as error:
        raise RollbackImpossible(f"{target} cannot be put back: {error} {with_advice}") from error
    except (PreconditionFailed, DeploymentOver):
        raise
    except DeploymentError as error:
        raise type(error)(f"{target} could not be put back yet: {error} {with_advice}") from error


def take_back(target: Target, blue: str, routes: tuple[Route, ...], attempt: int, revision: str = "") -> str:
    """
    Give blue the alias back while the ledger does not answer; what was done, in a sentence.

    The caller has seen that the execution runs. On a retry, an earlier attempt may have closed the record, and another
    deployment may have moved the alias. So a retry takes a share from green at any time, and the whole alias only while
    that has `revision`, which this deployment's own last shift gave it.
    """
    wanted = Route(primary=blue)
    found = _found(target, wanted, *routes)
    untouched = attempt == 0 or (found is not None and found.revision == revision)  # since this deployment's last shift
    ours = tuple(route for route in routes if untouched or not route.whole)
    facts = AliasFacts(
        blue=blue,
        routes=ours,
        returned=False,
        found=found.route if found else None,
        settling=bool(found and found.settling),
    )
    if found is None or alias_restoration(facts) != "put_back":
        raise AwsUnavailable(
            f"{target} is at {facts.found or 'no version'}. The deployments table does not answer, so it is unclear "
            f"who moved it, and it was left as it is. To point it to blue by hand: `{target.by_hand(blue)}`."
        )
    _write(target, wanted, found, attempt)
    return f"{target} is back at version {blue}."


def _found(target: Target, *expected: Route) -> aliases.Alias | None:
    try:
        return aliases.read(target, *expected)
    except NotFound:
        return None


def _facts(record: Record, found: aliases.Alias | None) -> AliasFacts:
    return AliasFacts(
        blue=record.blue or "",
        routes=record.routes,
        returned=record.alias_returned_at is not None,
        found=found.route if found else None,
        settling=bool(found and found.settling),
    )


def _write(target: Target, blue: Route, found: aliases.Alias, attempt: int) -> aliases.Alias:
    """
    Point the alias to blue, even if it already is: the write gives it a new revision, so Lambda refuses a late shift.

    Raises StillInProgress if the alias shows no new revision.
    """
    back = aliases.point(target, blue, found.revision)
    if back.revision == found.revision and (found.route != blue or attempt < ENOUGH_ATTEMPTS):
        raise StillInProgress(f"{target} was put back to {blue} and does not show it yet")
    return back
