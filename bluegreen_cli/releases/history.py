"""What a release gave each of its functions, what stood before, and what stands now, as the table knows it."""

import json
import sys
from itertools import islice

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bluegreen.ledger import releases, serving
from bluegreen.ledger.releases import Member, Release
from bluegreen.ledger.serving import Served
from bluegreen.text import plain
from bluegreen_cli import when
from bluegreen_cli.format import percent
from bluegreen_cli.problems import NOTHING_CHANGED, explained
from bluegreen_cli.releases.display import WORDS
from bluegreen_cli.releases.together import each_of

WIDE = 250
"""Columns of the table in a pipe or a file."""


def show(release: Release, limit: int, as_json: bool) -> None:
    """At most `limit` functions, in the order of waves."""
    served: dict[int, Served | None] = {}
    with explained("reading the deployments table", NOTHING_CHANGED):
        members = releases.members(release.id)
        shown = list(islice(members, limit))
        for _ in each_of(shown, lambda each: served.__setitem__(each.number, serving.now(each.target))):
            pass
    if as_json:
        rows = [each.to_json() | {"now": _now(served[each.number])} for each in shown]
        click.echo(json.dumps(rows, indent=2))
    else:
        _print(shown, served)
    if len(members) > limit:
        click.echo(f"{len(members) - limit:,} functions more: raise --limit.", err=True)


def _now(served: Served | None) -> dict[str, str] | None:
    return served.model_dump(mode="json") if served else None


def _print(members: list[Member], served: dict[int, Served | None]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("function", "wave", "from", "to", "state", "why", "now", "since", "by", "deployment"):
        table.add_column(heading, overflow="fold")
    for each in members:
        table.add_row(*(Text(plain(cell)) for cell in _row(each, served[each.number])))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _serving(member: Member, served: Served | None) -> str:
    """Both versions while the alias is split, or moves with its wave. The ledger learns who serves at the end only."""
    if member.state == "shifted":
        return f"{member.green} at {percent(member.weight)}" + (f", else {member.blue}" if member.weight < 1 else "")
    return served.version if served else member.blue or "-"


def _row(member: Member, served: Served | None) -> tuple[str, ...]:
    by = "-" if served is None else "this release" if served.deployment == member.deployment else served.deployment
    return (
        member.target.said,
        str(member.wave + 1),
        member.blue or "-",
        member.green or "-",
        WORDS[member.state],
        member.error or "-",
        _serving(member, served),
        when.utc(served.since) if served else "-",
        by,
        member.deployment,
    )
