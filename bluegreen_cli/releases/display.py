"""How a release goes, as stderr shows it: a table of its functions on a terminal, and a line an event elsewhere."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bluegreen.ledger.releases import Member
from bluegreen.text import LONGEST_CAUSE, plain
from bluegreen_cli import when
from bluegreen_cli.display import BAR, PLAIN_SHAPES, SHAPES, is_unicode
from bluegreen_cli.format import percent, time_of_day
from bluegreen_cli.releases.follow import Watcher, line, news
from bluegreen_cli.releases.told import Told, share_of

BESIDE_THE_TABLE = 10
"""Lines of a terminal that the table of functions leaves to the rest."""
LEAST_ROWS = 5

WORDS = {
    "new": "waits to be checked",
    "refused": "refused",
    "nothing": "has this code already",
    "opened": "checked and locked",
    "staged": "green is tested",
    "shifted": "meets users",
    "back": "back at blue",
    "stuck": "could not be put back",
    "deployed": "deployed",
}
"""A member's states."""

STYLES = {"refused": "red", "stuck": "red", "back": "yellow", "deployed": "green"}


class Display(Watcher, AbstractContextManager["Display"]):
    """For logs and pipes; open while the command follows a release."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lost = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lines stay as they are."""

    def learned(self, before: Told | None, after: Told) -> None:
        """Print a line for each event that people want to know."""
        if self._lost:
            self._lost = False
            self._say("AWS answers again")
        for each in news(before, after):
            self._print(datetime.fromtimestamp(each.at, UTC), line(each))

    def lost(self, why: str) -> None:
        """Print it once, until AWS answers again."""
        if not self._lost:
            self._lost = True
            self._say(f"AWS does not answer just now, the release goes on: {why}")

    def _say(self, said: str) -> None:
        self._print(datetime.now(UTC), said)

    def _print(self, at: datetime, said: str) -> None:
        shown = f"{time_of_day(at)} {plain(said, LONGEST_CAUSE)}"
        self._console.print(shown, markup=False, highlight=False, soft_wrap=True)


class Board(Display):
    """For terminals: the same lines, and below them how far the release and its functions are."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told: Told | None = None
        self._live = Live(console=console, get_renderable=self._now, refresh_per_second=2, transient=True)

    def __enter__(self) -> "Board":
        """Show it."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take it away. The lines stay."""
        self._live.stop()

    def learned(self, before: Told | None, after: Told) -> None:
        """Print the lines above the table."""
        super().learned(before, after)
        self._told = after

    def _now(self) -> Group:
        shapes = SHAPES if is_unicode(self._console) else PLAIN_SHAPES
        rows = max(LEAST_ROWS, self._console.height - BESIDE_THE_TABLE)
        return standing(self._told, rows, shapes) if self._told else Group(Text("…", style="bold"))


def standing(known: Told, rows: int, shapes: tuple[str, str] = SHAPES) -> Group:
    """The release with a bar for the whole, what it waits for, and at most `rows` of its functions."""
    done = round(BAR * known.share)
    full, empty = shapes
    bar = Text(full * done, style="green") + Text(empty * (BAR - done), style="blue")
    head = Text(f"{plain(known.record.id)}  {plain(known.doing)}", style="bold")
    shown, left_out = chosen(known, rows)
    more = [Text(f"and {left_out:,} functions more", style="dim")] if left_out else []
    waits = [Text(plain(each), style="yellow") for each in known.waits_for()]
    if known.looks_at:
        waits.append(Text(f"The next look is at {when.at(known.looks_at)}.", style="dim"))
    return Group(head, bar + Text(f"  {percent(known.share)} of all aliases"), *waits, table(known, shown), *more)


def table(known: Told, members: list[Member]) -> Table:
    """Functions with wave, state, green's share, and what the last look said."""
    found = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("function", "wave", "state", "green", "verdict"):
        found.add_column(heading, overflow="fold")
    for each in members:
        style = "red" if each.error else STYLES.get(each.state, "")
        found.add_row(*(Text(cell, style=style) for cell in cells(each)))
    return found


def cells(member: Member) -> tuple[str, ...]:
    """A row about a function."""
    why = f"{member.error}: {member.cause}" if member.error else member.verdict.replace("_", " ")
    share = share_of(member)
    return (
        plain(member.target.said),
        str(member.wave + 1),
        WORDS[member.state],
        percent(share) if share else "-",
        plain(why) or "-",
    )


def chosen(known: Told, rows: int) -> tuple[list[Member], int]:
    """Those that people look for first: failed ones, those that move, the next waves; and how many are left out."""
    ranked = sorted(known.members, key=lambda each: (*_rank(known, each), each.wave, each.number))
    return ranked[:rows], max(0, len(ranked) - rows)


def _rank(known: Told, member: Member) -> Iterator[bool]:
    yield not member.error
    yield member.wave != known.record.wave
    yield member.wave < known.record.wave


def display() -> Display:
    """A table if stderr is a terminal, and lines in a pipeline."""
    console = Console(stderr=True)
    return Board(console) if console.is_terminal and not os.environ.get("CI") else Display(console)
