from pathlib import Path

from benchmarks.verdict.plot import draw
from benchmarks.verdict.rules import RULES
from benchmarks.verdict.scenario import grid
from benchmarks.verdict.simulation import outcome
from benchmarks.verdict.targets import Measured


def test_the_plot_names_every_rule_and_is_the_same_every_time(tmp_path: Path) -> None:
    measured = Measured(outcome(rule, cell, 1) for rule in RULES for cell in grid() if cell.blue == 0.001)
    for name in ("one.svg", "two.svg"):
        draw(measured, tmp_path / name)

    assert (tmp_path / "one.svg").read_text() == (tmp_path / "two.svg").read_text()
    assert all(rule.replace(">", "&gt;").replace("<", "&lt;") in (tmp_path / "one.svg").read_text() for rule in RULES)
