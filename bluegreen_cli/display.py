"""Showing how a deployment goes: a panel that moves on a terminal, a line a change everywhere else."""

import os
import time
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bluegreen_cli.follow import Watcher
from bluegreen_cli.format import duration, percent
from bluegreen_cli.progress import SENTENCES, Event, Progress, told

BAR = 30


class Display(Watcher, AbstractContextManager["Display"]):
    """Open while a deployment is followed."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to put away, unless there is a panel."""


class Lines(Display):
    """For logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lost = False

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """A line for each thing worth knowing."""
        if self._lost:
            self._lost = False
            self.say("AWS answers again")
        for at, line in told(before, events):
            self._console.print(f"{at.astimezone():%H:%M:%S} {line}", markup=False, highlight=False, soft_wrap=True)

    def lost(self, why: str) -> None:
        """Once, until it answers again."""
        if not self._lost:
            self._lost = True
            self.say(f"AWS does not answer just now, the deployment goes on: {why}")

    def say(self, line: str) -> None:
        """A line of our own."""
        self._console.print(f"{time.strftime('%H:%M:%S')} {line}", markup=False, highlight=False, soft_wrap=True)


class Panel(Lines):
    """For people at a terminal: the same lines, and below them where it stands."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress()
        self._live = Live(console=console, get_renderable=self._now, refresh_per_second=2, transient=True)

    def __enter__(self) -> "Panel":
        """The panel stands at the bottom."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The panel goes, the lines stay."""
        self._live.stop()

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """Lines above, panel below."""
        super().learned(before, events, after)
        self._progress = after

    def _now(self) -> Group:
        return standing(self._progress, time.time())


def standing(progress: Progress, now: float) -> Group:
    """State, weights, both versions' rates and the time left."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    what = SENTENCES.get(
        progress.state, "lets users meet green until the next look" if progress.state == "Bake" else ""
    )
    table.add_row("state", Text(f"{progress.state or 'starting'}  {what}"))
    if progress.green_weight:
        done = round(BAR * progress.green_weight)
        bar = Text("█" * done, style="green") + Text("█" * (BAR - done), style="blue")
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


def display() -> Display:
    """What fits where this command's stderr goes."""
    console = Console(stderr=True)
    return Panel(console) if console.is_terminal and not os.environ.get("CI") else Lines(console)
