import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.verdict import floor, peers, plan, rules
from benchmarks.verdict.__main__ import main
from benchmarks.verdict.agreement import Agreement
from benchmarks.verdict.peers import PEERS, CodeDeploy
from benchmarks.verdict.report import HEADINGS, as_json, everything
from benchmarks.verdict.scenario import GROUPS, TRAFFIC, Scenario
from benchmarks.verdict.simulation import MINUTES, Outcome, outcome, play
from benchmarks.verdict.strategies import OURS, RULES
from benchmarks.verdict.targets import Measured, targets
from benchmarks.verdict.world import DOUBLED_FROM, Environments, Minute, Past, World
from bluegreen.request.traffic import ADAPTIVE
from bluegreen.verdict import Bucket

SECOND = 30.0


def world_of(scenario: Scenario, runs: int = 300) -> World:
    return World(scenario, runs, np.random.default_rng(1))


def minute_of(scenario: Scenario, number: int = 3, weight: float = 0.5, runs: int = 300) -> Minute:
    world, same = world_of(scenario, runs), np.full(runs, weight)
    minutes = [world.minute(each, same, same, np.full(runs, SECOND)) for each in range(number + 1)]
    return minutes[-1]


def half_and_then_all(minute: int, weight: float, seen: Sequence[Bucket]) -> float:
    """A rule of a user's: half the traffic until five minutes are seen; it reads none of them."""
    return 1.0 if len(seen) >= 5 else 0.5


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bench", "--quick", "--good", "60", "--bad", "6", "--out", str(folder)])
        main()
    return folder


class TestReport:
    def test_false_rollbacks_stay_at_one_per_cent_within_the_error_of_the_simulation(self, report: Path) -> None:
        figures = json.loads((report / "verdict-benchmark.json").read_text())["outcomes"]
        ours = [one for one in figures if one["rule"] in OURS]
        good = [one for one in ours if one["scenario"]["blue"] == one["scenario"]["green"]]

        assert len(good) == len(OURS) * len(plan.QUICK_TRAFFIC)
        for one in good:
            assert one["rolled_back"] <= 0.01 + 4 * math.sqrt(0.01 * 0.99 / one["runs"]), one

    def test_every_outright_failure_under_the_adaptive_weight_is_rolled_back(self, report: Path) -> None:
        figures = json.loads((report / "verdict-benchmark.json").read_text())["outcomes"]
        outright = [one for one in figures if one["rule"] == ADAPTIVE and one["scenario"]["green"] == 1]

        assert {one["worse"] for one in outright} == {1}

    def test_it_has_every_rule_every_target_and_what_the_product_itself_came_to(self, report: Path) -> None:
        text = (report / "verdict-benchmark.md").read_text()

        assert all(rule in text for rule in (*OURS, *PEERS))
        assert text.count("| met |") + text.count("| **not met** |") == 11
        agreed = json.loads((report / "verdict-benchmark.json").read_text())["agreement"][0]
        assert agreed["alike"] == agreed["deployments"] > 0


class TestPlan:
    def test_every_group_is_measured_with_strategies_as_they_are_shipped(self) -> None:
        items = plan.everything(2000, 500, [])

        assert {item.group for item in items} == set(GROUPS) == set(plan.RULES_OF)
        assert {item.rule for item in items} == set(RULES)
        assert {item.runs for item in items if item.group == "late_metrics"} == {300}

    def test_the_grid_has_every_traffic_with_every_blue_rate_and_an_identical_green(self) -> None:
        cells = list(GROUPS["grid"]())
        good = {(cell.traffic, cell.blue) for cell in cells if cell.identical}

        assert {(traffic, blue) for traffic in TRAFFIC for blue in (0, 0.001, 0.01, 0.05)} < good
        assert all(any(cell.green == 1 and cell.traffic == traffic for cell in cells) for traffic in TRAFFIC)

    def test_a_rule_of_the_users_plays_where_the_peers_do(self) -> None:
        groups = {item.group for item in plan.everything(1, 1, ["yours:decide"]) if item.rule == "yours:decide"}

        assert groups == {"grid", "outages", "late", "heavy"}

    def test_a_rule_of_the_users_can_be_measured_by_its_name(self) -> None:
        good = outcome(f"{__name__}:half_and_then_all", Scenario(10, 0.0, 0.0), 3)

        assert (good.promoted, good.minutes_to_100) == (1, 7)

    def test_a_name_without_a_function_is_refused(self) -> None:
        with pytest.raises(SystemExit, match="write module:function"):
            rules.from_user("yours")


