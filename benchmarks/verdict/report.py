"""The figures as tables in Markdown, as JSON and on the terminal."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from benchmarks.verdict.agreement import Agreement
from benchmarks.verdict.floor import AboveFloor
from benchmarks.verdict.scenario import GROUPS, HOURS, USUAL, Scenario
from benchmarks.verdict.simulation import Outcome
from benchmarks.verdict.targets import Groups, Measured, Target

HEADINGS = {
    "grid": "Every traffic and every pair of error rates",
    "late_metrics": "CloudWatch late, or silent",
    "thin": "A few requests a minute",
    "spotless": "Greens of which no request fails, next to blues that fail",
    "first_request": "Only green's first request fails",
    "late_errors": "Errors of one version later than its invocations",
    "outages": "Outages of something both versions need",
    "final_bake": "A final bake",
    "bursts": "Bursts in both versions",
    "bursts_in_green": "Bursts in green alone",
    "clumps": "Traffic in clumps",
    "slow": "Slow requests, and environments that start cold",
    "late": "Greens that begin to fail later",
    "heavy": "Greens that fail only at some weight",
}
CONDITIONS = """\
The first shift comes at any second of a minute. Later ones come there, too, or, under Adaptive, at second 4 of a
minute. A minute's figures come two to three minutes after its end, and single ones of the alias or of a version up to
two minutes later; peers see all of them in time. Traffic is Poisson unless a group says otherwise. Before the first
shift lie three hours of blue alone."""
LEGEND = f"""\
Worse greens: requests harmed on average within {HOURS} hours, also by a green that was promoted · within the first hour
· share promoted · share rolled back at the end, where the odds against green were high and no proof. The least harm
within {HOURS} hours among rules that spare the identical green of the cell in 99 cases of 100 is **bold**; a rule that
does not is in (parentheses)."""
GOOD_LEGEND = (
    "Identical greens: rolled back · median minute at 90 % of the traffic · at 100 % · the minute at which nine of ten "
    "have 100 %. A dash is never."
)


def number(value: float | None) -> str:
    """A figure as short as it can be read."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def good_cell(outcome: Outcome) -> str:
    """An identical green."""
    minutes = (outcome.minutes_to_90, outcome.minutes_to_100, outcome.nine_in_ten_at_100)
    return " · ".join([f"{outcome.rolled_back:.1%}", *(number(minute) for minute in minutes)]) + unmeasured(outcome)


def bad_cell(outcome: Outcome) -> str:
    """A green that is worse."""
    harmed = f"{number(outcome.harmed)} · {number(outcome.harmed_in_the_hour)}"
    text = f"{harmed} · {outcome.promoted:.0%}" if outcome.promoted >= 0.005 else harmed
    if outcome.suspected >= 0.005:
        text += f" · suspected {outcome.suspected:.0%}"
    return text + unmeasured(outcome)


def unmeasured(outcome: Outcome) -> str:
    """How often the verdict was that it cannot measure."""
    return f" · cannot measure {outcome.unmeasured:.0%}" if outcome.unmeasured >= 0.005 else ""


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(group: str, measured: Measured, grid: Measured) -> str:
    """One group of scenarios."""
    parts = [f"## {HEADINGS[group]}", str(GROUPS[group].__doc__)]
    if measured.good:
        rows = [
            [cell.described(), *(good_cell(measured[rule, cell]) for rule in measured.rules)] for cell in measured.good
        ]
        parts += [GOOD_LEGEND, markdown_table(["identical", *measured.rules], rows)]
    if measured.bad:
        rows = [
            [cell.described(), *_bad_row(measured, cell, honest_rules(cell, measured, grid))] for cell in measured.bad
        ]
        parts += [LEGEND, markdown_table(["worse", *measured.rules], rows)]
    return "\n\n".join(parts)


def honest_rules(cell: Scenario, measured: Measured, grid: Measured) -> list[str]:
    """Those that spare the identical green of the plain cell, and those that do not play there."""
    plain = Scenario(cell.traffic, cell.blue, cell.blue)
    known = plain in grid.scenarios
    return [rule for rule in measured.rules if not known or rule not in grid.rules or grid.keeps_it(rule, plain)]


def _bad_row(measured: Measured, cell: Scenario, honest: list[str]) -> list[str]:
    best = min((measured[rule, cell].harmed for rule in honest), default=-1.0)
    row = []
    for rule in measured.rules:
        text, harmed = bad_cell(measured[rule, cell]), measured[rule, cell].harmed
        row.append(f"({text})" if rule not in honest else f"**{text}**" if harmed <= best else text)
    return row


def targets_table(targets: Iterable[Target]) -> str:
    """The targets and whether they were met."""
    rows = [
        [each.line, each.asked, each.reached, each.runs, each.error, "met" if each.met else "**not met**"]
        for each in targets
    ]
    return markdown_table(["line", "asked", "reached", "runs", "standard error", ""], rows)


def floor_table(above: Sequence[AboveFloor]) -> str:
    """How many times Wald's bound, by weight."""
    weights = sorted({each.weight for each in above})
    pairs = list(dict.fromkeys((each.blue, each.green) for each in above))
    ratio = {(each.weight, each.blue, each.green): each.ratio for each in above}
    rows = [
        [f"{100 * blue:g} -> {100 * green:g} %", *(f"{ratio[weight, blue, green]:.2f}" for weight in weights)]
        for blue, green in pairs
    ]
    return markdown_table(["blue -> green", *(f"weight {weight:g}" for weight in weights)], rows)


def everything(
    groups: Groups, above: Sequence[AboveFloor], targets: Sequence[Target], agreed: Agreement, runs: str
) -> str:
    """The whole report."""
    return "\n\n".join(
        [
            "# Rules of rollback, measured",
            f"Written by `make bench-verdict` ({runs}, fixed seed); [verdict.md](verdict.md) says what it means. "
            "Everything is simulated; nothing of it was measured on AWS.",
            "![Users harmed by a bad release](verdict-benchmark.svg)",
            CONDITIONS,
            agreed.sentence(),
            "## Targets",
            "The lines without a number are asked besides. Where a share is 0, its error is what it stays below.",
            targets_table(targets),
            *(section(group, groups[group], groups["grid"]) for group in GROUPS if group in groups),
            "## Requests to a verdict, as a multiple of Wald's bound",
            "At a fixed weight, in buckets of a sixtieth of the bound and of five requests at least.",
            floor_table(above),
            "",
        ]
    )


def as_json(groups: Groups, above: Sequence[AboveFloor], targets: Sequence[Target], agreed: Agreement) -> str:
    """The figures for programs: one outcome a line."""

    def scenario_of(scenario: Scenario) -> dict[str, Any]:
        names = [field.name for field in fields(scenario)]
        always = ("traffic", "blue", "green")
        return {
            name: getattr(scenario, name)
            for name in names
            if name in always or getattr(scenario, name) != getattr(USUAL, name)
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
    parts = {"targets": claims, "agreement": [json.dumps(asdict(agreed))], "outcomes": lines, "above_floor": floors}
    body = ",\n".join(f'"{name}": [\n' + ",\n".join(rows) + "\n]" for name, rows in parts.items())
    return "{\n" + body + "\n}\n"
