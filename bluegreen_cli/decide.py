"""Deciding about a deployment or a release that waits for a person: the common part of `approve` and `reject`."""

import json
from http import HTTPStatus
from urllib.parse import quote

import click

from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen_cli import api, holding, request
from bluegreen_cli.context import Context
from bluegreen_cli.problems import NOTHING_CHANGED, Problem, Refused, Unknown
from bluegreen_cli.releases import orders
from bluegreen_cli.stack import Stack

NAMES_IT = (
    "Give the deployment's id, not the function's name: `bluegreen status FUNCTION` names the one that waits, and "
    "`bluegreen list --releases` has the ids of releases."
)


def decide(
    context: Context,
    deployment: str,
    which: str,
    step: int | None,
    reason: str | None,
    as_json: bool,
    of_release: bool = False,
) -> None:
    """
    Send the decision as the caller, whom IAM names to the API. Raises Refused in the API's words.

    Nothing is read of the table, which an approver may not read.
    """
    if FunctionReference.read(deployment) is None:
        request.must_be_an_id(deployment, NAMES_IT)
    stack = context.stack(context.account())
    if not is_execution_name(deployment):
        raise _no_such(stack, deployment, which, step)
    path = f"/deployments/{quote(deployment, safe='')}"
    release = of_release or orders.shown(stack, deployment) is not None
    if release and not of_release and _is_there(stack, path):
        raise Refused(
            f"{deployment} is a release, and the id of a deployment",
            NOTHING_CHANGED,
            f"Add --release for the release. For the deployment use the API: POST {path}/{which}.",
        )
    path = f"{orders.path(deployment) if release else path}/{which}"
    try:
        made = api.ask(stack, "POST", path, {name: said for name, said in (("step", step), ("reason", reason)) if said})
    except Refused as error:
        if error.status == HTTPStatus.NOT_FOUND and not release:
            raise _no_such(stack, deployment, which, step) from error
        raise
    except Unknown as error:
        if step:
            raise
        again = f"`bluegreen show {deployment}` says whether it was taken. If not, name the step: `--step N`."
        raise Unknown(error.what, error.untouched, again) from error
    if release:
        orders.decided(stack, deployment, made, as_json)
        return
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(f"Step {made['step']} of {deployment} is {made['decision']}. {_follows(stack, deployment, which)}")


def _is_there(stack: Stack, path: str) -> bool:
    try:
        api.ask(stack, "GET", path)
    except Refused as error:
        return error.status != HTTPStatus.NOT_FOUND
    return True


def _no_such(stack: Stack, name: str, which: str, step: int | None) -> Refused:
    """With the ids that are meant if it is a function's name. ApproverPolicy allows to ask the API for them."""
    try:
        aliases = api.ask(stack, "GET", f"/functions/{quote(name, safe='')}")["aliases"]
    except Problem:
        aliases = []
    named = f" --step {step}" if step else ""
    live = [f"`bluegreen {which} {each['running']['id']}{named}`" for each in aliases if "running" in each]
    advice = f"{name} is a function; give the id of its deployment: {', '.join(live)}." if live else NAMES_IT
    return Refused(f"there is no deployment {name}, nor a release with that id", NOTHING_CHANGED, advice)


def _follows(stack: Stack, deployment: str, which: str) -> str:
    held = holding.still(stack, deployment) if which == "approve" else []
    goes_on = "It goes on." if which == "approve" else "It is rolled back."
    return " ".join([*([goes_on] if held == [] else held or []), f"`bluegreen watch {deployment}` follows it."])
