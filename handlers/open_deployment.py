"""
OpenDeployment: decide everything, take the lock and write the record, before anything is changed.

Safe to retry: the lock knows its execution, and the record is written again as long as nothing was changed.
"""

import os

from bluegreen import clock
from bluegreen.aws import alarms, aliases, artifacts, executions, functions
from bluegreen.baking import watch
from bluegreen.decisions.adaptive import first_weight
from bluegreen.decisions.route import Route
from bluegreen.document import DIRECTLY, OPT_IN_TAG, OPTED_IN, Blue, Latest, Plan
from bluegreen.edge import Execution, step
from bluegreen.errors import (
    AccessDenied,
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    DeploymentInProgress,
    InvalidRequest,
    NotFound,
    StillInProgress,
)
from bluegreen.ledger import records
from bluegreen.request.artifact import Artifact, Existing, Image, Zip
from bluegreen.request.health import Health
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.request.traffic import known, schedule
from bluegreen.rollback.recovery import recover
from bluegreen.rollback.undo import ENOUGH_ATTEMPTS

PATIENT_ATTEMPTS = 5
"""At putting back $LATEST of a dead deployment, before we go on without; this state has seven."""

PATIENT_RETRIES = 3
"""How often we wait for an alias of a dead deployment to show a new revision."""


@step
def handler(request: Request, execution: Execution) -> Plan:
    alias = request.alias or os.environ["DEFAULT_ALIAS"]
    opened = records.find(execution.name)
    if opened and opened.started_at != execution.started_at:
        raise InvalidRequest(
            f"name: {opened.id} was a deployment of {opened.function}:{opened.alias}, begun at {opened.started_at}; "
            "Step Functions forgets a name after 90 days, the record does not: start it under another name"
        )
    if opened and opened.plan:
        return _as_opened(opened, opened.plan)
    artifact = _found(_opted_in(request.function), request.artifact)
    record = records.Record(
        id=execution.name,
        function=request.function,
        alias=alias,
        state=records.OPEN,
        execution=execution.arn,
        started_at=execution.started_at,
        started_by=request.started_by or DIRECTLY,
        artifact=str(artifact),
        new_code=not isinstance(artifact, Existing),
    )
    _take_lock(record, execution.retries)
    found = _whole(request.function, alias)
    blue, latest = functions.describe(request.function, found.route.primary), functions.describe(request.function)
    newest = records.newest(request.function, alias)
    if request.only_newer and newest:
        _must_be_newer(artifact, newest)
    anything_to_deploy = not _serves(artifact, blue)
    plan = Plan(
        deployment=execution.name,
        execution=execution.arn,
        function=request.function,
        alias=alias,
        artifact=artifact,
        schedule=schedule(request.traffic or known(os.environ["DEFAULT_TRAFFIC"]), request.health.max_bake_seconds),
        red_alarms=_already_red(request.health),
        smoke_tests=_cases(request),
        health=request.health,
        blue=Blue(version=blue.version, sha256=blue.sha256, revision=found.revision),
        latest=Latest(sha256=latest.sha256, settings=latest.settings, revision=latest.revision),
        anything_to_deploy=anything_to_deploy,
        new_code=record.new_code,
    )
    if plan.schedule.adaptive:
        plan = _with_first_weight(plan)
    return _as_opened(record, records.learn_plan(plan, is_newest=_is_newest(artifact, newest)))


def _with_first_weight(plan: Plan) -> Plan:
    """The less traffic there is now, the more of it green may have."""
    health = plan.health
    first = first_weight(
        watch.requests_per_minute(plan, clock.now()),
        period_seconds=health.period_seconds,
        delay_seconds=health.delay_seconds,
    )
    schedule = plan.schedule.model_copy(update={"first_weight": first.green_weight})
    return plan.model_copy(update={"schedule": schedule})


def _already_red(health: Health) -> tuple[str, ...]:
    states = alarms.states(health.alarms)
    missing = [name for name in health.alarms if name not in states]
    if missing:
        raise InvalidRequest(f"health.alarms: there is no alarm {', '.join(missing)}; correct the name or leave it out")
    return tuple(name for name, state in states.items() if state == alarms.RED)


def _as_opened(record: records.Record, plan: Plan) -> Plan:
    """With nothing to deploy the deployment ends here."""
    if not plan.anything_to_deploy:
        records.close(record.lock, records.NOTHING_TO_DEPLOY, serving=plan.blue.version)
    return plan


def _opted_in(function: str) -> functions.Function:
    try:
        latest = functions.describe(function)
    except NotFound as error:
        raise InvalidRequest(
            f"function: there is no function {function} in this account and region; "
            "correct the name, or create it with `bluegreen create`"
        ) from error
    if not latest.opted_in:
        raise InvalidRequest(
            f"function: {function} has no tag {OPT_IN_TAG} = {OPTED_IN}, so it is not ours to touch; "
            f"`bluegreen adopt {function}` sets it"
        )
    return latest


