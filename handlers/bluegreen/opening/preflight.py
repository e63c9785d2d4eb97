"""
Checks for problems that would otherwise stop a deployment half-way: each is a refusal or a warning.

These checks come after all others, and only if there is something to deploy. Most of them look at what a deployment
can do without: if AWS does not show that, it is a warning.
"""

from bluegreen.aws import alarms, aliases
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import AccessDenied, AwsRefused, NotFound, StillInProgress
from bluegreen.opening import bypass, owners
from bluegreen.opening.checks import Check
from bluegreen.opening.findings import Refusal, Warning, Warnings
from bluegreen.opening.plan import tests_of
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Existing, Zip

NEARLY = 0.9
"""The share of a limit from which on there is a warning."""
GB = 1024**3
MB = 1024**2


def versions_may_share_an_alias(situation: Situation) -> Refusal | None:
    """Lambda gives weights only to versions with the same execution role and the same dead-letter queue, if any."""
    schedule, blue, green = situation.schedule, situation.blue, situation.successor
    if not schedule.adaptive and schedule.steps[0].weight == 1:
        return None
    for what, of_blue, of_green in (
        ("execution role", blue.role, green.role),
        ("dead-letter queue", blue.dead_letters, green.dead_letters),
    ):
        if of_blue != of_green:
            return Refusal(
                field="traffic",
                problem=f"{schedule.name} splits {situation.target} between two versions, which Lambda allows only "
                f"with one {what}: version {blue.version} has {of_blue or 'none'}, and {_said(green.version)} has "
                f"{of_green or 'none'}",
                advice='write "traffic": "AllAtOnce" (`--traffic AllAtOnce`), which needs no split, or give $LATEST '
                f"the {what} of version {blue.version}",
            )
    return None


def function_can_be_invoked(situation: Situation) -> Refusal | Warning | None:
    """With a reserved concurrency of 0 Lambda throttles all invocations. A rollback by hand needs none."""
    target, function = situation.target, situation.target.function
    if situation.latest.reserved_concurrency != 0:
        return None
    problem = f"{function} has a reserved concurrency of 0, so Lambda throttles every invocation of it"
    command = f"`aws lambda delete-function-concurrency {target.option}`"
    if isinstance(situation.request.artifact, Existing) and not tests_of(situation)[0]:
        return Warning(field="function", problem=problem, advice=f"{command} switches it on")
    return Refusal(
        field="function",
        problem=f"{problem}, also those of smoke tests",
        advice=f"{command} switches it on; a version that is published can be deployed with "
        '"smoke_tests": "off" meanwhile',
    )


def provisioned_concurrency_is_there(situation: Situation) -> Warning | None:
    """Raises StillInProgress while Lambda still allocates it."""
    target, found = situation.target, situation.provisioned
    if found and found.status == aliases.IN_PROGRESS:
        raise StillInProgress(
            f"alias: Lambda is allocating the provisioned concurrency of {target}; nothing was changed; start the "
            "deployment again once `aws lambda get-provisioned-concurrency-config "
            f"{target.option} --qualifier {target.alias}` says READY"
        )
    if found is None or found.status != aliases.FAILED:
        return None
    return Warning(
        field="alias",
        problem=f"the provisioned concurrency of {target} is {found.status}"
        f"{f' ({found.reason})' if found.reason else ''}, so Lambda may not move it to the new version and may keep "
        "requests with the old one",
        advice="correct what the reason names, or take it away: `aws lambda delete-provisioned-concurrency-config "
        f"{target.option} --qualifier {target.alias}`",
    )


def provisioned_concurrency_follows_the_alias(situation: Situation) -> Warning | None:
    """That of a version stays with the version; that of an alias goes where the alias goes."""
    target, found, blue = situation.target, situation.provisioned_for_blue, situation.blue.version
    if found is None:
        return None
    of = f"{target.option} --qualifier"
    return Warning(
        field="alias",
        problem=f"version {blue} has provisioned concurrency of its own ({found.amount}); the new version gets none, "
        f"so its requests may meet cold starts, and that of version {blue} stays allocated and is paid for",
        advice="give it to the alias, with which Lambda moves it: "
        f"`aws lambda delete-provisioned-concurrency-config {of} {blue}`, then "
        f"`aws lambda put-provisioned-concurrency-config {of} {target.alias} "
        f"--provisioned-concurrent-executions {found.amount}`",
    )


