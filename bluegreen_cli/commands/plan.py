"""`bluegreen plan`: what a deployment would do and cost. The command changes nothing."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import click

from bluegreen import clock, document
from bluegreen.aws import functions, logs
from bluegreen.baking import watch
from bluegreen.decisions.gates import moment_of
from bluegreen.decisions.pace import UNTHINNED_SECONDS, looks, pace_of, waits
from bluegreen.decisions.words import of_schedule
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.findings import Warning, Warnings
from bluegreen.opening.plan import brings, changes, health_of, schedule_of, tests_of
from bluegreen.opening.preflight import PREFLIGHT
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Existing, Image, InLatest, Zip
from bluegreen.request.gates import Hooks
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import Case
from bluegreen.request.traffic import Schedule, Steps
from bluegreen.target import Target
from bluegreen.text import duration
from bluegreen_cli import request, storage
from bluegreen_cli.before import Before
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.forecast import forecast
from bluegreen_cli.format import percent
from bluegreen_cli.outlook import Outlook
from bluegreen_cli.preparations import preparations
from bluegreen_cli.problems import NOTHING_TOUCHED, explained
from bluegreen_cli.records import known_as_bad
from bluegreen_cli.releases import document as releases
from bluegreen_cli.releases import plan as release
from bluegreen_cli.report import written
from bluegreen_cli.report.plan import Planned, report

NO_HOOKS = Hooks()

DOCUMENT = ".json"
"""Ends the name of a release's document."""

ANOTHER = "Name another file with --report, or delete this one."

DOLLARS_PER_TRANSITION = 0.025 / 1000
"""The list price of Step Functions Standard. Retries come on top."""

OPENING = ("OpenDeployment", "WhatToDeploy?")
SAME_CODE = (*OPENING, document.NOTHING_TO_DEPLOY)
TESTED = ("SmokeTestGreen", "WhatNext?")
NEW_CODE = (*OPENING, "UpdateCode", "SmokeTest", "PublishVersion", *TESTED)
LATEST = (*OPENING, "SmokeTest", "PublishVersion", *TESTED)
EXISTING = (*OPENING, *TESTED)
HOOK = ("RunHook", "WhatNext?")
APPROVAL = ("AwaitApproval",)
SHIFT = ("ShiftAlias",)
LOOK = ("Bake", "CheckHealth", "WhatNext?")
COMPLETE = ("CompleteDeployment", "OldVersions?", document.DEPLOYED)
DELETE = ("DeleteVersions",)
"""Only with keep_versions."""
STAGED: dict[document.Brings, tuple[str, ...]] = {"new_code": NEW_CODE, "latest": LATEST, "version": EXISTING}
UNSHIFTED: dict[document.Brings, tuple[str, ...]] = {
    "nothing": SAME_CODE,
    "mending": (*OPENING, "MendLatest", *COMPLETE),
}
"""The states of a deployment that leaves the alias as it is."""


@dataclass(frozen=True)
class PlannedStep:
    """A step of the schedule: its start, its bake, and the seconds after its shift at which there are looks."""

    weight: float
    after_seconds: int
    bake_seconds: int
    look_seconds: tuple[int, ...]

    @property
    def said(self) -> str:
        """Its bake and its looks."""
        number = len(self.look_seconds)
        looked = "1 look" if number == 1 else f"{number} looks"
        if self.bake_seconds <= UNTHINNED_SECONDS or number == 1:
            return f"baked for {duration(self.bake_seconds)}, {looked}" if self.bake_seconds else looked
        first, last = self.look_seconds[0], self.look_seconds[-1] - self.look_seconds[-2]
        return (
            f"baked for {duration(self.bake_seconds)}, {looked}: every {duration(first)} in the first hour, then less "
            f"and less often, the last after {duration(last)}"
        )


@dataclass(frozen=True)
class Estimate:
    """The deployment's steps, seconds and transitions, if green is healthy and no state is retried."""

    steps: tuple[PlannedStep, ...]
    seconds: int
    transitions: int

    @property
    def dollars(self) -> float:
        """The price of the state transitions."""
        return self.transitions * DOLLARS_PER_TRANSITION


