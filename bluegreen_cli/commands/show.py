"""`bluegreen show`: one deployment or release in full, from its request to its end."""

import json
from collections.abc import Iterator
from typing import Any

import click

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.decisions.route import said as served_by
from bluegreen.decisions.words import of_watched
from bluegreen.document import Plan
from bluegreen.ledger import approvals, deployments, orders
from bluegreen.ledger.audit import Step
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import Record
from bluegreen.request.names import is_execution_name
from bluegreen.request.traffic import Schedule
from bluegreen.text import LONGEST_CAUSE, duration, plain, sentence
from bluegreen_cli import completion, evidence, when, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import percent
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.releases import show as in_full
from bluegreen_cli.releases import told as releases
from bluegreen_cli.releases.told import Told
from bluegreen_cli.stack import Stack
from bluegreen_cli.steps import did

Moment = tuple[str, str, str]
"""ISO 8601, what happened (a state, an order, a decision), and what is known of it."""


@click.command()
@click.argument("deployment", shell_complete=completion.deployments_and_releases)
@which.alias_option
@which.release_option
@json_option
@click.pass_obj
def show(context: Context, deployment: str, alias: str | None, of_release: bool, as_json: bool) -> None:
    """
    Show DEPLOYMENT (its id): who began it, when each step was and what it did, orders, approvals, and how it ended.

    With a function's name instead of an id: its deployment that runs, or else its last one. A look of CheckHealth is
    shown as its sentence. With --json each step has all of its evidence. With a release's id: its waves, its functions,
    what happened when.
    """
    which.must_be_one(deployment)
    stack = context.stack(context.account())
    if which.release(stack, deployment, alias, of_release):
        with explained("reading the deployments table", NOTHING_CHANGED):
            release = releases.read(deployment)
        if release:
            _release(release, as_json)
            return
    with explained("reading the deployments table", NOTHING_CHANGED):
        record = deployments.find(deployment)
        if record is None and _without_record(stack, deployment, as_json):
            return
        if record is None:
            deployment = which.of_function(stack, deployment, alias)
            record = deployments.find(deployment)
        if record is None:
            raise which.none_such(deployment)
        plan, steps = deployments.plan_of(deployment), list(evidence.steps(of_deployment(deployment)))
        given = [orders.shown(order) for order in orders.given(of_deployment(deployment))]
        asked = approvals.shown(of_deployment(deployment))
    if as_json:
        found = record.to_json() | ({"plan": plan.as_json()} if plan else {}) | {"orders": given, "approvals": asked}
        click.echo(json.dumps(found | {"steps": [step.model_dump(mode="json") for step in steps]}, indent=2))
        return
    for line in _heading(record, plan):
        click.echo(line)
    click.echo()
    moments = [*map(_step, steps), *map(_order, given), *(each for approval in asked for each in _approval(approval))]
    for at, what, known in sorted(moments, key=lambda each: each[0]):
        click.echo(f"{when.utc(at)}  {f'{what:<18} {known}'.rstrip()}")


def _release(known: Told, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(known.to_json(), indent=2))
        return
    for line in in_full.lines(known):
        click.echo(line)


def _without_record(stack: Stack, deployment: str, as_json: bool) -> bool:
    """Show an execution that has not written its record yet, or never did. False if there is none."""
    if not is_execution_name(deployment):
        return False
    execution = executions.describe(executions.arn_of(stack.machine, deployment))
    if execution is None:
        return False
    if as_json:
        shown = {"id": deployment, "execution": execution.arn, "state": execution.status, "steps": []}
        click.echo(json.dumps(shown, indent=2))
        return True
    why = f" {sentence(f'{execution.error}: {plain(execution.cause)}')}" if execution.error else ""
    click.echo(f"{deployment} has no record. Its execution is {execution.status}.{why}")
    click.echo(f"console: {executions.console_link(execution.arn)}")
    return True


def _heading(record: Record, plan: Plan | None) -> Iterator[str]:
    """What it is, and how it stands."""
    whole = f", a part of the release {record.release}" if record.release else ""
    yield f"{record.id}: deployment to {record.target.said}{whole}"
    yield f"  started: {when.said(record.started_at)} by {record.started_by}"
    yield f"  artifact: {record.artifact}"
    if record.override_freeze:
        yield f"  in spite of a freeze: {record.override_freeze}"
    if plan:
        yield f"  traffic: {_schedule(plan.schedule)}"
    if record.blue:
        yield f"  blue: version {record.blue}"
    if record.green:
        yield f"  green: version {record.green}"
    if record.changes:
        yield f"  settings of green that differ: {'; '.join(record.changes)}"
    for warning in record.warnings:
        yield f"  warning: {warning}"
    yield from _end(record)
    yield f"  console: {executions.console_link(record.execution)}"


def _end(record: Record) -> Iterator[str]:
    if record.live:
        undone = "it is being undone" if record.state == "undoing" else "it runs"
        yield f"  ended: not yet, {undone}; `bluegreen watch {record.id}` follows it"
    else:
        ended = record.ended_at or record.started_at
        took = duration(clock.moment(ended) - clock.moment(record.started_at))
        serving = f"; then {served_by(record.serving)} served" if record.serving else ""
        yield f"  ended: {record.state} {when.said(ended)}, after {took}{serving}"
    if record.error:
        yield f"  why: {record.error}: {record.cause or ''}"
    known = of_watched(record.watched) if record.watched else ""
    for said in (record.quoted, record.untested, known, record.doubts, record.tidied):
        if said:
            yield f"  {sentence(said)}"


def _schedule(schedule: Schedule) -> str:
    steps = (
        f"{percent(step.weight)} for {duration(step.bake_seconds)}" if step.bake_seconds else percent(step.weight)
        for step in schedule.steps
    )
    return f"{schedule.name} ({', '.join(steps)})" if schedule.steps else schedule.name


def _step(step: Step) -> Moment:
    return step.at, step.state, plain(_known(step), LONGEST_CAUSE)


def _known(step: Step) -> str:
    """What the step found, as one line."""
    found = step.evidence
    if found.get("error"):
        mismatches = found.get("mismatches")
        values = "".join(f"; {plain(each)}" for each in mismatches) if isinstance(mismatches, list) else ""
        return f"{found['error']}: {found.get('cause') or ''}{values}"
    if isinstance(found.get("reason"), str) and found["reason"]:
        return str(found["reason"])
    shifts = found.get("shifts")
    if isinstance(shifts, list) and shifts and isinstance(shifts[-1], dict) and "weight" in shifts[-1]:
        return f"green has {percent(float(shifts[-1]['weight']))}"
    return did(step)


def _order(given: dict[str, Any]) -> Moment:
    how = f" to {given['to']}" if "to" in given else f" for {duration(given['seconds'])}" if "seconds" in given else ""
    reason = f": {given['reason']}" if given.get("reason") else ""
    return given["at"], f"order {given['order']}", plain(f"by {given['by']}{how}{reason}")


def _approval(asked: dict[str, Any]) -> Iterator[Moment]:
    """When the step began to wait, and what a person decided."""
    yield asked["asked_at"], "approval", f"step {asked['step']} waits for a person until {when.utc(asked['ends_at'])}"
    if asked.get("decision"):
        reason = f": {asked['reason']}" if asked.get("reason") else ""
        yield asked["at"], asked["decision"], plain(f"step {asked['step']} by {asked['by']}{reason}")
