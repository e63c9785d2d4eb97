"""
`bluegreen status`: who serves, a freeze, what runs, what waits, how the last one ended, what was refused since.

Of a release: where it is, what it waits for, and how many of its functions serve what.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import click

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.decisions.orders import NONE, Order, Standing, standing
from bluegreen.decisions.words import of_watched
from bluegreen.errors import DeploymentError
from bluegreen.ledger import approvals, checkup, freezes, locks, orders, waiting
from bluegreen.ledger import serving as ledger
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen.text import duration, sentence
from bluegreen_cli import completion, when, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.doctor.summary import remembered
from bluegreen_cli.follow import seen
from bluegreen_cli.holding import Awaited, awaited
from bluegreen_cli.live import serving
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.progress import Progress
from bluegreen_cli.records import newest_first
from bluegreen_cli.releases import status as standing_of_release
from bluegreen_cli.releases import told as releases
from bluegreen_cli.releases.told import Told
from bluegreen_cli.request import names


@dataclass(frozen=True)
class Running:
    """The deployment that holds the alias's lock, and its execution."""

    lock: Lock
    status: str
    progress: Progress
    ordered: Standing = NONE
    awaited: Awaited | None = None

    @property
    def alive(self) -> bool:
        """Its execution runs."""
        return self.status == executions.RUNNING

    def lines(self, now: float) -> list[str]:
        """The lines on stdout."""
        name = self.lock.deployment
        if self.lock.release:
            return [
                f"{name} is under way, as a part of the release {self.lock.release}.",
                f"  `bluegreen watch {self.lock.release}` follows it.",
            ]
        if not self.alive:
            return [f"{name} holds the lock, but its execution is {self.status}; RecoverDeployments undoes it."]
        lines = [f"{name} is under way, in {self.progress.state or 'its beginning'}."]
        if self.awaited:
            lines.append(f"  {self.awaited}")
        lines += [f"  {self._said(done, order)}" for done, order in self.stands.items()]
        if self.progress.trouble:
            lines.append(f"  {self.progress.trouble_said}")
        if self.progress.started_by:
            lines.append(f"  started by: {self.progress.started_by}")
        lines += [f"  warning: {warning}" for warning in self.progress.warnings]
        lines += [f"  {side}: {counted}" for side, counted in self.progress.sides.items()]
        if self.progress.reason:
            lines.append(f"  last verdict: {self.progress.reason}")
        left = self.progress.seconds_left(now)
        if left is not None:
            lines.append(f"  about {duration(left)} left")
        return [*lines, f"  `bluegreen watch {name}` follows it."]

    @property
    def stands(self) -> dict[str, Order]:
        """The orders that stand, by what they did to the deployment."""
        promote = self.ordered.promotes(self.progress.moved_at, self.progress.green_weight)
        found = {"aborted": self.ordered.aborted, "paused": self.ordered.paused, "promoted": promote}
        return {done: order for done, order in found.items() if order}

    def _said(self, done: str, order: Order) -> str:
        """By whom, why, and until when."""
        if done != "paused":
            return f"{done} by {order.said}"
        resume = f"bluegreen resume {self.lock.target.function} --alias {self.lock.target.alias}"
        until = when.at(clock.iso(order.over_at))
        return f"paused until {until} by {order.said}; then it is rolled back, unless `{resume}`"

    def to_json(self, now: float) -> dict[str, Any]:
        """For programs that read stdout."""
        return {
            "deployment": self.lock.deployment,
            "release": self.lock.release,
            "execution": self.lock.held_by,
            "status": self.status,
            "state": self.progress.state or None,
            "awaits": self.awaited.step if self.awaited else None,
            "awaits_until": self.awaited.until if self.awaited else None,
            "orders": {done: orders.shown(order) for done, order in self.stands.items()},
            "green_weight": self.progress.green_weight,
            "verdict": self.progress.look.get("verdict"),
            "reason": self.progress.reason or None,
            "started_by": self.progress.started_by or None,
            "started_by_proved": self.progress.started_by_proved,
            "warnings": list(self.progress.warnings),
            "seconds_left": self.progress.seconds_left(now),
        }


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@which.release_option
@json_option
@click.pass_obj
def status(context: Context, function: str, alias: str | None, of_release: bool, as_json: bool) -> None:
    """
    Say which version serves FUNCTION's alias, whether a deployment runs, and how the last one ended.

    With a release's id instead of a function's name: where the release is, and how many of its functions serve what.
    """
    which.function_or_release(function, alias, of_release)
    stack = context.stack(context.account())
    if which.release(stack, function, alias, of_release):
        with explained("reading the deployments table", NOTHING_CHANGED):
            known = releases.read(function)
        if known:
            _of_release(known, as_json)
            return
    with which.meant(stack, function, alias):
        target = names(function, alias).at(stack)
        route = serving(target)
    with explained("reading the deployments table", NOTHING_CHANGED):
        lock = locks.held(target)
        running = _running(lock) if lock else None
        last, refused = _last(target), _refused(target)
        upload = waiting.of(target)
        examined = checkup.last()
        frozen = freezes.in_force(freezes.of(target, target.function), clock.now())
        served = ledger.now(target)
    since = served.since if served and served.version == route.alone else None
    if as_json:
        found = {
            "function": target.function,
            "alias": target.alias,
            "serving": route.serving,
            "since": since,
            "running": running.to_json(time.time()) if running else None,
            "waiting": str(upload.artifact) if upload else None,
            "frozen": frozen[0].to_json(clock.now()) if frozen else None,
            "last": last.to_json() if last else None,
            "refused": refused.to_json() if refused else None,
            "doctor": examined.model_dump(mode="json", exclude={"report"}) if examined else None,
        }
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{target} is served by {route}{f', since {when.at(since)}' if since else ''}.")
    if frozen:
        freeze, until = frozen[0], when.at(clock.iso(frozen[1]))
        why = f"{freeze.freeze.reason}; ordered by {freeze.owner}"
        click.echo(f"Deployments are refused: {freeze.pattern} is frozen until {until} ({why}).")
    for line in running.lines(time.time()) if running else ["No deployment is under way."]:
        click.echo(line)
    if upload:
        click.echo(f"{upload.artifact} waits, and starts by itself when nothing else is under way.")
    click.echo(how_it_ended(last) if last else "No deployment has ended yet.")
    if last:
        click.echo(f"  started by: {last.started_by}")
    for warning in last.warnings if last else ():
        click.echo(f"  its warning: {warning}")
    if refused:
        asked = when.said(refused.started_at)
        why = sentence(f"{refused.error}: {refused.cause or ''}")
        click.echo(f"A later request, {refused.id}, was refused {asked}: {why}")
    if examined:
        click.echo(remembered(examined, time.time() - clock.moment(examined.at)))