def estimate(
    plan: Schedule, period_seconds: int, brought: document.Brings, hooks: Hooks = NO_HOOKS, *, deletes: bool = False
) -> Estimate:
    """Of a schedule with steps; Adaptive has none."""
    pace = pace_of(plan, period_seconds)
    steps: list[PlannedStep] = []
    for step in plan.steps:
        after = steps[-1].after_seconds + steps[-1].bake_seconds if steps else 0
        steps.append(PlannedStep(step.weight, after, step.bake_seconds, looks(step.bake_seconds, pace)))
    transitions = len(STAGED[brought]) + len(COMPLETE) + (len(DELETE) if deletes else 0)
    transitions += sum(len(SHIFT) + waits(each.look_seconds) * len(LOOK) for each in steps)
    moments = (moment_of(weight) for weight in (0.0, *(step.weight for step in plan.steps)))
    transitions += len(HOOK) * sum(moment in hooks.given for moment in moments)
    transitions += len(APPROVAL) * bool(plan.approvals(0.0, plan.steps[0].weight))
    return Estimate(tuple(steps), sum(step.bake_seconds for step in steps), transitions)


@click.command()
@request.options
@click.option("--report", "page", metavar="FILE", help="Write the plan as one HTML page, too; - is stdout instead.")
@json_option
@click.pass_obj
def plan(context: Context, /, as_json: bool, page: str | None, **said: Any) -> None:
    """
    Say what `deploy` with the same options would do: steps with times, state transitions and their price.

    The command makes the checks of OpenDeployment. Only whether another deployment runs is not checked. With a
    release's document, as `bluegreen plan friday.json`, it says what `bluegreen release friday.json --plan` says.
    """
    if said["function"].endswith(DOCUMENT):
        _of_release(context, said, page, as_json)
        return
    if page == written.STDOUT and as_json:
        raise click.UsageError("--json and --report - exclude each other: both are for stdout.")
    asked = request.read(**said)
    stack = context.stack(context.account())
    asked.must_be_in(stack)
    asked = asked.with_its_code(stack.target(asked.function, asked.alias)).in_bucket(stack.bucket)
    checked = request.check(asked.request)
    situation = Before(checked, stack.target(asked.function, asked.alias), stack, asked.package)
    blue, brought, differ, warnings = _found(situation)
    artifact = checked.artifact
    if isinstance(artifact, Existing) and (known := known_as_bad(situation.target, artifact.version)):
        warnings = (*warnings, Warning(field="artifact", problem=known, advice="`bluegreen history` has all of it"))
    traffic = situation.schedule
    with explained(f"reading what {asked.function} was deployed with", NOTHING_TOUCHED):
        cases, by_default = tests_of(situation)
    outlook = None if brought in UNSHIFTED or not traffic.watched else _outlook(situation, cases, by_default)
    whole = (
        None
        if brought in UNSHIFTED or not traffic.steps
        else estimate(
            traffic,
            checked.health.period_seconds,
            brought,
            checked.hooks,
            deletes=checked.keep_versions is not None,
        )
    )
    stored = None if brought == "nothing" else storage.read(situation, brought, blue.version)
    prepared = () if brought in UNSHIFTED else preparations(situation, brought)
    told = Planned(
        target=str(situation.target),
        heading=_heading(asked, checked, situation.target, blue.version, traffic, brought),
        warnings=() if brought in UNSHIFTED else tuple(map(str, warnings)),
        differ=_of_settings(differ, blue.version, brought),
        schedule=None if brought in UNSHIFTED else outlook.schedule if outlook else traffic,
        health=checked.health,
        hooks=checked.hooks,
        prepared=prepared,
    )
    if brought not in UNSHIFTED:
        told = replace(
            told,
            lines=(
                *(preparation.said for preparation in prepared),
                f"smoke tests: {_of_tests(cases, by_default, blue.version)}",
                calls_said(situation.target.function, _calls(cases, checked), by_default),
                stored.said() if stored else storage.UNSEEN,
                *gates_said(checked, traffic),
                *((outlook.signals,) if outlook else ()),
                *((f"the logs: {logs_said(whole)}",) if traffic.watched and checked.health.logs else ()),
                *(outlook.lines() if outlook else ()),
                *(() if whole else ("weights and times follow the evidence",)),
            ),
            steps=tuple(step.said for step in whole.steps) if whole else (),
            watch=of_schedule(traffic, checked.health.sight_seconds) if whole else "",
            cost=_cost(whole),
        )
    size = written.write(report(told), page, force=False, advice=ANOTHER) if page else 0
    if as_json:
        shown = _to_json(asked, situation.target.alias, blue.version, traffic, brought, whole, warnings)
        shown |= {"signals": outlook.signals if outlook else ""}
        shown |= outlook.to_json() if outlook else {}
        shown |= {"versions": stored.to_json() if stored else None}
        shown |= {"preparations": [asdict(each) for each in prepared]}
        shown |= {"hooks": {moment: hook.function for moment, hook in checked.hooks.given.items()}}
        shown |= {"approvals": list(traffic.approvals(0.0, 1.0))}
        shown |= {"changes": differ, "invocations": 0 if brought in UNSHIFTED else _calls(cases, checked)}
        click.echo(json.dumps(shown, indent=2))
        return
    if page == written.STDOUT:
        return
    for line in _lines(told, whole):
        click.echo(line)
    if page:
        click.echo(f"{page}: {size:,} bytes. A browser shows it, without a network.")


