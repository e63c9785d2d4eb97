"""Stopping a deployment that runs, and waiting until recovery has given the alias back to blue."""

import click

from bluegreen.aws.client import client, in_our_words
from bluegreen.decisions.route import Route
from bluegreen.errors import AwsUnavailable
from bluegreen.ledger import deployments
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import OPEN, Record
from bluegreen.target import Target
from bluegreen_cli import follow
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.problems import Failed, explained

PATIENCE_SECONDS = 900.0
"""RecoverDeployments hears of the stopped execution within seconds, or by its sweep every five minutes."""

NOT_STOPPED = "The deployment goes on, or is undone if AWS was told to stop it and only its answer was lost."


def halt(lock: Lock, by: str) -> None:
    """Stop the execution that holds the lock. One that rolls back already goes on, and one that has ended is left."""
    name = lock.deployment
    with explained(f"stopping {name}", NOT_STOPPED):
        record = deployments.find(name)
        if record is None or record.state != OPEN:
            click.echo(f"Deployment {name} is being rolled back already.", err=True)
            return
        with in_our_words():
            client("stepfunctions").stop_execution(
                executionArn=lock.held_by, error="Stopped", cause=f"bluegreen rollback, {by}"
            )
    click.echo(
        f"Deployment {name} is stopped. RecoverDeployments gives the alias back to blue and frees the lock.", err=True
    )


def until_over(lock: Lock, target: Target) -> Record:
    """Wait for the end of its record, and show how the alias goes. Raises Failed if that takes too long."""
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
    raise Failed(
        f"{lock.deployment} is not undone after {PATIENCE_SECONDS / 60:.0f} minutes",
        shown,
        f"`bluegreen status {target.function} --alias {target.alias}` says how it stands; the sweep of "
        "RecoverDeployments tries again every five minutes, and its log says what is in the way.",
    )


def _record(deployment: str) -> Record | None:
    """None if the table does not answer: the command asks again."""
    with explained(f"reading the record of {deployment}", "It is stopped, and RecoverDeployments undoes it."):
        try:
            return deployments.find(deployment)
        except AwsUnavailable:
            return None


def _says(target: Target, route: Route | None) -> str:
    return f"{target} is served by {route}." if route else f"Lambda does not say which version serves {target}."