def _of_release(known: Told, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(standing_of_release.to_json(known), indent=2))
        return
    for line in standing_of_release.lines(known):
        click.echo(line)


def how_it_ended(record: Record) -> str:
    """A sentence about a deployment that is over."""
    why = f": {record.error}: {record.cause}" if record.error else f" with version {record.serving}"
    ended = when.said(record.ended_at or record.started_at)
    line = f"The last one, {record.id}, ended {record.state} {ended}{why}"
    more = [of_watched(record.watched)] if record.watched else []
    if record.changes:
        more.append(f"Settings of green that differ from version {record.blue}: {'; '.join(record.changes)}")
    more.append(record.tidied)
    return " ".join([sentence(line), *filter(None, more)]) if any(more) else line


def _last(target: Target) -> Record | None:
    """The alias's last deployment that has ended."""
    records = newest_first(target)
    return next((record for record in records if record.target.key == target.key and not record.live), None)


def _refused(target: Target) -> Record | None:
    """The alias's last request that was refused, if no deployment began after it. An upload has no other reader."""
    newest, refused = (
        next((record for record in newest_first(target, refused=kind) if record.target.key == target.key), None)
        for kind in (False, True)
    )
    return refused if refused and (newest is None or refused.started_at > newest.started_at) else None


def _running(lock: Lock) -> Running:
    execution = executions.describe(lock.held_by)
    if execution is None:
        return Running(lock, "forgotten by Step Functions", Progress())
    if lock.release:
        return Running(lock, execution.status, Progress())
    try:
        progress = seen(lock.held_by)
    except DeploymentError:
        progress = Progress()
    ordered = standing(orders.given(of_deployment(lock.deployment)), clock.now())
    waits = None if progress.going_back else awaited(lock.deployment, approvals.shown(of_deployment(lock.deployment)))
    return Running(lock, execution.status, progress, ordered, waits)
