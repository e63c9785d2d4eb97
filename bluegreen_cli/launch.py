"""Uploading, starting, and following to the end: what deploy, rollback and watch have in common."""

import io
import json
import secrets
import time
from typing import Any

import click

from bluegreen.aws import executions
from bluegreen.aws.client import in_our_words
from bluegreen_cli.aws import Account, client
from bluegreen_cli.display import display
from bluegreen_cli.follow import follow
from bluegreen_cli.outcome import ending
from bluegreen_cli.problems import explained
from bluegreen_cli.request import NOTHING, Asked, check
from bluegreen_cli.stack import Stack

LONGEST_NAME = 80
LONGEST_STARTED_BY = 256
INTERRUPTED = 130
"""What a shell calls a command that Ctrl-C ended."""


def start(asked: Asked, stack: Stack, account: Account) -> str:
    """Upload what must be uploaded and start the execution; its ARN."""
    asked = _uploaded(asked, stack)
    request = check(asked.said(started_by=_started_by(account)).request)
    name = execution_name(asked.function)
    unsure = f"`bluegreen watch {name}` tells whether it was started all the same."
    with explained("starting the deployment", "Nothing was deployed.", unsure):
        return executions.start(stack.machine, name, request.to_json())


def execution_name(function: str) -> str:
    """Function, time and a short random part: readable, sorted, never taken."""
    when, dice = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), secrets.token_hex(4)
    return f"{function[: LONGEST_NAME - len(when) - len(dice) - 2]}-{when}-{dice}"


def to_the_end(arn: str, function: str, alias: str, as_json: bool) -> None:
    """Follow, say who serves now, and exit with the contract's code. Ctrl-C ends the following only."""
    name = arn.rpartition(":")[2]
    click.echo(f"Deployment {name}: {executions.console_link(arn)}", err=True)
    try:
        with display() as shown:
            progress = follow(arn, shown)
        ended = ending(arn, function, alias, progress)
    except KeyboardInterrupt:
        click.echo(
            f"\nNo longer watching; the deployment goes on. `bluegreen watch {name}` watches it again, "
            f"`bluegreen status {function}` says how it stands.",
            err=True,
        )
        click.get_current_context().exit(INTERRUPTED)
    click.echo(json.dumps(ended.to_json(), indent=2) if as_json else ended.sentence())
    click.get_current_context().exit(ended.exit_code)


def started(arn: str, as_json: bool) -> None:
    """Say how to go on, where nobody follows."""
    name, link = arn.rpartition(":")[2], executions.console_link(arn)
    if as_json:
        click.echo(json.dumps({"deployment": name, "execution": arn, "console": link}, indent=2))
    else:
        click.echo(f"Started {name}; `bluegreen watch {name}` follows it, {link} shows it.")


def _uploaded(asked: Asked, stack: Stack) -> Asked:
    """The request with the object that the package now is."""
    if asked.package is None:
        return asked
    artifact = asked.package.artifact(stack.bucket, asked.function)
    where = f"s3://{stack.bucket}/{artifact['key']}"
    click.echo(f"Uploading {asked.package.origin} to {where}", err=True)
    with explained(f"uploading to {where}", NOTHING), in_our_words():
        answer: dict[str, Any] = client("s3").put_object(
            Bucket=stack.bucket, Key=artifact["key"], Body=io.BytesIO(asked.package.content)
        )
    return asked.said(artifact=artifact | ({"version_id": answer["VersionId"]} if "VersionId" in answer else {}))


def _started_by(account: Account) -> str:
    return f"cli by {account.caller or 'someone'}"[:LONGEST_STARTED_BY]
