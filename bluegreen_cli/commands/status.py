"""`bluegreen status`: who serves, what is under way, and how the last deployment ended."""

import json
import time
from dataclasses import dataclass
from typing import Any

import click

from bluegreen.aws import executions
from bluegreen.errors import DeploymentError
from bluegreen.ledger import records
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.follow import seen
from bluegreen_cli.format import duration, shares, versions
from bluegreen_cli.live import serving
from bluegreen_cli.problems import explained
from bluegreen_cli.progress import Progress
from bluegreen_cli.request import check_names

NOTHING = "Nothing was changed."


@dataclass(frozen=True)
class Running:
    """The deployment that holds the alias's lock."""

    lock: records.Lock
    status: str
    progress: Progress

    @property
    def alive(self) -> bool:
        """Its execution still runs."""
        return self.status == executions.RUNNING

    def lines(self, now: float) -> list[str]:
        """In people's words."""
        name = self.lock.deployment
        if not self.alive:
            return [
                f"{name} holds the lock, but its execution is {self.status}; the next deployment cleans up after it."
            ]
        lines = [f"{name} is under way, in {self.progress.state or 'its beginning'}."]
        if self.progress.trouble:
            lines.append(f"  {self.progress.trouble.error}: {self.progress.trouble.sentence}")
        lines += [f"  {side}: {counted}" for side, counted in self.progress.sides.items()]
        if self.progress.reason:
            lines.append(f"  last verdict: {self.progress.reason}")
        left = self.progress.seconds_left(now)
        if left is not None:
            lines.append(f"  about {duration(left)} left")
        return [*lines, f"  `bluegreen watch {name}` follows it."]

    def to_json(self, now: float) -> dict[str, Any]:
        """For those who read stdout."""
        return {
            "deployment": self.lock.deployment,
            "execution": self.lock.held_by,
            "status": self.status,
            "state": self.progress.state or None,
            "green_weight": self.progress.green_weight,
            "verdict": self.progress.section("look").get("verdict"),
            "reason": self.progress.reason or None,
            "seconds_left": self.progress.seconds_left(now),
        }


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@json_option
@click.pass_obj
def status(context: Context, function: str, alias: str | None, as_json: bool) -> None:
    """Say who serves FUNCTION's alias now, whether a deployment is under way, and how the last one ended."""
    check_names(function, alias)
    stack = context.stack(context.account())
    alias = alias or stack.default_alias
    route = serving(function, alias)
    with explained("reading the records", NOTHING):
        lock = records.held(function, alias)
        of_alias = [record for record in records.of_function(function) if record.alias == alias]
        running = _running(lock) if lock else None
    last = next((record for record in of_alias if not record.live), None)
    if as_json:
        found = {
            "function": function,
            "alias": alias,
            "serving": shares(route),
            "running": running.to_json(time.time()) if running else None,
            "last": last.to_json() if last else None,
        }
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{function}:{alias} is served by {versions(route)}.")
    for line in running.lines(time.time()) if running else ["No deployment is under way."]:
        click.echo(line)
    click.echo(how_it_ended(last) if last else "No deployment has ended yet.")


def how_it_ended(record: records.Record) -> str:
    """The last one, in a sentence."""
    why = f": {record.error}: {record.cause}" if record.error else f" with version {record.serving}"
    return f"The last one, {record.id}, ended {record.state} at {record.ended_at}{why}"


def _running(lock: records.Lock) -> Running:
    execution = executions.describe(lock.held_by)
    if execution is None:
        return Running(lock, "forgotten by Step Functions", Progress())
    try:
        progress = seen(lock.held_by)
    except DeploymentError:
        progress = Progress()
    return Running(lock, execution.status, progress)
