"""
A deployment as a job summary in Markdown, as GitHub shows it beside a pipeline's log.

Most of its text is foreign: a cause has what a function answered. No part of it may become a heading, a link or markup.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from bluegreen.aws import executions
from bluegreen.text import LONGEST_CAUSE, plain, sentence
from bluegreen_cli.follow import Watcher
from bluegreen_cli.outcome import Ending
from bluegreen_cli.problems import NOTHING_CHANGED, Problem, Refused
from bluegreen_cli.progress import Event, Progress, told

FIRST_STEPS, LAST_STEPS = 20, 80
"""A long bake has hundreds of looks, and GitHub takes 1 MiB."""

SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$#]")
"""Markdown's signs within a line."""
LINKING = re.compile(r":(?=//)|www(?=\.)|@|\\#", re.IGNORECASE)
"""What GitHub makes a link of without any sign of Markdown's: an address, a person, an issue."""
NOTHING_WIDE = "\u200b"


def escaped(text: Any) -> str:
    """A foreign text on one line, which Markdown shows as it is."""
    signs = SPECIAL.sub(lambda found: f"\\{found[0]}", plain(text, LONGEST_CAUSE))
    return LINKING.sub(lambda found: f"{found[0]}{NOTHING_WIDE}", signs)


OUTCOMES = {0: "Started.", 2: "Refused.", 4: "Not known.", 5: "Waiting.", 130: "Interrupted."}
"""By exit code, of a command that has not seen the deployment's end."""


class Summary(Watcher, AbstractContextManager["Summary"]):
    """
    Gets to know a deployment, and is appended to a file when the block is over, however it ends.

    Without a path nothing is written. `ended` and `exit_code` say how the command ends. `body` has the Markdown of
    something else than a deployment, if the command is about that.
    """

    def __init__(self, path: str | None, function: str = "") -> None:
        self._path = path
        self._function = function
        self._lines: list[tuple[datetime, str]] = []
        self._progress = Progress()
        self._ending: Ending | None = None
        self.ended = ""
        self.exit_code = 0
        self.arn = ""
        self.body: Callable[[], Iterator[str]] | None = None

    def __enter__(self) -> "Summary":
        """Raises Refused for a file that cannot be written, before anything is done."""
        if self._path is not None:
            try:
                with Path(self._path).open("a", encoding="utf-8"):
                    pass
            except (OSError, ValueError) as error:
                raise Refused(
                    f"--summary: {plain(self._path)!r} cannot be written: {error}",
                    NOTHING_CHANGED,
                    'Name a file, as "$GITHUB_STEP_SUMMARY".',
                ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Append it. A file that can no longer be written changes nothing."""
        if isinstance(error, Problem):
            self.says(" ".join(filter(None, (sentence(error.what), error.untouched, error.advice))), error.exit_code)
        elif isinstance(error, click.UsageError):
            self.says(error.format_message(), error.exit_code)
        elif isinstance(error, KeyboardInterrupt):
            self.says("The command was interrupted.", 130)
        elif error is not None and not isinstance(error, click.exceptions.Exit):
            self.says(f"The command failed: {type(error).__name__}: {error}", 1)
        if self._path is None:
            return
        try:
            with Path(self._path).open("a", encoding="utf-8") as file:
                file.write("\n".join((self.body or self.lines)()) + "\n")
        except OSError as unwritten:
            click.echo(f"Warning: --summary: {plain(self._path)!r} cannot be written: {unwritten}", err=True)

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """Note each line that people see."""
        self._lines += told(before, events)
        self._progress = after

    def lost(self, why: str) -> None:
        """The end says it, if AWS does not answer again."""

    def says(self, how: str, exit_code: int) -> None:
        """How the command ends, in a sentence."""
        self.ended, self.exit_code = how, exit_code

    def ends(self, ending: Ending) -> None:
        """How the deployment ended."""
        self._ending = ending
        self.says(ending.said(), ending.exit_code)

    def lines(self) -> Iterator[str]:
        """The Markdown."""
        known = self._progress
        yield f"## Deployment of {escaped(known.name or self._function or 'a function')}"
        yield ""
        yield f"**{self._how}** {escaped(self.ended)}"
        yield ""
        yield from table(("", ""), self._facts())
        if known.sides:
            yield from table(
                ("version", "requests", "failed"),
                (
                    (f"{side} {known.green if side == 'green' else known.blue}", f"{each.requests:,}", str(each))
                    for side, each in known.sides.items()
                ),
            )
        for warning in known.warnings:
            yield f"- Warning: {escaped(warning)}"
        if self._lines:
            yield ""
            yield from table(("UTC", "state", "what"), self._steps())
        if self.arn:
            name = self.arn.rpartition(":")[2]
            yield f"[The execution in the console](<{executions.console_link(self.arn)}>). Step by step: "
            yield f"`bluegreen watch {name}`"

    @property
    def _how(self) -> str:
        if self._ending:
            return escaped(self._ending.progress.end or self._ending.progress.status)
        return OUTCOMES.get(self.exit_code, "Failed.")

    def _facts(self) -> Iterator[tuple[str, str]]:
        known, ending = self._progress, self._ending
        asked = known.request.get("traffic")
        strategy = known.schedule.name if known.schedule else asked if isinstance(asked, str) else ""
        facts = {
            "function": known.function or self._function,
            "alias": known.alias,
            "blue": known.blue,
            "green": known.green,
            "strategy": strategy,
            "green's share": f"{100 * known.green_weight:.4g} %" if known.shifts and not ending else "",
            "served by": str(ending.route or "not known") if ending else "",
            "started by": known.started_by,
            "deployment": self.arn.rpartition(":")[2],
            "exit code": str(self.exit_code),
        }
        return ((name, value) for name, value in facts.items() if value)

    def _steps(self) -> Iterator[tuple[str, str, str]]:
        left_out = len(self._lines) - FIRST_STEPS - LAST_STEPS
        for number, (at, line) in enumerate(self._lines):
            if left_out > 0 and FIRST_STEPS <= number < FIRST_STEPS + left_out:
                if number == FIRST_STEPS:
                    yield "…", "", f"{left_out:,} lines are left out"
                continue
            state, _, what = line.partition(" ")
            yield f"{at.astimezone(UTC):%H:%M:%S}", state, what.strip()


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """A table in Markdown; its cells are escaped."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |"
    yield ""


def option(command: Any) -> Any:
    """The option --summary."""
    return click.option(
        "--summary",
        "summary_file",
        metavar="FILE",
        help='Append how it went to FILE as Markdown, as to "$GITHUB_STEP_SUMMARY".',
    )(command)
