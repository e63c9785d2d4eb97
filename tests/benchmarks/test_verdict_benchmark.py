import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.verdict import floor, rules
from benchmarks.verdict.__main__ import main
from benchmarks.verdict.scenario import GROUPS, Scenario
from benchmarks.verdict.simulation import MINUTES, deployment, minute_of, outcome
from bluegreen.verdict import Bucket, Counts, Sides


def minutes(*greens: tuple[int, int], blue: tuple[int, int] = (0, 540), weight: float = 0.1) -> list[Bucket]:
    return [
        Bucket(60 * number, {"errors": Sides(blue=Counts(blue[1], blue[0]), green=Counts(requests, bad))}, weight)
        for number, (bad, requests) in enumerate(greens)
    ]


def half_and_then_all(minute: int, weight: float, seen: Sequence[Bucket]) -> float:
    """A rule of a user's: half the traffic until five minutes are seen; it reads none of them."""
    return 1.0 if len(seen) >= 5 else 0.5


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bench", "--quick", "--good", "100", "--bad", "10", "--out", str(folder)])
        main()
    return folder


def test_false_rollbacks_stay_at_one_per_cent_within_the_error_of_the_simulation(report: Path) -> None:
    figures = json.loads((report / "verdict-benchmark.json").read_text())["outcomes"]
    ours = [one for one in figures if one["rule"] in rules.OURS]
    good = [one for one in ours if one["scenario"]["blue"] == one["scenario"]["green"]]

    assert len(good) == 2 * 12
    for one in good:
        assert one["rolled_back"] <= 0.01 + 4 * math.sqrt(0.01 * 0.99 / one["runs"]), one
    assert sum(one["rolled_back"] for one in good) / len(good) <= 0.01


def test_every_outright_failure_under_the_adaptive_weight_is_rolled_back(report: Path) -> None:
    figures = json.loads((report / "verdict-benchmark.json").read_text())["outcomes"]
    outright = [one for one in figures if one["rule"] == rules.ADAPTIVE and one["scenario"]["green"] == 1]

    assert {one["rolled_back"] for one in outright} == {1}


def test_the_report_has_every_rule_and_every_target(report: Path) -> None:
    text = (report / "verdict-benchmark.md").read_text()

    assert all(rule in text for rule in rules.RULES)
    assert text.count("| met |") + text.count("| **not met** |") == 10


def test_a_rule_of_the_users_can_be_measured_by_its_name() -> None:
    name = f"{__name__}:half_and_then_all"
    good = outcome(name, Scenario(10, 0.0, 0.0), 3)

    assert (good.promoted, good.minutes_to_100) == (1, 7)


def test_a_name_without_a_function_is_refused() -> None:
    with pytest.raises(SystemExit, match="write module:function"):
        rules.from_user("yours")


def test_the_same_seed_gives_the_same_figures() -> None:
    cell = Scenario(10, 0.01, 0.05)

    assert outcome(rules.ALARM, cell, 5) == outcome(rules.ALARM, cell, 5)


def test_nothing_is_visible_before_its_time() -> None:
    seen_at: dict[int, int] = {}

    def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float:
        seen_at[minute] = len(seen)
        return 0.1

    deployment(Scenario(10, 0.0, 0.0, delay=2), lambda per_minute, delay: decide, np.random.default_rng(1))

    assert [seen_at[minute] for minute in (0, 1, 2, 3, 4, 59)] == [0, 0, 0, 1, 2, 57]


def test_a_bad_green_that_is_promoted_harms_until_the_end_of_the_hour() -> None:
    run = deployment(Scenario(1, 0.0, 0.5), lambda per_minute, delay: lambda *_: 1.0, np.random.default_rng(1))

    assert (run.ended, run.harmed) == ("promoted", 60 * 0.5 * MINUTES)


@pytest.mark.parametrize(("minute", "weight", "rate"), [(4, 0.5, 0.0), (5, 0.05, 0.0), (5, 0.5, 1.0)])
def test_a_green_may_fail_late_or_only_at_some_weight(minute: int, weight: float, rate: float) -> None:
    assert Scenario(1, 0.0, 1.0, fails_from=5, fails_above=0.1).green_rate(minute, weight) == rate


def test_an_outage_hits_both_versions() -> None:
    bucket = minute_of(Scenario(1000, 0.0, 0.0, outages=1.0), 0, 0.5, np.random.default_rng(1))
    sides = bucket.signals["errors"]

    assert sides.blue.bad / sides.blue.requests == pytest.approx(0.5, abs=0.02)
    assert sides.green.bad / sides.green.requests == pytest.approx(0.5, abs=0.02)


