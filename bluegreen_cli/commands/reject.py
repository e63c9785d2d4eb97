"""`bluegreen reject`: a person lets a deployment that waits be rolled back."""

import click

from bluegreen_cli.context import Context, json_option
from bluegreen_cli.decide import decide


@click.command()
@click.argument("deployment")
@click.option("--reason", metavar="TEXT", help="Stands in the record, beside who decided.")
@json_option
@click.pass_obj
def reject(context: Context, deployment: str, reason: str | None, as_json: bool) -> None:
    """
    Roll back DEPLOYMENT, which waits for a person.

    The record and the notification say who rejected it, and the reason.
    """
    decide(context, deployment, "reject", reason, as_json)
