"""`bluegreen resume`: take a pause back."""

import click

from bluegreen_cli import completion, holding, orders, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.releases import orders as of_releases


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@which.release_option
@click.option("--reason", default="", metavar="TEXT", help="The reason. The record and the audit show it.")
@json_option
@click.pass_obj
def resume(context: Context, function: str, alias: str | None, of_release: bool, reason: str, as_json: bool) -> None:
    """
    Take back the pause of FUNCTION's deployment.

    With a release's id instead of a function's name: the pause of the release.
    """
    which.function_or_release(function, alias, of_release)
    stack = context.stack(context.account())
    if release := which.release(stack, function, alias, of_release):
        of_releases.give(stack, release, "resume", as_json, reason=reason)
        return
    lock = orders.running(stack, function, alias, "resume")
    answer = orders.give(stack, lock, "resume", reason=reason)
    held = holding.still(stack, lock.deployment)
    follows = ["It goes on at the next look."] if held == [] else held or []
    orders.ordered(answer, lock, " ".join(["resumed.", *follows]), as_json)