class TestSimulation:
    def test_the_same_seed_gives_the_same_figures(self) -> None:
        cell = Scenario(10, 0.01, 0.05)

        assert outcome(ADAPTIVE, cell, 5) == outcome(ADAPTIVE, cell, 5)

    def test_a_bad_green_that_is_promoted_harms_for_a_day(self) -> None:
        all_at_once = partial(CodeDeploy, alarm=peers.any_error, minutes=0)
        runs = play(Scenario(10, 0.0, 0.5), all_at_once, 200, np.random.default_rng(1))

        assert set(runs.end) == {rules.End.PROMOTED}
        assert runs.harmed.mean() == pytest.approx(600 * 0.5 * (MINUTES - 0.5), rel=0.001)
        assert runs.harmed_in_the_hour.mean() == pytest.approx(600 * 0.5 * 59.5, rel=0.01)

    def test_what_is_harmed_in_the_minute_of_the_rollback_counts(self) -> None:
        runs = play(Scenario(1000, 0.0, 1.0), PEERS[peers.ANY_ERROR_5], 400, np.random.default_rng(1))

        assert set(runs.minute) == {3}
        assert runs.harmed.mean() == pytest.approx(3 * 6000, rel=0.01)

    def test_peers_see_nothing_before_its_time(self) -> None:
        one = minute_of(Scenario(10, 0.0, 0.0), number=0, runs=1)
        seen = dict.fromkeys(range(10), one)

        assert [len(rules.visible(seen, number, Scenario(1, 0, 0), 3)) for number in (0, 2, 3, 5, 9)] == [0, 0, 1, 3, 3]
        assert rules.visible(seen, 9, Scenario(1, 0, 0, silent=True)) == []


