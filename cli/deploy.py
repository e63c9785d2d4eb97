"""`bluegreen deploy`: from a zip, a folder or an object to the version that serves."""

from typing import Any

import click

from cli import request, starting
from cli.place import Place, json_option


@click.command()
@request.options
@click.option("--follow/--no-follow", default=True, help="Watch it to its end, or only start it.")
@json_option
@click.pass_obj
def deploy(place: Place, /, follow: bool, as_json: bool, **said: Any) -> None:
    """
    Deploy new code, or a version that exists, to FUNCTION's alias.

    The request is checked here in the words of the state machine, the zip (or the folder, as a zip) is uploaded, the
    execution started and followed. Ctrl-C stops the following, not the deployment.
    """
    asked = request.read(**said)
    account = place.account()
    stack = place.stack(account)
    arn = starting.start(asked, stack, account)
    if follow:
        starting.to_the_end(arn, asked.function, asked.alias(stack.default_alias), as_json)
    else:
        starting.started(arn, as_json)
