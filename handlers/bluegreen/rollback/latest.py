"""$LATEST, given back the code that it had: facts, decision, act. Users are safe by then, so it holds nothing up."""

from collections.abc import Iterator

from bluegreen.aws import artifacts, functions
from bluegreen.decisions.restoration import LatestFacts, LatestOutcome, latest_restoration
from bluegreen.errors import AwsRefused, DeploymentError, FunctionGone, NotFound, PreconditionFailed, StillInProgress
from bluegreen.ledger import code, deployments
from bluegreen.ledger.record import Record
from bluegreen.request.artifact import Image, Zip

ENOUGH_ATTEMPTS = 10
"""To put $LATEST back once blue is back, before the deployment is closed without."""


def put_back(record: Record, *, enough: int = ENOUGH_ATTEMPTS) -> LatestOutcome:
    """
    Give $LATEST its code back, as far as this deployment changed it and the code can be had.

    From attempt `enough` on a failure is reported instead of raised, and ten attempts later it is not tried any more:
    the attempts may have been killed before they could say that they failed. Raises DeploymentError when it is worth
    repeating.
    """
    if not record.new_code:
        return LatestOutcome(kind="not_part")
    if record.deploys_latest:
        return LatestOutcome(kind="kept")
    attempt = deployments.learn_latest_attempt(record.id)
    if attempt > enough + ENOUGH_ATTEMPTS:
        return _as_found(record, f"{attempt - 1} attempts failed or were killed")
    try:
        return _put_back(record)
    except DeploymentError as error:
        if attempt < enough and not isinstance(error, NotFound):  # a bucket that is gone does not come back
            raise
        return _as_found(record, str(error))


def _put_back(record: Record) -> LatestOutcome:
    found = _found(record)
    kind = latest_restoration(_facts(record, found))
    if kind not in ("put_back", "rewrite") or found is None:
        return LatestOutcome(kind=kind)
    if kind == "rewrite":
        for itself in _copy_of(record, found):
            _write(record, found, itself)
        return LatestOutcome(kind="as_it_was")
    refused: AwsRefused | None = None
    for before in _code_before(record):
        try:
            _write(record, found, before)
        except PreconditionFailed:
            raise
        except AwsRefused as error:
            refused = error  # the artifact may be gone; blue's own code is not
        else:
            return LatestOutcome(kind="put_back", source=str(before))
    if refused:
        raise refused
    return LatestOutcome(kind="keeps_the_new")


def _found(record: Record) -> functions.Function | None:
    try:
        return functions.when_settled(record.target)
    except NotFound:
        return None


def _facts(record: Record, found: functions.Function | None) -> LatestFacts:
    return LatestFacts(
        new_code=record.new_code,
        sent=record.code_sent_at is not None,
        exists=found is not None,
        has_the_old=found is not None and found.sha256 == record.latest_sha256,
        has_the_new=found is not None and found.has_code(record.code or ""),
    )


def _as_found(record: Record, problem: str) -> LatestOutcome:
    """What $LATEST has now: an attempt whose reply was lost may have worked."""
    try:
        found = functions.describe(record.target)
    except NotFound:
        return LatestOutcome(kind="gone")
    except DeploymentError:
        return LatestOutcome(kind="unseen", problem=problem)
    facts = _facts(record, found)
    if facts.has_the_old:
        return LatestOutcome(kind="as_it_was")
    return LatestOutcome(kind="not_tried_again" if facts.has_the_new else "changed_by_others", problem=problem)


def _write(record: Record, found: functions.Function, before: Zip | Image) -> None:
    deployments.must_be_undoing(record.id)
    functions.update(record.target, before, found.revision)
    after = functions.when_settled(record.target)
    if after.sha256 != record.latest_sha256:
        raise PreconditionFailed(
            f"$LATEST of {record.target.function} was put back to {before} and is something else now"
        )
    if after.revision == found.revision:
        raise StillInProgress(f"$LATEST of {record.target.function} was put back to {before} and does not show it yet")


def _code_before(record: Record) -> Iterator[Zip | Image]:
    """Where the code can be had that $LATEST held: an earlier deployment's artifact, its copy, or blue's own code."""
    if not record.latest_sha256:
        return
    for kept in (code.known(record.target, record.latest_sha256), record.latest_kept):
        if isinstance(kept, Image) or (kept and kept.is_pinned and kept.sha256 == record.latest_sha256):
            yield kept
    if record.blue and record.latest_sha256 == record.blue_sha256:
        yield from _copy_of_blue(record, record.blue)


def _copy_of_blue(record: Record, blue: str) -> Iterator[Zip | Image]:
    """Nothing if someone else deleted the version."""
    try:
        version = functions.describe(record.target, blue)
    except FunctionGone:
        raise
    except NotFound:
        return
    yield from _copy_of(record, version)


def _copy_of(record: Record, version: functions.Function) -> Iterator[Zip | Image]:
    """The code of a version or of $LATEST, where it can be deployed from; nothing if Lambda does not say."""
    if version.image_uri:
        yield Image(image_uri=version.image_uri)
    elif version.code_url:
        yield artifacts.keep_copy(version, record.target)