class TestWorld:
    def test_the_weight_changes_at_the_second_of_the_shift(self) -> None:
        runs = 400
        world, nothing, half = world_of(Scenario(100, 0, 0), runs), np.zeros(runs), np.full(runs, 0.5)
        minute = world.minute(0, nothing, half, np.full(runs, 45.0))

        assert minute.green.mean() == pytest.approx(6000 * 0.25 * 0.5, rel=0.02)
        assert (minute.green + minute.blue).mean() == pytest.approx(6000, rel=0.01)

    @pytest.mark.parametrize(("number", "weight", "rate"), [(4, 0.5, 0.0), (5, 0.05, 0.0), (5, 0.5, 1.0)])
    def test_a_green_may_fail_late_or_only_at_some_weight(self, number: int, weight: float, rate: float) -> None:
        minute = minute_of(Scenario(10, 0.0, 1.0, fails_from=5, fails_above=0.1), number, weight)

        assert minute.green_bad.sum() == rate * minute.green.sum() == minute.harmed.sum()

    def test_an_outage_hits_both_versions_alike_in_each_part_of_a_minute(self) -> None:
        minute = minute_of(Scenario(1000, 0.0, 0.0, outages=1.0), runs=50)
        green, blue = minute.green_bad / minute.green, minute.blue_bad / minute.blue

        assert np.abs(green - blue).max() < 0.03
        assert 0.1 < green.mean() < 0.5
        assert np.std(green) > 0.05

    def test_bursts_in_green_alone_leave_the_minutes_of_blue_as_they_are(self) -> None:
        minute = minute_of(Scenario(1000, 0.01, 0.01, bursts="green", icc=0.01))

        assert np.std(minute.green_bad) > 5 * np.std(minute.blue_bad)

    def test_bursts_in_both_are_in_the_past_too(self) -> None:
        calm, bursts = Scenario(1000, 0.01, 0.01), Scenario(1000, 0.01, 0.01, bursts="both", icc=0.01)
        minute = minute_of(bursts)

        assert np.std(minute.blue_bad) == pytest.approx(np.std(minute.green_bad), rel=0.3)
        assert np.std(world_of(bursts).past().bad) > 5 * np.std(world_of(calm).past().bad)

    def test_only_the_first_request_of_green_fails(self) -> None:
        scenario, runs = Scenario(1, 0.0, 0.0, first_fails=True), 50
        world, half = world_of(scenario, runs), np.full(runs, 0.5)
        bad = [world.minute(number, half, half, np.full(runs, SECOND)).green_bad for number in range(5)]

        assert set(np.sum(bad, axis=0)) == {1}
        assert set(bad[0]) == {1}

    def test_one_minute_of_ten_has_a_clump(self) -> None:
        requests = world_of(Scenario(0, 0, 0, clump=3000)).past().requests

        assert np.mean(requests == 3000) == pytest.approx(0.1, abs=0.01)
        assert set(np.unique(requests)) == {1, 2, 3, 4, 5, 6, 3000}

    def test_the_final_bake_may_double_both_rates(self) -> None:
        scenario = Scenario(1000, 0.01, 0.01, final_bake="doubled")
        before, after = (minute_of(scenario, number, runs=20) for number in (DOUBLED_FROM - 1, DOUBLED_FROM))

        for bad, requests in (("green_bad", "green"), ("blue_bad", "blue")):
            assert getattr(before, bad).sum() / getattr(before, requests).sum() == pytest.approx(0.01, rel=0.05)
            assert getattr(after, bad).sum() / getattr(after, requests).sum() == pytest.approx(0.02, rel=0.05)

    def test_single_series_come_later_and_the_errors_of_one_version_up_to_three_minutes(self) -> None:
        minute = minute_of(Scenario(10, 0.01, 0.01), runs=3000)
        late = minute_of(Scenario(10, 0.01, 0.01, errors_late=1.0), runs=3000)

        assert np.mean(minute.green_at == 6) == pytest.approx(0.96, abs=0.02)
        assert set(minute.green_at) == {6, 7, 8}
        assert np.array_equal(minute.green_at, minute.green_errors_at)
        of_green, of_blue = late.green_errors_at - 6, late.blue_errors_at - 6
        assert set(np.maximum(of_green, of_blue)) == {1, 2, 3}
        assert np.mean((of_green == 0) | (of_blue == 0)) > 0.9

    def test_a_silent_cloudwatch_shows_nothing_within_the_day(self) -> None:
        assert minute_of(Scenario(10, 0, 0, silent=True)).alias_at.min() > MINUTES

    def test_as_many_environments_start_as_green_serves_requests_at_a_time(self) -> None:
        environments = Environments()

        assert environments.started(np.array([0.0, 1.0, 2.0, 30.0]), np.array([5.0, 5.0, 5.0, 40.0])) == 3
        assert environments.started(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 0
        assert environments.started(np.array([0.0, 0.1, 0.2, 0.3]), np.full(4, 9.0)) == 1


def seen_of(*greens: tuple[int, int], blue: tuple[int, int] = (0, 540)) -> dict[int, Minute]:
    """Minutes of one deployment: bad requests and all of them."""
    template = minute_of(Scenario(10, 0.0, 0.0), number=0, weight=0.1, runs=1)
    return {
        number: replace(
            template,
            green=np.array([requests]),
            green_bad=np.array([bad]),
            blue=np.array([blue[1]]),
            blue_bad=np.array([blue[0]]),
        )
        for number, (bad, requests) in enumerate(greens)
    }


def answer(rule: str, seen: dict[int, Minute], weight: float = 0.1) -> float | None:
    """Of a peer, when it sees all of these minutes; None is a rollback."""
    past = Past(np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64))
    playing = PEERS[rule](rules.Opening(Scenario(10, 0, 0), past, np.zeros(1)))
    decision = playing.look(len(seen) + 2, np.array([weight]), seen)
    return None if decision.end[0] == rules.End.WORSE else float(decision.weight[0])