def callers_follow_the_alias(situation: Situation) -> Refusal | Warnings:
    """New code reaches callers of the function itself before any test; a published version does not reach them."""
    target, found = situation.target, situation.callers
    if found.active and situation.request.bypass != "allow" and not isinstance(situation.request.artifact, Existing):
        return Refusal(
            field=bypass.FIELD,
            problem=f"event source mappings invoke {target.function} itself and not {target.alias}, so they would get "
            f"the new code untested and at once: {bypass.named(found.active)}",
            advice=f"move them to the alias with `bluegreen{target.in_region} adopt {target.function} --alias "
            f"{target.alias} --move-callers`, or write "
            '"bypass": "allow" (`--allow-bypass`); by hand: '
            f"{bypass.commands(target, found)}",
        )
    return bypass.told(target, found)


def function_itself_is_not_invoked(situation: Situation) -> Warning | None:
    """Test users call $LATEST on purpose, so nobody is refused for it."""
    return bypass.invoked(situation.target, situation.last_day)


def nobody_else_moves_the_alias(situation: Situation) -> Warnings:
    """The tool that made the function, and a person or tool that moved the alias since the last deployment."""
    target, left, version = situation.target, situation.left, situation.blue.version
    moved = (
        ()
        if left is None or left.version == version
        else (owners.of_alias(target, version, f"deployment {left.deployment} left it at version {left.version}"),)
    )
    return (*moved, *owners.of(target, situation.tags))


def code_fits(situation: Situation) -> Refusal | Warning | None:
    """Lambda keeps the code of all versions of all functions, up to a limit."""
    artifact, account = situation.artifact, situation.account
    if account is None or not isinstance(artifact, Zip):
        return None
    used, most, size = account.code_bytes, account.most_code_bytes, artifact.size_bytes or 0
    has = f"Lambda keeps {used / GB:.1f} GB of code in {situation.target.where}, of {most / GB:.1f} GB at most"
    advice = "delete versions that no alias needs: `aws lambda delete-function --function-name F --qualifier N`"
    if used + size > most:
        return Refusal(field="artifact", problem=f"{has}, and this zip has {size / MB:.1f} MB more", advice=advice)
    if used >= NEARLY * most:
        return Warning(field="artifact", problem=has, advice=advice)
    return None


def concurrency_is_left(situation: Situation) -> Warning | None:
    """Throttles during a bake say little about green if the concurrency was nearly used up before."""
    function, account, day = situation.latest, situation.account, situation.last_day
    most = function.reserved_concurrency
    whose = f"the reserved concurrency of {function.name}"
    if most is None and account is not None:
        most, whose = account.shared_concurrency, f"the concurrency that functions share in {situation.target.where}"
    if not most or day is None or day.peak is None or day.peak < NEARLY * most:
        return None
    return Warning(
        field="function",
        problem=f"{day.peak} of {most} were in use at the peak of the last day: {whose} is nearly used up, and "
        "requests that are throttled during a bake may count against green",
        advice="raise it, or deploy when there is less traffic",
    )


def alarms_have_data(situation: Situation) -> Warning | None:
    """An alarm in INSUFFICIENT_DATA does not go off."""
    unknown = [name for name, state in situation.alarm_states.items() if state == alarms.UNKNOWN]
    if not unknown:
        return None
    return Warning(
        field="health.alarms",
        problem=f"{', '.join(unknown)} is in the state INSUFFICIENT_DATA, so it cannot go off",
        advice="check its metric; if the metric has data only when something is wrong, let the alarm treat missing "
        "data as notBreaching",
    )


def metrics_have_data(situation: Situation) -> Refusal | Warnings:
    """
    A metric without data of blue is misspelt, or new; one of `http` or `batch` is not written yet.

    Adaptive grows green's share by evidence alone. So if the alias has requests, it would wait for that metric in vain.
    """
    day, health, blue = situation.last_day, situation.request.health, situation.blue.version
    if day is None:
        return ()
    warnings = []
    for metric in (each for each in health.pairs(situation.target.function) if each.name in day.without_data):
        where = ", ".join(f"{name}={value.replace('{version}', blue)}" for name, value in metric.dimensions.items())
        problem = f"{metric.namespace}/{metric.requests} ({where}) has no data of version {blue} in the last day"
        advice = (
            f"correct namespace, name or dimensions (`aws cloudwatch list-metrics --namespace {metric.namespace}` "
            "lists what there is)"
            if metric in health.metrics
            else f"let {situation.target.function} write it (docs/functions.md has the lines), and deploy that first"
        )
        field = f"health.metrics.{metric.name}" if metric in health.metrics else f"health.{metric.name}"
        if situation.schedule.adaptive and day.of_alias and metric.name not in health.dry_run:
            problem += (
                f" and {situation.target} has had {day.of_alias:,} requests, so Adaptive would wait for data that "
                "never comes"
            )
            return Refusal(
                field=field, problem=problem, advice=f"{advice}, or name it in health.dry_run while it is new"
            )
        warnings.append(
            Warning(field=field, problem=problem, advice=f"{advice}; without data the metric is not compared")
        )
    return tuple(warnings)


