"""`bluegreen watch`: follow a deployment that somebody started."""

import click

from bluegreen.aws import executions
from bluegreen.errors import NotFound
from cli import starting
from cli.follow import seen
from cli.place import Place, json_option
from cli.problems import Refused, explained

NOTHING = "Nothing was changed."


@click.command()
@click.argument("deployment")
@json_option
@click.pass_obj
def watch(place: Place, deployment: str, as_json: bool) -> None:
    """Follow DEPLOYMENT (its id, which is its execution's name) to its end, and exit as `deploy` does."""
    stack = place.stack(place.account())
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
    starting.to_the_end(arn, str(request.get("function")), alias, as_json)