class TestPeers:
    @pytest.mark.parametrize(
        ("rule", "seen", "expected"),
        [
            ("aws-lambda-deploy, any error", seen_of((1, 60)), None),
            ("aws-lambda-deploy, any error", seen_of((1, 60), (0, 60)), 0.5),
            ("aws-lambda-deploy, any error", {}, 0.3),
            (peers.ANY_ERROR_5, seen_of((0, 60), blue=(1, 540)), None),
            (peers.ANY_ERROR_5, seen_of((0, 60)), 0.1),
            (peers.RATE_5, seen_of((6, 60)), 0.1),
            (peers.RATE_5, seen_of((7, 60)), None),
            (peers.RATE_5, seen_of((0, 60), (0, 60), (0, 60)), 1.0),
            (peers.RATE_10, seen_of((0, 60), (0, 60), (0, 60)), 0.1),
            ("CodeDeploy 10 %/5 min, rate > 1 %, 3 of 3", seen_of((60, 60), (60, 60)), 0.1),
            ("CodeDeploy 10 %/5 min, rate > 1 %, 3 of 3", seen_of((60, 60), (60, 60), (60, 60)), None),
            ("Flagger 99 %, 1 check", seen_of((1, 60)), None),
            ("Flagger 99 %, 1 check", seen_of((0, 60)), 0.2),
            ("Flagger 99 %, 1 check", seen_of((0, 0)), 0.1),
            (peers.FLAGGER, seen_of((1, 60)), 0.1),
        ],
    )
    def test_each_decides_as_its_description_says(
        self, rule: str, seen: dict[int, Minute], expected: float | None
    ) -> None:
        assert answer(rule, seen) == (expected if expected is None else pytest.approx(expected))

    def test_five_failed_checks_roll_back_and_the_weight_waits_meanwhile(self) -> None:
        runs = play(Scenario(10, 0.0, 1.0), PEERS[peers.FLAGGER], 20, np.random.default_rng(1))

        assert set(runs.minute) == {7}
        assert np.isinf(runs.at_ninety).all()

    def test_ranks_tell_when_green_is_worse_in_every_minute(self) -> None:
        worse, same = seen_of(*[(6, 60)] * 8), seen_of(*[(0, 60)] * 8)

        assert answer("Kayenta, Mann-Whitney", worse) is None
        assert answer("Kayenta, Mann-Whitney", same) == 0.1
        assert answer("Kayenta, Mann-Whitney", seen_of(*[(6, 60)] * 9)) == 0.1
        assert answer("Kayenta, Mann-Whitney", seen_of(*[(0, 60)] * 28)) == 1.0

    def test_ranks_agree_with_a_table(self) -> None:
        green, blue = np.array([4.0, 5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0, 3.5])

        assert peers.mann_whitney(green, blue) == pytest.approx(0.0152, abs=5e-4)
        assert peers.mann_whitney(np.array([math.nan]), blue) == 1.0


class TestFloor:
    def test_it_is_wald_s_for_two_coins(self) -> None:
        assert floor.information(0.5, 0.0, 1.0, rho=1.0) == pytest.approx(math.log(2))

    def test_nothing_is_to_be_learnt_about_a_green_that_is_tolerated(self) -> None:
        assert floor.information(0.3, 0.1, 0.11, rho=1.1) == pytest.approx(0, abs=1e-9)

    def test_the_verdict_stays_above_it(self) -> None:
        above = floor.above_floor(0.1, 0.0, 0.2, runs=60)

        assert 1 < above.ratio < 2


def perfect(item: plan.Item) -> Outcome:
    """What meets every target: worse greens are rolled back at once, others promoted at minute 10."""
    good = item.scenario.identical
    harmed = 0.0 if good else 0.5 if item.rule in OURS else 1e6
    blind = item.scenario.silent or item.scenario.late >= 10
    return Outcome(
        rule=item.rule,
        scenario=item.scenario,
        runs=item.runs,
        rolled_back=0.0 if good else 1.0,
        worse=0.0 if good or blind else 1.0,
        suspected=0.0,
        unmeasured=1.0 if blind and not good else 0.0,
        probe_failed=0.0,
        promoted=1.0 if good else 0.0,
        harmed=harmed,
        harmed_error=0.0,
        harmed_if_found=harmed,
        harmed_in_the_hour=harmed,
        minutes_to_rollback=None if good else 3.0,
        minutes_to_90=9.0,
        minutes_to_100=10.0,
        nine_in_ten_at_100=10.0,
    )


