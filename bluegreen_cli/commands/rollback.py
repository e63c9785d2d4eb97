"""`bluegreen rollback`: back to the version that served before, by a deployment of that version."""

import click

from bluegreen.errors import DeploymentError
from bluegreen.ledger import serving, tests
from bluegreen.target import Target
from bluegreen_cli import launch, live, request
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@click.option(
    "--to", "version", metavar="VERSION", help="Any published version; the one that served before unless given."
)
@click.option("--no-smoke-tests", is_flag=True, help="For an emergency: shift the alias without a smoke test.")
@click.option("--follow/--no-follow", default=True, help="Watch it to its end, or only start it.")
@json_option
@click.pass_obj
def rollback(
    context: Context,
    function: str,
    alias: str | None,
    version: str | None,
    no_smoke_tests: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """
    Give FUNCTION's alias back to the version that served before.

    A second rollback goes one version further back, never forward again; `--to` names any other version. A rollback is
    a deployment of a version that exists, all at once. It makes the smoke tests that were written for that version's
    own deployment, and no others.
    """
    named = request.names(function, alias)
    account = context.account()
    stack = context.stack(account)
    target = named.at(stack)
    if version is None:
        version = _served_before(target)
        click.echo(f"Version {version} served before.", err=True)
    asked = request.of_version(named, version, no_smoke_tests or _nothing_is_written_for(target, version))
    arn = launch.start(asked, stack, account)
    if follow:
        launch.to_the_end(arn, target, as_json)
    else:
        launch.started(arn, as_json)


def _nothing_is_written_for(target: Target, version: str) -> bool:
    """No deployment is known to have brought the version. A ledger that does not answer holds no rollback up."""
    try:
        return tests.written_for(target, version) is None
    except DeploymentError:
        return False


def _served_before(target: Target) -> str:
    """The version that was replaced by the one that serves now, as the ledger knows it."""
    route = live.serving(target)
    if not route.whole:
        raise Refused(
            f"{target} is served by {route}: a deployment runs, or someone split the alias by hand",
            NOTHING_CHANGED,
            f"`bluegreen status {target.function} --alias {target.alias}` tells which; --to names a version to go to.",
        )
    with explained("reading the ledger", NOTHING_CHANGED):
        brought = serving.of_version(target, route.primary)
    if brought:
        return brought.before
    raise Refused(
        f"the ledger has no deployment that gave {target} to {route}, so it does not know which version served before",
        NOTHING_CHANGED,
        f"Name a version with --to; `aws lambda list-versions-by-function --function-name {target.function}` "
        "lists them.",
    )
