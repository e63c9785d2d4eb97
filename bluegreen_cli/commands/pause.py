"""`bluegreen pause`: hold green's share where it is."""

import click

from bluegreen.request.order import LONGEST_PAUSES_SECONDS, PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS
from bluegreen.text import duration
from bluegreen_cli import orders
from bluegreen_cli.context import Context, json_option


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
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
def pause(context: Context, function: str, alias: str | None, seconds: int, reason: str, as_json: bool) -> None:
    """
    Let green's share of FUNCTION's alias grow no more, for an hour unless --seconds says otherwise.

    Green must have a share. CheckHealth reads the order at its next run, within four minutes; a shift that was decided
    before is still made. During a pause it looks no more often than every two minutes, and still rolls a worse green
    back. Without `bluegreen resume`, `promote` or `abort` the deployment is rolled back at the limit.
    """
    stack, lock = orders.running(context, function, alias)
    answer = orders.give(stack, lock, "pause", seconds=seconds, reason=reason)
    orders.ordered(
        answer,
        lock,
        f"paused at the next run of CheckHealth; a shift that was decided before is still made. Without resume, "
        f"promote or abort within {duration(seconds)} it is rolled back.",
        as_json,
    )
