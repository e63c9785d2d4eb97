"""
The checks before a deployment changes anything. OpenDeployment and `bluegreen plan` make all of them.

A check is a function from the situation to a Refusal, or to Warnings, or to None. A refusal stops the deployment. A
warning is told and stops nothing. A check may rely on those that stand before it in its tuple. What other deployments
may change is checked while the lock is held.
"""

from collections.abc import Callable, Sequence

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.decisions.freezing import begins, lets_go
from bluegreen.decisions.pace import is_affordable
from bluegreen.decisions.settings import ENVIRONMENT
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import AccessDenied, AwsRefused, InvalidRequest, NotFound, StillInProgress
from bluegreen.opening.findings import Refusal, RefusalByFreeze, Warning, Warnings
from bluegreen.opening.permitted import is_own, of_the_stack, refused, registry_of
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Existing, Image, InLatest, Stored, Zip
from bluegreen.request.gates import Hook, unfit_gates
from bluegreen.request.handler_file import SEARCHED_TOO, missing
from bluegreen.request.request import misfit
from bluegreen.request.upload import folder_of, place_by_request
from bluegreen.target import Target

PACKAGES = {"Zip": "a zip", "Image": "a container image"}


Check = Callable[[Situation], Refusal | Warning | Warnings | None]


def must_pass(checks: Sequence[Check], situation: Situation) -> Warnings:
    """The warnings of all checks. Raises InvalidRequest, or Frozen, at the first check that refuses."""
    warnings: list[Warning] = []
    for check in checks:
        found = check(situation)
        if isinstance(found, Refusal):
            raise found.raised_as(str(found))
        warnings += (found,) if isinstance(found, Warning) else found or ()
    return tuple(warnings)


def request_is_permitted(situation: Situation) -> Refusal | None:
    """First, since this check reads nothing."""
    return refused(situation.request, situation.target, situation.home)


def no_freeze_is_in_force(situation: Situation) -> Refusal | Warnings:
    """Of one that is overridden, and of one that begins while the deployment may still run, people are warned."""
    function, why, now = situation.target.function, situation.request.override_freeze, clock.now()
    if (held := situation.frozen) and why is None:
        ordered, until = held
        return RefusalByFreeze(
            field="function",
            problem=ordered.said(until),
            advice=f"deploy {function} after that, or override the freeze with a reason: `--override-freeze WHY`, or "
            '"override_freeze": "WHY" in the request',
        )
    overridden = tuple(
        Warning(
            field="override_freeze",
            problem=f"{ordered.said(end)}, and this request overrides that: {why}",
            advice=f"tell {ordered.owner}",
        )
        for ordered in situation.freezes
        if (end := lets_go(ordered.freeze, now)) is not None
    )
    over_at = now + situation.schedule.longest_in_all + situation.schedule.longest_approvals
    coming = tuple(
        Warning(
            field="traffic",
            problem=f"while this deployment may still run, a freeze of {ordered.pattern} begins at "
            f"{clock.iso(begin)} ({ordered.freeze.reason}; ordered by {ordered.owner}), which does not stop it",
            advice=f"deploy {function} after that freeze if its traffic must not be shifted then",
        )
        for ordered in situation.freezes
        if (begin := begins(ordered.freeze, now, over_at)) is not None
    )
    return overridden + coming


def function_is_no_part_of_the_stack(situation: Situation) -> Refusal | None:
    """By CloudFormation's tag, too: a function of the stack has it whatever its name is."""
    stack, function = situation.home.stack, situation.target.function
    return of_the_stack(stack, function) if is_own(stack, function, situation.tags) else None


def image_before_can_be_put_back(situation: Situation) -> Warning | None:
    """The deployer may read images of the stack's registries only."""
    image, home = situation.latest.image_uri, situation.home
    if not isinstance(situation.request.artifact, Image) or not image or home.has(image, situation.target):
        return None
    return Warning(
        field="function",
        problem=f"the image that $LATEST of {situation.latest.name} has comes from {registry_of(image)}, which is none "
        "of this stack's registries, so a rollback cannot put it back into $LATEST (the alias goes back all the same)",
        advice="add the account of that registry to the stack's parameter ImageRegistries",
    )


