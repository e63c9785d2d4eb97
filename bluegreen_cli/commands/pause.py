"""`bluegreen pause`: hold green's share where it is."""

import click

from bluegreen.request.order import LONGEST_PAUSES_SECONDS, PAUSE_SECONDS
from bluegreen.text import duration
from bluegreen_cli import orders
from bluegreen_cli.context import Context, json_option


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@click.option(
    "--seconds",
    type=click.IntRange(1, LONGEST_PAUSES_SECONDS),
    default=PAUSE_SECONDS,
    show_default=True,
    metavar="N",
    help="The limit: then the deployment is rolled back.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why; people see it.")
@json_option
@click.pass_obj
def pause(context: Context, function: str, alias: str | None, seconds: int, reason: str, as_json: bool) -> None:
    """
    Hold green's share of FUNCTION's alias where it is, for an hour at most unless --seconds says otherwise.

    The looks go on, and what would undo the deployment still does. `bluegreen resume`, `promote` or `abort` ends the
    pause; without any of them the deployment is rolled back at the limit.
    """
    stack, lock = orders.running(context, function, alias)
    answer = orders.give(stack, lock, "pause", seconds=seconds, reason=reason)
    orders.ordered(answer, lock, f"paused from the next look on. It is rolled back in {duration(seconds)}.", as_json)
