"""`bluegreen approve`: a person lets a deployment that waits go on."""

import click

from bluegreen_cli.context import Context, json_option
from bluegreen_cli.decide import decide


@click.command()
@click.argument("deployment")
@click.option("--reason", metavar="TEXT", help="Stands in the record, beside who decided.")
@json_option
@click.pass_obj
def approve(context: Context, deployment: str, reason: str | None, as_json: bool) -> None:
    """
    Let DEPLOYMENT, which waits for a person, take its next step.

    The API notes who signed the request. Where the deployment's own request says `other_than_starter`, the principal
    that started it is refused.
    """
    decide(context, deployment, "approve", reason, as_json)
