"""`bluegreen open`: a deployment's execution in the console."""

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
@click.argument("deployment", shell_complete=completion.deployments)
@which.alias_option
@json_option
@click.pass_obj
def open(context: Context, deployment: str, alias: str | None, as_json: bool) -> None:
    """
    Print the console's link to DEPLOYMENT (its id), and open it in a browser if this is a terminal.

    With a function's name instead of an id: its deployment that runs, or else its last one.
    """
    which.must_be_one(deployment)
    stack = context.stack(context.account())
    if not _is_there(stack, deployment):
        deployment = which.of_function(stack, deployment, alias)
        if not _is_there(stack, deployment):
            raise which.forgotten(deployment)
    link = executions.console_link(executions.arn_of(stack.machine, deployment))
    if as_json:
        click.echo(json.dumps({"deployment": deployment, "console": link}, indent=2))
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