class TestTargets:
    above = (floor.AboveFloor(0.1, 0.0, 1.0, 10, 12),)

    def test_the_report_has_every_group_and_every_cell(self) -> None:
        items, agreed = plan.everything(2000, 500, []), Agreement(8, 8)
        groups = {name: Measured(perfect(item) for item in items if item.group == name) for name in GROUPS}
        claims = targets(groups, self.above)
        text = everything(groups, self.above, claims, agreed, "")

        assert all(f"## {heading}" in text for heading in HEADINGS.values())
        assert all(f"| {item.scenario.described()} |" in text for item in items)
        assert json.loads(as_json(groups, self.above, claims, agreed))["agreement"] == [{"alike": 8, "deployments": 8}]

    def unmet(
        self, changed: dict[str, float], group: str = "", rule: str = ADAPTIVE, *, good: bool = True
    ) -> list[str]:
        """The lines that are not met when every cell of a group is changed for a rule."""
        outcomes: dict[str, list[Outcome]] = {}
        for item in plan.everything(2000, 500, []):
            of = perfect(item)
            if (item.group, item.rule, item.scenario.identical) == (group, rule, good):
                of = replace(of, **changed)  # type: ignore[arg-type]
            outcomes.setdefault(item.group, []).append(of)
        found = targets({name: Measured(of) for name, of in outcomes.items()}, self.above)
        assert {each.line for each in found} == {"", *(str(line) for line in range(1, 11))}
        return [each.line for each in found if not each.met]

    def test_all_are_met_by_what_is_perfect(self) -> None:
        assert self.unmet({}) == []

    @pytest.mark.parametrize(
        ("group", "rule", "changed", "lines"),
        [
            ("spotless", ADAPTIVE, {"worse": 0.0005}, {"3"}),
            ("first_request", "Canary10Percent5Minutes", {"rolled_back": 0.006}, {"4"}),
            ("first_request", ADAPTIVE, {"minutes_to_100": 61.0}, {"4"}),
            ("late_errors", ADAPTIVE, {"rolled_back": 0.011}, {"5"}),
            ("outages", "Canary10Percent30Minutes", {"rolled_back": 0.006}, {"6"}),
            ("final_bake", "Canary10Percent5Minutes, final bake of 10 minutes", {"rolled_back": 0.011}, {"6"}),
            ("bursts", ADAPTIVE, {"rolled_back": 0.011}, {"7"}),
            ("bursts_in_green", ADAPTIVE, {"rolled_back": 0.021}, {"7"}),
            ("grid", "Linear10PercentEvery1Minute", {"rolled_back": 0.011}, {"8"}),
            ("grid", "Adaptive, promote_by_seconds 600", {"nine_in_ten_at_100": 11.0}, {"8"}),
            ("grid", ADAPTIVE, {"minutes_to_100": 11.0}, {""}),
            ("clumps", ADAPTIVE, {"rolled_back": 0.011}, {"9"}),
            ("slow", "Adaptive, slow_ms", {"rolled_back": 0.011}, {"10"}),
            ("thin", ADAPTIVE, {"rolled_back": 0.011}, {"2"}),
        ],
    )
    def test_an_identical_green_that_is_treated_worse_than_asked_is_told(
        self, group: str, rule: str, changed: dict[str, float], lines: set[str]
    ) -> None:
        assert set(self.unmet(changed, group, rule)) == lines

    @pytest.mark.parametrize(
        ("group", "rule", "changed", "lines"),
        [
            ("late_metrics", "Canary10Percent5Minutes", {"promoted": 0.01}, {"1"}),
            ("late_metrics", ADAPTIVE, {"unmeasured": 0.9}, {"1"}),
            ("late_metrics", ADAPTIVE, {"harmed": 4000.0}, {"1"}),
            ("thin", ADAPTIVE, {"promoted": 0.02}, {"2"}),
            ("thin", ADAPTIVE, {"harmed": 2e6}, {"2"}),
            ("clumps", ADAPTIVE, {"promoted": 0.02}, {"9"}),
            ("clumps", ADAPTIVE, {"harmed_if_found": 500.0}, {"9"}),
            ("grid", ADAPTIVE, {"harmed_in_the_hour": 2e6}, {"7"}),
            ("grid", ADAPTIVE, {"harmed": 2e6}, {""}),
            ("slow", "Canary10Percent10Minutes, slow_ms", {"promoted": 0.02}, {"10"}),
        ],
    )
    def test_a_bad_green_that_harms_more_than_asked_is_told(
        self, group: str, rule: str, changed: dict[str, float], lines: set[str]
    ) -> None:
        assert set(self.unmet(changed, group, rule, good=False)) == lines