def _of_release(context: Context, said: dict[str, Any], page: str | None, as_json: bool) -> None:
    """No function's name has a dot. Options are those of a function."""
    given = [name for name, value in said.items() if name != "function" and value]
    if given or page:
        raise click.UsageError("With a release's document there is no other option than --json.")
    stack = context.stack(context.account())
    release.say(release.checked(releases.read(said["function"]).within(stack), stack), as_json)


def _heading(
    asked: request.Asked,
    checked: Request,
    target: Target,
    blue: str,
    traffic: Schedule,
    brought: document.Brings,
) -> str:
    if brought not in UNSHIFTED:
        return f"{target} would go from version {blue} to {_of_artifact(asked, checked)}, by {traffic.name}:"
    serves = f"{target} is served by version {blue}, which has this code and these settings already"
    mends = "$LATEST has other code and would get this code." if brought == "mending" else ""
    return f"Nothing to deploy: {serves}. {mends}".rstrip()


def _of_settings(differ: tuple[str, ...], blue: str, brought: document.Brings) -> tuple[str, ...]:
    if brought in UNSHIFTED or not differ:
        return differ
    return (f"settings that differ from version {blue}: {'; '.join(differ)}",)


def _cost(whole: Estimate | None) -> str:
    if whole is None:
        return f"the state transitions follow the evidence; 1,000 of them cost ${1000 * DOLLARS_PER_TRANSITION:.3f}"
    return f"in all {duration(whole.seconds)} of baking, {whole.transitions} state transitions, ${whole.dollars:.5f}"


def _lines(told: Planned, whole: Estimate | None) -> Iterator[str]:
    """The plan on stdout."""
    yield told.heading
    yield from (f"  {line}" for line in told.differ)
    yield from (f"  warning: {warning}" for warning in told.warnings)
    yield from (f"  {line}" for line in told.lines)
    for number, step in enumerate(whole.steps if whole else (), start=1):
        yield f"  step {number}: {percent(step.weight)} after {duration(step.after_seconds)}, {step.said}"
    if whole:
        yield from (f"  {line}" for line in (told.watch, told.cost) if line)


def _found(situation: Situation) -> tuple[functions.Function, document.Brings, tuple[str, ...], Warnings]:
    """
    The version that serves, what the artifact brings, the settings that differ, and OpenDeployment's warnings.

    Raises Refused if OpenDeployment would refuse.
    """
    with explained(f"reading {situation.target.function}", NOTHING_TOUCHED):
        warnings = must_pass((*BEFORE_THE_LOCK, *WITH_THE_LOCK), situation)
        blue, source = situation.blue, situation.successor
        brought = brings(situation.artifact, blue, source)
        if brought not in UNSHIFTED:
            warnings += must_pass(PREFLIGHT, situation)
        return blue, brought, changes(blue, source), warnings


