"""Deciding about a deployment that waits for a person: the common part of `approve` and `reject`."""

import json
from urllib.parse import quote

import click

from bluegreen_cli import api, request
from bluegreen_cli.context import Context


def decide(context: Context, deployment: str, which: str, step: int | None, reason: str | None, as_json: bool) -> None:
    """Send the decision as the caller, whom IAM names to the API. Raises Refused in the API's words."""
    request.must_be_an_id(deployment, "`bluegreen status FUNCTION` names the deployment that waits.")
    stack = context.stack(context.account())
    path = f"/deployments/{quote(deployment, safe='')}/{which}"
    made = api.ask(stack, "POST", path, {name: said for name, said in (("step", step), ("reason", reason)) if said})
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    follows = "it goes on" if which == "approve" else "it is rolled back"
    click.echo(f"Step {made['step']} of {deployment} is {made['decision']}: {follows}; `bluegreen watch {deployment}`.")
