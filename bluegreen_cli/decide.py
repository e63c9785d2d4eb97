"""Deciding about a deployment that waits for a person: the common part of `approve` and `reject`."""

import json
from urllib.parse import quote

import click

from bluegreen_cli import api, holding, request
from bluegreen_cli.context import Context
from bluegreen_cli.stack import Stack


def decide(context: Context, deployment: str, which: str, reason: str | None, as_json: bool) -> None:
    """Send the decision as the caller, whom IAM names to the API. Raises Refused in the API's words."""
    request.must_be_an_id(deployment, "`bluegreen status FUNCTION` names the deployment that waits.")
    stack = context.stack(context.account())
    path = f"/deployments/{quote(deployment, safe='')}/{which}"
    made = api.ask(stack, "POST", path, {"reason": reason} if reason else {})
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(f"Step {made['step']} of {deployment} is {made['decision']}. {_follows(stack, deployment, which)}")


def _follows(stack: Stack, deployment: str, which: str) -> str:
    held = holding.still(stack, deployment) if which == "approve" else []
    goes_on = "It goes on." if which == "approve" else "It is rolled back."
    return " ".join([*([goes_on] if held == [] else held or []), f"`bluegreen watch {deployment}` follows it."])
