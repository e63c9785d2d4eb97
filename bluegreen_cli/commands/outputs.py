"""`bluegreen outputs`: the outputs of the stack, as other tools need them."""

import json

import click

from bluegreen_cli import stack
from bluegreen_cli.context import Context, json_option


@click.command()
@json_option
@click.pass_obj
def outputs(context: Context, as_json: bool) -> None:
    """List the stack's outputs: the API's address, the bucket, the state machine, the policies for people."""
    found = stack.outputs(context.stack_name, context.account())
    if as_json:
        click.echo(json.dumps({each.name: each.value for each in found}, indent=2))
        return
    widest = max((len(each.name) for each in found), default=0)
    for each in found:
        click.echo(f"{each.name:<{widest}}  {each.value}")
