"""The figures as tables in Markdown, as JSON and on the terminal."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from benchmarks.verdict.floor import AboveFloor
from benchmarks.verdict.scenario import GROUPS, Scenario
from benchmarks.verdict.simulation import MINUTES, Outcome
from benchmarks.verdict.targets import Measured, Target

HEADINGS = {
    "grid": "Minutes visible two late",
    "delays": "Other delays",
    "late": "Greens that begin to fail later",
    "heavy": "Greens that fail only at some weight",
    "outages": "Outages of something both versions need",
    "bursts": "Bursts in green's minutes alone",
}
LEGEND = f"""\
Bad greens: requests harmed on average within the first {MINUTES} minutes (also by a green that was promoted) · median
until rollback, of those rolled back · share promoted. The least harm among rules that spare the identical green of
the cell in 99 cases of 100 is **bold**; a rule that does not is in (parentheses)."""
GOOD_LEGEND = (
    "Identical greens: rolled back · median minute at 90 % of the traffic · at 100 % · the minute at which nine of ten "
    "have 100 % (- is later than the hour)."
)


def number(value: float | None) -> str:
    """A figure as short as it can be read."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def good_cell(outcome: Outcome) -> str:
    """An identical green."""
    minutes = (outcome.minutes_to_90, outcome.minutes_to_100, outcome.nine_in_ten_at_100)
    return " · ".join([f"{outcome.rolled_back:.1%}", *(number(minute) for minute in minutes)])


def bad_cell(outcome: Outcome) -> str:
    """A green that is worse."""
    harmed = f"{number(outcome.harmed)} · {number(outcome.harmed_until_rollback)}"
    return f"{harmed} · {outcome.promoted:.0%}" if outcome.promoted >= 0.005 else harmed


def conditions(scenario: Scenario) -> str:
    """The cell with what is special about it."""
    special = []
    if scenario.delay != 2:
        special.append(f"{scenario.delay} late")
    if scenario.fails_from:
        special.append(f"from minute {scenario.fails_from}")
    if scenario.fails_above:
        special.append(f"from weight {scenario.fails_above:g}")
    if scenario.burst_icc:
        special.append(f"icc {scenario.burst_icc:g}")
    return ", ".join([scenario.cell(), *special])


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(group: str, measured: Measured, keeps_it: Callable[[str, Scenario], bool]) -> str:
    """One group of scenarios."""
    parts = [f"## {HEADINGS[group]}"]
    if measured.good:
        rows = [
            [conditions(cell), *(good_cell(measured[rule, cell]) for rule in measured.rules)] for cell in measured.good
        ]
        parts += [GOOD_LEGEND, markdown_table(["identical", *measured.rules], rows)]
    if measured.bad:
        rows = []
        for cell in measured.bad:
            honest = [rule for rule in measured.rules if keeps_it(rule, cell)]
            best = min((measured[rule, cell].harmed for rule in honest), default=-1.0)
            rows.append(
                [
                    conditions(cell),
                    *(
                        _marked(bad_cell(measured[rule, cell]), rule in honest, measured[rule, cell].harmed <= best)
                        for rule in measured.rules
                    ),
                ]
            )
        parts += [LEGEND, markdown_table(["worse", *measured.rules], rows)]
    return "\n\n".join(parts)


def _marked(text: str, honest: bool, best: bool) -> str:
    if not honest:
        return f"({text})"
    return f"**{text}**" if best else text


def targets_table(targets: Iterable[Target]) -> str:
    """The targets and whether they were met."""
    rows = [[target.claim, "met" if target.met else "**not met**", target.measured] for target in targets]
    return markdown_table(["target", "", "measured"], rows)


def floor_table(above: Sequence[AboveFloor]) -> str:
    """How many times Wald's bound, by weight."""
    weights = sorted({each.weight for each in above})
    pairs = list(dict.fromkeys((each.blue, each.green) for each in above))
    ratio = {(each.weight, each.blue, each.green): each.ratio for each in above}
    rows = [
        [f"{blue:g} -> {green:g}", *(f"{ratio[weight, blue, green]:.2f}" for weight in weights)]
        for blue, green in pairs
    ]
    return markdown_table(["blue -> green", *(f"weight {weight:g}" for weight in weights)], rows)


def everything(groups: dict[str, Measured], above: Sequence[AboveFloor], targets: Sequence[Target], runs: str) -> str:
    """The whole report."""
    grid = groups["grid"]

    def keeps_it(rule: str, scenario: Scenario) -> bool:
        return grid.keeps_it(rule, Scenario(scenario.traffic, scenario.blue, scenario.green))

    return "\n\n".join(
        [
            "# Rules of rollback, measured",
            f"Written by `make bench-verdict` ({runs}, fixed seed); [verdict.md](verdict.md) says what it means.",
            "![False rollbacks, and requests harmed](verdict-benchmark.svg)",
            "## Targets",
            targets_table(targets),
            *(section(group, groups[group], keeps_it) for group in GROUPS if group in groups),
            "## Requests to a verdict, as a multiple of Wald's bound",
            floor_table(above),
            "",
        ]
    )


def as_json(groups: dict[str, Measured], above: Sequence[AboveFloor], targets: Sequence[Target]) -> str:
    """The figures for programs: one outcome a line."""
    usual = Scenario(0, 0, 0)

    def scenario_of(scenario: Scenario) -> dict[str, Any]:
        names = [field.name for field in fields(scenario)]
        always = ("traffic", "blue", "green")
        return {
            name: getattr(scenario, name)
            for name in names
            if name in always or getattr(scenario, name) != getattr(usual, name)
        }

    def outcome_of(outcome: Outcome) -> dict[str, Any]:
        return {
            name: round(value, 4) if isinstance(value, float) else value for name, value in outcome.as_dict().items()
        } | {"scenario": scenario_of(outcome.scenario)}

    lines = [
        json.dumps({"group": group} | outcome_of(measured[rule, scenario]))
        for group, measured in groups.items()
        for scenario in measured.scenarios
        for rule in measured.rules
    ]
    floors = [json.dumps(asdict(each) | {"ratio": round(each.ratio, 3)}) for each in above]
    claims = [json.dumps(asdict(target)) for target in targets]
    parts = {"targets": claims, "outcomes": lines, "above_floor": floors}
    body = ",\n".join(f'"{name}": [\n' + ",\n".join(rows) + "\n]" for name, rows in parts.items())
    return "{\n" + body + "\n}\n"
