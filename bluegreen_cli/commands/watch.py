"""`bluegreen watch`: follow a deployment that somebody started."""

import click

from bluegreen.aws import executions
from bluegreen.errors import NotFound
from bluegreen_cli import launch
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.follow import seen
from bluegreen_cli.problems import Refused, explained

NOTHING = "Nothing was changed."


@click.command()
@click.argument("deployment")
@json_option
@click.pass_obj
def watch(context: Context, deployment: str, as_json: bool) -> None:
    """Follow DEPLOYMENT (its id, which is its execution's name) to its end, and exit as `deploy` does."""
    stack = context.stack(context.account())
    arn = executions.arn_of(stack.machine, deployment)
    with explained(f"looking for {deployment}", NOTHING):
        try:
            request = seen(arn).document
        except NotFound as error:
            raise Refused(
                f"there is no deployment {deployment}, or it is longer ago than Step Functions remembers",
                NOTHING,
                "`bluegreen history FUNCTION` says which there were.",
            ) from error
    alias = str(request.get("alias") or stack.default_alias)
    launch.to_the_end(arn, str(request.get("function")), alias, as_json)
