"""`bluegreen unfreeze`: lift a freeze before its end."""

import json
from urllib.parse import quote

import click

from bluegreen.request.freeze import pattern_of
from bluegreen_cli import api, completion
from bluegreen_cli.commands.freeze import said
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import explained

NOTHING_LIFTED = "Nothing was lifted."


@click.command()
@click.argument("name", shell_complete=completion.functions)
@json_option
@click.pass_obj
def unfreeze(context: Context, name: str, as_json: bool) -> None:
    """
    Lift the freeze of NAME, a function or a pattern, before its end.

    NAME must be what `freeze` was given. Another freeze for the same function stays, and the command names it.
    """
    with explained("reading the name", NOTHING_LIFTED):
        pattern_of(name)
    stack = context.stack(context.account())
    with explained("reading the name", NOTHING_LIFTED):
        pattern = pattern_of(name, stack.region, stack.number)
    answer = api.ask(stack, "DELETE", f"/functions/{quote(pattern, safe='')}/freeze")
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(f"The freeze of {pattern} is lifted.")
    for each in answer.get("still", ()):
        click.echo(f"Another freeze stays: {said(each)}")