def _found(latest: functions.Function, artifact: Artifact) -> Artifact:
    """The artifact, with all that is to be known about it. Raises InvalidRequest when it cannot be deployed."""
    if isinstance(artifact, Existing):
        return _published(latest, artifact)
    kind = "Image" if isinstance(artifact, Image) else "Zip"
    if latest.package_type != kind:
        raise InvalidRequest(f"artifact: {latest.name} takes a {latest.package_type}, and {artifact} is a {kind}")
    if isinstance(artifact, Image):
        return artifact
    try:
        return artifacts.inspect(artifact)
    except NotFound as error:
        raise InvalidRequest(f"artifact: there is no object {artifact}; upload it first, or correct the key") from error
    except AwsRefused as error:
        if isinstance(error, AccessDenied):
            raise InvalidRequest(
                f"artifact.bucket: {artifact} may not be read; upload to {os.environ['ARTIFACT_BUCKET']}"
            ) from error
        raise InvalidRequest(f"artifact: S3 does not give {artifact}: {error}") from error


def _published(latest: functions.Function, artifact: Existing) -> Existing:
    try:
        functions.describe(latest.name, artifact.version)
    except NotFound as error:
        raise InvalidRequest(
            f"artifact.version: {latest.name} has no version {artifact.version}; name one that is published"
        ) from error
    return artifact


def _take_lock(record: records.Record, retries: int) -> None:
    """Whoever holds it and still runs is in our way; whoever holds it and has ended is cleaned up after."""
    try:
        records.open_deployment(record)
    except records.Held as held:
        lock = held.lock
        if not _has_ended(lock, retries):
            why = (
                f"alias: {record.function}:{record.alias} is being deployed to by {lock.deployment}"
                if lock.alias == record.alias
                else f"function: {record.function} gets new code by {lock.deployment} for {lock.alias} as well, and "
                "there is one $LATEST"
            )
            raise DeploymentInProgress(
                f"{why}; wait for it, or stop it: {executions.console_link(lock.held_by)}"
            ) from held
        raise AwsUnavailable(f"{lock.deployment} has just been cleaned up after; again") from held


def _has_ended(lock: records.Lock, retries: int) -> bool:
    """And is cleaned up after."""
    try:
        tried = ENOUGH_ATTEMPTS if retries >= PATIENT_RETRIES else 1
        return recover(lock, tried=tried, enough_at_latest=PATIENT_ATTEMPTS)
    except DeploymentError as error:
        raise AwsUnavailable(f"the deployment {lock.deployment} cannot be recovered yet: {error}") from error


def _must_be_newer(artifact: Artifact, newest: records.Newest) -> None:
    taken = newest.artifact
    if isinstance(artifact, Zip) and not (artifact.is_newer_than(taken) or artifact.is_same_upload_as(taken)):
        raise InvalidRequest(
            f"artifact: {artifact} was uploaded at {artifact.uploaded_at}, not after {taken} ({taken.uploaded_at}), "
            f"which deployment {newest.deployment} took; if it is what you want all the same, deploy it by hand"
        )


def _is_newest(artifact: Artifact, newest: records.Newest | None) -> bool:
    """Of two that nobody can order it is the one that is deployed now."""
    return isinstance(artifact, Zip) and (newest is None or not newest.artifact.is_newer_than(artifact))


def _whole(function: str, alias: str) -> aliases.Alias:
    """The alias, if one version serves everybody. Raises InvalidRequest when there is no such alias or version."""
    try:
        found = aliases.read(function, alias)
    except NotFound as error:
        raise InvalidRequest(
            f"alias: {function} has no alias {alias}; correct the name, or create it with "
            f"`bluegreen adopt {function} --alias {alias}`"
        ) from error
    route = found.route
    if not route.whole and _moves(function, alias, route):
        raise AwsUnavailable(f"Lambda is moving the provisioned concurrency of {function}:{alias}; again in a moment")
    if not route.whole:
        raise InvalidRequest(
            f"alias: {function}:{alias} is split already (version {route}); point it to one version first, as with "
            f"`aws lambda update-alias --function-name {function} --name {alias} "
            f"--function-version {route.primary} --routing-config AdditionalVersionWeights={{}}`"
        )
    if route.primary == functions.LATEST:
        raise InvalidRequest(
            f"alias: {function}:{alias} points to $LATEST, which cannot be gone back to; "
            f"`bluegreen adopt {function} --alias {alias}` publishes what serves"
        )
    return found


def _moves(function: str, alias: str, found: Route) -> bool:
    try:
        return aliases.moved_by_lambda(function, alias, found)
    except StillInProgress:
        return True


def _serves(artifact: Artifact, blue: functions.Function) -> bool:
    if isinstance(artifact, Existing):
        return artifact.version == blue.version
    return blue.holds(artifact)


def _cases(request: Request) -> tuple[Case, ...]:
    if request.smoke_tests == "off":
        return ()
    return request.smoke_tests or UNLESS_GIVEN