def _outlook(situation: Situation, cases: tuple[Case, ...], by_default: bool) -> Outlook:
    """Reads what the alias did in the last hours. A caller who may not is told so, and gets the rest of the plan."""
    request, traffic, unread = situation.request, situation.request.traffic, ""
    tested = bool(cases) and not by_default
    health = health_of(request.health, probes=tested)
    try:
        past = watch.past(
            situation.target,
            situation.blue.version,
            health.model_copy(update={"cannot_measure": "roll_back"}),
            clock.now(),
        )
    except (AwsRefused, AwsUnavailable) as error:
        past, unread = None, f"{type(error).__name__}: {error}"
    schedule = schedule_of(situation, past) if past else situation.schedule
    return Outlook(
        schedule=schedule,
        traffic=traffic if isinstance(traffic, Steps) else None,
        health=health,
        given=frozenset(request.health.model_fields_set),
        tested=tested,
        past=past,
        forecast=forecast(schedule, health, past) if past else None,
        unread=unread,
    )


def _of_artifact(asked: request.Asked, checked: Request) -> str:
    artifact = checked.artifact
    if isinstance(artifact, Zip):
        if asked.code_of:
            return f"the code of version {asked.code_of}"
        return "new code" if asked.package else f"new code from {artifact}"
    if isinstance(artifact, InLatest):
        return "what $LATEST has"
    return f"the image {artifact}" if isinstance(artifact, Image) else str(artifact)


def _of_tests(cases: tuple[Case, ...], by_default: bool, blue: str) -> str:
    if by_default:
        return (
            f"none was given, so {{}} is sent; it counts only if version {blue} passes it; "
            "give one with --smoke-tests FILE, or write --no-smoke-tests"
        )
    return ", ".join(case.name for case in cases) or "off"


def _calls(cases: tuple[Case, ...], checked: Request) -> int:
    """New code is called as $LATEST and as green."""
    return len(cases) * (1 if isinstance(checked.artifact, Existing) else 2)


def calls_said(function: str, calls: int, by_default: bool) -> str:
    """That smoke tests are no rehearsal for the function."""
    if not calls:
        return f"{function} is not invoked before users meet green"
    times = "once" if calls == 1 else f"{calls} times"
    more = ", and blue as often if {} fails" if by_default else ""
    return f"{function} is invoked for real, {times} before users meet green{more}"


def gates_said(checked: Request, traffic: Schedule) -> Iterator[str]:
    """The hooks that run, and the steps that wait for a person."""
    for moment, hook in checked.hooks.given.items():
        seconds = duration(hook.timeout_seconds)
        yield f"hook {moment}: {hook.function} is invoked for real, up to {seconds}; it may roll the deployment back"
    for step in traffic.approvals(0.0, 1.0):
        other = ", by another principal than the one that starts it" if checked.approval.other_than_starter else ""
        yield f"before step {step} it waits up to {duration(traffic.approval_seconds)} for a person's approval{other}"


def logs_said(whole: Estimate | None) -> str:
    """What searching them costs."""
    looks_ = sum(len(step.look_seconds) for step in whole.steps) if whole else 0
    in_all = f", so {looks_ * logs.MOST_CALLS:,} at most in {looks_} looks" if looks_ else ""
    return f"at most {logs.MOST_CALLS} calls of FilterLogEvents a look, each of which answers 1 MB at most{in_all}"


def _to_json(
    asked: request.Asked,
    alias: str,
    blue: str,
    traffic: Schedule,
    brought: document.Brings,
    whole: Estimate | None,
    warnings: Warnings,
) -> dict[str, Any]:
    steps = [asdict(step) | {"looks": len(step.look_seconds)} for step in whole.steps] if whole else None
    return {
        "request": asked.request,
        "function": asked.function,
        "alias": alias,
        "blue": blue,
        "anything_to_deploy": brought not in UNSHIFTED,
        "brings": brought,
        "warnings": [str(warning) for warning in warnings],
        "traffic": traffic.name,
        "watched": traffic.watched,
        "held_seconds": traffic.held_seconds,
        "steps": steps,
        "seconds": whole.seconds if whole else None,
        "transitions": len(UNSHIFTED[brought]) if brought in UNSHIFTED else whole.transitions if whole else None,
        "dollars": round(whole.dollars, 6) if whole else None,
    }
