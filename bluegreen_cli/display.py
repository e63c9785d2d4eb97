"""How a deployment goes, as stderr shows it: a panel on a terminal, and a line a change everywhere else."""

import os
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bluegreen.text import duration
from bluegreen_cli.follow import Watcher
from bluegreen_cli.format import percent, time_of_day
from bluegreen_cli.progress import SENTENCES, Event, Progress, told

BAR = 30
SHAPES = ("█", "░")
PLAIN_SHAPES = ("#", "-")
"""Green's and blue's part of the bar. They differ without colours, too; the plain ones are for terminals of ASCII."""

FAILED = ("red", "✗", "FAILED:")
MARKS = {0: ("green", "✓", "OK:"), 5: ("yellow", "◌", "WAITS:")}
"""By exit code: colour, mark, and the word where a terminal has no such sign."""

BAKE = "lets users meet green until the next look"


class Display(Watcher, AbstractContextManager["Display"]):
    """Open while the command follows a deployment."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lines stay as they are."""


class Lines(Display):
    """For logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lost = False

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """Print a line for each event that people want to know."""
        if self._lost:
            self._lost = False
            self.say("AWS answers again")
        for at, line in told(before, events):
            self._console.print(f"{time_of_day(at)} {line}", markup=False, highlight=False, soft_wrap=True)
        if after.started_by and not before.started_by:
            self.say(f"Started by: {after.started_by}", after.at)
        for warning in after.warnings if not before.warnings else ():
            self.say(f"Warning: {warning}")

    def lost(self, why: str) -> None:
        """Print it once, until AWS answers again."""
        if not self._lost:
            self._lost = True
            self.say(f"AWS does not answer just now, the deployment goes on: {why}")

    def say(self, line: str, at: datetime | None = None) -> None:
        """Print a line of the command's own, with the time, which is now unless it is given."""
        moment = at or datetime.now(UTC)
        self._console.print(f"{time_of_day(moment)} {line}", markup=False, highlight=False, soft_wrap=True)


class Panel(Lines):
    """For terminals: the same lines, and below them a panel that shows where the deployment stands."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress()
        self._live = Live(console=console, get_renderable=self._now, refresh_per_second=2, transient=True)

    def __enter__(self) -> "Panel":
        """Show the panel."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the panel away. The lines stay."""
        self._live.stop()

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """Print the lines above the panel."""
        super().learned(before, events, after)
        self._progress = after

    def _now(self) -> Group:
        return standing(self._progress, time.time(), SHAPES if is_unicode(self._console) else PLAIN_SHAPES)


def standing(progress: Progress, now: float, shapes: tuple[str, str] = SHAPES) -> Group:
    """State, weights, both versions' failure rates, the last verdict and the time left."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    what = SENTENCES.get(progress.state, BAKE if progress.state == "Bake" else "")
    table.add_row("state", Text(f"{progress.state or 'starting'}  {what}"))
    if progress.green_weight:
        done = round(BAR * progress.green_weight)
        green, blue = shapes
        bar = Text(green * done, style="green") + Text(blue * (BAR - done), style="blue")
        table.add_row("weights", bar + Text(f"  version {progress.green} has {percent(progress.green_weight)}"))
    for side, counted in progress.sides.items():
        version = progress.green if side == "green" else progress.blue
        table.add_row(side, Text(f"version {version}: {counted}", style=side))
    if progress.reason:
        table.add_row("verdict", Text(progress.reason))
    left = progress.seconds_left(now)
    if left is not None:
        table.add_row("left", f"about {duration(left)}")
    return Group(Text(progress.name or "…", style="bold"), table)


def is_unicode(console: Console) -> bool:
    """Whether what it writes to shows more than ASCII."""
    return console.encoding.lower().startswith("utf")


def last(said: str, exit_code: int) -> None:
    """The last line on stdout. On a terminal it has a mark and a colour; a program gets the sentence alone."""
    console = Console()
    if not console.is_terminal:
        click.echo(said)
        return
    style, mark, word = MARKS.get(exit_code, FAILED)
    console.print(Text(f"{mark if is_unicode(console) else word} {said}", style=style), soft_wrap=True)


def display() -> Display:
    """A panel if stderr is a terminal, and lines in a pipeline."""
    console = Console(stderr=True)
    return Panel(console) if console.is_terminal and not os.environ.get("CI") else Lines(console)
