"""`bluegreen plan`: what a deployment would do and cost, touching nothing."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import click

from bluegreen.aws import functions
from bluegreen.decisions.pace import look_seconds
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.request.artifact import Existing, Zip
from bluegreen.request.request import Request
from bluegreen.request.traffic import Schedule, Step, schedule
from bluegreen_cli import request
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import duration, percent, versions
from bluegreen_cli.live import serving
from bluegreen_cli.problems import Refused, explained

NOTHING = "Nothing was touched."
DOLLARS_PER_TRANSITION = 0.025 / 1000
"""Step Functions Standard, list price; retries come on top."""

NOTHING_TO_DEPLOY = ("OpenDeployment", "AnythingToDeploy?", "NothingToDeploy")
NEW_CODE = (
    "OpenDeployment",
    "AnythingToDeploy?",
    "NewCode?",
    "UpdateCode",
    "SmokeTest",
    "PublishVersion",
    "SmokeTestGreen",
)
EXISTING = ("OpenDeployment", "AnythingToDeploy?", "NewCode?", "ReuseVersion", "SmokeTestGreen")
SHIFT = ("ShiftAlias", "FullyShifted?")
LOOK = ("Bake", "CheckHealth", "BakeOver?")
COMPLETE = ("CompleteDeployment", "Deployed")


@dataclass(frozen=True)
class Planned:
    """A step of the schedule: when it begins, how long it bakes, how often it is looked at."""

    weight: float
    after_seconds: int
    bake_seconds: int
    looks: int


@dataclass(frozen=True)
class Estimate:
    """What the whole comes to, if green is healthy and AWS is not busy."""

    steps: tuple[Planned, ...]
    seconds: int
    transitions: int

    @property
    def dollars(self) -> float:
        """For the state transitions."""
        return self.transitions * DOLLARS_PER_TRANSITION


def estimate(plan: Schedule, period_seconds: int, new_code: bool) -> Estimate:
    """Of a schedule with steps; Adaptive has none."""
    steps: list[Planned] = []
    for step in plan.steps:
        after = steps[-1].after_seconds + steps[-1].bake_seconds if steps else 0
        steps.append(Planned(step.weight, after, step.bake_seconds, _looks(plan, step, period_seconds)))
    transitions = len(NEW_CODE if new_code else EXISTING) + len(COMPLETE)
    transitions += sum(len(SHIFT) + each.looks * len(LOOK) for each in steps)
    return Estimate(tuple(steps), sum(step.bake_seconds for step in steps), transitions)


def _looks(plan: Schedule, step: Step, period_seconds: int) -> int:
    seconds = look_seconds(plan, step, period_seconds)
    return math.ceil(step.bake_seconds / seconds) if seconds else 1


@click.command()
@request.options
@json_option
@click.pass_obj
def plan(context: Context, /, as_json: bool, **said: Any) -> None:
    """Say what `deploy` with the same options would do: steps with times, state transitions and their price."""
    asked = request.read(**said)
    stack = context.stack(context.account())
    checked = request.check(asked.request)
    alias = asked.alias(stack.default_alias)
    blue = _blue(asked.function, alias)
    traffic = schedule(checked.traffic or stack.default_traffic)
    same = _serves(checked, blue)
    whole = (
        None
        if same or not traffic.steps
        else estimate(traffic, checked.health.period_seconds, not isinstance(checked.artifact, Existing))
    )
    if as_json:
        click.echo(json.dumps(_to_json(asked, alias, blue.version, traffic.name, same, whole), indent=2))
        return
    name = f"{asked.function}:{alias}"
    if same:
        click.echo(f"Nothing to deploy: {name} is served by version {blue.version}, which is this code already.")
        return
    click.echo(f"{name} would go from version {blue.version} to {request.of_artifact(checked)}, by {traffic.name}:")
    click.echo(f"  smoke tests: {_of_tests(checked)}")
    if whole is None:
        click.echo("  weights and times follow the evidence")
        return
    for number, step in enumerate(whole.steps, start=1):
        looks = "1 look" if step.looks == 1 else f"{step.looks} looks"
        baked = f"baked for {duration(step.bake_seconds)}, {looks}" if step.bake_seconds else looks
        click.echo(f"  step {number}: {percent(step.weight)} after {duration(step.after_seconds)}, {baked}")
    click.echo(
        f"  in all {duration(whole.seconds)} of baking, {whole.transitions} state transitions, ${whole.dollars:.5f}"
    )


def _of_tests(checked: Request) -> str:
    if checked.smoke_tests == "off":
        return "off"
    if not checked.smoke_tests:
        return "one invocation with {} that must not fail"
    return ", ".join(case.name for case in checked.smoke_tests)


def _to_json(
    asked: request.Asked, alias: str, blue: str, traffic: str, same: bool, whole: Estimate | None
) -> dict[str, Any]:
    return {
        "request": asked.request,
        "function": asked.function,
        "alias": alias,
        "blue": blue,
        "anything_to_deploy": not same,
        "traffic": traffic,
        "steps": [asdict(step) for step in whole.steps] if whole else None,
        "seconds": whole.seconds if whole else None,
        "transitions": len(NOTHING_TO_DEPLOY) if same else whole.transitions if whole else None,
        "dollars": round(whole.dollars, 6) if whole else None,
    }


def _serves(checked: Request, blue: functions.Function) -> bool:
    if isinstance(checked.artifact, Existing):
        return checked.artifact.version == blue.version
    if isinstance(checked.artifact, Zip) and checked.artifact.sha256 is None:
        return False
    return blue.holds(checked.artifact)


def _blue(function: str, alias: str) -> functions.Function:
    """What serves now. Raises Refused where the machine would refuse."""
    route = serving(function, alias)
    with explained(f"reading {function}", NOTHING):
        latest = functions.describe(function)
        if not latest.opted_in:
            raise Refused(
                f"{function} has no tag {OPT_IN_TAG} = {OPTED_IN}, so it is not ours to touch",
                NOTHING,
                f"`bluegreen adopt {function} --alias {alias}` sets it.",
            )
        if not route.whole or route.primary == functions.LATEST:
            raise Refused(
                f"{function}:{alias} is served by {versions(route)}, not at one published version",
                NOTHING,
                f"`bluegreen status {function} --alias {alias}` says why; `bluegreen adopt` takes it off $LATEST.",
            )
        return functions.describe(function, route.primary)
