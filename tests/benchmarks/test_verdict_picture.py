"""The picture of the benchmark, as a reader of the README gets it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.verdict import picture
from benchmarks.verdict.plan import quick
from benchmarks.verdict.simulation import outcome
from benchmarks.verdict.targets import Measured

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def measured() -> Measured:
    items = [item for item in quick(1, 2, []) if item.rule in picture.RULES]
    return Measured(outcome(item.rule, item.scenario, item.runs) for item in items)


def test_it_has_a_bar_and_a_figure_for_every_rule_and_fits_the_width_of_a_readme(measured: Measured) -> None:
    root = ET.fromstring(picture.drawn(measured))
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("height") == str(picture.BAR)]
    said = [str(each.text) for each in root.iter(f"{SVG}text")]

    assert root.get("width") == "830"
    assert len(bars) == len(picture.RULES) * len(picture.PANELS) * 2
    assert all(name in said for _, name, _ in picture.RULES.values())
    assert all(title in said for title in picture.PANELS.values())
    assert all(float(bar.get("x", 0)) + float(bar.get("width", 0)) < picture.WIDTH for bar in bars)


def test_it_has_colours_for_light_and_dark_and_is_the_same_every_time(measured: Measured) -> None:
    drawn = picture.drawn(measured)

    assert "prefers-color-scheme: dark" in drawn
    assert drawn == picture.drawn(measured)


def test_the_committed_picture_shows_the_committed_figures() -> None:
    outcomes: list[dict[str, Any]] = json.loads((DOCS / "verdict-benchmark.json").read_text())["outcomes"]
    harmed = {
        (each["rule"], each["scenario"]["traffic"], each["scenario"]["green"]): each["harmed"]
        for each in outcomes
        if each["group"] == "grid" and each["scenario"]["blue"] == picture.BLUE
    }
    said = [str(each.text) for each in ET.parse(DOCS / "verdict-benchmark.svg").iter(f"{SVG}text")]

    for rule in picture.RULES:
        for traffic in (1, 10, 100, 1000):
            for green in picture.PANELS:
                outcome: Any = SimpleNamespace(harmed=harmed[rule, traffic, green])
                assert picture.figure(outcome) in said
