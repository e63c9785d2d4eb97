"""`bluegreen adopt`: an existing function gets a version, an alias and the tag, and its callers notice nothing."""

import json
from dataclasses import asdict, dataclass

import click

from bluegreen import clock
from bluegreen.aws import aliases, functions
from bluegreen.aws.client import in_our_words
from bluegreen.decisions.route import Route
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import NotFound, StillInProgress
from bluegreen_cli.aws import client
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import versions
from bluegreen_cli.problems import Refused, explained
from bluegreen_cli.request import check_names

NOTHING = "Nothing was changed."
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class Adopted:
    """A function that is ready to be deployed to, and what was done to make it so."""

    function: str
    alias: str
    version: str
    did: tuple[str, ...]


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="The stack's default unless given, PROD without a stack.")
@json_option
@click.pass_obj
def adopt(context: Context, function: str, alias: str | None, as_json: bool) -> None:
    """
    Make an existing FUNCTION one that may be deployed to.

    Publishes what serves today, creates the alias if it is missing, sets the tag bluegreen:managed. What callers get
    does not change; doing it again does nothing.
    """
    check_names(function, alias)
    context.account()
    say(adopted(function, alias or context.default_alias()), as_json)


def say(done: Adopted, as_json: bool) -> None:
    """The result."""
    if as_json:
        click.echo(json.dumps(asdict(done), indent=2))
        return
    did = "; ".join(done.did) or "nothing was to be done"
    click.echo(f"{done.function}:{done.alias} is served by version {done.version}: {did}.")
    click.echo(f"`bluegreen deploy {done.function} PATH --alias {done.alias}` deploys to it.", err=True)


def adopted(function: str, alias: str) -> Adopted:
    """Adopt it, reading before each change; Refused leaves it as it was."""
    again = f"`bluegreen adopt {function} --alias {alias}` goes on where this stopped; callers get what they got."
    with explained(f"reading {function}", NOTHING):
        latest = _latest(function)
        found = _alias(function, alias)
    did: list[str] = []
    with explained(f"adopting {function}", lambda: _so_far(did), again):
        if found is None or found.route.primary == functions.LATEST:
            version = _published(function, latest)
            did.append(f"version {version} is what $LATEST is")
            if found is None:
                with in_our_words():
                    client("lambda").create_alias(FunctionName=function, Name=alias, FunctionVersion=version)
                did.append(f"alias {alias} was created")
            else:
                aliases.point(function, alias, Route(primary=version), found.revision)
                did.append(f"alias {alias} was moved from $LATEST to the same code")
        else:
            version = found.route.primary
        if not latest.opted_in:
            _tag(function)
            did.append(f"tag {OPT_IN_TAG} was set")
    return Adopted(function, alias, version, tuple(did))


def ready(function: str, qualifier: str = functions.LATEST) -> functions.Function:
    """Wait until Lambda has finished with it. Raises UpdateFailed, or StillInProgress after ten minutes."""
    until = clock.now() + PATIENCE_SECONDS
    while True:
        try:
            return functions.when_ready(function, qualifier)
        except StillInProgress as error:
            if clock.now() >= until:
                raise
            click.echo(f"Waiting: {error}", err=True)


def _latest(function: str) -> functions.Function:
    try:
        return ready(function)
    except NotFound as error:
        raise Refused(
            f"there is no function {function} in this account and region",
            NOTHING,
            "Correct the name or the region, or create it with `bluegreen create`.",
        ) from error


def _alias(function: str, alias: str) -> aliases.Alias | None:
    try:
        found = aliases.read(function, alias)
    except NotFound:
        return None
    if not found.route.whole:
        raise Refused(
            f"{function}:{alias} is split: {versions(found.route)}",
            NOTHING,
            "Wait for the deployment under way; if `bluegreen status` says there is none, point it to one version: "
            f"`aws lambda update-alias --function-name {function} --name {alias} "
            f"--function-version {found.route.primary} --routing-config AdditionalVersionWeights={{}}`.",
        )
    return found


def _published(function: str, latest: functions.Function) -> str:
    green = functions.publish(function, latest, "bluegreen adopt")
    ready(function, green.version)
    return green.version


def _tag(function: str) -> None:
    with in_our_words():
        arn = client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
        client("lambda").tag_resource(Resource=arn, Tags={OPT_IN_TAG: OPTED_IN})


def _so_far(did: list[str]) -> str:
    return f"Done so far: {'; '.join(did)}." if did else NOTHING
