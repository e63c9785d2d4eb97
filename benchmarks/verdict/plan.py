"""What is measured: every group of cells, the rules that play in it, and how often."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.verdict.peers import ANY_ERROR_10, PEERS, RATE_10
from benchmarks.verdict.scenario import GROUPS, Scenario, grid
from benchmarks.verdict.strategies import CANARIES, FINAL_BAKE, OURS, WITH_SLOW_MS
from bluegreen.request.traffic import ADAPTIVE

EVERY = (*OURS, *PEERS)
RULES_OF = {
    "grid": EVERY,
    "late_metrics": (ADAPTIVE, *CANARIES),
    "thin": (*OURS, ANY_ERROR_10, RATE_10),
    "spotless": tuple(OURS),
    "first_request": tuple(OURS),
    "late_errors": (ADAPTIVE, *CANARIES[:2], "Linear10PercentEvery1Minute"),
    "outages": EVERY,
    "final_bake": (FINAL_BAKE,),
    "bursts": (ADAPTIVE, CANARIES[1]),
    "bursts_in_green": (ADAPTIVE, *CANARIES[1:]),
    "clumps": tuple(OURS),
    "slow": tuple(WITH_SLOW_MS),
    "late": EVERY,
    "heavy": EVERY,
}
"""Peers play where it matters to compare them."""
RUNS = {"late_metrics": 300, "slow": 300, "clumps": 500, "thin": 2000}
"""Deployments a cell, where identical and worse greens have as many."""
QUICK_TRAFFIC, QUICK_BLUE, QUICK_GREENS = (10, 1000), 0.001, (0.001, 0.05, 1.0)


@dataclass(frozen=True)
class Item:
    """A rule in a cell, so many times."""

    group: str
    rule: str
    scenario: Scenario
    runs: int


def everything(good: int, bad: int, rules: list[str]) -> list[Item]:
    """All there is to measure, with the rules of a user's in the groups that peers play in."""
    return [
        Item(group, rule, cell, min(RUNS.get(group, good if cell.identical else bad), good))
        for group, cells in GROUPS.items()
        for cell in cells()
        for rule in (*RULES_OF[group], *(rules if RULES_OF[group] == EVERY else ()))
    ]


def quick(good: int, bad: int, rules: list[str]) -> list[Item]:
    """A few cells of the grid."""
    return [
        Item("grid", rule, cell, good if cell.identical else bad)
        for cell in _quick_cells()
        for rule in (*EVERY, *rules)
    ]


def _quick_cells() -> Iterator[Scenario]:
    for cell in grid():
        if cell.traffic in QUICK_TRAFFIC and cell.blue == QUICK_BLUE and cell.green in QUICK_GREENS:
            yield cell
