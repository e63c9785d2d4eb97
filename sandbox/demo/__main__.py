"""
`python -m sandbox.demo [--json FILE] [--per-second N]`: tell the stories, and end with a table.

Exit code 0 only if every deployment ended as it should and no request failed that the bad version itself did not fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from sandbox import Sandbox
from sandbox.demo.account import Account
from sandbox.demo.chapter import Chapter, answers
from sandbox.demo.story import STORIES, under_load
from sandbox.errors import SandboxError
from sandbox.stack import deploy_stack

WIDTH = 118


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    parser.add_argument("--per-second", type=float, default=60, metavar="N", help="how often callers ask (60)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        chapters = show(options.per_second)
    except SandboxError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    complaints = [complaint for chapter in chapters for complaint in chapter.complaints()]
    print(f"\n== After {seconds:.0f} seconds")
    Console(width=WIDTH).print(table_of(chapters))
    print(f"{sum(chapter.tally.requests for chapter in chapters):,} requests,", end=" ")
    print(f"{sum(chapter.harmed for chapter in chapters)} harmed by anything but the bad version itself.")
    for complaint in complaints:
        print(f"WRONG: {complaint}")
    if options.json:
        result = {"seconds": seconds, "complaints": complaints, "chapters": [each.to_json() for each in chapters]}
        options.json.write_text(json.dumps(result, indent=2))
    return 1 if complaints else 0


def show(per_second: float) -> list[Chapter]:
    """Everything that is printed as it happens."""
    chapters: list[Chapter] = []
    with Sandbox(quiet=False, minute_seconds=1) as aws:
        began = time.monotonic()
        print("sam build and sam deploy put the stack into it", flush=True)
        account = Account(aws, deploy_stack(aws))
        print(f"the stack is there after {time.monotonic() - began:.1f} s", flush=True)
        role = account.create_role("bonus-calculator")
        for subject, tell in STORIES:
            with under_load(account, subject, role, per_second) as story:
                tell(account, story, aws.folder)
            chapters += story.chapters
    return chapters


def table_of(chapters: Sequence[Chapter]) -> Table:
    """A row for each deployment."""
    table = Table(box=box.ROUNDED, show_lines=True, width=WIDTH)
    table.add_column("deployment", ratio=3)
    table.add_column("path of states", ratio=5)
    table.add_column("serves now", justify="right")
    table.add_column("requests served", ratio=3)
    table.add_column("harmed", justify="right")
    for chapter in chapters:
        table.add_row(
            f"{chapter.function}\n{chapter.code}, by {chapter.how}",
            counted(chapter.path),
            f"version {chapter.serving}",
            answers(chapter.tally).replace(", ", "\n"),
            str(chapter.harmed),
        )
    return table


def counted(path: Sequence[str]) -> str:
    """The states that do something, in the order they were first entered, with how often."""
    steps = [state for state in path if not state.endswith("?")]
    times = {state: steps.count(state) for state in steps}
    return " → ".join(state if count == 1 else f"{state} x{count}" for state, count in times.items())


if __name__ == "__main__":
    sys.exit(main())
