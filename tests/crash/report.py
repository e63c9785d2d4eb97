"""What a matrix found, as a table and as figures."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash import states
from tests.crash.matrix import SCENARIOS, Outcome
from tests.crash.releases import matrix as releases
from tests.crash.releases import states as of_release
from tests.crash.world.places import Case

DOCS = Path(__file__).parents[2] / "docs"
TWO_FAULTS = "two faults together"
NO_FAULT = "no fault"
MOST_LISTED = 40
WHOLE_RUN = "whole run"
IN_BETWEEN = "choices, Bake, ends"


@dataclass(frozen=True)
class Page:
    """A page in docs/, by its own and its template's name, with the heads of handlers and the end of each scenario."""

    name: str
    heads: Mapping[str, str]
    ends: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """By handler, the heads of all columns."""
        return {**self.heads, IN_BETWEEN: "in between", WHOLE_RUN: "whole run"}


OF_A_DEPLOYMENT = Page("crash-matrix", states.HEADS, {name: each.ends for name, each in SCENARIOS.items()})
OF_A_RELEASE = Page(
    "crash-matrix-release", of_release.HEADS, {name: each.ends for name, each in releases.SCENARIOS.items()}
)


def measured(outcomes: Sequence[Outcome], wall_seconds: float, jobs: int, seed: int) -> dict[str, Any]:
    """The figures of a matrix. Seconds of CPU are those from each case's first fault on."""
    cpu = sum(outcome.seconds for outcome in outcomes)
    whole = [outcome.whole_after for outcome in outcomes if outcome.whole_after]
    return {
        "runs": len(outcomes),
        "violations": sum(len(outcome.violations) for outcome in outcomes),
        "requests_served": sum(outcome.served for outcome in outcomes),
        "requests_harmed": sum(outcome.harmed for outcome in outcomes),
        "cpu_seconds": round(cpu),
        "runs_per_cpu_second": round(len(outcomes) / cpu, 2) if cpu else 0.0,
        "wall_seconds": round(wall_seconds),
        "runs_per_second": round(len(outcomes) / wall_seconds, 2),
        "jobs": jobs,
        "seed": seed,
        "ends": dict(Counter(outcome.ended for outcome in outcomes).most_common()),
        "most_sweeps": max((outcome.sweeps for outcome in outcomes), default=0),
        "from_a_stop_to_a_whole_alias": {
            "runs": len(whole),
            "median_calls": statistics.median(whole) if whole else None,
            "most_calls": max(whole, default=None),
        },
    }


def summary(figures: dict[str, Any]) -> str:
    """For a terminal."""
    return json.dumps(figures, indent=2)


def write(outcomes: Sequence[Outcome], figures: dict[str, Any], page: Page) -> None:
    """Into docs/."""
    table = _table(outcomes, page)
    violations = {str(outcome.case): outcome.violations for outcome in outcomes if outcome.violations}
    found = {
        "measured": figures,
        "table": {
            kind: {place: {"runs": runs, "violations": bad} for place, (runs, bad) in row.items()}
            for kind, row in table.items()
        },
        "violations": [{"case": case, "violations": wrong} for case, wrong in violations.items()],
    }
    (DOCS / f"{page.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    text = (Path(__file__).parent / f"{page.name}.template.md").read_text()
    values = {
        "table": "\n".join(_rows(table, page)),
        "scenarios": _scenarios(outcomes, page),
        "measured": _figures(figures),
        "violations": _violations(violations, page),
    }
    for name, value in values.items():
        text = text.replace(f"<!-- {name} -->", value)
    (DOCS / f"{page.name}.md").write_text(text)


Cell = tuple[int, int]


def _table(outcomes: Iterable[Outcome], page: Page) -> dict[str, dict[str, Cell]]:
    """Kind -> column -> runs and violations."""
    table: dict[str, dict[str, Cell]] = {}
    for outcome in outcomes:
        kind, column = _where(outcome.case, page)
        row = table.setdefault(kind, {})
        runs, bad = row.get(column, (0, 0))
        row[column] = (runs + 1, bad + len(outcome.violations))
    return table


def _where(case: Case, page: Page) -> tuple[str, str]:
    if not case.faults:
        return NO_FAULT, WHOLE_RUN
    if len(case.faults) > 1:
        return TWO_FAULTS, WHOLE_RUN
    ((kind, place),) = case.faults
    if case.resume_at is not None:
        return "stopped, the handler goes on in the middle of recovery", place.state
    if place.state == "*":
        return kind, WHOLE_RUN
    return kind, place.state if place.state in page.columns else IN_BETWEEN


def _rows(table: dict[str, dict[str, Cell]], page: Page) -> Iterable[str]:
    yield f"| fault | {' | '.join(page.columns.values())} | runs | violations |"
    yield f"|---|{'--:|' * (len(page.columns) + 2)}"
    total: Counter[str] = Counter()
    violations = 0
    for kind, row in table.items():
        cells = [_cell(row.get(column)) for column in page.columns]
        bad = sum(cell[1] for cell in row.values())
        violations += bad
        total.update({column: cell[0] for column, cell in row.items()})
        yield f"| {kind} | {' | '.join(cells)} | {sum(cell[0] for cell in row.values())} | {bad} |"
    cells = [str(total[column]) for column in page.columns]
    yield f"| **all** | {' | '.join(cells)} | **{total.total()}** | **{violations}** |"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    runs, bad = cell
    return f"{runs} (**{bad}**)" if bad else str(runs)


def _scenarios(outcomes: Iterable[Outcome], page: Page) -> str:
    runs = Counter(outcome.case.scenario for outcome in outcomes)
    return "\n".join(f"| `{name}` | {ends} | {runs[name]} |" for name, ends in page.ends.items())


def _figures(figures: dict[str, Any]) -> str:
    whole = figures["from_a_stop_to_a_whole_alias"]
    ends = ", ".join(f"{end} {number}" for end, number in figures["ends"].items())
    lines = [
        f"{figures['runs']:,} runs, {figures['violations']} violations",
        f"{figures['runs_per_cpu_second']} runs per second of CPU ({figures['cpu_seconds']:,} seconds in all); "
        f"{figures['runs_per_second']} per second with {figures['jobs']} processes ({figures['wall_seconds']:,} s)",
        f"{figures['requests_served']:,} requests served, {figures['requests_harmed']} harmed by the deployer",
        f"the sweep came at most {figures['most_sweeps']} times until nothing was left to do (it comes at least twice)",
        f"ends: {ends}",
    ]
    if whole["runs"]:
        lines.append(
            f"from a stop with a split alias to a whole one: {whole['median_calls']} calls of Lambda's control plane "
            f"in the median, {whole['most_calls']} at most ({whole['runs']} runs)"
        )
    if "search" in figures:
        lines.append(f"seed of the runs with two faults: {figures['seed']}")
        searched = ", ".join(f"{number:,} {what}" for what, number in figures["search"].items())
        lines.append(f"searched beyond the matrix by hypothesis: {searched}; nothing found")
    return "\n".join(f"- {line}" for line in lines)


def _violations(found: Mapping[str, list[str]], page: Page) -> str:
    if not found:
        return "None."
    lines = [f"- `{case}`: {'; '.join(wrong)}" for case, wrong in found.items()]
    more = [f"- and {len(lines) - MOST_LISTED} more, in {page.name}.json"] if len(lines) > MOST_LISTED else []
    return "\n".join(lines[:MOST_LISTED] + more)
