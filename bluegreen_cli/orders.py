"""What the commands that give orders have in common: the deployment that runs, its orders, and its end."""

import json
from typing import Any
from urllib.parse import quote

import click

from bluegreen import clock
from bluegreen.decisions.orders import Order, standing
from bluegreen.decisions.route import Route
from bluegreen.errors import AwsUnavailable, DeploymentError
from bluegreen.ledger import deployments, locks
from bluegreen.ledger import orders as ledger
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen.text import sentence
from bluegreen_cli import api, follow, which
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.problems import NOTHING_CHANGED, NOTHING_ORDERED, Lost, Refused, explained
from bluegreen_cli.progress import Progress
from bluegreen_cli.request import names
from bluegreen_cli.stack import Stack

PATIENCE_SECONDS = 900.0
"""RecoverDeployments is asked at once; its sweep every five minutes comes after an invocation that was lost."""


def running(stack: Stack, function: str, alias: str | None, order: str) -> Lock:
    """
    The lock of the deployment that runs.

    Raises Refused if none does, or if it is a part of a release: that gets the order as a whole.
    """
    with which.meant(stack, function, alias):
        target = names(function, alias).at(stack)
        with explained("reading the deployments table", NOTHING_CHANGED):
            lock = locks.held(target)
        if lock is None:
            raise Refused(
                f"no deployment of {target} runs",
                NOTHING_ORDERED,
                f"`bluegreen status {target.function} --alias {target.alias}` says who serves, and how the last "
                "deployment ended.",
            )
    if lock.release:
        raise Refused(
            f"{target} is deployed to by the release {lock.release}, whose functions go together",
            NOTHING_ORDERED,
            f"Give the order to the release: `bluegreen {order} {lock.release}`.",
        )
    return lock


def give(stack: Stack, lock: Lock, order: str, **body: Any) -> Any:
    """Give an order to the deployment that has the lock; the API's answer."""
    return api.ask(stack, "POST", f"{_path(lock)}/{order}", {name: each for name, each in body.items() if each})


def abort(stack: Stack, lock: Lock, reason: str) -> None:
    """Order that the deployment be undone."""
    api.ask(stack, "DELETE", f"{_path(lock)}?reason={quote(reason, safe='')}" if reason else _path(lock))
    click.echo(f"Deployment {lock.deployment} is being aborted: RecoverDeployments gives the alias to blue.", err=True)


def ordered(answer: Any, lock: Lock, says: str, as_json: bool) -> None:
    """What an order that was taken came to, and the order that it took the place of, on stdout."""
    *earlier, this = answer["orders"]
    before = _instead_of(lock, len(earlier)) if this["order"] != "resume" else None
    if as_json:
        told = {"deployment": lock.deployment, "orders": answer["orders"]}
        click.echo(json.dumps(told | ({"instead_of": ledger.shown(before)} if before else {}), indent=2))
        return
    click.echo(f"Deployment {lock.deployment} of {lock.target}: {says}")
    if before:
        what = "a pause" if before.order == "pause" else f"a promote to {before.to} that was not carried out yet"
        click.echo(sentence(f"It takes back {what}, ordered by {before.said}"))


def _instead_of(lock: Lock, number: int) -> Order | None:
    """Of the first `number` orders the pause or the promote that stood, and was not carried out. None if unknown."""
    try:
        before = standing(ledger.given(of_deployment(lock.deployment))[:number], clock.now())
        progress = follow.seen(lock.held_by) if before.promoted else Progress()
    except DeploymentError:
        return None
    return before.paused or before.promotes(progress.moved_at, progress.green_weight)


def until_over(lock: Lock, target: Target) -> Record:
    """Wait for the end of its record, and show how the alias goes. Raises Lost if that takes too long."""
    waited, shown = 0.0, ""
    while waited < PATIENCE_SECONDS:
        record = _record(lock.deployment)
        route = serving_if_known(target)
        if (says := _says(target, route)) != shown:
            click.echo(says, err=True)
            shown = says
        if record and not record.live:
            return record
        follow.pause(follow.POLL_SECONDS)
        waited += follow.POLL_SECONDS
    raise Lost(
        f"{lock.deployment} is not undone after {PATIENCE_SECONDS / 60:.0f} minutes",
        shown,
        f"`bluegreen status {target.function} --alias {target.alias}` says how it stands; the sweep of "
        "RecoverDeployments tries again every five minutes, and its log says what is in the way.",
    )


def _path(lock: Lock) -> str:
    return f"/deployments/{quote(lock.deployment, safe='')}"


def _record(deployment: str) -> Record | None:
    """None if the table does not answer: the command asks again."""
    with explained(f"reading the record of {deployment}", "It is being aborted."):
        try:
            return deployments.find(deployment)
        except AwsUnavailable:
            return None


def _says(target: Target, route: Route | None) -> str:
    return f"{target} is served by {route}." if route else f"Lambda does not say which version serves {target}."
