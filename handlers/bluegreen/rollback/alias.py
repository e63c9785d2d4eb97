"""The alias, put back to blue: facts, decision, act."""

from typing import NamedTuple

from bluegreen.aws import aliases, functions, pacing
from bluegreen.decisions.restoration import AliasFacts, AliasOutcome, alias_restoration
from bluegreen.decisions.route import Route
from bluegreen.errors import (
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    FunctionGone,
    NotFound,
    PreconditionFailed,
    StillInProgress,
)
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.target import Target

ENOUGH_ATTEMPTS = 10
"""After so many attempts the handler stops waiting for a new revision, or for leave to write, if blue has the alias."""


class _Seen(NamedTuple):
    """What was read of the alias, None if it is gone, and of the function and blue's version."""

    alias: aliases.Alias | None
    function_exists: bool
    blue_exists: bool


def put_back(record: Record, attempt: int) -> AliasOutcome:
    """
    Give blue the alias back, if it still is as this deployment may have left it. The record is `undoing`.

    Raises DeploymentError when it is worth repeating: a person may make possible what Lambda refuses.
    """
    target, blue = record.target, record.blue or ""
    try:
        try:
            return _put_back(record, attempt)
        except NotFound:  # by UpdateAlias: blue's version, the alias or the function was deleted
            return _put_back(record, attempt, blue_exists=_exists(target, blue))
    except (PreconditionFailed, DeploymentOver):
        raise
    except DeploymentError as error:
        raise type(error)(f"{target} could not be put back yet: {error} By hand: `{target.by_hand(blue)}`.") from error


def _put_back(record: Record, attempt: int, *, blue_exists: bool = True) -> AliasOutcome:
    blue = Route(primary=record.blue or "")
    seen = _seen(record.target, blue, *record.routes, blue_exists=blue_exists)
    facts = _facts(record, seen)
    kind = alias_restoration(facts)
    if kind != "put_back" or seen.alias is None:
        return AliasOutcome(kind=kind, route=facts.found)
    # Another attempt may have put it back meanwhile, and the next deployment may have moved it since.
    now = deployments.must_be_undoing(record.id)
    if now.alias_returned_at:
        return AliasOutcome(kind=alias_restoration(_facts(now, seen)), route=facts.found)
    back = _write(record.target, blue, seen.alias, attempt)
    deployments.learn_returned(record.id)
    return AliasOutcome(kind="back", route=back.route)


@pacing.undoing()
def take_back(target: Target, blue: str, routes: tuple[Route, ...], attempt: int, revision: str = "") -> str:
    """
    Give blue the alias back while the ledger does not answer; what was done, in a sentence.

    The caller has seen that the execution runs. On a retry, an earlier attempt may have closed the record, and another
    deployment may have moved the alias. So a retry takes a share from green at any time, and the whole alias only while
    that has `revision`, which this deployment's own last shift gave it.
    """
    wanted = Route(primary=blue)
    found = _seen(target, wanted, *routes).alias
    if found is None:
        return f"{target} is gone: someone else deleted it, so there is nothing to put back."
    if found.route == wanted and not found.settling:
        return f"{target} is back at version {blue}."
    untouched = attempt == 0 or found.revision == revision  # since this deployment's last shift
    ours = tuple(route for route in routes if untouched or not route.whole)
    facts = AliasFacts(blue=blue, routes=ours, returned=False, found=found.route, settling=found.settling)
    if alias_restoration(facts) != "put_back":
        raise AwsUnavailable(
            f"{target} is at {facts.found}. The deployments table does not answer, so it is unclear "
            f"who moved it, and it was left as it is. To point it to blue by hand: `{target.by_hand(blue)}`."
        )
    _write(target, wanted, found, attempt)
    return f"{target} is back at version {blue}."


def _seen(target: Target, *expected: Route, blue_exists: bool = True) -> _Seen:
    try:
        return _Seen(aliases.read(target, *expected), True, blue_exists)
    except FunctionGone:
        return _Seen(None, False, False)
    except NotFound:
        return _Seen(None, True, blue_exists)


def _exists(target: Target, version: str) -> bool:
    try:
        functions.describe(target, version)
    except NotFound:
        return False
    return True


def _facts(record: Record, seen: _Seen) -> AliasFacts:
    return AliasFacts(
        blue=record.blue or "",
        routes=record.routes,
        returned=record.alias_returned_at is not None,
        found=seen.alias.route if seen.alias else None,
        settling=bool(seen.alias and seen.alias.settling),
        function_exists=seen.function_exists,
        blue_exists=seen.blue_exists,
    )


def _write(target: Target, blue: Route, found: aliases.Alias, attempt: int) -> aliases.Alias:
    """
    Point the alias to blue, even if it already is: the write gives it a new revision, so Lambda refuses a late shift.

    An alias at blue that AWS lets nobody write is left after enough attempts: a shift that is late is refused as well.
    Raises StillInProgress if the alias shows no new revision, and while Lambda lets another version serve because it
    moves the provisioned concurrency to blue: each further write would begin that anew.
    """
    if found.settling and found.route.primary == blue.primary and found.route.alone:
        raise _moving(target, found)
    try:
        back = aliases.point(target, blue, found.revision)
    except (PreconditionFailed, NotFound):
        raise
    except AwsRefused:
        if found.route != blue or attempt < ENOUGH_ATTEMPTS:
            raise
        return found
    if back.revision == found.revision and (found.route != blue or attempt < ENOUGH_ATTEMPTS):
        raise StillInProgress(f"{target} was put back to {blue} and does not show it yet")
    if back.route.alone != blue.primary:
        raise _moving(target, back)
    return back


def _moving(target: Target, found: aliases.Alias) -> StillInProgress:
    return StillInProgress(
        f"{target} was put back to version {found.route.primary}, and {found.route} serves until Lambda has moved the "
        "provisioned concurrency there"
    )