def function_has_opted_in(situation: Situation) -> Refusal | None:
    """It exists, and has the tag."""
    function = situation.target.function
    try:
        opted_in = situation.opted_in
    except NotFound:
        return no_such_function(situation.target)
    if opted_in:
        return None
    return Refusal(
        field="function",
        problem=f"{function} has no tag {OPT_IN_TAG} = {OPTED_IN}, so the deployer may not change it",
        advice=f"`bluegreen{situation.target.in_region} adopt {function}` sets it",
    )


def no_such_function(target: Target) -> Refusal:
    """Also for `bluegreen deploy`, which asks Lambda for the version before it starts an execution."""
    return Refusal(
        field="function",
        problem=f"there is no function {target.function} in {target.where}",
        advice=f"correct the name, or create it with `bluegreen{target.in_region} create`",
    )


def _adopting(target: Target) -> str:
    """The command that makes the alias, with credentials of the function's account."""
    return f"bluegreen{target.in_region} adopt {target.function} --alias {target.alias}"


def no_such_version(target: Target, version: str) -> Refusal:
    """Also for `bluegreen deploy`."""
    return Refusal(
        field="artifact.version",
        problem=f"{target.function} has no version {version}",
        advice="name one that is published",
    )


def function_takes_the_artifact(situation: Situation) -> Refusal | None:
    """A function is made of zips or of images, for good."""
    artifact, latest = situation.request.artifact, situation.latest
    kind = "Image" if isinstance(artifact, Image) else "Zip"
    if isinstance(artifact, Existing | InLatest) or latest.package_type == kind:
        return None
    return Refusal(
        field="artifact",
        problem=f"{latest.name} takes {PACKAGES[latest.package_type]}, and {artifact} is {PACKAGES[kind]}",
        advice=f"deploy {PACKAGES[latest.package_type]}",
    )


def artifact_is_there(situation: Situation) -> Refusal | None:
    """The zip can be read and is one, the version is published, or $LATEST can be invoked."""
    artifact = situation.request.artifact
    if isinstance(artifact, Existing):
        return _version_is_published(situation, artifact.version)
    if isinstance(artifact, InLatest):
        return _latest_can_be_invoked(situation)
    try:
        _ = situation.artifact
    except NotFound:
        return Refusal(
            field="artifact", problem=f"there is no object {artifact}", advice="upload it first, or correct the key"
        )
    except AccessDenied as error:
        problem = f"{artifact} may not be read ({error})"
        return Refusal(
            field="artifact.bucket", problem=problem, advice=_to_make_readable(artifact, situation.home.bucket)
        )
    except AwsRefused as error:
        return Refusal(field="artifact", problem=f"S3 does not give {artifact}: {error}", advice="upload it again")
    return None


def artifact_has_the_handler(situation: Situation) -> Refusal | Warning | None:
    """The file that the runtime loads. A layer may have it, and variables may let the runtime look elsewhere."""
    function, inspected = situation.latest, situation.inspected
    handler = str(function.settings.get("Handler", ""))
    file = missing(str(function.settings.get("Runtime", "")), handler, inspected.contents) if inspected else ""
    if not file:
        return None
    problem = f"the handler of {function.name} is {handler}, and {situation.request.artifact} has no file {file}"
    variables = function.settings.get(ENVIRONMENT, SEARCHED_TOO)
    if function.settings.get("Layers") or any(name in variables for name in SEARCHED_TOO):
        return Warning(
            field="artifact", problem=problem, advice="if a layer or a search path has it, there is nothing to do"
        )
    return Refusal(
        field="artifact",
        problem=problem,
        advice="zip the content of the code's folder, not the folder, or correct the handler first: `aws lambda "
        f"update-function-configuration {situation.target.option} --handler NAME`",
    )


