"""
`python -m tests.crash`: the crash matrix, and what it found, into docs/crash-matrix.md and .json.

    --release        the matrix of a release of five functions, into docs/crash-matrix-release.md and .json
    --quick          the fixed subset that `make test` runs
    --jobs N         processes
    --pairs N        how many runs with two faults
    --seed N         of these runs
    --only TEXT      cases whose description holds the text; nothing is written
    --scenarios A,B  cases of these scenarios; nothing is written
    --every N        every Nth case, and an Nth of the search; nothing is written
    --asked FILE     what the roles' calls asked of IAM goes there, too
    --kept FILE      each outcome goes there, and a run that is started again goes on where it was stopped
"""

import argparse
import itertools
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.lean import spare_the_collector
from tests.crash import matrix as deployments
from tests.crash import report
from tests.crash.branches import MOST_SECONDS, Alone, Branching, Processes, by_visit
from tests.crash.kept import Kept
from tests.crash.matrix import Outcome
from tests.crash.releases import matrix as releases
from tests.crash.test_search import search
from tests.crash.world.places import Case
from tests.permissions.gathering import to_json
from tests.permissions.seen import Seen, seen

PAIRS, EXAMPLES = 300, 150
SEARCH = "the search"


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
    of = releases if options.release else deployments
    scenarios = options.scenarios.split(",") if options.scenarios else list(of.SCENARIOS)
    if unknown := set(scenarios) - set(of.SCENARIOS):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(of.SCENARIOS)}")
    spare_the_collector()  # it took a tenth of the time
    planned = list(of.quick()) if options.quick else list(of.cases(scenarios))
    if not (options.release or options.quick):
        planned += deployments.pairs(options.pairs, options.seed)
    planned = [case for case in planned if options.only in str(case) and case.scenario in scenarios][:: options.every]
    kept = Kept(options.kept)
    done = kept.cases
    planned = [case for case in planned if case not in done]
    known = f", {len(kept.outcomes)} more are known" if kept.outcomes else ""
    print(f"{len(planned)} runs, {options.jobs} at a time; seed of the pairs: {options.seed}{known}", flush=True)
    everywhere = not (options.only or options.quick or len(scenarios) < len(of.SCENARIOS))
    examples = max(1, EXAMPLES // options.every) if everywhere and not options.release else 0
    searched, of_search = _play(planned, of, examples, _Progress(len(planned), kept), options.jobs)
    figures = report.measured(kept.outcomes, kept.seconds, options.jobs, options.seed)
    if searched:
        figures["search"] = searched
    if options.asked:
        asked = of_search.union(*(outcome.asked for outcome in kept.outcomes))
        options.asked.write_text(json.dumps(list(map(to_json, sorted(asked)))))
    if everywhere and options.every == 1:
        page = report.OF_A_RELEASE if options.release else report.OF_A_DEPLOYMENT
        report.write(kept.outcomes, figures, page)
    print(report.summary(figures))
    return int(any(outcome.violations for outcome in kept.outcomes))


def _play(
    planned: list[Case], of: Any, examples: int, progress: "_Progress", jobs: int
) -> tuple[dict[str, int], frozenset[Seen]]:
    """Play all cases, those of a scenario as branches of one run, and so many examples; answers what the search did."""
    searches: list[tuple[dict[str, int], frozenset[Seen]] | None] = []

    def keep(what: Any, result: Any, seconds: float) -> None:
        if what == SEARCH:
            searches.append(result)
        else:
            progress.keep(result or _no_end(what, "its process died"), seconds)

    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(jobs, Path(folder), keep)
        if examples and processes.branch(SEARCH):
            processes.leave(lambda: _search(examples))
        for scenario in dict.fromkeys(case.scenario for case in planned):
            cases = [case for case in planned if case.scenario == scenario]
            branching = Branching(scenario, by_visit(cases, of.fault_free(scenario)), processes)
            outcome = attempt(branching, of.play)
            if processes.is_copy:
                processes.leave(lambda: outcome)  # noqa: B023  (called at once)
            why = "; ".join(["the run without a fault did not come there", *outcome.violations])
            for case in itertools.chain.from_iterable(branching.left.values()):
                progress.keep(_no_end(case, why), 0.0)
        processes.wait()
    if not searches:
        return {}, frozenset()
    if searches[0] is None:
        sys.exit(
            f"The search found something, which stands above, or took longer than {MOST_SECONDS} s. Nothing is written."
        )
    return searches[0]


def attempt(branch: Alone, play: Callable[[Alone], Outcome]) -> Outcome:
    """A run; one that the harness itself cannot bring to its end is a violation too, and so is a denied call."""
    seen.clear()
    try:
        outcome = play(branch)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome = _no_end(branch.case, f"{type(error).__name__}: {error} ({where.name}:{where.lineno})")
    outcome.asked = frozenset(seen)
    outcome.violations += [f"permissions: {each.asked}" for each in sorted(seen) if each.answer == "denied"]
    return outcome


def _no_end(case: Case, why: str) -> Outcome:
    return Outcome(case, "no end", [f"harness: {why}"], 0, 0, 0, None)


def _search(examples: int) -> tuple[dict[str, int], frozenset[Seen]]:
    return dict(search(examples, the_same_every_time=False)), frozenset(seen)


class _Progress:
    """Keeps every outcome, and prints what is wrong and how far the matrix is."""

    def __init__(self, of: int, kept: Kept) -> None:
        self._of, self._kept = of, kept
        self._number = self._wrong = 0

    def keep(self, outcome: Outcome, seconds: float) -> None:
        outcome.seconds = seconds
        self._kept.keep(outcome)
        self._number += 1
        self._wrong += bool(outcome.violations)
        for violation in outcome.violations:
            print(f"VIOLATION {outcome.case}\n    {violation}", flush=True)
        if outcome.unmet and len(outcome.case.faults) == 1:
            print(f"UNMET     {outcome.case}", flush=True)
        if self._number % 200 == 0 or self._number == self._of:
            wrong = f"{self._wrong} with violations"
            print(f"{self._number:6} of {self._of}, {wrong}, {self._kept.seconds:5.0f} s", flush=True)
