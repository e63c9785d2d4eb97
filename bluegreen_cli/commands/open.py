"""`bluegreen open`: the execution of a deployment or a release in the console."""

import json
import os
import sys
import webbrowser

import click

from bluegreen.aws import executions
from bluegreen.request.names import is_execution_name
from bluegreen_cli import completion, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.stack import Stack


@click.command("open")
@click.argument("deployment", shell_complete=completion.deployments_and_releases)
@which.alias_option
@which.release_option
@json_option
@click.pass_obj
def open(context: Context, deployment: str, alias: str | None, of_release: bool, as_json: bool) -> None:
    """
    Print the console's link to DEPLOYMENT (its id), and open it in a browser if this is a terminal.

    With a function's name instead of an id: its deployment that runs, or else its last one. With a release's id: that
    release.
    """
    which.must_be_one(deployment)
    stack = context.stack(context.account())
    if release := which.release(stack, deployment, alias, of_release):
        _show("release", release.id, executions.console_link(release.execution), as_json)
        return
    if not _is_there(stack, deployment):
        deployment = which.of_function(stack, deployment, alias)
        if not _is_there(stack, deployment):
            raise which.forgotten(deployment)
    _show("deployment", deployment, executions.console_link(executions.arn_of(stack.machine, deployment)), as_json)


def _show(what: str, name: str, link: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({what: name, "console": link}, indent=2))
        return
    click.echo(link)
    if _on_a_terminal():
        webbrowser.open(link)


def _on_a_terminal() -> bool:
    """A person reads it, and no pipeline."""
    return sys.stdout.isatty() and not os.environ.get("CI")


def _is_there(stack: Stack, deployment: str) -> bool:
    """Step Functions knows such an execution."""
    if not is_execution_name(deployment):
        return False
    with explained(f"looking for {deployment}", NOTHING_CHANGED):
        return executions.describe(executions.arn_of(stack.machine, deployment)) is not None
