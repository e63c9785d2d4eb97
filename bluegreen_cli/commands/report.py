"""`bluegreen report`: a deployment as one HTML page, for people who were not there."""

import json

import click

from bluegreen_cli import completion, request
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.report import deployment as page
from bluegreen_cli.report import told
from bluegreen_cli.report.written import STDOUT, write

LISTED = "`bluegreen history FUNCTION` lists the deployments."
OR_FORCE = "Name another file with --output, or write over this one with --force."


@click.command()
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("-o", "--output", metavar="FILE", help="Where to; - is stdout. DEPLOYMENT.html here unless given.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
@click.pass_obj
def report(context: Context, deployment: str, output: str | None, force: bool, as_json: bool) -> None:
    """
    Write DEPLOYMENT (its id) as one HTML page: every step, weights, requests, odds, and how it ended.

    The page needs no network and has no script. Of a deployment that runs it shows what is known so far.
    """
    request.must_be_an_id(deployment, LISTED)
    path = output or f"{deployment}.html"
    if path == STDOUT and as_json:
        raise click.UsageError("--json and --output - exclude each other: both are for stdout.")
    context.stack(context.account())
    with explained(f"reading {deployment}", NOTHING_CHANGED):
        try:
            found = told.read(deployment)
        except ValueError as error:
            raise Refused(
                f"the record of {deployment} was written by another version of this stack, and cannot be read",
                NOTHING_CHANGED,
                "Use that version's command.",
            ) from error
    if found is None:
        raise Refused(f"there is no deployment {deployment}, or it has not begun yet", NOTHING_CHANGED, LISTED)
    size = write(page.report(found, serving_if_known(found.record.target)), path, force=force, advice=OR_FORCE)
    if path == STDOUT:
        return
    if as_json:
        click.echo(json.dumps({"deployment": deployment, "path": path, "bytes": size}, indent=2))
        return
    click.echo(f"{path}: {size:,} bytes. A browser shows it, without a network.")
