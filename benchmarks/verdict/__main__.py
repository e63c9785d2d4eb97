"""`python -m benchmarks.verdict`: simulate, print the tables, write them with a picture to docs/."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.verdict import floor, picture, plan, report
from benchmarks.verdict.agreement import CELLS, agreement
from benchmarks.verdict.simulation import outcomes
from benchmarks.verdict.targets import Groups, Measured, targets

DOCS = Path(__file__).parents[2] / "docs"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict", description=__doc__)
    parser.add_argument("--rule", action="append", default=[], help="module:function, a rule of your own; see rules.py")
    parser.add_argument("--good", type=int, default=2000, help="deployments of an identical green in each cell")
    parser.add_argument("--bad", type=int, default=1000, help="deployments of a bad green in each cell")
    parser.add_argument("--alike", type=int, default=6, help="deployments in each cell that the product plays itself")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--quick", action="store_true", help="a few cells of the grid, few deployments")
    parser.add_argument("--out", type=Path, default=DOCS, help="where to write the report")
    return parser.parse_args()


def main() -> None:
    """Measure everything."""
    asked = arguments()
    if asked.quick:
        asked.good, asked.bad, asked.alike = min(asked.good, 200), min(asked.bad, 60), 1
    items = (plan.quick if asked.quick else plan.everything)(asked.good, asked.bad, asked.rule)
    groups = measure(items, asked.workers, since(time.monotonic()))
    above = floor.table(10 if asked.quick else 200)
    agreed = agreement(asked.alike, CELLS[:1] if asked.quick else CELLS)
    claims = targets(groups, above)
    runs = f"{asked.good:,} good and {asked.bad:,} bad deployments a cell, in some groups fewer"
    text = report.everything(groups, above, claims, agreed, runs)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "verdict-benchmark.md").write_text(text)
    (asked.out / "verdict-benchmark.json").write_text(report.as_json(groups, above, claims, agreed))
    (asked.out / "verdict-benchmark.svg").write_text(picture.drawn(groups["grid"]))
    print(text)


def since(began: float) -> Callable[[int, int], None]:
    """Says every twentieth how far it is."""

    def progress(done: int, of: int) -> None:
        if done * 20 // of > (done - 1) * 20 // of:
            print(f"{done} of {of} cells, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    return progress


def measure(items: list[plan.Item], workers: int, progress: Callable[[int, int], None]) -> Groups:
    """Every rule in every cell, by group."""
    work = list(dict.fromkeys((item.rule, item.scenario, item.runs) for item in items))
    done = {(each.rule, each.scenario, each.runs): each for each in outcomes(work, workers, progress)}
    groups = dict.fromkeys(item.group for item in items)
    return {
        group: Measured(done[item.rule, item.scenario, item.runs] for item in items if item.group == group)
        for group in groups
    }


if __name__ == "__main__":
    main()
