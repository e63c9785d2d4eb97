"""`bluegreen create`: a new function from a zip or a folder, with version 1 behind an alias."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.aws.client import in_our_words
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.errors import AwsUnavailable, DeploymentError, NotFound
from bluegreen.request.handler_file import SEARCHED_TOO, missing
from bluegreen.request.smoke_tests import Case
from bluegreen.target import Target
from bluegreen.text import by_type, plain, sentence
from bluegreen_cli.aws import client
from bluegreen_cli.commands.adopt import adopted, logs_option, must_not_be_of, say
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.package import Package
from bluegreen_cli.problems import IT_WAS_NOT_CHANGED, NOTHING_CREATED, Lost, Refused, explained
from bluegreen_cli.request import LONGEST_SHOWN, names

MOST_BYTES = 50 * 1024 * 1024
"""Of a zip in the call itself, as Lambda limits it."""

ROLE_ATTEMPTS = 8
ROLE_PAUSE_SECONDS = 3
"""IAM takes some seconds until Lambda may assume a new role."""


@click.command()
@click.argument("function")
@click.option("--zip", "zip_file", metavar="FILE", help="A zip of the function's code.")
@click.option("--dir", "folder", metavar="FOLDER", help="The folder of the function's code; it becomes a zip.")
@click.option("--runtime", required=True, metavar="NAME", help="For instance nodejs22.x or python3.14.")
@click.option("--handler", required=True, metavar="NAME", help="For instance index.handler.")
@click.option("--role", required=True, metavar="ARN", help="The function's execution role; you need iam:PassRole.")
@click.option("--alias", metavar="NAME", help="The stack's default unless given, PROD without a stack.")
@click.option("--architecture", type=click.Choice(["arm64", "x86_64"]), default="x86_64", show_default=True)
@click.option("--memory", type=click.IntRange(128, 10_240), metavar="MB", help="Lambda's default unless given.")
@click.option("--timeout", type=click.IntRange(1, 900), metavar="SECONDS", help="Lambda's default unless given.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="An environment variable; repeat it.")
@click.option("--description", metavar="TEXT", help="The function's description.")
@click.option(
    "--try/--no-try",
    "tried",
    default=True,
    show_default=True,
    help="Invoke it once for real, with {}, and say what came.",
)
@logs_option
@json_option
@click.pass_obj
def create(
    context: Context,
    /,
    function: str,
    zip_file: str | None,
    folder: str | None,
    alias: str | None,
    variables: tuple[str, ...],
    tried: bool,
    tags_log: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """
    Create FUNCTION from a zip or a folder, with version 1 behind an alias and the tag bluegreen:managed.

    The command invokes it once with {}, as a deployment does without smoke tests of its own, and warns if that fails.

    The command refuses a function that exists: `bluegreen adopt` prepares that one.
    """
    if bool(zip_file) == bool(folder):
        raise click.UsageError("Say where the code is: --zip FILE or --dir FOLDER.")
    named = names(function, alias, NOTHING_CREATED)
    package = Package.read(Path(zip_file or folder or ""))
    if len(package.content) > MOST_BYTES:
        raise Refused(
            f"{package.origin} has {len(package.content) / 2**20:.0f} MB; in creating a function Lambda takes 50 MB",
            NOTHING_CREATED,
            "Create it with a small zip and then `bluegreen deploy` this one, which goes through S3.",
        )
    environment = dict(_variable(each) for each in variables)
    _must_have_the_handler(package, settings["runtime"], settings["handler"], environment)
    account = context.account()
    named.must_be_in(account, NOTHING_CREATED)
    must_not_be_of(context.stack_name, named.function, NOTHING_CREATED)
    target = account.target(named.function, named.alias or context.default_alias())
    _refuse_existing(target)
    _create(target.function, package, environment, settings)
    click.echo(f"Created {target.function}.", err=True)
    done = adopted(target, context.stack_name, tags_log=tags_log)
    failed = _tried(target) if tried else ""
    say(replace(done, warnings=(*done.warnings, failed)) if failed else done, as_json)
    if not tried:
        by_hand = f"aws lambda invoke --function-name {target.function} --qualifier {target.alias} /dev/stdout"
        click.echo(f"`{by_hand}` tries it.", err=True)


def _tried(target: Target) -> str:
    """Invoke what the alias serves, and say what came. A warning if that is an error: it may be no event for it."""
    try:
        reply = functions.invoke(target, target.alias, Case(name="create", payload={}))
    except DeploymentError as error:
        return f"it could not be tried: {error}"
    if reply.error:
        said = sentence(f"{target} was invoked with {{}} and failed: {reply.error}: {reply.error_message}")
        return (
            f"{said} If {{}} is no event that it takes, give deployments smoke tests of their own; otherwise correct "
            f"the code and `bluegreen deploy {target.function} PATH --alias {target.alias}` it."
        )
    click.echo(f"Tried: {target} answered {{}} in {reply.duration_ms:,.0f} ms with {by_type(reply.payload)}.", err=True)
    return ""


def _must_have_the_handler(package: Package, runtime: str, handler: str, environment: dict[str, str]) -> None:
    """Raises Refused if the runtime would not find the handler's file. With some variables it looks elsewhere, too."""
    file = missing(runtime, handler, package.contents)
    if file and not any(name in environment for name in SEARCHED_TOO):
        raise Refused(
            f"the handler is {plain(handler)}, and {package.origin} has no file {plain(file)}",
            NOTHING_CREATED,
            "Correct --handler, or zip the content of the code's folder, not the folder.",
        )


