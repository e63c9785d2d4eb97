"""Deciding about a deployment that waits for a person: the common part of `approve` and `reject`."""

import json
from urllib.parse import quote

import click

from bluegreen.request.names import is_execution_name
from bluegreen.text import plain
from bluegreen_cli import api
from bluegreen_cli.context import Context
from bluegreen_cli.problems import NOTHING_CHANGED, Refused


def decide(context: Context, deployment: str, which: str, reason: str | None, as_json: bool) -> None:
    """Send the decision as the caller, whom IAM names to the API. Raises Refused in the API's words."""
    if not is_execution_name(deployment):
        raise Refused(
            f"{plain(deployment, 100)!r} cannot be a deployment's id, which is the name of its execution",
            NOTHING_CHANGED,
            "`bluegreen status FUNCTION` names the deployment that waits.",
        )
    stack = context.stack(context.account())
    path = f"/deployments/{quote(deployment, safe='')}/{which}"
    made = api.ask(stack, "POST", path, {"reason": reason} if reason else {})
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    follows = "it goes on" if which == "approve" else "it is rolled back"
    click.echo(f"Step {made['step']} of {deployment} is {made['decision']}: {follows}; `bluegreen watch {deployment}`.")
