"""docs/cost-and-limits.md has the figures that were counted."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cost-and-limits.md").read_text()
COUNTS = json.loads((ROOT / "docs" / "benchmarks.json").read_text())["counts"]
RELEASES = json.loads((ROOT / "docs" / "release-costs.json").read_text())
TEMPLATE = (ROOT / "template.yaml").read_text()


def test_a_deployment_costs_what_was_counted() -> None:
    written = re.findall(r"^\| (`\w+`|10 % for 48 hours) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)

    assert [tuple(row[1:]) for row in written] == [
        (f"{each['transitions']:,}", f"{each['control_plane']:,}", f"{each['dollars']['total']:.4f}") for each in COUNTS
    ]


def test_a_release_costs_what_was_counted() -> None:
    row = r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$"

    assert re.findall(row, PAGE, re.MULTILINE) == [
        (
            f"{each['functions']:,}",
            f"{each['transitions']:,}",
            f"{each['control_plane']:,}",
            f"{each['seconds'] / 60:.1f}",
            f"{sum(each['dollars'].values()):.4f}",
            f"{each['back_seconds']:.1f}",
        )
        for each in RELEASES
    ]
    assert f"that takes {RELEASES[-1]['over_seconds'] / 60:.0f} minutes for 1,000 functions" in PAGE


def test_the_history_of_two_days_is_as_long_as_counted() -> None:
    assert f"about {round(COUNTS[-1]['events'], -2):,}." in PAGE


def test_there_are_as_many_alarms_as_the_page_counts() -> None:
    assert TEMPLATE.count("Type: AWS::CloudWatch::Alarm") == 10
    assert "Ten alarms at 0.10 dollars: 1.00 dollars." in PAGE
