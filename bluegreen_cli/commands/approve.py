"""`bluegreen approve`: let a deployment that waits for an approval take its next step."""

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
@click.option("--reason", metavar="TEXT", help="The reason. The record and the API show it.")
@json_option
@click.pass_obj
def approve(
    context: Context, deployment: str, of_release: bool, step: int | None, reason: str | None, as_json: bool
) -> None:
    """
    Let DEPLOYMENT (its id), which waits for an approval, take its next step.

    The API notes who signed the request. Where the deployment's own request says `other_than_starter`, the principal
    that started it is refused. With a release's id: the wave that waits is shifted.
    """
    decide(context, deployment, "approve", step, reason, as_json, of_release)
