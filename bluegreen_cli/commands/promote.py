"""`bluegreen promote`: a person gives green more of the alias."""

import click

from bluegreen_cli import completion, orders, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.releases import orders as of_releases


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@which.release_option
@click.option("--next", "to_next", is_flag=True, help="Only the next step of the schedule.")
@click.option("--reason", default="", metavar="TEXT", help="The reason. The record and the audit show it.")
@json_option
@click.pass_obj
def promote(
    context: Context, function: str, alias: str | None, of_release: bool, to_next: bool, reason: str, as_json: bool
) -> None:
    """
    Give green all of FUNCTION's alias at the next look, or with --next the share of the next step.

    The bake ends, and a pause too. Approvals and hooks are not skipped. The deployment is still rolled back if green is
    proved worse, or if an alarm goes off. Adaptive has no steps, so --next is refused. If green has all of the alias
    already, the deployment completes. With a release's id instead of a function's name, the greens of the present wave
    get the share of the next step, with or without --next.
    """
    which.function_or_release(function, alias, of_release)
    stack = context.stack(context.account())
    if release := which.release(stack, function, alias, of_release):
        of_releases.give(stack, release, "promote", as_json, reason=reason)
        return
    lock = orders.running(stack, function, alias, "promote")
    answer = orders.give(stack, lock, "promote", to="next" if to_next else "all", reason=reason)
    what = "the next step's share" if to_next else "everything"
    orders.ordered(answer, lock, f"green gets {what} at the next look, unless it is worse.", as_json)
