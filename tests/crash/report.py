"""What the matrix found, as a table and as figures."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.crash import states
from tests.crash.matrix import SCENARIOS, Case, Outcome

DOCS = Path(__file__).parents[2] / "docs"
TWO_FAULTS = "two faults together"
NO_FAULT = "no fault"
MOST_LISTED = 40
WHOLE_RUN = "whole run"
IN_BETWEEN = "choices, Bake, ends"

COLUMNS = {
    **states.HEADS,
    IN_BETWEEN: "in between",
    WHOLE_RUN: "whole run",
}


def measured(outcomes: Sequence[Outcome], wall_seconds: float, jobs: int, seed: int) -> dict[str, Any]:
    """The figures of a matrix. `seconds` are of CPU, and of the wall's clock on a machine that may be busy."""
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


def write(outcomes: Sequence[Outcome], figures: dict[str, Any]) -> None:
    """Into docs/."""
    table = _table(outcomes)
    (DOCS / "crash-matrix.json").write_text(
        json.dumps(
            {
                "measured": figures,
                "table": {
                    kind: {place: {"runs": runs, "violations": bad} for place, (runs, bad) in row.items()}
                    for kind, row in table.items()
                },
                "violations": [
                    {"case": str(outcome.case), "violations": outcome.violations}
                    for outcome in outcomes
                    if outcome.violations
                ],
            },
            indent=1,
        )
        + "\n"
    )
    text = (Path(__file__).parent / "crash-matrix.template.md").read_text()
    values = {
        "table": "\n".join(_rows(table)),
        "scenarios": _scenarios(outcomes),
        "measured": _figures(figures),
        "violations": _violations(outcomes),
    }
    for name, value in values.items():
        text = text.replace(f"<!-- {name} -->", value)
    (DOCS / "crash-matrix.md").write_text(text)


Cell = tuple[int, int]


def _table(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Cell]]:
    """Kind -> column -> runs and violations."""
    table: dict[str, dict[str, Cell]] = {}
    for outcome in outcomes:
        kind, column = _where(outcome.case)
        row = table.setdefault(kind, {})
        runs, bad = row.get(column, (0, 0))
        row[column] = (runs + 1, bad + len(outcome.violations))
    return table


def _where(case: Case) -> tuple[str, str]:
    if not case.faults:
        return NO_FAULT, WHOLE_RUN
    if len(case.faults) > 1:
        return TWO_FAULTS, WHOLE_RUN
    ((kind, place),) = case.faults
    if case.resume_at is not None:
        return "stopped, the handler goes on in the middle of recovery", place.state
    if place.state == "*":
        return kind, WHOLE_RUN
    return kind, place.state if place.state in COLUMNS else IN_BETWEEN


def _rows(table: dict[str, dict[str, Cell]]) -> Iterable[str]:
    yield f"| fault | {' | '.join(COLUMNS.values())} | runs | violations |"
    yield f"|---|{'--:|' * (len(COLUMNS) + 2)}"
    total: Counter[str] = Counter()
    violations = 0
    for kind, row in table.items():
        cells = [_cell(row.get(column)) for column in COLUMNS]
        bad = sum(cell[1] for cell in row.values())
        violations += bad
        total.update({column: cell[0] for column, cell in row.items()})
        yield f"| {kind} | {' | '.join(cells)} | {sum(cell[0] for cell in row.values())} | {bad} |"
    cells = [str(total[column]) for column in COLUMNS]
    yield f"| **all** | {' | '.join(cells)} | **{total.total()}** | **{violations}** |"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    runs, bad = cell
    return f"{runs} (**{bad}**)" if bad else str(runs)


def _scenarios(outcomes: Iterable[Outcome]) -> str:
    runs = Counter(outcome.case.scenario for outcome in outcomes)
    return "\n".join(f"| {name} | {scenario.ends} | {runs[name]} |" for name, scenario in SCENARIOS.items())


def _figures(figures: dict[str, Any]) -> str:
    whole = figures["from_a_stop_to_a_whole_alias"]
    ends = ", ".join(f"{end} {number}" for end, number in figures["ends"].items())
    lines = [
        f"{figures['runs']:,} runs{_part(figures['every'])}, {figures['violations']} violations",
        f"{figures['runs_per_cpu_second']} runs per second of CPU ({figures['cpu_seconds']:,} seconds in all); "
        f"{figures['runs_per_second']} per second with {figures['jobs']} processes ({figures['wall_seconds']:,} s)",
        f"{figures['requests_served']:,} requests served, {figures['requests_harmed']} harmed by the deployer",
        f"from a stop with a split alias to a whole one: {whole['median_calls']} calls of Lambda's control plane in "
        f"the median, {whole['most_calls']} at most ({whole['runs']} runs)",
        f"the sweep came at most {figures['most_sweeps']} times until nothing was left to do (it comes at least twice)",
        f"ends: {ends}",
        f"seed of the runs with two faults: {figures['seed']}",
    ]
    if "search" in figures:
        searched = ", ".join(f"{number:,} {what}" for what, number in figures["search"].items())
        lines.append(f"searched beyond the matrix by hypothesis: {searched}; nothing found")
    return "\n".join(f"- {line}" for line in lines)


def _part(every: int) -> str:
    return f" (**one case in {every}** of the matrix; `make crash-matrix` runs them all)" if every > 1 else ""


def _violations(outcomes: Iterable[Outcome]) -> str:
    wrong = [outcome for outcome in outcomes if outcome.violations]
    if not wrong:
        return "None."
    lines = [f"- `{outcome.case}`: {'; '.join(outcome.violations)}" for outcome in wrong]
    more = [f"- and {len(lines) - MOST_LISTED} more, in crash-matrix.json"] if len(lines) > MOST_LISTED else []
    return "\n".join(lines[:MOST_LISTED] + more)