def _to_make_readable(artifact: Zip | Image, bucket: str) -> str:
    """The stack's roles may read every object in its own bucket, so something else refuses there."""
    if not isinstance(artifact, Zip) or artifact.bucket != bucket:
        return f"upload to {bucket}"
    return (
        "this is the stack's own bucket, which the deployer may read, so something else refuses: the key policy of the "
        "KMS key that encrypts the object, the bucket's policy, or a guard rail of the organization (SCP or RCP); "
        "allow the deployer's role there, or upload the zip again without a key of your own"
    )


def _version_is_published(situation: Situation, version: str) -> Refusal | None:
    try:
        _ = situation.successor
    except NotFound:
        return no_such_version(situation.target, version)
    return None


def _latest_can_be_invoked(situation: Situation) -> Refusal | None:
    latest = situation.latest
    if not latest.broken:
        return None
    return Refusal(
        field="artifact",
        problem=f"$LATEST of {latest.name} is {latest.state}, its last update {latest.updating}: {latest.why_broken}",
        advice="mend it with the tool that changed it, then deploy it again",
    )


def alias_is_whole(situation: Situation) -> Refusal | None:
    """One published version serves. Raises StillInProgress while Lambda moves the alias's provisioned concurrency."""
    target = situation.target
    try:
        alias = situation.alias
    except NotFound:
        return Refusal(
            field="alias",
            problem=f"{target.function} has no alias {target.alias}",
            advice=f"correct the name, or create it with `{_adopting(target)}`",
        )
    if alias.settling:
        raise StillInProgress(f"Lambda is moving the provisioned concurrency of {target}; try again when it is READY")
    if alias.route.alone is None:
        return Refusal(
            field="alias",
            problem=f"{target} is split already: {alias.route}",
            advice=f"if no deployment is under way (`bluegreen status {target.function} --alias {target.alias}`), "
            f"point it to one version first, as with `{target.by_hand(alias.route.primary)}`",
        )
    if alias.route.alone == functions.LATEST:
        return Refusal(
            field="alias",
            problem=f"{target} points to $LATEST, so a rollback would have no version to go back to",
            advice=f"`{_adopting(target)}` publishes $LATEST and points it there",
        )
    return None


def artifact_is_newer(situation: Situation) -> Refusal | None:
    """Where the request wants that: it is the newest upload that a deployment of the alias took, or a newer one."""
    artifact, newest = situation.artifact, situation.newest if situation.request.only_newer else None
    if newest is None or not isinstance(artifact, Zip):
        return None
    taken = newest.artifact
    if artifact.is_newer_than(taken) or artifact.is_same_upload_as(taken):
        return None
    return Refusal(
        field="artifact",
        problem=f"{artifact} was uploaded at {artifact.uploaded_at}, not after {taken} ({taken.uploaded_at}), "
        f"which deployment {newest.deployment} took",
        advice="if you want the older one, deploy it by hand",
    )


def alarms_exist(situation: Situation) -> Refusal | None:
    """An alarm that is not there would never go off."""
    missing = [name for name in situation.request.health.alarms if name not in situation.alarm_states]
    if not missing:
        return None
    return Refusal(
        field="health.alarms",
        problem=f"there is no alarm {', '.join(missing)}",
        advice="correct the name or leave it out",
    )


def bakes_fit(situation: Situation) -> Refusal | None:
    """The request has checked `traffic` itself; this is for the stack's own strategy."""
    request = situation.request
    plan = situation.schedule
    complaint = misfit(plan, request.health) or unfit_gates(plan, request.hooks, request.approval)
    if complaint is None and not is_affordable(situation.schedule):
        complaint = (
            "traffic.steps",
            f"{len(situation.schedule.steps)} steps with their bakes and approvals need more than the 25,000 events "
            "that an execution may have; write fewer steps, or a shorter approval.timeout_seconds",
        )
    if complaint is None:
        return None
    field, problem = complaint
    return Refusal(field=field, problem=problem, advice="or name another strategy in `traffic`")


