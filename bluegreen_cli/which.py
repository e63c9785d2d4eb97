"""The deployment that is meant: its id, or the function whose running or last one it is."""

import click

from bluegreen.ledger import locks
from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen.text import plain
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.records import newest_first
from bluegreen_cli.request import LONGEST_SHOWN, names
from bluegreen_cli.stack import Stack

LIST_THEM = "`bluegreen history FUNCTION` lists the deployments of a function, `bluegreen list` the functions."

alias_option = click.option(
    "--alias", metavar="NAME", help="With a function's name: its alias; the stack's default unless given."
)


def must_be_one(name: str) -> None:
    """Raises Refused for what can be neither a deployment's id nor a function's name."""
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
    return Refused(f"there is no deployment {plain(name, LONGEST_SHOWN)}{nor}", NOTHING_CHANGED, LIST_THEM)
