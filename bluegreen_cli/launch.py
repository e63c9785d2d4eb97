"""Uploading, starting, and following to the end: the common part of `deploy`, `rollback` and `watch`."""

import io
import json
import secrets
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import click

from bluegreen.aws import executions, functions
from bluegreen.aws.client import in_our_words
from bluegreen.decisions.words import of_signals
from bluegreen.errors import AwsUnavailable, DeploymentError, FunctionGone, NotFound
from bluegreen.opening.checks import no_such_function, no_such_version
from bluegreen.opening.permitted import must_be_permitted
from bluegreen.request.artifact import Existing
from bluegreen.request.names import LONGEST_EXECUTION_NAME
from bluegreen.request.request import LONGEST_STARTER
from bluegreen.request.traffic import schedule
from bluegreen.target import Target
from bluegreen_cli import api
from bluegreen_cli.aws import Account, client
from bluegreen_cli.display import display, last
from bluegreen_cli.follow import Both, follow
from bluegreen_cli.outcome import ending
from bluegreen_cli.problems import (
    NOTHING_CHANGED,
    NOTHING_STARTED,
    NOTHING_UPLOADED_OR_STARTED,
    Denied,
    Interrupted,
    Lost,
    Refused,
    Unknown,
    explained,
)
from bluegreen_cli.records import known_as_bad
from bluegreen_cli.request import Asked, check
from bluegreen_cli.stack import Stack
from bluegreen_cli.summary import Summary

WAITING = 5
"""The exit code of a command that would have to wait for a person."""


def start(asked: Asked, stack: Stack, account: Account) -> str:
    """
    Upload the package, if there is one, and start the execution; its ARN. Raises Refused before, if possible.

    A request with `other_than_starter` is started over the HTTP API, to which IAM names the caller.
    """
    asked.must_be_in(stack)
    with explained("checking the request", NOTHING_UPLOADED_OR_STARTED):
        wanted = check(asked.in_bucket(stack.bucket).request)
        must_be_permitted(wanted, stack.target(wanted.function, wanted.alias), stack.home)
    if isinstance(wanted.artifact, Existing):
        target = stack.target(wanted.function, wanted.alias)
        must_be_published(target, wanted.artifact.version, NOTHING_UPLOADED_OR_STARTED)
        if known := known_as_bad(target, wanted.artifact.version):
            click.echo(f"Warning: {known}", err=True)
    if schedule(wanted.traffic or stack.default_traffic).watched:
        said = of_signals(wanted.health)
        click.echo(f"{said[0].upper()}{said[1:]}", err=True)
    asked = _uploaded(asked, stack)
    if wanted.approval.other_than_starter:
        return _started_over_the_api(asked, stack)
    request = check(asked.said(started_by=started_by(account)).request)
    name = execution_name(asked.function)
    with explained("starting the deployment", NOTHING_STARTED):
        try:
            return executions.start(stack.machine, name, request.to_json())
        except AwsUnavailable as error:
            raise Lost(
                f"AWS gave no answer to the start of the deployment: {error}",
                "The deployment may have started.",
                f"`bluegreen watch {name}` tells whether it was started all the same.",
            ) from error


def must_be_published(target: Target, version: str, untouched: str) -> None:
    """
    Raises Refused, in the words of `plan`, if the function or the version does not exist.

    If Lambda does not answer, or the caller may not ask it, OpenDeployment finds out.
    """
    try:
        functions.describe(target, version)
    except FunctionGone as error:
        raise Refused(str(no_such_function(target)), untouched) from error
    except NotFound as error:
        lists = f"`aws lambda list-versions-by-function --function-name {target.function}` lists them."
        raise Refused(str(no_such_version(target, version)), untouched, lists) from error
    except DeploymentError:
        return


def _started_over_the_api(asked: Asked, stack: Stack) -> str:
    """The ARN of the execution that the API started."""
    target = f"{asked.function} --alias {stack.target(asked.function, asked.alias).alias}"
    try:
        return str(api.ask(stack, "POST", "/deployments", asked.request)["execution"])
    except Unknown as error:
        if error.untouched == NOTHING_CHANGED:
            raise Unknown(error.what, NOTHING_STARTED, error.advice) from error
        raise Lost(error.what, "The deployment may have started.", f"`bluegreen status {target}` tells.") from error
    except Denied as error:
        raise Denied(error.what, NOTHING_STARTED, error.advice) from error


