"""`bluegreen report`: a deployment or a release as one HTML page, for people who were not there."""

import json

import click

from bluegreen_cli import completion, evidence, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.releases import told as releases
from bluegreen_cli.report import deployment as page
from bluegreen_cli.report import release, told
from bluegreen_cli.report.written import STDOUT, write

OR_FORCE = "Name another file with --output, or write over this one with --force."


@click.command()
@click.argument("deployment", shell_complete=completion.deployments_and_releases)
@which.alias_option
@which.release_option
@click.option("-o", "--output", metavar="FILE", help="Where to; - is stdout. DEPLOYMENT.html here unless given.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
@click.pass_obj
def report(
    context: Context,
    deployment: str,
    alias: str | None,
    of_release: bool,
    output: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """
    Write DEPLOYMENT (its id) as one HTML page: every step, weights, requests, odds, and how it ended.

    With a function's name instead of an id: its deployment that runs, or else its last one. The page needs no network
    and has no script. Of a deployment that runs it shows what is known so far. With a release's id: the whole release,
    with links to the reports of its functions, which lie beside it if they were written.
    """
    which.must_be_one(deployment)
    if output == STDOUT and as_json:
        raise click.UsageError("--json and --output - exclude each other: both are for stdout.")
    stack = context.stack(context.account())
    if which.release(stack, deployment, alias, of_release):
        _written("release", deployment, release.report(_of_release(deployment)), output, force, as_json)
        return
    found = _found(deployment)
    if found is None:
        deployment = which.of_function(stack, deployment, alias)
        found = _found(deployment)
    if found is None:
        raise which.none_such(deployment)
    text = page.report(found, serving_if_known(found.record.target))
    _written("deployment", deployment, text, output, force, as_json)


def _written(what: str, name: str, text: str, output: str | None, force: bool, as_json: bool) -> None:
    path = output or f"{name}.html"
    size = write(text, path, force=force, advice=OR_FORCE)
    if path == STDOUT:
        return
    if as_json:
        click.echo(json.dumps({what: name, "path": path, "bytes": size}, indent=2))
        return
    click.echo(f"{path}: {size:,} bytes. A browser shows it, without a network.")


def _of_release(name: str) -> release.Shown:
    with explained(f"reading {name}", NOTHING_CHANGED):
        known = releases.read(name)
        assert known, "its record was read a moment ago"
        return release.Shown(known, tuple(evidence.steps(known.record.owner)))


def _found(deployment: str) -> told.Told | None:
    """None if there is no such deployment, or if it has not begun yet."""
    with explained(f"reading {deployment}", NOTHING_CHANGED):
        try:
            return told.read(deployment)
        except ValueError as error:
            raise Refused(
                f"the record of {deployment} was written by another version of this stack, and cannot be read",
                NOTHING_CHANGED,
                "Use that version's command.",
            ) from error
