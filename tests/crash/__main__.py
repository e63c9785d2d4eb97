"""
`python -m tests.crash`: the crash matrix, and what it found, into docs/crash-matrix.md and .json.

    --release        the matrix of a release of five functions; nothing is written
    --quick          the fixed subset that `make test` runs
    --seed N         of the runs with two faults
    --jobs N         processes
    --pairs N        how many of them
    --only TEXT      cases whose description holds the text; nothing is written
    --scenarios A,B  cases of these scenarios; nothing is written
    --every N        every Nth case, and as much less of the search
    --asked FILE     what the roles' calls asked of IAM goes there, too
    --kept FILE      each outcome goes there, and a run that is started again goes on where it was stopped
"""

import argparse
import io
import json
import multiprocessing
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from sandbox.lean import spare_the_collector
from tests.crash import report
from tests.crash.matrix import SCENARIOS, Case, Outcome, cases, pairs, quick, run
from tests.crash.releases import matrix as releases
from tests.crash.test_search import search
from tests.permissions.gathering import to_json
from tests.permissions.seen import Seen, seen

PAIRS, EXAMPLES = 300, 150


def main() -> int:
    """0 if there are no violations."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--scenarios")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--asked", type=Path)
    parser.add_argument("--kept", type=Path)
    options = parser.parse_args()
    planned = _planned(options)
    known_scenarios = list(releases.SCENARIOS if options.release else SCENARIOS)
    scenarios = options.scenarios.split(",") if options.scenarios else known_scenarios
    if unknown := set(scenarios) - set(known_scenarios):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(known_scenarios)}")
    planned = [case for case in planned if options.only in str(case) and case.scenario in scenarios][:: options.every]
    kept = Kept(options.kept)
    planned = [case for case in planned if case not in kept.cases]
    known = f", {len(kept.outcomes)} more are known" if kept.outcomes else ""
    print(f"{len(planned)} runs, {options.jobs} at a time; seed of the pairs: {options.seed}{known}", flush=True)
    whole = not (options.release or options.only or options.quick or len(scenarios) < len(known_scenarios))
    spare_the_collector()  # it took a tenth of the time
    with multiprocessing.Pool(options.jobs, maxtasksperchild=25) as pool:
        searched = pool.apply_async(_search, (max(1, EXAMPLES // options.every),)) if whole else None
        ran = pool.imap_unordered(attempt_a_release if options.release else attempt, planned, chunksize=2)
        _progress(ran, len(planned), kept)
        outcomes = kept.outcomes
        asked = {each for outcome in outcomes for each in outcome.asked}
        figures = report.measured(outcomes, kept.seconds, options.jobs, options.seed)
        figures["every"] = options.every
        if searched is not None:
            figures["search"], of_search = searched.get()
            asked |= of_search
        if options.asked:
            options.asked.write_text(json.dumps(list(map(to_json, sorted(asked)))))
        if whole:
            report.write(outcomes, figures)
    print(report.summary(figures))
    return int(any(outcome.violations for outcome in outcomes))


def _planned(options: argparse.Namespace) -> list[Case]:
    if options.release:
        return list(releases.quick() if options.quick else releases.cases())
    return list(quick()) if options.quick else [*cases(), *pairs(options.pairs, options.seed)]


class Kept:
    """
    The outcomes so far, with what an earlier run has left in the file.

    `seconds` are those in which they were made, together.
    """

    def __init__(self, path: Path | None) -> None:
        self.outcomes: list[Outcome] = []
        self.seconds = 0.0
        self._path, self._before = path, time.monotonic()
        with path.open("rb") if path and path.exists() else io.BytesIO() as file, suppress(EOFError):
            while True:
                self._add(*pickle.load(file))  # this program wrote it

    @property
    def cases(self) -> set[Case]:
        """Those that need not be run."""
        return {outcome.case for outcome in self.outcomes}

    def keep(self, outcome: Outcome) -> None:
        """Another one, in the file too."""
        now = time.monotonic()
        seconds, self._before = now - self._before, now
        self._add(seconds, outcome)
        if self._path:
            with self._path.open("ab") as file:
                pickle.dump((seconds, outcome), file)

    def _add(self, seconds: float, outcome: Outcome) -> None:
        self.seconds += seconds
        self.outcomes.append(outcome)


def attempt_a_release(case: Case) -> Outcome:
    """The same, of a release."""
    return attempt(case, releases.run)


def attempt(case: Case, run: Callable[[Case], Outcome] = run) -> Outcome:
    """A run; one that the harness itself cannot bring to its end is a violation too, and so is a denied call."""
    seen.clear()
    try:
        outcome = run(case)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"harness: {type(error).__name__}: {error} ({where.name}:{where.lineno})"
        outcome = Outcome(case, "no end", [text], 0, 0, 0.0, 0, None)
    outcome.asked = frozenset(seen)
    outcome.violations += [f"permissions: {each.asked}" for each in sorted(seen) if each.answer == "denied"]
    return outcome


def _search(examples: int) -> tuple[dict[str, int], frozenset[Seen]]:
    """Beside the matrix, and part of its time."""
    return dict(search(examples, the_same_every_time=False)), frozenset(seen)


def _progress(outcomes: Iterator[Outcome], of: int, kept: Kept) -> None:
    wrong = 0
    for number, outcome in enumerate(outcomes, start=1):
        kept.keep(outcome)
        wrong += bool(outcome.violations)
        for violation in outcome.violations:
            print(f"VIOLATION {outcome.case}\n    {violation}")
        if outcome.unmet and len(outcome.case.faults) == 1:
            print(f"UNMET     {outcome.case}")
        if number % 200 == 0 or number == of:
            print(f"{number:6} of {of}, {wrong} with violations, {kept.seconds:5.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
