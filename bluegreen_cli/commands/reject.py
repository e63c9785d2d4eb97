"""`bluegreen reject`: refuse a deployment that waits for an approval; it is rolled back."""

import click

from bluegreen_cli import completion, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.decide import decide


@click.command()
@click.argument("deployment", shell_complete=completion.deployments_and_releases)
@which.release_option
@click.option(
    "--step",
    "--wave",
    "step",
    type=click.IntRange(min=1),
    help="The step, or the wave of a release, that is meant, if another may wait.",
)
@click.option("--reason", metavar="TEXT", help="The reason. The record, the API and the notification show it.")
@json_option
@click.pass_obj
def reject(
    context: Context, deployment: str, of_release: bool, step: int | None, reason: str | None, as_json: bool
) -> None:
    """
    Roll back DEPLOYMENT (its id), which waits for an approval.

    The record and the notification say who rejected it, and the reason. With a release's id: every function of the
    release is rolled back.
    """
    decide(context, deployment, "reject", step, reason, as_json, of_release)
