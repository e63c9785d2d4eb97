"""`python -m benchmarks.verdict`: simulate, print the tables, write them with a plot to docs/."""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

from benchmarks.verdict import floor, plot, report
from benchmarks.verdict.rules import RULES
from benchmarks.verdict.scenario import GROUPS, Scenario
from benchmarks.verdict.simulation import Outcome, outcomes
from benchmarks.verdict.targets import Measured, targets

DOCS = Path(__file__).parents[2] / "docs"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict", description=__doc__)
    parser.add_argument("--rule", action="append", default=[], help="module:function, a rule of your own; see rules.py")
    parser.add_argument("--good", type=int, default=2000, help="deployments of an identical green in each cell")
    parser.add_argument("--bad", type=int, default=500, help="deployments of a bad green in each cell")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--quick", action="store_true", help="few deployments of the main table alone")
    parser.add_argument("--out", type=Path, default=DOCS, help="where to write the report")
    return parser.parse_args()


def main() -> None:
    """Measure everything."""
    asked = arguments()
    if asked.quick:
        asked.good, asked.bad = min(asked.good, 200), min(asked.bad, 60)
    scenarios = {name: list(cells()) for name, cells in GROUPS.items() if name == "grid" or not asked.quick}
    groups = measure(scenarios, [*RULES, *asked.rule], asked)
    above = floor.table(min(40, asked.bad) if asked.quick else 200)
    claims = targets(groups["grid"], above)
    text = report.everything(groups, above, claims, f"{asked.good:,} good and {asked.bad:,} bad deployments a cell")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "verdict-benchmark.md").write_text(text)
    (asked.out / "verdict-benchmark.json").write_text(report.as_json(groups, above, claims))
    if importlib.util.find_spec("matplotlib"):
        plot.draw(groups["grid"], asked.out / "verdict-benchmark.svg")
    else:
        print("no picture: it needs requirements/bench.txt installed", file=sys.stderr)
    print(text)


def measure(scenarios: dict[str, list[Scenario]], rules: list[str], asked: argparse.Namespace) -> dict[str, Measured]:
    """Every rule in every scenario, by group."""
    cells = dict.fromkeys(cell for group in scenarios.values() for cell in group)
    work = [(rule, cell, asked.good if cell.identical else asked.bad) for rule in rules for cell in cells]
    began = time.monotonic()

    def progress(done: int, of: int) -> None:
        if done * 20 // of > (done - 1) * 20 // of:
            print(f"{done} of {of} cells, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    done: dict[tuple[str, Scenario], Outcome] = {}
    for outcome in outcomes(work, asked.workers, progress):
        done[outcome.rule, outcome.scenario] = outcome
    return {name: Measured(done[rule, cell] for cell in group for rule in rules) for name, group in scenarios.items()}


if __name__ == "__main__":
    main()
