"""
Putting blue back: what RollBack and the recovery of a dead deployment have in common.

Safe to repeat and safe beside itself: each part reads first, changes only what this deployment put there,
and names the revision that it read. The record is marked before the alias and $LATEST are read, and whoever changes
them writes that into an open record after reading them; so of a change and an undoing at the same moment, one sees the
other. What is as it was is written anew all the same, for its revision: a change that was about to be made then fails.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from bluegreen.aws import aliases, artifacts, functions
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.decisions.replies import mismatches
from bluegreen.decisions.route import Route, route
from bluegreen.document import Plan, Rollback
from bluegreen.errors import (
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    NotFound,
    PreconditionFailed,
    RollbackImpossible,
    StillInProgress,
)
from bluegreen.ledger import records
from bluegreen.request.artifact import Existing, Image, Zip
from bluegreen.request.smoke_tests import UNLESS_GIVEN

ENOUGH_ATTEMPTS = 10
"""To put $LATEST back once blue is back, before the deployment is closed without."""

LONGEST_DOUBTS = 1000
"""Characters: a record, a notification and an execution's cause have limits, and blue's error may be long."""

OWN_AMONG = 20
"""So many deployments of the function are looked through for the one that blue came with: users wait meanwhile."""


def undo(
    plan: Plan, left: Sequence[Route], error: str, cause: str, *, tried: int, enough_at_latest: int = ENOUGH_ATTEMPTS
) -> Rollback:
    """
    Put the alias and $LATEST back to what they were, and say what was found.

    `left` is how the execution may have left the alias: what counts while the table does not say more. `tried` is how
    often it was tried before; once blue is back, $LATEST is given up after `enough_at_latest` attempts.
    Raises RollbackImpossible when it takes a person, and any other DeploymentError when it is worth repeating. The
    caller closes the record. Of a deployment that has been undone already, the answer is what was found then.
    """
    record = _marked(plan, error, cause, tried)
    if record and not record.live:
        return _as_it_ended(plan, record)
    if record is None and tried:
        raise AwsUnavailable(f"{_share_taken_back(plan, left, tried)} The deployments table does not answer.")
    serving, alias = _alias(plan, left, record, tried)
    latest = _latest_or_why_not(plan, record, enough_at_latest)
    if record is None:
        raise AwsUnavailable(f"{alias} {latest} The deployments table does not answer, so the record is still open.")
    return Rollback(error=error, cause=" ".join([sentence(cause), alias, latest]), serving=serving)


def by_hand(plan: Plan) -> str:
    """The command for a person that puts blue back."""
    return (
        f"aws lambda update-alias --function-name {plan.function} --name {plan.alias} "
        f"--function-version {plan.blue.version} --routing-config AdditionalVersionWeights={{}}"
    )


def _marked(plan: Plan, error: str, cause: str, tried: int) -> records.Record | None:
    """
    From now on the deployment shifts nothing more. None when the table refuses: traffic goes back all the same.

    Not if an earlier attempt closed the record, as far as the table says that.
    """
    try:
        records.begin_undoing(plan.deployment, error, cause)
        return records.find(plan.deployment)
    except DeploymentError:
        return _closed(plan.deployment) if tried else None


def _closed(deployment: str) -> records.Record | None:
    try:
        record = records.find(deployment)
    except DeploymentError:
        return None
    return record if record and not record.live else None


def _as_it_ended(plan: Plan, record: records.Record) -> Rollback:
    """Its lock is free, so the alias may be another deployment's by now: nothing is touched."""
    if record.state == records.DEPLOYED:
        raise RollbackImpossible(
            f"The deployment was complete when its last state failed: {plan.name} is at version {record.serving}. "
            f"If that is not wanted: `bluegreen rollback {plan.function} --alias {plan.alias}`."
        )
    return Rollback(error=record.error or record.state, cause=record.cause or "", serving=record.serving or "")


def _share_taken_back(plan: Plan, left: Sequence[Route], tried: int) -> str:
    """
    What can be done without the table once another attempt may have closed the record.

    Blue gets back a share that green has; at worst another deployment of the same version gave it that, and stops.
    What somebody may have made of the alias since, and $LATEST, are left alone.
    """
    return _alias(plan, [each for each in left if not each.whole], None, tried)[1]


