"""`bluegreen history`: a function's deployments, the newest first."""

import json
import re
import sys
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bluegreen.ledger import records
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import duration
from bluegreen_cli.problems import explained
from bluegreen_cli.request import check_names

NOTHING = "Nothing was changed."
MOST = 1000
WIDE = 250
"""Columns, where nobody's terminal limits them."""


@click.command()
@click.argument("function")
@click.option("--alias", metavar="NAME", help="Only of this alias.")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True, metavar="N")
@json_option
@click.pass_obj
def history(context: Context, function: str, alias: str | None, limit: int, as_json: bool) -> None:
    """List FUNCTION's deployments, the newest first."""
    check_names(function, alias)
    context.stack(context.account())
    with explained("reading the records", NOTHING):
        found = records.of_function(function, limit if alias is None else MOST)
    of_alias = [record for record in found if alias in (None, record.alias)][:limit]
    if as_json:
        click.echo(json.dumps([record.to_json() for record in of_alias], indent=2))
    elif of_alias:
        _print(of_alias)
    else:
        click.echo(f"There is no deployment of {function} yet; `bluegreen deploy {function} PATH` begins one.")


def _print(found: list[records.Record]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("started", "took", "alias", "from", "to", "ended", "why", "by", "deployment"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("started", "took", "ended"))
    for record in found:
        table.add_row(*(Text(cell) for cell in _row(record)))
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table)


def _row(record: records.Record) -> list[str]:
    return [
        record.started_at[:19].replace("T", " "),
        _took(record),
        record.alias,
        record.plan.blue.version if record.plan else "-",
        record.green or "-",
        record.state,
        record.error or "-",
        re.sub(r"arn:\S*:", "", record.started_by) or "-",
        record.id,
    ]


def _took(record: records.Record) -> str:
    if record.ended_at is None:
        return "-"
    began, ended = (datetime.fromisoformat(moment) for moment in (record.started_at, record.ended_at))
    return duration((ended - began).total_seconds())
