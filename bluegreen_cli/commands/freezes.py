"""`bluegreen freezes`: the freezes that are not over."""

import json

import click

from bluegreen import clock
from bluegreen.decisions.freezing import fits
from bluegreen.ledger import freezes as ledger
from bluegreen_cli import completion
from bluegreen_cli.commands.freeze import said
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.request import names


@click.command()
@click.argument("function", shell_complete=completion.functions, required=False)
@json_option
@click.pass_obj
def freezes(context: Context, function: str | None, as_json: bool) -> None:
    """List the freezes, or those that are for FUNCTION."""
    named = names(function) if function else None
    stack = context.stack(context.account())
    if named:
        named.must_be_in(stack)
    with explained("reading the deployments table", NOTHING_CHANGED):
        found = ledger.everywhere(stack.target("", None))
    now = clock.now()
    shown = [each.to_json(now) for each in found if named is None or fits(each.pattern, named.function)]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    for each in shown:
        click.echo(said(each))
    if not shown:
        click.echo(f"No freeze is for {named.function}." if named else "There is no freeze.")
