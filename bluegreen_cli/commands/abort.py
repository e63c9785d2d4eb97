"""`bluegreen abort`: undo the deployment or the release that runs."""

import json

import click

from bluegreen.document import ROLLBACK_FAILED
from bluegreen.ledger.record import Record
from bluegreen.text import sentence
from bluegreen_cli import completion, live, orders, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.display import last
from bluegreen_cli.outcome import CUT_SHORT, EXIT_CODES
from bluegreen_cli.releases import orders as of_releases


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@which.release_option
@click.option("--reason", default="", metavar="TEXT", help="The reason. The record and the audit show it.")
@click.option(
    "--follow/--no-follow", default=True, help="Wait until blue has all of the alias, or only give the order."
)
@json_option
@click.pass_obj
def abort(
    context: Context, function: str, alias: str | None, of_release: bool, reason: str, follow: bool, as_json: bool
) -> None:
    """
    Undo FUNCTION's deployment that runs: RecoverDeployments gives its blue all of the alias at once.

    The deployment ends as RolledBack, with the error Aborted, your name and the reason. No alarm goes off. With a
    release's id instead of a function's name every function of the release is put back.
    """
    which.function_or_release(function, alias, of_release)
    stack = context.stack(context.account())
    if release := which.release(stack, function, alias, of_release):
        of_releases.abort(stack, release, reason, follow, as_json)
        return
    lock = orders.running(stack, function, alias, "abort")
    orders.abort(stack, lock, reason)
    if follow:
        say(orders.until_over(lock, lock.target), as_json)
    elif as_json:
        click.echo(json.dumps({"deployment": lock.deployment, "aborted": True}, indent=2))
    else:
        target = lock.target
        click.echo(f"`bluegreen status {target.function} --alias {target.alias}` says when blue has all of the alias.")


def say(ended: Record, as_json: bool) -> None:
    """How the deployment that was aborted ended, and exit: 0 only if it is undone and its blue has all of the alias."""
    route = live.serving(ended.target)
    blue_has_everybody = ended.blue is None or route.alone == ended.blue
    code = EXIT_CODES.get(ended.state, CUT_SHORT) or CUT_SHORT
    code = 0 if blue_has_everybody and ended.state != ROLLBACK_FAILED else code
    if as_json:
        shown = {"deployment": ended.id, "aborted": True, "end": ended.state, "error": ended.error}
        click.echo(json.dumps({**shown, "cause": ended.cause, "serving": route.serving}, indent=2))
    elif blue_has_everybody:
        last(f"Aborted {ended.id} ({ended.state}): {ended.target} is served by {route}.", code)
    else:
        why = sentence(ended.cause or "It was complete before the abort")
        last(f"{ended.state}: {why} {ended.target} is served by {route}.", code)
    click.get_current_context().exit(code)
