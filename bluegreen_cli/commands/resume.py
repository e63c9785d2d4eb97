"""`bluegreen resume`: take a pause back."""

import click

from bluegreen_cli import completion, holding, orders
from bluegreen_cli.context import Context, json_option


@click.command()
@click.argument("function", shell_complete=completion.functions)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@click.option("--reason", default="", metavar="TEXT", help="The reason. The record and the audit show it.")
@json_option
@click.pass_obj
def resume(context: Context, function: str, alias: str | None, reason: str, as_json: bool) -> None:
    """Take back the pause of FUNCTION's deployment."""
    stack, lock = orders.running(context, function, alias)
    answer = orders.give(stack, lock, "resume", reason=reason)
    held = holding.still(stack, lock.deployment)
    follows = ["It goes on at the next look."] if held == [] else held or []
    orders.ordered(answer, lock, " ".join(["resumed.", *follows]), as_json)
