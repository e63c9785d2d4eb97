"""`bluegreen history`: a function's deployments, the newest first."""

import json
import re
import sys
from datetime import datetime
from itertools import islice
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bluegreen.ledger import orders
from bluegreen.ledger.record import Record
from bluegreen.text import duration
from bluegreen_cli import completion, which
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.live import must_exist
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.records import newest_first
from bluegreen_cli.releases import history as of_releases
from bluegreen_cli.request import names

MOST = 1000
WIDE = 250
"""Columns of the table in a pipe or a file."""


@click.command()
@click.argument("function", shell_complete=completion.functions_and_releases)
@click.option("--alias", metavar="NAME", help="Only of this alias.")
@which.release_option
@click.option("--refused", is_flag=True, help="List the refused requests instead of the deployments.")
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=20, show_default=True, metavar="N", help="At most this many."
)
@json_option
@click.pass_obj
def history(
    context: Context, function: str, alias: str | None, of_release: bool, refused: bool, limit: int, as_json: bool
) -> None:
    """
    List FUNCTION's deployments, the newest first.

    With a release's id instead of a function's name: each of its functions with the version before, the one that the
    release brought, and the one that the last completed deployment gave it.
    """
    which.function_or_release(function, alias, of_release)
    stack = context.stack(context.account())
    if release := which.release(stack, function, alias, of_release):
        if refused:
            raise click.UsageError("--refused is for a function.")
        of_releases.show(release, limit, as_json)
        return
    with which.meant(stack, function, alias):
        named = names(function, alias)
    target = named.at(stack)
    with explained("reading the deployments table", NOTHING_CHANGED):
        records = newest_first(target, refused=refused)
        found = list(islice((record for record in records if named.alias in (None, record.target.alias)), limit))
    if not found:
        with which.meant(stack, function, alias):
            must_exist(target)
    if as_json:
        click.echo(json.dumps(_with_orders(found), indent=2))
    elif found:
        _print(found)
    elif refused:
        click.echo(f"No request for {named.function} was refused.")
    else:
        of = f"{named.function}:{named.alias}" if alias else named.function
        begins = f"bluegreen deploy {named.function} PATH{f' --alias {named.alias}' if alias else ''}"
        click.echo(f"There is no deployment of {of} yet; `{begins}` begins one.")


def _with_orders(found: list[Record]) -> list[dict[str, Any]]:
    """What people ordered each of them to do."""
    with explained("reading the deployments table", NOTHING_CHANGED):
        return [
            record.to_json() | {"orders": [orders.shown(order) for order in orders.given(record.owner)]}
            for record in found
        ]


def _print(found: list[Record]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("started", "took", "alias", "from", "to", "ended", "why", "by", "deployment"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("started", "took", "ended"))
    for record in found:
        table.add_row(*(Text(cell) for cell in _row(record)))
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table)


def _row(record: Record) -> list[str]:
    return [
        record.started_at[:19].replace("T", " "),
        _took(record),
        record.target.alias,
        record.blue or "-",
        record.green or "-",
        record.state,
        _why(record),
        re.sub(r"arn:\S*:", "", record.started_by) or "-",
        record.id,
    ]


def _why(record: Record) -> str:
    """The error, and what green's log says most often."""
    said = f" ({record.complained.said})" if record.complained and record.complained.said else ""
    return f"{record.error}{said}" if record.error else "-"


def _took(record: Record) -> str:
    if record.ended_at is None:
        return "-"
    began, ended = (datetime.fromisoformat(moment) for moment in (record.started_at, record.ended_at))
    return duration((ended - began).total_seconds())
