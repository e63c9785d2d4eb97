"""What is meant: a release or a deployment by its id, or the function whose running or last deployment it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from bluegreen.errors import AccessDenied, DeploymentError
from bluegreen.ledger import deployments, locks, releases
from bluegreen.ledger.releases import Release
from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen.text import plain
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.records import newest_first
from bluegreen_cli.request import LONGEST_SHOWN, names
from bluegreen_cli.stack import Stack

LIST_RELEASES = "`bluegreen list --releases` lists the releases, the newest first."
LIST_THEM = (
    "`bluegreen history FUNCTION` lists the deployments of a function, `bluegreen list` the functions, and `bluegreen "
    "list --releases` the releases."
)

alias_option = click.option(
    "--alias", metavar="NAME", help="With a function's name: its alias; the stack's default unless given."
)


def release_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --release."""
    return click.option(
        "--release",
        "of_release",
        is_flag=True,
        help="The name is a release's id. Only needed if a function has it, too.",
    )(command)


def function_or_release(name: str, alias: str | None, of_release: bool) -> None:
    """Raises Refused for what can be neither a release's id nor a function's name."""
    if alias is not None and of_release:
        raise click.UsageError("--release and --alias exclude each other: a release has functions with aliases.")
    if alias is not None or not is_execution_name(name):
        names(name, alias)


def release(stack: Stack, name: str, alias: str | None, of_release: bool) -> Release | None:
    """
    The release that is meant, None if it is a deployment or a function. An alias is that of a function.

    Raises Refused for a name that may be both, and if --release says that it is one and there is none.
    """
    if of_release:
        return must_be_release(name)
    found = _find_release(name) if alias is None else None
    if found and (other := _another(stack, name)):
        raise Refused(
            f"{name} is a release, and {other}",
            NOTHING_CHANGED,
            f"Add --release for the release, or --alias {stack.default_alias} for the other one.",
        )
    return found


def must_be_release(name: str) -> Release:
    """Raises Refused if there is none."""
    found = _find_release(name)
    if found is None:
        raise Refused(
            f"there is no release {plain(name, LONGEST_SHOWN)}, or it has only just begun",
            NOTHING_CHANGED,
            LIST_RELEASES,
        )
    return found


@contextmanager
def meant(stack: Stack, name: str, alias: str | None) -> Iterator[None]:
    """
    Add to a Refused that the block raises that no release has this name: the caller may have meant a release.

    The Refused stays as it is if a function of this name has had a deployment.
    """
    try:
        yield
    except Refused as refused:
        if alias is not None or not is_execution_name(name) or _may_be_a_function(stack, name):
            raise
        what = f"there is no release {plain(name, LONGEST_SHOWN)}, and {refused.what}"
        advice = " ".join(filter(None, (refused.advice, LIST_RELEASES)))
        raise type(refused)(what, refused.untouched, advice, refused.details) from refused


def _may_be_a_function(stack: Stack, name: str) -> bool:
    """It had a deployment, or the table does not say."""
    function = FunctionReference.read(name)
    if function is None:
        return False
    try:
        return next(newest_first(stack.target(function.name, function.qualifier or None)), None) is not None
    except DeploymentError:
        return True


def _find_release(name: str) -> Release | None:
    """A caller who may not read releases means none."""
    if not is_execution_name(name):
        return None
    with explained("reading the deployments table", NOTHING_CHANGED):
        try:
            return releases.find(name)
        except AccessDenied:
            return None


def _another(stack: Stack, name: str) -> str:
    """What else has the name of a release, "" if nothing has."""
    with explained("reading the deployments table", NOTHING_CHANGED):
        if deployments.find(name):
            return "the id of a deployment"
        if FunctionReference.read(name) is None:
            return ""
        target = stack.target(name, None)
        known = locks.held(target) or next(newest_first(target), None)
    return "a function's name" if known else ""


def part_of(deployment: str) -> str:
    """The id of the release that the deployment is a part of, "" for none."""
    with explained("reading the deployments table", NOTHING_CHANGED):
        record = deployments.find(deployment) if is_execution_name(deployment) else None
    return (record.release or "") if record else ""


def must_be_one(name: str) -> None:
    """Raises Refused for what can be neither an id of a deployment or a release nor a function's name."""
    if not is_execution_name(name) and FunctionReference.read(name) is None:
        raise Refused(
            f"{plain(name, LONGEST_SHOWN)!r} cannot be a deployment's id, "
            "which is the name of its execution, nor a function's name",
            NOTHING_CHANGED,
            LIST_THEM,
        )


def of_function(stack: Stack, name: str, alias: str | None) -> str:
    """
    The id of the function's deployment that runs, or else of its last one. Raises Refused if it has none.

    The lock tells at once what runs; the list of deployments may show it a moment later.
    """
    if FunctionReference.read(name) is None:
        raise none_such(name)
    target = names(name, alias).at(stack)
    with explained("reading the deployments table", NOTHING_CHANGED):
        if lock := locks.held(target):
            return lock.deployment
        last = next((record for record in newest_first(target) if record.target.key == target.key), None)
    if last is None:
        raise none_such(name, f", nor any of {target}")
    return last.id


def forgotten(deployment: str) -> Refused:
    """The record is there, the execution is not."""
    return Refused(
        f"Step Functions has forgotten {deployment}, as it does 90 days after its end",
        NOTHING_CHANGED,
        f"`bluegreen show {deployment}` shows what the deployments table has of it.",
    )


def none_such(name: str, nor: str = "") -> Refused:
    """There is no deployment with that id."""
    nor += ", nor a release with that id" if is_execution_name(name) else ""
    return Refused(f"there is no deployment {plain(name, LONGEST_SHOWN)}{nor}", NOTHING_CHANGED, LIST_THEM)
