"""The releases as a list: those that run as lines, or every one as a table, the newest first."""

import re
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bluegreen import clock
from bluegreen.text import duration, plain
from bluegreen_cli import api, when
from bluegreen_cli.stack import Stack

WIDE = 250
"""Columns of the table in a pipe or a file."""

Shown = dict[str, Any]
"""A release's record, as the API answers it."""


def running(stack: Stack) -> Iterator[Shown]:
    """Those that have not ended."""
    return (each for page in api.pages(stack, "/releases") for each in page["releases"] if not each.get("ended_at"))


def newest_first(stack: Stack, limit: int, *, refused: bool) -> tuple[list[Shown], bool]:
    """At most `limit` releases, or refused ones, and whether there are more."""
    path = f"/releases?all=true{'&refused=true' if refused else ''}"
    found = list(islice((each for page in api.pages(stack, path) for each in page["releases"]), limit + 1))
    return found[:limit], len(found) > limit


def line(each: Shown) -> str:
    """A release that runs."""
    return (
        f"release {each['id']} of {each['functions']} functions is {each['state']}{_place(each)}, started "
        f"{when.ago(each['started_at'])} by {each['started_by']}"
    )


def _place(each: Shown) -> str:
    at = "at" if each["step"] >= 0 else "before"
    return f", {at} wave {each['wave'] + 1} of {len(each['waves'])}" if each["step"] >= 0 or each["wave"] else ""


def show(found: list[Shown]) -> None:
    """As a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("started", "took", "functions", "ended", "when", "why", "by", "release"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("started", "took", "ended", "when"))
    for each in found:
        table.add_row(*(Text(plain(cell)) for cell in _row(each)))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _row(each: Shown) -> tuple[str, ...]:
    ended = each.get("ended_at")
    took = duration(clock.moment(ended) - clock.moment(each["started_at"])) if ended else "-"
    return (
        each["started_at"][:19].replace("T", " "),
        took,
        f"{each['functions']:,}",
        each["state"] if ended else f"runs: {each['state']}{_place(each)}",
        ended[:19].replace("T", " ") if ended else "-",
        each.get("error") or "-",
        re.sub(r"arn:\S*:", "", each["started_by"]) or "-",
        each["id"],
    )
