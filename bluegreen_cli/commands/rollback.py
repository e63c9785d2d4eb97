"""
`bluegreen rollback`: back to the version that served before.

If a deployment runs, the command aborts it as `bluegreen abort` does. Otherwise it starts a deployment of that version.
A release goes back in the same way, as a whole.
"""

import json

import click

from bluegreen.document import DEPLOYED
from bluegreen.errors import DeploymentError
from bluegreen.ledger import deployments, locks, serving, tests
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import OPEN
from bluegreen.target import Target
from bluegreen_cli import completion, launch, live, orders, request, which
from bluegreen_cli.commands.abort import say
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import NOTHING_CHANGED, NOTHING_STOPPED, Refused, explained
from bluegreen_cli.releases import launch as launch_release
from bluegreen_cli.releases import orders as of_releases
from bluegreen_cli.releases import rollback as back
from bluegreen_cli.releases import told as releases
from bluegreen_cli.stack import Stack


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="The stack's default unless given.")
@which.release_option
@click.option(
    "--to", "version", metavar="VERSION", help="Any published version; the one that served before unless given."
)
@click.option("--reason", default="", metavar="TEXT", help="Why a deployment that runs is aborted; people see it.")
@click.option("--no-smoke-tests", is_flag=True, help="For an emergency: shift the alias without a smoke test.")
@click.option("--override-freeze", metavar="WHY", help="Go back in spite of a freeze; the record says why and who.")
@click.option("--follow/--no-follow", default=True, help="Watch it to its end, or only start it.")
@json_option
@click.pass_obj
def rollback(
    context: Context,
    function: str,
    alias: str | None,
    of_release: bool,
    version: str | None,
    reason: str,
    no_smoke_tests: bool,
    override_freeze: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """
    Give FUNCTION's alias back to the version that served before.

    If a deployment runs, the command aborts it and waits until its blue has all of the alias. If none runs, the command
    deploys the version that served before, all at once; `--to` names any other version. A second rollback goes one
    version further back, never forward again. It makes the smoke tests that were written for that version's own
    deployment, and no others. A freeze does not keep a running deployment from being aborted, but it refuses the
    deployment of an earlier version: add --override-freeze.

    With a release's id instead of a function's name: a release that runs is aborted. After one that has ended a new
    release gives every function the version back that served before, unless a function was deployed to since.
    """
    which.function_or_release(function, alias, of_release)
    account = context.account()
    stack = context.stack(account)
    if release := which.release(stack, function, alias, of_release):
        if version:
            raise click.UsageError("--to is for a function. A release goes back as a whole.")
        if release.live:
            of_releases.abort(stack, release, reason, follow, as_json)
            return
        _release(stack, release.id, override_freeze, no_smoke_tests, follow, as_json)
        return
    with which.meant(stack, function, alias):
        named = request.names(function, alias)
        target = named.at(stack)
    with explained("reading the deployments table", NOTHING_CHANGED):
        lock = locks.held(target)
    if lock and lock.release:
        raise Refused(
            f"{target} is deployed to by the release {lock.release}, whose functions go together",
            NOTHING_CHANGED,
            f"`bluegreen rollback {lock.release}` puts every function of it back.",
        )
    if lock and _goes_there(lock, version):
        click.echo(f"Deployment {lock.deployment} is that rollback already.", err=True)
        if follow:
            launch.to_the_end(lock.held_by, target, as_json)
        launch.started(lock.held_by, as_json)
        return
    if lock:
        if version:
            request.check({"function": target.function, "artifact": {"version": version}}, NOTHING_STOPPED)
            launch.must_be_published(target, version, NOTHING_STOPPED)
        if _is_open(lock):
            orders.abort(stack, lock, reason)
        if not follow:
            _say_what_was_aborted(lock, version, as_json)
            return
        ended = orders.until_over(lock, target)
        if ended.state != DEPLOYED and version in (None, ended.blue):
            say(ended, as_json)
    if version is None:
        with which.meant(stack, function, alias):
            version = _served_before(target)
        click.echo(f"Version {version} served before.", err=True)
    without_tests = no_smoke_tests or _nothing_is_written_for(target, version)
    asked = request.of_version(named, version, without_tests, override_freeze)
    arn = launch.start(asked, stack, account)
    if follow:
        launch.to_the_end(arn, target, as_json)
    else:
        launch.started(arn, as_json)


def _release(
    stack: Stack, name: str, override_freeze: str | None, no_smoke_tests: bool, follow: bool, as_json: bool
) -> None:
    """Start the release that goes back."""
    with explained("reading the deployments table", NOTHING_CHANGED):
        known = releases.read(name)
    assert known, "its record was read a moment ago"
    arn = launch_release.start(back.document(known, stack, override_freeze, no_smoke_tests), stack)
    if follow:
        launch_release.to_the_end(arn, as_json, takes_back=name)
    else:
        launch_release.started(arn, as_json)


def _is_open(lock: Lock) -> bool:
    """One that is rolled back already needs no order."""
    with explained("reading the deployments table", NOTHING_STOPPED):
        record = deployments.find(lock.deployment)
    if record is None or record.state == OPEN:
        return True
    click.echo(f"Deployment {lock.deployment} is being rolled back already.", err=True)
    return False


def _say_what_was_aborted(lock: Lock, version: str | None, as_json: bool) -> None:
    """No version can be deployed before that deployment is undone, so `--to` is left to the next command."""
    target = lock.target
    if as_json:
        click.echo(json.dumps({"deployment": lock.deployment, "aborted": True}, indent=2))
    else:
        click.echo(f"`bluegreen status {target.function} --alias {target.alias}` says when blue has all of the alias.")
    if version:
        click.echo(
            f"Version {version} was not deployed: `bluegreen rollback {target.function} --alias {target.alias} --to "
            f"{version}` does that once blue has all of the alias.",
            err=True,
        )


def _nothing_is_written_for(target: Target, version: str) -> bool:
    """No deployment is known to have brought the version. A ledger that does not answer holds no rollback up."""
    try:
        return tests.written_for(target, version) is None
    except DeploymentError:
        return False


def _goes_there(lock: Lock, version: str | None) -> bool:
    """The deployment that runs is itself the rollback that is asked for."""
    with explained("reading the deployments table", NOTHING_CHANGED):
        record = deployments.find(lock.deployment)
        if record is None or record.new_code or not record.blue:
            return False
        brought = serving.of_version(lock.target, record.blue)
    return record.green == (version or (brought.before if brought else None))


def _served_before(target: Target) -> str:
    """The version that was replaced by the one that serves now, as the ledger knows it."""
    route = live.serving(target)
    if route.alone is None:
        raise Refused(
            f"{target} is served by {route}, and no deployment runs: someone split the alias by hand",
            NOTHING_CHANGED,
            f"Point it to one version first, as with `{target.by_hand(route.primary)}`.",
        )
    with explained("reading the deployments table", NOTHING_CHANGED):
        brought = serving.of_version(target, route.alone)
    if brought:
        return brought.before
    raise Refused(
        f"there is no record of a deployment that gave {target} to {route}, so what served before is unknown",
        NOTHING_CHANGED,
        f"Name a version with --to; `aws lambda list-versions-by-function --function-name {target.function}` "
        "lists them.",
    )
