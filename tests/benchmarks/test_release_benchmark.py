"""The simulation of releases: its fleet, its sums against the product's, and its report."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.verdict.release.__main__ import main
from benchmarks.verdict.release.fleet import WAVE_MINUTES, WEIGHT, Cell, Fleet, Minute, in_parts
from benchmarks.verdict.release.measure import (
    ALIKE,
    IDENTICAL,
    QUICK,
    furthest_from_the_product,
    upper_bound,
)
from benchmarks.verdict.release.play import first_at, harmed_until, play
from benchmarks.verdict.release.sums import Sums
from bluegreen.verdict.release import together


def minutes_of(cell: Cell, minutes: int = 4, runs: int = 200) -> list[Minute]:
    fleet = Fleet(cell, runs, np.random.default_rng(1))
    return [fleet.minute(number) for number in range(minutes)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bench", "--quick", "--out", str(folder)])
        main()
    return folder


class TestReport:
    def test_false_rollbacks_stay_at_one_per_cent_within_the_error_of_the_simulation(self, written: Path) -> None:
        figures = json.loads((written / "verdict-release.json").read_text())["identical"]

        assert {one["of"] for one in figures} == set(QUICK.identical)
        assert {one["what"] for one in figures} == set(IDENTICAL)
        for one in figures:
            assert one["rolled_back"] / one["runs"] <= 0.01 + 4 * math.sqrt(0.01 * 0.99 / one["runs"]), one

    def test_a_fault_that_all_share_is_found_sooner_the_more_functions_share_it(self, written: Path) -> None:
        figures = json.loads((written / "verdict-release.json").read_text())["shared"]
        of_all = {
            one["of"]: one["minute"] or math.inf
            for one in figures
            if one["what"] == "all fail 1 percentage points more"
        }

        assert of_all[100] < of_all[20] < of_all[1]

    def test_one_bad_function_is_found_in_a_release_of_any_size(self, written: Path) -> None:
        figures = json.loads((written / "verdict-release.json").read_text())["one_bad"]

        assert {one["share"] for one in figures if "100 %" in one["what"]} == {1}

    def test_it_says_what_one_bad_function_needs_and_has_every_group(self, written: Path) -> None:
        text = (written / "verdict-release.md").read_text()

        assert "| 1 function | 4.6 | 1.0 | 3 |" in text
        assert "| 1,000 | 12.2 | 2.7 | 6 |" in text
        assert all(what in text for what in (*IDENTICAL, "all fail 5 percentage points more", "mean and product"))
        assert text.index("nothing happens") < text.index("in waves: ")


class TestSums:
    def test_whole_releases_have_the_evidence_that_the_product_finds(self) -> None:
        assert furthest_from_the_product(2, minutes=9) < 1e-9

    @pytest.mark.parametrize("of", [1, 2, 7, 40])
    def test_they_are_what_together_comes_to(self, of: int) -> None:
        random = np.random.default_rng(of)
        logs = random.normal(0, 3, (5, of)) * (random.random((5, of)) < 0.7)

        for found, row in zip(Sums.over(logs, of).together(), logs, strict=True):
            assert found == pytest.approx(together([float(log) for log in row], of))

    def test_two_parts_of_a_release_add_up_to_the_whole(self) -> None:
        logs = np.random.default_rng(1).normal(0, 2, (3, 10))
        parts = Sums.over(logs[:, :4], 10).among(Sums.over(logs[:, 4:], 10))

        assert parts.together() == pytest.approx(Sums.over(logs, 10).together())

    def test_a_release_is_the_same_whenever_it_is_played(self) -> None:
        one, two = (play(ALIKE[0], 3, 5) for _ in range(2))

        assert np.array_equal(one.sums.odds, two.sums.odds)

    def test_large_fleets_are_played_in_parts(self) -> None:
        assert list(in_parts(45, 1000)) == [20, 20, 5]
        assert list(in_parts(3, 100_000)) == [1, 1, 1]

    def test_a_look_sees_a_minute_three_minutes_after_its_beginning_and_harm_counts_until_then(self) -> None:
        logs = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 0.0], [9.0, 0.0]])
        harmed = np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0], [8.0, 8.0], [16.0, 16.0]])
        minute = first_at(logs)

        assert minute.tolist() == [4, math.inf]
        assert harmed_until(harmed, minute).tolist() == [15, 31]


class TestFleet:
    def test_a_fifth_of_the_functions_follows_the_first_and_then_the_others(self) -> None:
        shifted = Cell(100, waves=True).shifted_at

        assert [int((shifted == WAVE_MINUTES * wave).sum()) for wave in range(3)] == [1, 20, 79]
        assert set(Cell(100).shifted_at) == {0}

    def test_green_has_its_weight_from_the_second_of_the_shift_on(self) -> None:
        first, second = minutes_of(Cell(5, traffic=10.0), minutes=2)

        assert first.began.all()
        assert not second.began.any()
        assert first.green.mean() == pytest.approx(600 * WEIGHT / 2, rel=0.05)
        assert second.green.mean() == pytest.approx(600 * WEIGHT, rel=0.05)

    def test_only_the_bad_functions_fail_more_than_their_blue(self) -> None:
        last = minutes_of(Cell(4, bad=1, excess=0.5, traffic=10.0, blue=0.0))[-1]

        assert last.green_bad[:, 1:].sum() == last.blue_bad.sum() == 0
        assert last.green_bad[:, 0].sum() == pytest.approx(0.5 * last.green[:, 0].sum(), rel=0.05)

    def test_a_caller_fails_if_what_it_calls_fails_twice_whichever_version_the_caller_is(self) -> None:
        last = minutes_of(Cell(3, bad=1, excess=1.0, calls=True, traffic=10.0, blue=0.0))[-1]
        called, calling = (slice(None), 0), (slice(None), 1)

        assert last.green_bad[called].sum() == last.green[called].sum()
        for bad, requests in ((last.green_bad, last.green), (last.blue_bad, last.blue)):
            assert bad[calling].sum() == pytest.approx(WEIGHT**2 * requests[calling].sum(), rel=0.2)
        outside, nested = 600, 600 + 600 * (1 + WEIGHT**2)
        requests = (last.green + last.blue)[called].mean()
        assert requests == pytest.approx(outside + nested * (1 + WEIGHT), rel=0.02)

    def test_an_outage_hits_all_functions_and_both_versions_alike(self) -> None:
        last = minutes_of(Cell(3, outages=1.0, traffic=100.0, blue=0.0))[-1]
        rates = np.concatenate([last.green_bad / last.green, last.blue_bad / last.blue], axis=1)

        assert np.std(rates, axis=1).max() < 0.06
        assert 0.1 < rates.mean() < 0.5

    def test_bursts_are_learnt_from_the_past(self) -> None:
        calm, bursts = (
            Fleet(replace(Cell(20, traffic=10.0, blue=0.01), icc=icc), 3, np.random.default_rng(1)).icc()
            for icc in (0.0, 0.02)
        )

        assert bursts.mean() > 20 * calm.mean()

    def test_only_the_first_request_of_each_green_fails(self) -> None:
        bad = sum(minute.green_bad for minute in minutes_of(Cell(5, first_fails=True, traffic=1.0, blue=0.0), 8))

        assert np.unique(bad).tolist() == [1]


class TestUpperBound:
    @pytest.mark.parametrize(("hits", "runs", "bound"), [(0, 300, 0.00994), (0, 1, 0.95), (3, 1000, 0.00773)])
    def test_it_is_that_of_clopper_and_pearson(self, hits: int, runs: int, bound: float) -> None:
        assert upper_bound(hits, runs) == pytest.approx(bound, abs=5e-5)