def test_bursts_spread_the_minutes_of_green_and_not_those_of_blue() -> None:
    random = np.random.default_rng(1)
    cell = Scenario(1000, 0.01, 0.01, burst_icc=0.01)
    sides = [minute_of(cell, 0, 0.5, random).signals["errors"] for _ in range(200)]

    assert np.std([one.green.bad for one in sides]) > 5 * np.std([one.blue.bad for one in sides])


def test_the_grid_has_every_traffic_with_every_blue_rate_and_an_identical_green() -> None:
    cells = list(GROUPS["grid"]())

    assert {(cell.traffic, cell.blue) for cell in cells if cell.identical} == {
        (traffic, blue) for traffic in (1, 10, 100, 1000) for blue in (0, 0.001, 0.01)
    }
    assert all(any(cell.green == 1 and cell.traffic == traffic for cell in cells) for traffic in (1, 10, 100, 1000))


class TestPeers:
    @pytest.mark.parametrize(
        ("rule", "seen", "answer"),
        [
            ("any error in the last minute", minutes((1, 60)), None),
            ("any error in the last minute", minutes((1, 60), (0, 60)), 0.5),
            ("any error in the last minute", [], 0.5),
            ("alarm: any error, 1 of 1", minutes((0, 60), blue=(1, 540)), None),
            ("alarm: any error, 1 of 1", minutes((0, 60)), 0.1),
            ("alarm: rate > 1 %, 1 of 1", minutes((6, 60)), 0.1),
            ("alarm: rate > 1 %, 1 of 1", minutes((7, 60)), None),
            ("alarm: rate > 1 %, 3 of 3", minutes((60, 60), (60, 60)), 0.1),
            ("alarm: rate > 1 %, 3 of 3", minutes((60, 60), (60, 60), (60, 60)), None),
            ("success < 99 %, 1 check", minutes((1, 60)), None),
            ("success < 99 %, 1 check", minutes((0, 60)), 0.2),
            ("success < 99 %, 5 checks", minutes((1, 60)), 0.1),
        ],
    )
    def test_each_decides_as_its_description_says(self, rule: str, seen: list[Bucket], answer: float | None) -> None:
        assert rules.RULES[rule](600, 2)(4, 0.1, seen) == answer

    def test_five_failed_checks_roll_back_and_the_weight_waits_meanwhile(self) -> None:
        decide = rules.success_checks(5)(600, 2)
        answers = [decide(minute, 0.1, minutes(*[(60, 60)] * minute)) for minute in range(1, 6)]

        assert answers == [0.1, 0.1, 0.1, 0.1, None]

    def test_codedeploy_shifts_all_after_five_minutes(self) -> None:
        assert rules.RULES[rules.ALARM](600, 2)(5, 0.1, minutes((0, 60))) == 1.0

    def test_ranks_tell_when_green_is_worse_in_every_minute(self) -> None:
        worse, same = minutes(*[(6, 60)] * 10), minutes(*[(0, 60)] * 10)

        assert rules.mann_whitney(*rules.rates(worse)) < 0.001
        assert rules.mann_whitney(*rules.rates(same)) == 1
        assert rules.rank_test(600, 2)(10, 0.1, worse) is None
        assert rules.rank_test(600, 2)(11, 0.1, worse) == 0.1
        assert rules.rank_test(600, 2)(30, 0.1, same) == 1.0

    def test_ranks_agree_with_a_table(self) -> None:
        assert rules.mann_whitney([4.0, 5.0, 6.0, 7.0], [1.0, 2.0, 3.0, 3.5]) == pytest.approx(0.0152, abs=5e-4)


class TestFloor:
    def test_it_is_wald_s_for_two_coins(self) -> None:
        half = floor.information(0.5, 0.0, 1.0, rho=1.0)

        assert half == pytest.approx(math.log(2))

    def test_nothing_is_to_be_learnt_about_a_green_that_is_tolerated(self) -> None:
        assert floor.information(0.3, 0.1, 0.11, rho=1.1) == pytest.approx(0, abs=1e-9)

    def test_the_verdict_stays_above_it(self) -> None:
        above = floor.above_floor(0.1, 0.0, 0.2, runs=60)

        assert 1 < above.ratio < 2
