"""`bluegreen list`: every function that the deployer knows, how each stands, and the releases that run."""

import builtins
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bluegreen import clock
from bluegreen.decisions.freezing import fits
from bluegreen.decisions.route import Route
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen_cli import api, when
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.format import percent
from bluegreen_cli.live import serving_if_known
from bluegreen_cli.problems import NOTHING_CHANGED, Problem, explained
from bluegreen_cli.records import newest_first
from bluegreen_cli.releases import listing
from bluegreen_cli.stack import Stack

MOST = 1000
WIDE = 200
"""Columns of the table in a pipe or a file."""


@dataclass(frozen=True)
class Row:
    """
    An alias: `known` is what the API says of it, `route` is None if Lambda does not say who serves.

    `frozen` is the freeze in force and when it lets go. `last` is the last deployment that has ended, `part` the one
    that runs as a part of a release.
    """

    target: Target
    known: dict[str, Any]
    route: Route | None
    frozen: tuple[Ordered, float] | None
    last: Record | None
    part: Record | None = None

    @property
    def where(self) -> dict[str, str]:
        """Account and region of a function that is not beside the stack."""
        return {name: self.known[name] for name in ("account", "region") if self.known.get(name)}

    @property
    def since(self) -> str | None:
        """Since when it is served by this version, None if no deployment gave it that."""
        ours = self.route and self.route.alone and self.route.alone == self.known.get("last_deployed")
        return self.known.get("last_deployed_at") if ours else None

    def cells(self) -> tuple[str, ...]:
        """For the table."""
        running = self.known.get("running")
        if self.route is None:
            serves = "not known"
        else:
            serves = f"{self.route}{'' if self.since or running or self.part else ', not by a deployment'}"
        return (
            f"{self.target}{f' ({where})' if (where := ', '.join(self.where.values())) else ''}",
            serves,
            when.ago(self.since) if self.since else "-",
            f"{running['id']}, green has {percent(running['green_weight'])}" if running else self._part,
            f"until {when.utc(clock.iso(self.frozen[1]))}" if self.frozen else "-",
            f"{self.last.state} {when.ago(self.last.ended_at or self.last.started_at)}" if self.last else "-",
        )

    @property
    def _part(self) -> str:
        return self.part.id if self.part else "-"

    def to_json(self) -> dict[str, Any]:
        """For programs that read stdout."""
        return {
            **self.target.shown,
            **self.where,
            "serving": self.route.serving if self.route else None,
            "since": self.since,
            "last_deployed": self.known.get("last_deployed"),
            "running": self.known.get("running"),
            "frozen": self.frozen[0].to_json(clock.now()) if self.frozen else None,
            "last": self.last.to_json() if self.last else None,
        }


@click.command("list")
@click.option("--releases", "only_releases", is_flag=True, help="Only the releases, also those that have ended.")
@click.option("--refused", is_flag=True, help="With --releases: list the refused releases instead.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=20,
    show_default=True,
    metavar="N",
    help="At most this many releases.",
)
@json_option
@click.pass_obj
def list(context: Context, only_releases: bool, refused: bool, limit: int, as_json: bool) -> None:
    """
    List every function: who serves since when, which deployment runs, whether it is frozen, how the last one ended.

    These are the aliases to which a deployment was completed, or to which one runs that is no part of a release.
    `bluegreen status FUNCTION` says more of one. The releases that run stand above them, and `bluegreen show RELEASE`
    has their functions. With --releases: every release that was not refused, the newest first, with its end.
    """
    if refused and not only_releases:
        raise click.UsageError("--refused is for --releases; `bluegreen history FUNCTION --refused` is for a function.")
    stack = context.stack(context.account())
    if only_releases:
        _releases(stack, limit, refused, as_json)
        return
    running: builtins.list[listing.Shown] = []
    if not as_json:
        with suppress(Problem):  # a caller who may not see releases, or a stack without them: the functions follow
            running = builtins.list(listing.running(stack))
    for release in running:
        click.echo(listing.line(release))
    known = builtins.list(_known(stack))
    with explained("reading the deployments table", NOTHING_CHANGED):
        frozen = freezes.everywhere(stack.target("", None))
        rows = [_row(stack, each, frozen) for each in known]
    if as_json:
        click.echo(json.dumps([row.to_json() for row in rows], indent=2))
    elif rows:
        _print(rows)
    elif not running:
        click.echo("No deployment was completed or runs yet; `bluegreen deploy FUNCTION PATH` begins one.")


def _releases(stack: Stack, limit: int, refused: bool, as_json: bool) -> None:
    """Raises a Problem if the API does not say it."""
    found, more = listing.newest_first(stack, limit, refused=refused)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        listing.show(found)
    elif refused:
        click.echo("No release was refused.")
    else:
        click.echo("There is no release yet; `bluegreen release FILE` begins one.")
    if more:
        click.echo("There are older ones: raise --limit.", err=True)


def _known(stack: Stack) -> Iterator[dict[str, Any]]:
    """Every alias as the API knows it."""
    return (each for page in api.pages(stack, "/functions") for each in page["functions"])


def _row(stack: Stack, known: dict[str, Any], frozen: builtins.list[Ordered]) -> Row:
    beside = stack.target(known["function"], known["alias"])
    target = beside.model_copy(update={name: known[name] for name in ("account", "region") if known.get(name)})
    of_it = tuple(each for each in frozen if fits(each.pattern, target.function))
    last = part = None
    for each in newest_first(target):
        if each.target.key != target.key:
            continue
        if not each.live:
            last = each
            break
        if each.release:
            part = each
    route = serving_if_known(target) if target.account == stack.number else None
    return Row(target, known, route, freezes.in_force(of_it, clock.now()), last, part)


def _print(rows: builtins.list[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("function", "served by", "since", "runs", "frozen", "last ended"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row.cells()))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
