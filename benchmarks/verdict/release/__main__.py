"""`python -m benchmarks.verdict.release`: simulate releases, print the tables, write them to docs/."""

import argparse
import time
from pathlib import Path

from benchmarks.verdict.__main__ import DOCS, since
from benchmarks.verdict.release import report
from benchmarks.verdict.release.measure import FULL, QUICK, measure


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict.release", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--quick", action="store_true", help="few releases, of a hundred functions at most")
    parser.add_argument("--out", type=Path, default=DOCS, help="where to write the report")
    return parser.parse_args()


def main() -> None:
    """Measure everything."""
    asked = arguments()
    measured = measure(QUICK if asked.quick else FULL, asked.workers, since(time.monotonic()))
    text = report.everything(measured)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "verdict-release.md").write_text(text)
    (asked.out / "verdict-release.json").write_text(report.as_json(measured))
    print(text)


if __name__ == "__main__":
    main()
