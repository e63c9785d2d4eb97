"""`python -m benchmarks`: measure what a deployment costs, print it, and write it to docs/."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table as Drawn

from benchmarks.deployment import aborts, counts, first_green, gates, imports, invokes, looks, prices, report, size

DOCS = Path(__file__).parents[1] / "docs"
Found = TypeVar("Found")
PARTS: dict[str, tuple[str, Callable[[], Any]]] = {
    "gates": ("counting each gate and each order", gates.measure),
    "aborts": ("aborting in each state, 3 times", lambda: aborts.measure(3)),
    "imports": ("importing each handler, 7 times", lambda: report.Imports(*imports.measure(7))),
    "size": ("building the artifact for Lambda", size.measure),
    "first_green": ("deploying by upload and by hand, 5 times", lambda: first_green.measure(5)),
    "invokes": ("invoking in the sandbox and in stock MiniStack", lambda: invokes.measure(3, 2.0)),
    "looks": ("looking at 1, 100 and 500 functions of a release", looks.measure),
}
"""What is measured beside the counts: by its field in the report, what it does and how."""
QUICK = ("gates",)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only count and price, without two days of baking")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, help="measure these anew, and take the rest from benchmarks.json"
    )
    parser.add_argument("--out", type=Path, default=DOCS, help="where to write benchmarks.md and benchmarks.json")
    asked = parser.parse_args(arguments)
    measured = again(asked.out / "benchmarks.json", asked.only) if asked.only else measure(quick=asked.quick)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "benchmarks.md").write_text(report.as_markdown(measured))
    (asked.out / "benchmarks.json").write_text(report.as_json(measured))
    console = Console()
    for table in report.tables(measured):
        drawn = Drawn(*table.columns, title=table.title, title_justify="left", box=box.ROUNDED)
        for column in drawn.columns[1:]:
            column.justify = "right"
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
        console.print(table.note, style="dim")
        console.print()
    return 0


def measure(*, quick: bool) -> report.Measured:
    """Everything, or what takes seconds."""
    traffic = [each for each in counts.TRAFFIC if not quick or each != counts.TWO_DAYS]
    used = [said(f"counting a deployment, {each}", partial(counts.count, each)) for each in traffic]
    parts = {name: said(*part) for name, part in PARTS.items() if not quick or name in QUICK}
    return report.Measured(used, prices.memory_gb(), **parts)


def again(file: Path, parts: Sequence[str]) -> report.Measured:
    """What the file has, with these parts measured anew."""
    return dataclasses.replace(report.from_json(file.read_text()), **{name: said(*PARTS[name]) for name in parts})


def said(what: str, do: Callable[[], Found]) -> Found:
    """Do it, and say so with the time that it took."""
    console = Console(stderr=True)
    began = time.monotonic()
    with console.status(what):
        found = do()
    console.print(f"{what}: {time.monotonic() - began:.0f} s", highlight=False)
    return found


if __name__ == "__main__":
    sys.exit(main())