@contextmanager
def _an_answer(function: str) -> Iterator[None]:
    """Raises Lost if AWS gives none: the function may be there."""
    try:
        yield
    except AwsUnavailable as error:
        raise Lost(
            f"AWS gave no answer to the creation of {function}: {error}",
            "The function may have been created.",
            f"`bluegreen adopt {function}` goes on if it was; otherwise create it again.",
        ) from error


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--env {plain(text, LONGEST_SHOWN)}: write NAME=VALUE.")
    return name, value


def _refuse_existing(target: Target) -> None:
    with explained(f"looking for {target.function}", NOTHING_CREATED):
        try:
            functions.describe(target)
        except NotFound:
            return
    raise Refused(
        f"there is a function {target.function} already",
        IT_WAS_NOT_CHANGED,
        f"`bluegreen adopt {target.function} --alias {target.alias}` prepares it for deployments.",
    )


def _create(function: str, package: Package, environment: dict[str, str], settings: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {
        "FunctionName": function,
        "Runtime": settings["runtime"],
        "Handler": settings["handler"],
        "Role": settings["role"],
        "Architectures": [settings["architecture"]],
        "Code": {"ZipFile": package.content},
        "Tags": {OPT_IN_TAG: OPTED_IN},
    }
    optional = {
        "MemorySize": settings["memory"],
        "Timeout": settings["timeout"],
        "Description": settings["description"],
        "Environment": {"Variables": environment} if environment else None,
    }
    wanted |= {name: value for name, value in optional.items() if value is not None}
    with explained(f"creating {function}", NOTHING_CREATED), _an_answer(function), in_our_words():
        for attempt in range(1, ROLE_ATTEMPTS + 1):
            try:
                client("lambda").create_function(**wanted)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceConflictException":
                    raise Refused(
                        f"someone else created {function} just now",
                        IT_WAS_NOT_CHANGED,
                        "Read its configuration before you go on.",
                    ) from error
                if "cannot be assumed" not in str(error) or attempt == ROLE_ATTEMPTS:
                    raise
                click.echo("Waiting: Lambda cannot assume the role yet", err=True)
                clock.sleep(ROLE_PAUSE_SECONDS)
