"""`bluegreen adopt`: an existing function gets a version, an alias and the tag. Its callers notice nothing."""

import json
from dataclasses import asdict, dataclass

import click

from bluegreen import clock
from bluegreen.aws import aliases, callers, functions
from bluegreen.aws.client import in_our_words
from bluegreen.decisions.route import Route
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import NotFound, StillInProgress
from bluegreen.opening import bypass, day, owners
from bluegreen.opening.glances import Glances
from bluegreen.opening.permitted import is_own, of_the_stack
from bluegreen.opening.preflight import not_seen
from bluegreen.target import Target
from bluegreen_cli import completion, own_log
from bluegreen_cli.aws import client
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.request import names

PATIENCE_SECONDS = 600
MAPPINGS_PATIENCE_SECONDS = 300
"""How long the command waits until moved event source mappings invoke the function again."""
MAPPINGS_PAUSE_SECONDS = 3


@dataclass(frozen=True)
class Adopted:
    """A function that is ready for deployments, the steps that made it so, and what people should know of it."""

    function: str
    alias: str
    version: str
    did: tuple[str, ...]
    warnings: tuple[str, ...]


logs_option = click.option(
    "--logs/--no-logs",
    "tags_log",
    default=True,
    show_default=True,
    help="Tag the function's log group, so that the stack may search it.",
)


@click.command()
@click.argument("function", shell_complete=completion.functions)
@click.option("--alias", metavar="NAME", help="The stack's default unless given, PROD without a stack.")
@click.option("--move-callers", is_flag=True, help="Point the event source mappings of the function to the alias.")
@logs_option
@json_option
@click.pass_obj
def adopt(
    context: Context, function: str, alias: str | None, move_callers: bool, tags_log: bool, as_json: bool
) -> None:
    """
    Prepare an existing FUNCTION for deployments.

    If the alias is missing or points to $LATEST, the command publishes $LATEST and points the alias to that version.
    Then it sets the tag bluegreen:managed, also on the function's log group, so that a rollback can say what green's
    log has most often. Callers get the same code as before. A second adoption changes nothing.

    Callers of the function itself are named with the commands that move them to the alias. With --move-callers the
    command moves the event source mappings; each goes on from where it stands.
    """
    named = names(function, alias)
    account = context.account()
    named.must_be_in(account)
    target = account.target(named.function, named.alias or context.default_alias())
    say(adopted(target, context.stack_name, move_callers, tags_log=tags_log), as_json)


def say(done: Adopted, as_json: bool) -> None:
    """Print the result."""
    if as_json:
        click.echo(json.dumps(asdict(done), indent=2))
        return
    did = "; ".join(done.did) or "there was nothing to do"
    click.echo(f"{done.function}:{done.alias} is served by version {done.version}: {did}.")
    for warning in done.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"`bluegreen deploy {done.function} PATH --alias {done.alias}` deploys to it.", err=True)
    click.echo(
        f"A deployment invokes {done.function} for real: new code twice with each case of --smoke-tests FILE, twice "
        "with {} without any (and blue as often if that fails), never with --no-smoke-tests.",
        err=True,
    )


def must_not_be_of(stack: str, function: str, untouched: str, tags: dict[str, str] | None = None) -> None:
    """Raises Refused for one of the stack's own functions, which it does not deploy."""
    if is_own(stack, function, tags):
        raise Refused(of_the_stack(stack, function).problem, untouched, "Name a function of your own.")


def adopted(target: Target, stack: str, move_callers: bool = False, *, tags_log: bool = True) -> Adopted:
    """Adopt the function, reading before each change. Raises Refused before the first change, and Failed."""
    function, alias = target.function, target.alias
    option = " --move-callers" if move_callers else ""
    again = (
        f"`bluegreen adopt {function} --alias {alias}{option}` goes on where this stopped; callers still get the same "
        "code."
    )
    with explained(f"reading {function}", NOTHING_CHANGED):
        latest = _latest(target)
        found = _alias(target)
        arn, tags = _arn_and_tags(function)
    must_not_be_of(stack, function, NOTHING_CHANGED, tags)
    did: list[str] = []
    with explained(f"adopting {function}", lambda: _so_far(did), again):
        if found is None or found.route.primary == functions.LATEST:
            version = _published(target, latest)
            did.append(f"version {version} has the code of $LATEST")
            if found is None:
                with in_our_words():
                    client("lambda").create_alias(FunctionName=function, Name=alias, FunctionVersion=version)
                did.append(f"alias {alias} was created")
            else:
                aliases.point(target, Route(primary=version), found.revision)
                did.append(f"alias {alias} was moved from $LATEST to the same code")
        else:
            version = found.route.alone or found.route.primary
        if tags.get(OPT_IN_TAG) != OPTED_IN:
            with in_our_words():
                client("lambda").tag_resource(Resource=arn, Tags={OPT_IN_TAG: OPTED_IN})
            did.append(f"tag {OPT_IN_TAG} was set")
        untagged = own_log.opt_in(target, latest, did) if tags_log else ""
        if move_callers:
            _move_callers(target, did)
    pointed_by_others = found is not None and found.route.alone == version and tags.get(OPT_IN_TAG) != OPTED_IN
    warnings = _warnings(target, tags, latest, version, pointed_by_others)
    warnings += (untagged,) if untagged else ()
    return Adopted(function, alias, version, tuple(did), warnings)


