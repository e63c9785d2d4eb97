"""`python -m benchmarks.release`: measure what releases cost by their size, print it, and write it to docs/."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.release import report
from benchmarks.release.counts import Counts, count
from benchmarks.release.memory import Memory

DOCS = Path(__file__).parents[2] / "docs"
SIZES = (1, 10, 100, 1000)
QUICK = (1, 10)
SAY_EVERY_SECONDS = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.release", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"releases of {QUICK} functions, without their memory")
    parser.add_argument("--functions", type=int, nargs="+", help=f"these sizes; {SIZES} unless given")
    parser.add_argument("--out", type=Path, default=DOCS, help="where to write release-costs.md and release-costs.json")
    asked = parser.parse_args(arguments)
    sizes = asked.functions or (QUICK if asked.quick else SIZES)
    found = [_counted(functions, None if asked.quick else Memory()) for functions in sizes]
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "release-costs.json").write_text(report.as_json(found))
    (asked.out / "release-costs.md").write_text(report.as_markdown(found))
    print(report.as_markdown(found))
    return 0


def _counted(functions: int, memory: Memory | None) -> Counts:
    """With a line now and then about how far it is."""
    begun = last = time.monotonic()

    def say(how_far: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SAY_EVERY_SECONDS:
            last = time.monotonic()
            print(f"  {last - begun:.0f} s: {how_far}", file=sys.stderr, flush=True)

    print(f"a release of {functions:,}, good and bad", file=sys.stderr, flush=True)
    found = count(functions, say, memory)
    print(f"  {time.monotonic() - begun:.0f} s: done", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
