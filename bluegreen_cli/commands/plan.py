"""`bluegreen plan`: what a deployment would do and cost. The command changes nothing."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import click

from bluegreen import document
from bluegreen.aws import artifacts, functions
from bluegreen.decisions.pace import UNTHINNED_SECONDS, looks, pace_of
from bluegreen.errors import AccessDenied
from bluegreen.ledger import uploads
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.plan import brings, tests_of
from bluegreen.opening.situation import Situation, once
from bluegreen.request.artifact import Artifact, Existing, Image, Zip
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import Case
from bluegreen.request.traffic import Schedule
from bluegreen_cli import request
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import duration, percent
from bluegreen_cli.problems import NOTHING_TOUCHED, explained
from bluegreen_cli.stack import Stack

DOLLARS_PER_TRANSITION = 0.025 / 1000
"""The list price of Step Functions Standard. Retries come on top."""

OPENING = ("OpenDeployment", "WhatToDeploy?")
SAME_CODE = (*OPENING, document.NOTHING_TO_DEPLOY)
NEW_CODE = (*OPENING, "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen")
EXISTING = (*OPENING, "SmokeTestGreen")
SHIFT = ("ShiftAlias",)
LOOK = ("Bake", "CheckHealth", "WhatNext?")
COMPLETE = ("CompleteDeployment", document.DEPLOYED)


@dataclass(frozen=True)
class Planned:
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

    steps: tuple[Planned, ...]
    seconds: int
    transitions: int

    @property
    def dollars(self) -> float:
        """The price of the state transitions."""
        return self.transitions * DOLLARS_PER_TRANSITION


class Before(Situation):
    """The situation before an upload, as far as the caller may see it."""

    def __init__(self, asked: request.Asked, checked: Request, stack: Stack) -> None:
        super().__init__(checked, stack.target(asked.function, asked.alias))
        self._is_local = asked.package is not None
        self._default_traffic = stack.default_traffic

    @property
    def default_traffic(self) -> str:
        """The stack's parameter."""
        return self._default_traffic

    @once
    def artifact(self) -> Artifact:
        """The command has read a local package already. An object that the caller may not read counts as correct."""
        asked = self.request.artifact
        if self._is_local or not isinstance(asked, Zip):
            return asked
        try:
            return artifacts.inspect(asked)
        except AccessDenied:
            return asked

    @once
    def newest(self) -> uploads.Newest | None:
        """A local package is newer than all of them once `deploy` uploads it."""
        return None if self._is_local else uploads.newest(self.target)


def estimate(plan: Schedule, period_seconds: int, new_code: bool) -> Estimate:
    """Of a schedule with steps; Adaptive has none."""
    pace = pace_of(plan, period_seconds)
    steps: list[Planned] = []
    for step in plan.steps:
        after = steps[-1].after_seconds + steps[-1].bake_seconds if steps else 0
        steps.append(Planned(step.weight, after, step.bake_seconds, looks(step.bake_seconds, pace)))
    transitions = len(NEW_CODE if new_code else EXISTING) + len(COMPLETE)
    transitions += sum(len(SHIFT) + len(each.look_seconds) * len(LOOK) for each in steps)
    return Estimate(tuple(steps), sum(step.bake_seconds for step in steps), transitions)


@click.command()
@request.options
@json_option
@click.pass_obj
def plan(context: Context, /, as_json: bool, **said: Any) -> None:
    """
    Say what `deploy` with the same options would do: steps with times, state transitions and their price.

    The command makes the checks of OpenDeployment. Only whether another deployment runs is not checked.
    """
    asked = request.read(**said)
    stack = context.stack(context.account())
    asked.must_be_in(stack)
    asked = asked.in_bucket(stack.bucket)
    checked = request.check(asked.request)
    situation = Before(asked, checked, stack)
    blue, same = _blue(situation)
    traffic = situation.schedule
    with explained(f"reading what {asked.function} was deployed with", NOTHING_TOUCHED):
        cases, by_default = tests_of(situation)
    whole = (
        None
        if same or not traffic.steps
        else estimate(traffic, checked.health.period_seconds, not isinstance(checked.artifact, Existing))
    )
    if as_json:
        shown = _to_json(asked, situation.target.alias, blue.version, traffic.name, same, whole)
        shown["invocations"] = 0 if same else _calls(cases, checked)
        click.echo(json.dumps(shown, indent=2))
        return
    target = situation.target
    if same:
        click.echo(f"Nothing to deploy: {target} is served by version {blue.version}, which is this code already.")
        return
    click.echo(f"{target} would go from version {blue.version} to {_of_artifact(asked, checked)}, by {traffic.name}:")
    click.echo(f"  smoke tests: {_of_tests(cases, by_default, blue.version)}")
    click.echo(f"  {calls_said(target.function, _calls(cases, checked), by_default)}")
    if whole is None:
        click.echo("  weights and times follow the evidence")
        return
    for number, step in enumerate(whole.steps, start=1):
        click.echo(f"  step {number}: {percent(step.weight)} after {duration(step.after_seconds)}, {step.said}")
    click.echo(
        f"  in all {duration(whole.seconds)} of baking, {whole.transitions} state transitions, ${whole.dollars:.5f}"
    )


def _blue(situation: Situation) -> tuple[functions.Function, bool]:
    """The version that serves, and whether it has this code already. Raises Refused if OpenDeployment would refuse."""
    with explained(f"reading {situation.target.function}", NOTHING_TOUCHED):
        must_pass((*BEFORE_THE_LOCK, *WITH_THE_LOCK), situation)
        return situation.blue, brings(situation.artifact, situation.blue) == "nothing"


def _of_artifact(asked: request.Asked, checked: Request) -> str:
    artifact = checked.artifact
    if isinstance(artifact, Zip):
        return "new code" if asked.package else f"new code from {artifact}"
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


def _to_json(
    asked: request.Asked, alias: str, blue: str, traffic: str, same: bool, whole: Estimate | None
) -> dict[str, Any]:
    steps = [asdict(step) | {"looks": len(step.look_seconds)} for step in whole.steps] if whole else None
    return {
        "request": asked.request,
        "function": asked.function,
        "alias": alias,
        "blue": blue,
        "anything_to_deploy": not same,
        "traffic": traffic,
        "steps": steps,
        "seconds": whole.seconds if whole else None,
        "transitions": len(SAME_CODE) if same else whole.transitions if whole else None,
        "dollars": round(whole.dollars, 6) if whole else None,
    }
