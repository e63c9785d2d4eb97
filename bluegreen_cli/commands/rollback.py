"""`bluegreen rollback`: back to the version that served before, by a deployment of that version."""

import click

from bluegreen.ledger import records
from bluegreen_cli import launch, request
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import versions
from bluegreen_cli.live import serving
from bluegreen_cli.problems import Refused, explained

NOTHING = "Nothing was changed."


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@click.option(
    "--to", "version", metavar="VERSION", help="Any published version; the one that served before unless given."
)
@click.option("--no-smoke-tests", is_flag=True, help="In an emergency: do not ask that version anything first.")
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

    Once more goes one version further back, never forward again; `--to` names any other version. It is a deployment
    like any other, of a version that exists, all at once.
    """
    request.check_names(function, alias, NOTHING)
    account = context.account()
    stack = context.stack(account)
    if version is None:
        version = _served_before(function, alias or stack.default_alias)
        click.echo(f"Version {version} served before.", err=True)
    asked = request.of_version(function, alias, version, no_smoke_tests)
    arn = launch.start(asked, stack, account)
    if follow:
        launch.to_the_end(arn, function, asked.alias(stack.default_alias), as_json)
    else:
        launch.started(arn, as_json)


def _served_before(function: str, alias: str) -> str:
    """By the records: what the deployment replaced that brought the version that serves now."""
    route = serving(function, alias)
    if not route.whole:
        raise Refused(
            f"{function}:{alias} is served by {versions(route)}: a deployment is under way, or it was split by hand",
            NOTHING,
            f"`bluegreen status {function} --alias {alias}` says which; --to names a version to go to.",
        )
    with explained("reading the records", NOTHING):
        deployed = records.of_function(function)
    for record in deployed:
        if (record.alias, record.state, record.serving) != (alias, records.DEPLOYED, route.primary) or not record.plan:
            continue
        before = record.plan.blue.version
        if int(before) < int(route.primary):
            return before
    raise Refused(
        f"no record says which version served {function}:{alias} before version {route.primary}",
        NOTHING,
        f"Name one with --to; `aws lambda list-versions-by-function --function-name {function}` lists them.",
    )
