"""Starting a release, and following it to its end: the common part of `release`, `rollback` and `watch`."""

import json

import click

from bluegreen.aws import executions
from bluegreen.text import sentence
from bluegreen_cli import api
from bluegreen_cli.display import last
from bluegreen_cli.launch import WAITING, leave, sigterm_as_ctrl_c
from bluegreen_cli.problems import NOTHING_CHANGED, NOTHING_STARTED, Denied, Interrupted, Lost, Refused, Unknown
from bluegreen_cli.releases.display import display
from bluegreen_cli.releases.document import Read
from bluegreen_cli.releases.follow import Both, follow_release
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.releases.summary import OfRelease
from bluegreen_cli.releases.told import Told
from bluegreen_cli.stack import Stack
from bluegreen_cli.summary import Summary


def start(read: Read, stack: Stack) -> str:
    """Upload what is local and start the release over the HTTP API, to which IAM names the caller; its ARN."""
    sent = read.uploaded(stack)
    try:
        return str(api.ask(stack, "POST", "/releases", sent)["execution"])
    except Unknown as error:
        if error.untouched == NOTHING_CHANGED:
            raise Unknown(error.what, NOTHING_STARTED, error.advice) from error
        raise Lost(error.what, "The release may have started.", "`bluegreen list` tells which releases run.") from error
    except Denied as error:
        raise Denied(error.what, NOTHING_STARTED, error.advice) from error


def to_the_end(
    arn: str,
    as_json: bool,
    *,
    release: str = "",
    past_people: bool = False,
    summary: Summary | None = None,
    takes_back: str = "",
) -> None:
    """
    Follow the release, say how it ended, and exit with the documented code.

    `release` is its id, if the execution has another name, as one of a recovery. Without `past_people` the command ends
    as soon as the release waits for a person. `takes_back` is the id of the release that this one rolls back.
    Ctrl-C and SIGTERM end the command, and the release goes on.
    """
    name, summary = release or arn.rpartition(":")[2], summary or Summary(None)
    summary.arn = arn
    kept = OfRelease(summary, name)
    click.echo(f"Release {name}: {executions.console_link(arn)}", err=True)
    try:
        with sigterm_as_ctrl_c(), display() as shown:
            known = follow_release(name, arn, Both(kept, shown), past_people=past_people)
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "no longer watching",
            "The release goes on.",
            f"`bluegreen watch {name}` watches it again, `bluegreen status {name}` says how it stands.",
        ) from interrupt
    if known is None:
        raise _without_record(arn, name)
    if known.record.live:
        _waits(known, as_json, summary)
    ended = Ending(known, takes_back)
    kept.ends(ended)
    leave(ended, as_json)


def _without_record(arn: str, name: str) -> Refused:
    """OpenRelease could not even write that it was refused."""
    execution = executions.describe(arn)
    why = f": {execution.error}: {execution.cause}" if execution and execution.error else ""
    return Refused(
        f"the execution of {name} ended before the release began{why}",
        "No function was touched.",
        f"Start it again. {executions.console_link(arn)} shows the execution.",
    )


def _waits(known: Told, as_json: bool, summary: Summary) -> None:
    """Say that a person must decide, and end."""
    record, asked = known.record, known.awaits or {}
    wave = asked.get("step")
    said = (
        f"Wave {wave} waits for a person's approval: `bluegreen approve {record.id} --wave {wave}` lets it go on, "
        f"`bluegreen reject {record.id}` rolls every function back. `bluegreen watch {record.id} --wait-for-approval` "
        "follows it meanwhile."
    )
    summary.says(said, WAITING)
    if as_json:
        console = executions.console_link(record.execution)
        found = {"release": record.id, "execution": record.execution, "console": console, "end": None, "awaits": wave}
        click.echo(json.dumps(found, indent=2))
    else:
        last(sentence(said), WAITING)
    click.get_current_context().exit(WAITING)


def started(arn: str, as_json: bool, summary: Summary | None = None) -> None:
    """Say how to follow a release that the command itself does not follow."""
    name, link = arn.rpartition(":")[2], executions.console_link(arn)
    if summary:
        summary.arn = arn
        OfRelease(summary, name)
        summary.says("This command does not follow it.", 0)
    if as_json:
        click.echo(json.dumps({"release": name, "execution": arn, "console": link}, indent=2))
    else:
        click.echo(f"Started {name}; `bluegreen watch {name}` follows it, {link} shows it.")
