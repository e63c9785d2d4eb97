"""`python -m benchmarks.release`: measure what releases cost by their size, print it, and write it to docs/."""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.release.counts import Counts, count

DOCS = Path(__file__).parents[2] / "docs"
SIZES = (1, 10, 100)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.release", description=__doc__)
    parser.add_argument("--functions", type=int, nargs="+", default=SIZES)
    parser.add_argument("--out", type=Path, default=DOCS, help="where to write release-costs.md and release-costs.json")
    asked = parser.parse_args()
    found = []
    for functions in asked.functions:
        begun = time.monotonic()
        print(f"a release of {functions} … ", end="", file=sys.stderr, flush=True)
        found.append(count(functions))
        print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "release-costs.json").write_text(json.dumps([*map(dataclasses.asdict, found)], indent=2) + "\n")
    (asked.out / "release-costs.md").write_text(as_markdown(found))
    print(as_markdown(found))
    return 0


ROWS: dict[str, Callable[[Counts], str]] = {
    "transitions of the release and its children": lambda each: f"{each.transitions:,}",
    "control-plane calls of Lambda a function (floor 5)": lambda each: f"{each.control_plane / each.functions:.2f}",
    "most of them in any second (limit 15)": lambda each: f"{each.most_in_a_second}",
    "GetFunction a function": lambda each: f"{each.get_function / each.functions:.2f}",
    "GetMetricData calls": lambda each: f"{each.metric_calls}",
    "DynamoDB calls a function": lambda each: f"{each.dynamodb / each.functions:.1f}",
    "dollars (transitions and metrics)": lambda each: f"{each.dollars:.4f}",
    "dollars a function": lambda each: f"{each.dollars / each.functions:.5f}",
    "seconds": lambda each: f"{each.seconds:.0f}",
    "beside pace and bakes": lambda each: f"{each.seconds / each.paced_seconds:.2f}",
    "longest history, events (limit 25,000)": lambda each: f"{each.events:,}",
    "largest document of a state, bytes (limit 262,144)": lambda each: f"{each.payload_bytes:,}",
    "seconds until every user is back after a bad verdict": lambda each: f"{each.back_seconds:.1f}",
    "peak memory of this process, moto's AWS included, MB": lambda each: f"{each.peak_mb:,}",
}


def as_markdown(found: list[Counts]) -> str:
    """One table, a column for each size."""
    head = f"| functions | {' | '.join(f'{each.functions:,}' for each in found)} |"
    lines = [head, f"|---|{'--:|' * len(found)}"]
    lines += [f"| {name} | {' | '.join(said(each) for each in found)} |" for name, said in ROWS.items()]
    return "\n".join([TITLE, "", *lines, ""])


TITLE = """# What a release costs

`make bench-release` writes this page. The committed machines are walked in one process with the real handlers, a clock
that jumps, updates of two seconds and metrics a minute late: a canary of five minutes, one wave for each 1,000
functions, each called once a second, ten calls a second."""


if __name__ == "__main__":
    sys.exit(main())
