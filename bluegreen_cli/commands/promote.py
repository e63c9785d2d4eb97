"""`bluegreen promote`: a person gives green more of the alias."""

import click

from bluegreen_cli import completion, orders
from bluegreen_cli.context import Context, json_option


@click.command()
@click.argument("function", shell_complete=completion.functions)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@click.option("--next", "to_next", is_flag=True, help="Only the next step of the schedule.")
@click.option("--reason", default="", metavar="TEXT", help="The reason. The record and the audit show it.")
@json_option
@click.pass_obj
def promote(context: Context, function: str, alias: str | None, to_next: bool, reason: str, as_json: bool) -> None:
    """
    Give green all of FUNCTION's alias at the next look, or with --next the share of the next step.

    It ends the bake and a pause. It skips no approval and no hook, and a green that is proved worse and an alarm still
    roll back. Adaptive has no steps, so --next is refused. If green has all of the alias, the deployment completes.
    """
    stack, lock = orders.running(context, function, alias)
    answer = orders.give(stack, lock, "promote", to="next" if to_next else "all", reason=reason)
    what = "the next step's share" if to_next else "everything"
    orders.ordered(answer, lock, f"green gets {what} at the next look, unless it is worse.", as_json)