def ready(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
    """Wait until Lambda has finished with it. Raises UpdateFailed, or StillInProgress after ten minutes."""
    until = clock.now() + PATIENCE_SECONDS
    while True:
        try:
            return functions.when_ready(target, qualifier)
        except StillInProgress as error:
            if clock.now() >= until:
                raise
            click.echo(f"Waiting: {error}", err=True)


def _latest(target: Target) -> functions.Function:
    try:
        return ready(target)
    except NotFound as error:
        raise Refused(
            f"there is no function {target.function} in this account and region",
            NOTHING_CHANGED,
            "Correct the name or the region, or create it with `bluegreen create`.",
        ) from error


def _alias(target: Target) -> aliases.Alias | None:
    try:
        found = aliases.read(target)
    except NotFound:
        return None
    if found.route.alone is None:
        raise Refused(
            f"{target} is split: {found.route}",
            NOTHING_CHANGED,
            "Wait for the deployment under way. If `bluegreen status` says there is none, point the alias to one "
            f"version: `{target.by_hand(found.route.primary)}`.",
        )
    return found


def _published(target: Target, latest: functions.Function) -> str:
    version = functions.publish(target, latest, "bluegreen adopt")
    ready(target, version)
    return version


def _arn_and_tags(function: str) -> tuple[str, dict[str, str]]:
    with in_our_words():
        answer = client("lambda").get_function(FunctionName=function)
    return answer["Configuration"]["FunctionArn"], answer.get("Tags", {})


def _move_callers(target: Target, did: list[str]) -> None:
    """Every event source mapping of the function itself, also one that is disabled."""
    moved = callers.mappings(target)
    until = clock.now() + MAPPINGS_PATIENCE_SECONDS
    for mapping in moved:
        if mapping.state not in (callers.ENABLED, callers.DISABLED):
            _settled(mapping, until)  # Lambda changes none that it still creates or changes
        with in_our_words():
            client("lambda").update_event_source_mapping(UUID=mapping.uuid, FunctionName=str(target))
        did.append(f"the event source mapping of {mapping.source} was pointed to {target}")
    until = clock.now() + MAPPINGS_PATIENCE_SECONDS
    for mapping in moved:
        did.append(f"the event source mapping of {mapping.source} is {_settled(mapping, until)}")


def _settled(mapping: callers.Mapping, until: float) -> str:
    """The mapping's state, once it is no longer on its way there, or when time is up."""
    while True:
        with in_our_words():
            state = str(client("lambda").get_event_source_mapping(UUID=mapping.uuid)["State"])
        if state in (callers.ENABLED, callers.DISABLED):
            return state
        if clock.now() >= until:
            return f"still {state} (`aws lambda get-event-source-mapping --uuid {mapping.uuid}` says when it is done)"
        click.echo(f"Waiting: the event source mapping of {mapping.source} is {state}", err=True)
        clock.sleep(MAPPINGS_PAUSE_SECONDS)


def _warnings(
    target: Target, tags: dict[str, str], latest: functions.Function, version: str, pointed_by_others: bool
) -> tuple[str, ...]:
    """What bypasses the alias, and who else moves it. With `pointed_by_others` somebody pointed it to the version."""
    glances = Glances()
    warnings = [*bypass.told(target, bypass.find(target, glances)), *owners.of(target, tags)]
    last_day = glances.at("its metrics of the last day", lambda: day.read(target, version, latest, ()))
    if invoked := bypass.invoked(target, last_day):
        warnings.append(invoked)
    if pointed_by_others:
        warnings.append(owners.of_alias(target, version, "this product did not point it there"))
    if glances.unseen:
        warnings.append(not_seen(target.function, glances.unseen))
    return tuple(map(str, warnings))


def _so_far(did: list[str]) -> str:
    return f"Done so far: {'; '.join(did)}." if did else NOTHING_CHANGED
