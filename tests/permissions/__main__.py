"""
`python -m tests.permissions`: does the runs that show what each role needs, and writes docs/permissions.md and .json.

    --every N        every Nth case of the two crash matrices (100); 1 is all of them, and takes hours on two cores
    --seen FILE ...  no runs: these files have what was seen; `PERMISSIONS_SEEN=FILE make test` writes one
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.permissions import table
from tests.permissions.gathering import WRITES, from_json, problems
from tests.template.stack import ROOT

TESTS = ("tests/e2e", "tests/machine", "tests/handlers", "tests/crash")
EVERY_CASE = ("--only", ":")
"""All cases have one in their description, and of a selection the matrix writes no report."""


def main() -> int:
    """0 if every role may do what it does, and nothing else, and if no run failed. The table is written in any case."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.permissions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--seen", type=Path, nargs="+")
    options = parser.parse_args()
    if options.seen:
        return write(options.seen)
    with tempfile.TemporaryDirectory() as folder:
        tests, deployments, releases = files = [Path(folder, f"{name}.json") for name in ("tests", "one", "release")]
        matrix = ["tests.crash", *EVERY_CASE, "--every", str(options.every), "--asked"]
        failed = [
            run("pytest", "-q", "-n", "auto", "--dist", "loadfile", *TESTS, seen=tests),
            run(*matrix, str(deployments)),
            run(*matrix, str(releases), "--release"),
        ]
        return write(files) or max(failed)


def run(*module: str, seen: Path | None = None) -> int:
    """Its exit code. A session of pytest writes what was `seen` there."""
    environment = {**os.environ, WRITES: str(seen)} if seen else None
    return subprocess.run([sys.executable, "-m", *module], cwd=ROOT, env=environment).returncode


def write(files: Iterable[Path]) -> int:
    """The table, from what was seen; what is wrong with it is printed."""
    seen = {from_json(each) for file in files for each in json.loads(file.read_text())}
    rows = table.rows(seen)
    table.write(rows)
    wrong = [*problems(seen), *(f"unused: {each}" for each in table.unused(rows))]
    print("\n".join(wrong) or json.dumps(table.totals(rows)["all"]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