def execution_name(function: str) -> str:
    """Function, time and a short random part: people can read and sort it, and no other execution has it."""
    when, dice = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), secrets.token_hex(4)
    return f"{function[: LONGEST_EXECUTION_NAME - len(when) - len(dice) - 2]}-{when}-{dice}"


approval_option = click.option(
    "--wait-for-approval",
    is_flag=True,
    help="Keep following while the deployment waits for an approval. Without this the command exits with 5 then.",
)


def to_the_end(
    arn: str, target: Target, as_json: bool, *, past_people: bool = False, summary: Summary | None = None
) -> None:
    """
    Follow the execution, say how it ended and which version serves now, and exit with the documented code.

    Without `past_people` the command ends as soon as the deployment waits for a person. Ctrl-C and SIGTERM end the
    following, not the deployment.
    """
    name, summary = arn.rpartition(":")[2], summary or Summary(None)
    summary.arn = arn
    click.echo(f"Deployment {name}: {executions.console_link(arn)}", err=True)
    try:
        with sigterm_as_ctrl_c(), display() as shown:
            progress = follow(arn, Both(summary, shown), past_people=past_people)
        if not progress.over:
            _waits(arn, progress.awaits, as_json, summary)
        ended = ending(arn, target, progress)
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "no longer watching",
            "The deployment goes on.",
            f"`bluegreen watch {name}` watches it again, "
            f"`bluegreen status {target.function} --alias {target.alias}` says how it stands.",
        ) from interrupt
    summary.ends(ended)
    leave(ended, as_json)


class Ended(Protocol):
    """How a deployment or a release ended, for people and for programs."""

    @property
    def exit_code(self) -> int:
        """The documented one."""

    def said(self) -> str:
        """In a sentence."""

    def in_full(self) -> Iterable[str]:
        """Lines for stderr."""

    def to_json(self) -> dict[str, Any]:
        """For --json."""


def leave(ended: Ended, as_json: bool) -> NoReturn:
    """Say how it ended, and exit with the documented code."""
    if as_json:
        click.echo(json.dumps(ended.to_json(), indent=2))
    else:
        last(ended.said(), ended.exit_code)
        for line in ended.in_full():
            click.echo(line, err=True)
    click.get_current_context().exit(ended.exit_code)


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """A pipeline that is cancelled ends its commands so. Python handles signals in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _waits(arn: str, step: int, as_json: bool, summary: Summary) -> None:
    """Say that a person must decide, and end."""
    name = arn.rpartition(":")[2]
    said = (
        f"Step {step} waits for a person's approval: `bluegreen approve {name} --step {step}` lets it go on, "
        f"`bluegreen reject {name}` rolls it back. `bluegreen watch {name} --wait-for-approval` follows it meanwhile."
    )
    summary.says(said, WAITING)
    if as_json:
        console = executions.console_link(arn)
        found = {"deployment": name, "execution": arn, "console": console, "end": None, "awaits": step}
        click.echo(json.dumps(found, indent=2))
    else:
        last(said, WAITING)
    click.get_current_context().exit(WAITING)


def started(arn: str, as_json: bool, summary: Summary | None = None) -> None:
    """Say how to follow a deployment that the command itself does not follow."""
    name, link = arn.rpartition(":")[2], executions.console_link(arn)
    if summary:
        summary.arn = arn
        summary.says("This command does not follow it.", 0)
    if as_json:
        click.echo(json.dumps({"deployment": name, "execution": arn, "console": link}, indent=2))
    else:
        click.echo(f"Started {name}; `bluegreen watch {name}` follows it, {link} shows it.")


def _uploaded(asked: Asked, stack: Stack) -> Asked:
    """With the uploaded object's version in the artifact."""
    if asked.package is None:
        return asked
    artifact = asked.in_bucket(stack.bucket).request["artifact"]
    where = f"s3://{stack.bucket}/{artifact['key']}"
    click.echo(f"Uploading {asked.package.origin} to {where}", err=True)
    with explained(f"uploading to {where}", NOTHING_UPLOADED_OR_STARTED), in_our_words():
        answer: dict[str, Any] = client("s3").put_object(
            Bucket=stack.bucket, Key=artifact["key"], Body=io.BytesIO(asked.package.content)
        )
    return asked.said(artifact=artifact | ({"version_id": answer["VersionId"]} if "VersionId" in answer else {}))


def started_by(account: Account) -> str:
    """Who runs the command, for the record."""
    return f"cli by {account.caller or 'someone'}"[:LONGEST_STARTER]