def periods_have_points(situation: Situation) -> Refusal | None:
    """Lambda's own metrics are always watched, and on AWS they have minutes."""
    seconds = situation.request.health.period_seconds
    if seconds >= 60 or situation.metrics_by_the_second:
        return None
    return Refusal(
        field="health.period_seconds",
        problem=f"Lambda's metrics have one point a minute, so most periods of {seconds} seconds would be empty",
        advice="write 60 or a multiple of it",
    )


def payloads_can_be_sent(situation: Situation) -> Refusal | None:
    """Each payload that the request names lies in the function's own folder, and is JSON that Lambda takes."""
    cases = () if situation.request.smoke_tests == "off" else situation.request.smoke_tests
    for number, case in enumerate(cases):
        if (place := case.payload_from) and (wrong := _wrong_with_payload(situation, place)):
            return Refusal(
                field=f"smoke_tests.{number}.payload_from",
                problem=wrong,
                advice=f"upload the payload as JSON to s3://{situation.home.bucket}/"
                f"{place_by_request(situation.target.function, '')}, and write that place",
            )
    return None


def _wrong_with_payload(situation: Situation, place: Stored) -> str:
    bucket, folder = situation.home.bucket, folder_of(situation.target.function)
    if place.bucket != bucket or not place.key.startswith(folder):
        return f"{place} is not in {folder} of the artifact bucket {bucket}"
    try:
        situation.see_payload(place)
    except NotFound:
        return f"there is no object {place}"
    except AccessDenied as error:
        return f"{place} may not be read ({error})"
    except AwsRefused as error:
        return f"S3 does not give {place}: {error}"
    except InvalidRequest as error:
        return str(error)
    return ""


def hooks_can_be_invoked(situation: Situation) -> Refusal | None:
    """Each hook is another function than the deployed one, is no part of the stack, has the tag, and is there."""
    for moment, hook in situation.request.hooks.given.items():
        if wrong := _wrong_with_hook(situation, hook.name) or _wrong_with_qualifier(situation, hook):
            problem, advice = wrong
            return Refusal(field=f"hooks.{moment}", problem=problem, advice=advice)
    return None


def _wrong_with_hook(situation: Situation, function: str) -> tuple[str, str] | None:
    """The problem, and what to do."""
    if function == situation.target.function:
        return f"{function} is the function that is deployed, which cannot judge itself", "name another function"
    try:
        tags = situation.tags_of(function)
    except NotFound:
        return f"there is no function {function} in {situation.target.where}", "correct the name, or create it first"
    if is_own(situation.home.stack, function, tags):
        return f"{function} is a part of the stack {situation.home.stack}", "name a function of your own"
    if tags.get(OPT_IN_TAG) == OPTED_IN:
        return None
    hook = situation.target.model_copy(update={"function": function})
    return (
        f"{function} has no tag {OPT_IN_TAG} = {OPTED_IN}, so the deployer may not invoke it",
        f"`aws lambda tag-resource --resource {hook.arn} --tags {OPT_IN_TAG}={OPTED_IN}{hook.in_region}` sets it",
    )


def _wrong_with_qualifier(situation: Situation, hook: Hook) -> tuple[str, str] | None:
    """Of a hook that has the tag: its alias or version must be there."""
    try:
        situation.see_hook(hook)
    except NotFound:
        what = "version" if hook.qualifier.isdigit() else "alias"
        return (
            f"{hook.name} has no {what} {hook.qualifier}",
            f"correct the {what}, or leave it out to have $LATEST invoked",
        )
    return None


BEFORE_THE_LOCK: tuple[Check, ...] = (
    request_is_permitted,
    function_has_opted_in,
    function_is_no_part_of_the_stack,
    no_freeze_is_in_force,
    hooks_can_be_invoked,
    payloads_can_be_sent,
    periods_have_points,
    bakes_fit,
    function_takes_the_artifact,
    image_before_can_be_put_back,
    artifact_is_there,
    artifact_has_the_handler,
)
WITH_THE_LOCK: tuple[Check, ...] = (alias_is_whole, artifact_is_newer, alarms_exist)
