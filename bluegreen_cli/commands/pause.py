"""`bluegreen pause`: hold green's share where it is, or the shares of a release's greens."""

import click

from bluegreen.errors import DeploymentError
from bluegreen.ledger.locks import Lock
from bluegreen.request.order import LONGEST_PAUSES_SECONDS, PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS
from bluegreen.text import duration
from bluegreen_cli import completion, orders, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.follow import seen
from bluegreen_cli.releases import orders as of_releases


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@which.release_option
@click.option(
    "--seconds",
    type=click.IntRange(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSES_SECONDS),
    default=PAUSE_SECONDS,
    show_default=True,
    metavar="N",
    help="The limit: then the deployment is rolled back.",
)
@click.option("--reason", default="", metavar="TEXT", help="The reason. The record and the audit show it.")
@json_option
@click.pass_obj
def pause(
    context: Context, function: str, alias: str | None, of_release: bool, seconds: int, reason: str, as_json: bool
) -> None:
    """
    Let green's share of FUNCTION's alias grow no more, for an hour unless --seconds says otherwise.

    Green must have a share. CheckHealth reads the order at its next run, within four minutes; a shift that was decided
    before is still made. During a pause it looks no more often than every two minutes, and still rolls a worse green
    back. Without `bluegreen resume`, `promote` or `abort` the deployment is rolled back at the limit. A pause after the
    last look, as while the hook after_traffic runs, comes too late: the deployment is completed. With a release's id
    instead of a function's name no green of the release gets a larger share.
    """
    which.function_or_release(function, alias, of_release)
    stack = context.stack(context.account())
    if release := which.release(stack, function, alias, of_release):
        of_releases.give(stack, release, "pause", as_json, seconds=seconds, reason=reason)
        return
    lock = orders.running(stack, function, alias, "pause")
    answer = orders.give(stack, lock, "pause", seconds=seconds, reason=reason)
    orders.ordered(answer, lock, "" if as_json else _says(lock, seconds), as_json)


def _says(lock: Lock, seconds: int) -> str:
    """What the pause does. Only CheckHealth reads it, and after the last look CheckHealth does not run again."""
    ends = f"Without resume, promote or abort within {duration(seconds)} it is rolled back."
    try:
        progress = seen(lock.held_by)
    except DeploymentError:
        progress = None
    if progress and (progress.green_weight < 1 or progress.state in ("ShiftAlias", "Bake")):
        return f"paused at the next run of CheckHealth; a shift that was decided before is still made. {ends}"
    abort = f"`bluegreen abort {lock.target.function} --alias {lock.target.alias}` undoes it until then."
    if progress and progress.state not in ("CheckHealth", "WhatNext?"):
        return f"the pause comes too late. The last look is over, so the deployment is completed. {abort}"
    return f"paused if CheckHealth runs again. {ends} If the last look is over, it is completed instead. {abort}"
