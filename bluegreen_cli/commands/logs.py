"""`bluegreen logs`: what green and blue wrote to their logs during a deployment, side by side in time."""

import json
from dataclasses import dataclass
from typing import Any

import click

from bluegreen import clock
from bluegreen.aws.logs import own_group
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.text import duration, plain
from bluegreen_cli import completion, lines, when, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.lines import Found, Line
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.releases import logs as of_releases

MOST_LINES = 9_999
"""FilterLogEvents answers 10,000 at most, and one more tells that there are more."""
MOST_MINUTES = 24 * 60
LATE_SECONDS = 60
"""Lines that an invocation writes to its end, and CloudWatch Logs takes a moment to show them."""

LATEST = "$LATEST"


@dataclass(frozen=True)
class Side:
    """One version's log: `name` is green or blue."""

    name: str
    version: str
    group: str
    found: Found


@click.command()
@click.argument("deployment", shell_complete=completion.deployments_and_releases)
@which.alias_option
@which.release_option
@click.option("--all", "every", is_flag=True, help="Every line, instead of those that report errors.")
@click.option(
    "--minutes",
    type=click.IntRange(1, MOST_MINUTES),
    default=30,
    show_default=True,
    metavar="M",
    help="Only the last minutes of the deployment: how many.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_LINES),
    default=100,
    show_default=True,
    metavar="N",
    help="At most this many lines of each version, the oldest first.",
)
@json_option
@click.pass_obj
def logs(
    context: Context,
    deployment: str,
    alias: str | None,
    of_release: bool,
    every: bool,
    minutes: int,
    limit: int,
    as_json: bool,
) -> None:
    """
    Show what green and blue wrote to their logs during DEPLOYMENT (its id), side by side in time: lines of errors.

    With a function's name instead of an id: its deployment that runs, or else its last one. Before green is published,
    the lines are those of $LATEST. You need logs:FilterLogEvents on the function's log group. With a release's id: the
    warnings and errors of the handlers that worked on it, for which you need AuditorPolicy.
    """
    which.must_be_one(deployment)
    stack = context.stack(context.account())
    if release := which.release(stack, deployment, alias, of_release):
        of_releases.show(stack, release, every, minutes, limit, as_json)
        return
    with explained("reading the deployments table", NOTHING_CHANGED):
        record = deployments.find(deployment) or deployments.find(which.of_function(stack, deployment, alias))
        if record is None:
            raise which.none_such(deployment)
        plan = deployments.plan_of(record.id)
    if record.blue is None:
        raise Refused(
            f"{record.id} ended before it knew which version serves, so it has no log",
            NOTHING_CHANGED,
            f"`bluegreen show {record.id}` says why.",
        )
    since, until = _span(record, minutes)
    own = own_group(record.target.function)
    groups = {"green": plan.log_group or own, "blue": plan.blue.log_group or own} if plan else {}
    with explained("reading the logs", NOTHING_CHANGED):
        sides = [
            Side(
                name,
                version,
                group,
                lines.read(record.target.function, group, version, since, until, limit, every=every),
            )
            for name, version in (("green", record.green or LATEST), ("blue", record.blue))
            for group in (groups.get(name, own),)
        ]
    if as_json:
        click.echo(json.dumps(_json(record, sides, since, until), indent=2))
        return
    for side, line in _in_time(sides):
        _print(side, line)
    _tell(sides, since, until, every)


def _span(record: Record, minutes: int) -> tuple[float, float]:
    """The last minutes of the deployment, or those until now."""
    until = clock.now()
    if record.ended_at:
        until = min(until, clock.moment(record.ended_at) + LATE_SECONDS)
    return max(clock.moment(record.started_at), until - minutes * 60), until


def _in_time(sides: list[Side]) -> list[tuple[Side, Line]]:
    found = [(side, line) for side in sides for line in side.found.lines]
    return sorted(found, key=lambda each: each[1].at)


def _print(side: Side, line: Line) -> None:
    """The lines of a stack trace stay lines, below the first one."""
    first, *rest = [plain(each) for each in line.text.splitlines() if each.strip()] or [""]
    click.echo(f"{when.utc(line.at)}  {f'{side.name} {side.version}':<14} {first}")
    for each in rest:
        click.echo(f"    {each}")


def _tell(sides: list[Side], since: float, until: float, every: bool) -> None:
    """What was read and what was not, on stderr."""
    what = "lines" if every else "lines of errors"
    span = f"{when.utc(clock.iso(since))} and {duration(until - since)} later"
    for side in sides:
        of = f"{side.name}, version {side.version}, in {side.group}"
        if side.found.missing:
            click.echo(f"There is no log group {side.group}: version {side.version} has written nothing.", err=True)
        elif side.found.more:
            click.echo(f"There may be more {what} of {of}: narrow --minutes, or raise --limit.", err=True)
        elif not side.found.lines:
            click.echo(
                f"There are no {what} of {of} between {span}.{'' if every else ' --all shows every line.'}", err=True
            )


def _json(record: Record, sides: list[Side], since: float, until: float) -> dict[str, Any]:
    return {
        "deployment": record.id,
        "since": clock.iso(since),
        "until": clock.iso(until),
        "versions": {
            side.name: {"version": side.version, "group": side.group, "more": side.found.more} for side in sides
        },
        "lines": [
            {"at": line.at, "side": side.name, "version": side.version, "stream": line.stream, "message": line.text}
            for side, line in _in_time(sides)
        ],
    }