def _alias(plan: Plan, left: Sequence[Route], record: records.Record | None, tried: int) -> tuple[str, str]:
    """Which version or versions serve, and a sentence about it."""
    try:
        found = _found(plan)
        if found is None:
            return records.NOBODY, f"Someone else deleted {plan.name}; nothing serves by that name."
        if record and not record.weights:
            return str(found.route), f"{plan.name} is at version {found.route}; this deployment never moved it."
        return _put_back(plan, left, record, found, tried)
    except NotFound as error:
        raise RollbackImpossible(f"{plan.name} cannot be put back: {error} By hand: `{by_hand(plan)}`.") from error
    except (PreconditionFailed, DeploymentOver):
        raise
    except DeploymentError as error:
        raise type(error)(f"{plan.name} could not be put back yet: {error} By hand: `{by_hand(plan)}`.") from error


def _found(plan: Plan) -> aliases.Alias | None:
    try:
        return aliases.read(plan.function, plan.alias)
    except NotFound:
        return None


def _put_back(
    plan: Plan, left: Sequence[Route], record: records.Record | None, found: aliases.Alias, tried: int
) -> tuple[str, str]:
    blue = Route(primary=plan.blue.version)
    if record and record.alias_returned_at:
        return _is_back(plan, found.route, record.doubts or "")
    if not _is_ours(plan, left, record, found.route):
        if record is None:
            raise AwsUnavailable(f"It is at version {found.route}, and without the table nobody knows who moved it.")
        return str(found.route), f"Someone else moved {plan.name} to version {found.route}; it was left as it is."
    doubts = (record and record.doubts) or ""
    if found.route != blue and not doubts:
        doubts = _doubts_about_blue(plan)
        with suppress(DeploymentError):  # users come first
            records.learn_doubts(plan.deployment, doubts)
    if record:
        now = records.must_be(records.UNDOING, plan.deployment)
        if now.alias_returned_at:
            return _is_back(plan, found.route, now.doubts or "")
    # Also when blue has it all: the new revision makes a shift fail that read the old one.
    aliases.point(plan.function, plan.alias, blue, found.revision)
    back = aliases.read(plan.function, plan.alias)
    if back.revision == found.revision and (found.route != blue or tried < ENOUGH_ATTEMPTS):
        raise StillInProgress(f"{plan.name} was put back to version {blue} and does not show it yet")
    if record:
        records.learn_returned(plan.deployment)
    return _is_back(plan, back.route, doubts)


def _is_back(plan: Plan, found: Route, doubts: str) -> tuple[str, str]:
    """What the alias says after it had been put back, which is nobody's doing but Lambda's and other people's."""
    blue = Route(primary=plan.blue.version)
    if found == blue or (blue.primary in found.versions and aliases.moved_by_lambda(plan.function, plan.alias, found)):
        return blue.primary, f"{plan.name} is back at version {blue.primary}.{doubts}"
    return (
        str(found),
        f"{plan.name} was back at version {blue.primary}, then someone else moved it to version {found}; "
        f"it was left as it is.{doubts}",
    )


def _is_ours(plan: Plan, left: Sequence[Route], record: records.Record | None, found: Route) -> bool:
    """What the alias says is blue's, a weight that this deployment wrote down, or Lambda's own doing."""
    blue = plan.blue.version
    ours = [Route(primary=blue)]
    if record is None:
        ours += left
    elif record.green:
        ours += [route(blue, record.green, weight) for weight in record.weights]
    if found in ours:
        return True
    versions = frozenset[str]().union(*(each.versions for each in ours))
    return not found.whole and found.versions <= versions and aliases.moved_by_lambda(plan.function, plan.alias, found)


def _doubts_about_blue(plan: Plan) -> str:
    """Blue goes back in any case, since green is known to be bad; but a blue that is unwell is told apart."""
    blue = plan.blue.version
    found: list[str] = []
    try:
        state = functions.describe(plan.function, blue).state
        found += [] if state == "Active" else [f"it was {state}"]
        found += _fails(plan)
    except Exception as error:  # nothing that is only to be said may keep users on a bad green
        if not found:
            return f" Whether version {blue} is well could not be seen: {sentence(str(error)[:LONGEST_DOUBTS])}"
        found.append(f"and more could not be seen: {error}")
    return f" But version {blue} is unwell itself: {sentence('; '.join(found)[:LONGEST_DOUBTS])}" if found else ""