def logs_can_be_searched(situation: Situation) -> Refusal | None:
    """Of both versions, whose log groups may differ. AWS judges the patterns."""
    asked, target = situation.request.health.logs, situation.target
    if asked is None:
        return None
    for group in dict.fromkeys((situation.blue.log_group, situation.successor.log_group)):
        for field, pattern in asked.patterns.items():
            try:
                situation.try_pattern(group, pattern)
            except NotFound:
                return Refusal(
                    field="health.logs",
                    problem=f"there is no log group {group}, where {target.function} should write its log",
                    advice=f"create it with `aws logs create-log-group --log-group-name {group} "
                    f"--tags {OPT_IN_TAG}={OPTED_IN}`, or leave health.logs out",
                )
            except AccessDenied as error:
                return Refusal(
                    field="health.logs",
                    problem=f"the log group {group} may not be searched ({error})",
                    advice=f"the stack may search log groups with the tag {OPT_IN_TAG} = {OPTED_IN} only: `aws logs "
                    f"tag-resource --resource-arn {target.beside_logs(group)} --tags {OPT_IN_TAG}={OPTED_IN}"
                    f"{target.in_region}`",
                )
            except AwsRefused as error:
                return Refusal(
                    field=f"health.logs.{field}",
                    problem=f"CloudWatch Logs does not take the filter pattern ({error})",
                    advice=f"correct it; `aws logs filter-log-events --log-group-name {group} --filter-pattern …` "
                    "tries it",
                )
    return None


def bakes_outlast_invocations(situation: Situation) -> Warning | None:
    """Lambda counts a failure when the invocation ends."""
    timeout = situation.successor.timeout_seconds
    bakes = [step.bake_seconds for step in situation.schedule.steps if step.bake_seconds]
    shortest = min(bakes, default=situation.schedule.longest_seconds)
    if not shortest or timeout <= shortest:
        return None
    return Warning(
        field="traffic",
        problem=f"an invocation of {situation.target.function} may take {timeout} seconds (its Timeout), and a bake of "
        f"{situation.schedule.name} {shortest}: failures at the end of long invocations come too late to be seen in it",
        advice=f"bake for more than {timeout} seconds, or lower the function's Timeout",
    )


def a_suspicion_needs_a_bake(situation: Situation) -> Warning | None:
    """A request that says what becomes of a suspected green takes it for granted that somebody looks."""
    schedule, health = situation.schedule, situation.request.health
    if schedule.watched or "when_suspected" not in health.model_fields_set:
        return None
    return Warning(
        field="health.when_suspected",
        problem=f"{schedule.name} has no bake, so nobody watches green and nothing is ever suspected",
        advice="choose a strategy with a bake, or leave it out",
    )


def everything_was_seen(situation: Situation) -> Warning | None:
    """The last check: a warning about what the others could not see."""
    unseen = situation.glances.unseen
    return not_seen(situation.target.function, unseen) if unseen else None


def not_seen(function: str, unseen: dict[str, str]) -> Warning:
    """What AWS did not show, and why."""
    why = ". ".join(f"{what[0].upper()}{what[1:]}: {reason}" for what, reason in unseen.items())
    return Warning(
        field="function",
        problem=f"not everything about {function} could be seen before the deployment. {why}",
        advice="allow what AWS names, or look there yourself",
    )


def _said(version: str) -> str:
    return version if version == "$LATEST" else f"version {version}"


PREFLIGHT: tuple[Check, ...] = (
    versions_may_share_an_alias,
    function_can_be_invoked,
    callers_follow_the_alias,
    provisioned_concurrency_is_there,
    provisioned_concurrency_follows_the_alias,
    code_fits,
    metrics_have_data,
    logs_can_be_searched,
    function_itself_is_not_invoked,
    nobody_else_moves_the_alias,
    concurrency_is_left,
    alarms_have_data,
    bakes_outlast_invocations,
    a_suspicion_needs_a_bake,
    everything_was_seen,
)