def _fails(plan: Plan) -> list[str]:
    """What is wrong with blue's answer to the first of its own smoke tests, those that it was deployed with."""
    blue = plan.blue.version
    own = next(
        (
            record.plan.smoke_tests
            for record in records.of_function(plan.function, most=OWN_AMONG)
            if record.plan and record.state == records.DEPLOYED and record.green == blue
        ),
        (),
    )
    case = (own or plan.smoke_tests or UNLESS_GIVEN)[0]
    reply = functions.probe(plan.function, blue, case)
    if not reply.answered:
        return [f"it did not answer within {PROBE_SECONDS} seconds"]
    if own:
        return mismatches(case, reply)
    # Green's: that blue lacks what is new is no illness, an error is.
    return [f"it raised {reply.error}: {reply.error_message}"] if reply.error not in (None, case.expect_error) else []


def _latest_or_why_not(plan: Plan, record: records.Record | None, enough: int) -> str:
    """
    Users are safe by now: what cannot be done about $LATEST in some attempts is said, and holds nothing up.

    Nor does what kills the handler each time, before it can say so.
    """
    attempt = 1 + ((record and record.latest_attempts) or 0)
    if record and plan.new_code:
        records.learn_latest_attempt(plan.deployment, attempt)
    if attempt > enough + ENOUGH_ATTEMPTS:
        return f"{_what_latest_has(plan)} After {attempt - 1} attempts it was not tried again to put it back."
    try:
        return _latest(plan, record)
    except DeploymentError as error:
        if record is None or attempt < enough:
            raise
        return f"{_what_latest_has(plan)} The last attempt to put it back failed: {sentence(str(error))}"


def _what_latest_has(plan: Plan) -> str:
    """An attempt that failed may have worked all the same, with its reply lost."""
    try:
        found = functions.describe(plan.function)
    except DeploymentError:
        return "Whether $LATEST has the new code or the old could not be seen."
    if found.sha256 == plan.latest.sha256:
        return "$LATEST has the code it had."
    if isinstance(plan.artifact, Existing) or not found.holds(plan.artifact):
        return "Someone else changed the code of $LATEST; it was left as it is."
    return "$LATEST keeps the new code."


def _latest(plan: Plan, record: records.Record | None) -> str:
    """$LATEST as it was, if what stands there is ours and what stood there can be had."""
    if isinstance(plan.artifact, Existing):
        return "$LATEST was not part of it."
    try:
        found = functions.when_settled(plan.function)
    except NotFound:
        return f"Someone else deleted {plan.function}."
    sent = record is None or record.code_sent_at is not None
    if found.sha256 == plan.latest.sha256:
        if record and record.code_sent_at:
            # A handler that hangs may still send the new code: the new revision makes it fail.
            for itself in _copy_of(plan, found):
                _put_into_latest(plan, found, itself)
        return "$LATEST has the code it had."
    if not sent or not found.holds(plan.artifact):
        return "Someone else changed the code of $LATEST; it was left as it is."
    refused: AwsRefused | None = None
    for before in _code_before(plan):
        try:
            _put_into_latest(plan, found, before)
        except PreconditionFailed:
            raise
        except AwsRefused as error:
            refused = error  # an artifact may be gone; blue's own code is not
        else:
            return f"$LATEST is put back to {before}."
    if refused:
        raise refused
    return "$LATEST keeps the new code: what it had was never published or deployed from here."


def _put_into_latest(plan: Plan, found: functions.Function, before: Zip | Image) -> None:
    records.must_be(records.UNDOING, plan.deployment)
    functions.update(plan.function, before, found.revision)
    after = functions.when_settled(plan.function)
    if after.sha256 != plan.latest.sha256:
        raise PreconditionFailed(f"$LATEST of {plan.function} was put back to {before} and is something else now")
    if after.revision == found.revision:
        raise StillInProgress(f"$LATEST of {plan.function} was put back to {before} and does not show it yet")


def _code_before(plan: Plan) -> Iterator[Zip | Image]:
    """Where the code can be had that $LATEST held: an earlier deployment's artifact, or blue's own code."""
    artifacts_before = (record.plan.artifact for record in records.of_function(plan.function) if record.plan)
    yield from islice(
        (each for each in artifacts_before if isinstance(each, Zip) and each.sha256 == plan.latest.sha256), 1
    )
    if plan.latest.sha256 == plan.blue.sha256:
        yield from _copy_of(plan, functions.describe(plan.function, plan.blue.version))


def _copy_of(plan: Plan, version: functions.Function) -> Iterator[Zip | Image]:
    """The code of a version or of $LATEST, where it can be deployed from; nothing if Lambda does not say."""
    if version.image_uri:
        yield Image(image_uri=version.image_uri)
    elif version.code_url:
        yield artifacts.keep_copy(version.code_url, plan.function, version.sha256)


def sentence(text: str) -> str:
    """With a stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
