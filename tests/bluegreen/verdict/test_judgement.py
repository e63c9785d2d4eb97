"""Which counts make green worse, fine or neither, and what of them is no fault of green."""

import dataclasses
import math

import pytest

from bluegreen.verdict import Bucket, Policy, Tolerance, Verdict, judge
from tests.bluegreen.verdict.seen import UNDAMPED, Figures, chance, minutes, sides

ENOUGH = math.log(100)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("buckets", "kind"),
        [
            ([], "not_enough"),
            (minutes((0, 0, 0, 5000)), "not_enough"),
            (minutes((50, 50, 0, 0)), "not_enough"),
            (minutes((0, 20, 0, 180), weight=0.1), "not_enough"),
            (minutes((1, 60, 0, 540), weight=0.1), "not_enough"),
            (minutes((5, 60, 0, 540), weight=0.1), "worse"),
            (minutes((3, 60, 1, 540), weight=0.1), "not_enough"),
            (minutes(*[(3, 60, 1, 540)] * 3, weight=0.1), "worse"),
            (minutes((5, 406, 1, 3665)), "not_enough"),
            (minutes(*[(5, 406, 1, 3665)] * 2), "worse"),
            (minutes((30, 60, 0, 540), weight=0.1), "worse"),
            (minutes((0, 900, 0, 8100)), "fine"),
            (minutes((10, 5000, 90, 45000)), "fine"),
            (minutes((500, 1000, 4500, 9000)), "not_enough"),
            (minutes(*[(60, 600, 540, 5400)] * 12), "not_enough"),
            (minutes((600, 600, 5400, 5400)), "not_enough"),
        ],
    )
    def test_counts_decide(self, buckets: list[Bucket], kind: str) -> None:
        assert judge(buckets).kind == kind

    def test_failures_in_three_minutes_at_a_small_weight_on_a_spotless_blue_are_enough(self) -> None:
        assert judge(minutes(*[(1, 30, 0, 1000)] * 2)).kind == "not_enough"
        assert judge(minutes(*[(1, 30, 0, 1000)] * 3)).kind == "worse"

    @pytest.mark.parametrize(
        ("bad", "requests", "kind"),
        [
            (1, 30, "not_enough"),
            (2, 2, "not_enough"),
            (4, 30, "not_enough"),
            (5, 30, "worse"),
            (15, 30, "worse"),
            (44, 1000, "not_enough"),
            (45, 1000, "worse"),
        ],
    )
    def test_failures_in_one_minute_are_not_unless_green_fails_outright(
        self, bad: int, requests: int, kind: str
    ) -> None:
        assert judge(minutes((bad, requests, 0, 30_000))).kind == kind

    @pytest.mark.parametrize(("bad", "kind"), [(9, "not_enough"), (10, "worse")])
    def test_next_to_a_blue_that_fails_now_and_then_a_fifth_of_green_s_requests_is_outright(
        self, bad: int, kind: str
    ) -> None:
        assert judge(minutes((bad, 50, 60, 9000))).kind == kind

    def test_a_minute_counts_for_twelve_to_one_at_most_by_itself(self) -> None:
        assert judge(minutes((190, 1000, 700, 100_000)), UNDAMPED).odds <= 12

    def test_two_failures_of_two_requests_are_not_outright(self) -> None:
        assert judge(minutes((2, 2, 0, 60_000))).odds <= 12

    def test_next_to_a_blue_with_many_errors_green_must_fail_three_times_as_often_to_fail_outright(self) -> None:
        assert judge(minutes((45, 100, 300, 1000))).odds <= 12
        assert judge(minutes((90, 100, 300, 1000))).kind == "worse"

    def test_a_doubling_within_the_margin_is_fine_and_a_threefold_rate_beyond_it_is_worse(self) -> None:
        assert judge(minutes((20, 10_000, 90, 90_000))).findings[0].bound < 0.01
        assert judge(minutes(*[(150, 5_000, 450, 45_000)] * 3)).kind == "worse"

    def test_a_green_that_goes_bad_on_the_way_is_found_out(self) -> None:
        good = [(0, 600, 6, 5400)] * 30

        assert judge(minutes(*good)).kind == "fine"
        assert judge(minutes(*good, *[(20, 600, 6, 5400)] * 5)).kind == "worse"

    def test_a_green_that_was_worse_once_stays_worse(self) -> None:
        bad, good = [(9, 100, 0, 900)] * 2, [(0, 5000, 50, 5000)] * 20

        assert judge(minutes(*bad, *good)).kind == "worse"

    def test_without_blue_there_is_no_evidence(self) -> None:
        verdict = judge(minutes((500, 500, 0, 0), (3, 3, 0, 0), weight=1.0))

        assert verdict.kind == "not_enough"
        assert verdict.log_evidence == pytest.approx(0)
        assert verdict.bound == 1

    def test_a_blue_that_fails_as_often_clears_green(self) -> None:
        assert judge(minutes((60, 600, 540, 5400))).log_evidence < 0

    def test_correlated_failures_count_less(self) -> None:
        buckets = minutes((130, 30_000, 70, 30_000))

        assert judge(buckets, Policy(icc=0.001)).log_evidence < judge(buckets, UNDAMPED).log_evidence / 3

    def test_cloudwatch_that_does_not_answer_is_no_verdict_on_green(self) -> None:
        verdict = Verdict.cannot_measure("CloudWatch did not answer for three minutes")

        assert (verdict.kind, verdict.bound) == ("cannot_measure", 1)
        assert verdict.as_dict()["reason"] == "CloudWatch did not answer for three minutes"

    def test_the_verdict_knows_the_largest_weight_that_was_seen_and_for_how_long(self) -> None:
        one, two = minutes((0, 5, 0, 95), (0, 5, 0, 95), weight=0.05), minutes((0, 50, 0, 50), weight=0.5)
        late = [Bucket(600 + bucket.start, bucket.signals, bucket.green_weight) for bucket in two]
        idle = [Bucket(900, {"errors": sides(0, 0, 0, 0)}, 0.9)]

        assert (judge(one).weight_seen, judge(one).seconds_at_weight_seen) == (0.05, 120)
        assert (judge(one + late + idle).weight_seen, judge(one + late + idle).seconds_at_weight_seen) == (0.5, 60)

    @pytest.mark.parametrize(("green", "blue", "weight"), [(20, 380, 0.05), (390, 10, 0.5), (0, 400, 0.0)])
    def test_where_no_weight_lasted_green_s_share_tells_how_much_was_seen(
        self, green: int, blue: int, weight: float
    ) -> None:
        seen = Bucket(0, {"errors": sides(0, green, 0, blue)}, 0.9, changed=True)

        assert judge([seen]).weight_seen == weight
        assert judge([dataclasses.replace(seen, lasting_weight=0.7)]).weight_seen == (0.7 if green else 0)

    def test_the_minute_in_which_green_got_its_first_share_shows_no_weight(self) -> None:
        first = Bucket(0, {"errors": sides(0, 20, 0, 380)}, 0.05, covered=False, changed=True, lasting_weight=0.05)

        assert judge([first]).weight_seen == 0


class TestAFirstFailure:
    """A cold start may fail once; what it says against green is taken back when green has served well since."""

    FAILED: Figures = (1, 20, 0, 1980)
    CLEAN: Figures = (0, 20, 0, 1980)

    def test_speaks_against_green(self) -> None:
        verdict = judge(minutes(self.FAILED))

        assert verdict.leans
        assert verdict.log_evidence > 0

    def test_is_pardoned_after_three_clean_minutes_with_twenty_requests(self) -> None:
        two, three = (judge(minutes(self.FAILED, *[self.CLEAN] * clean)) for clean in (2, 3))

        assert two.leans
        assert two.log_evidence > 0
        assert not three.leans
        assert three.log_evidence <= 0

    def test_is_not_pardoned_in_minutes_without_twenty_requests(self) -> None:
        few: Figures = (0, 3, 0, 297)

        assert judge(minutes(self.FAILED, *[few] * 6)).leans
        assert not judge(minutes(self.FAILED, *[few] * 7)).leans

    def test_is_not_pardoned_if_green_fails_again_before(self) -> None:
        verdict = judge(minutes(self.FAILED, self.CLEAN, self.FAILED, *[self.CLEAN] * 5))

        assert verdict.leans
        assert verdict.log_evidence > 0

    def test_is_pardoned_once_only(self) -> None:
        verdict = judge(minutes(self.FAILED, *[self.CLEAN] * 3, self.FAILED, *[self.CLEAN] * 5))

        assert verdict.leans

    def test_of_all_requests_is_not_pardoned(self) -> None:
        assert judge(minutes((20, 20, 0, 1980), *[self.CLEAN] * 5)).kind == "worse"


class TestAMinuteWhoseWeightChanged:
    def test_is_judged_by_the_largest_weight(self) -> None:
        figures = sides(20, 600, 5, 2400)
        steady, changed = Bucket(0, {"errors": figures}, 0.2), Bucket(0, {"errors": figures}, 0.8, changed=True)

        assert judge([steady]).log_evidence > 0
        assert judge([changed]).log_evidence < 0

    @pytest.mark.parametrize("bad", [1, 7, 20])
    def test_says_nothing_on_average_against_a_green_that_was_hit_with_blue_while_it_had_most(self, bad: int) -> None:
        """All failures fall while green has a half; before it had hardly any, so its share of the minute is small."""
        mean = 0.0
        for green_bad in range(bad + 1):
            figures = sides(green_bad, max(6, green_bad), bad - green_bad, 54)
            bucket = Bucket(0, {"errors": figures}, 0.5, changed=True)
            mean += chance(green_bad, bad, 0.5) * math.exp(judge([bucket], UNDAMPED).log_evidence)

        assert mean <= 1 + 1e-9


class TestColdStarts:
    """Green was slow in as many requests as it has environments, at a time in which it got them."""

    def slow(self, bad: int, busy: float, start: int = 0) -> Bucket:
        return Bucket(start, {"slow": sides(bad, 300, 150, 3000)}, 0.1, busy=busy)

    def test_of_new_environments_do_not_count(self) -> None:
        assert judge([self.slow(60, busy=40), self.slow(15, busy=40, start=60)]).log_evidence <= 0

    def test_are_no_more_than_the_requests_and_the_rest_come_later(self) -> None:
        """Green was shifted five seconds before a minute's end, and a request takes ten seconds."""
        few = Bucket(0, {"slow": sides(30, 30, 150, 3000)}, 0.1, busy=40)

        assert judge([few, self.slow(40, busy=40, start=60)]).log_evidence <= 0

    def test_are_no_excuse_where_no_environment_is_new(self) -> None:
        assert judge([self.slow(60, busy=0, start=60 * minute) for minute in range(3)]).kind == "worse"
        assert judge([self.slow(60, busy=40, start=60 * minute) for minute in range(5)]).kind == "worse"

    def test_are_no_excuse_for_errors(self) -> None:
        errors = [Bucket(60 * n, {"errors": sides(60, 300, 15, 3000)}, 0.1, busy=40) for n in range(2)]

        assert judge(errors).kind == "worse"


class TestSignals:
    def test_any_signal_can_tell(self) -> None:
        for signal in ("errors", "slow", "throttles", "declined_payments"):
            both = [
                Bucket(start, {"errors": sides(0, 500, 0, 4500)} | {signal: sides(200, 500, 10, 4500)})
                for start in (0, 60, 120)
            ]
            assert judge(both).kind == "worse", signal

    def test_green_is_fine_only_when_every_signal_is(self) -> None:
        good, unsure = sides(0, 2000, 0, 18_000), sides(0, 40, 0, 360)

        assert judge([Bucket(0, {"errors": good, "throttles": good})]).kind == "fine"
        assert judge([Bucket(0, {"errors": good, "throttles": unsure})]).kind == "not_enough"

    def test_a_signal_in_a_dry_run_is_reported_but_neither_acts_nor_costs_the_others_anything(self) -> None:
        errors, slow = sides(3, 100, 1, 900), sides(90, 100, 9, 900)
        dry = Policy(dry_run=frozenset({"slow"}))
        watched, alone = (
            judge([Bucket(0, {"errors": errors, "slow": slow})], dry),
            judge([Bucket(0, {"errors": errors})]),
        )

        assert watched.kind == alone.kind == "not_enough"
        assert watched.log_evidence == alone.log_evidence
        assert {finding.signal: finding.acts for finding in watched.findings} == {"errors": True, "slow": False}
        assert next(f for f in watched.findings if f.signal == "slow").log_evidence > ENOUGH

    def test_when_all_signals_are_in_a_dry_run_nothing_acts(self) -> None:
        dry = Policy(dry_run=frozenset({"errors"}))

        assert judge(minutes((100, 100, 0, 900)), dry).kind == "not_enough"

    def test_cold_starts_are_allowed_for(self) -> None:
        assert judge(minutes((2, 17, 30, 600), signal="slow")).kind == "not_enough"
        assert judge(minutes((9, 17, 30, 600), signal="slow")).kind == "worse"

    def test_a_signal_may_have_a_tolerance_of_its_own(self) -> None:
        buckets = minutes(*[(40, 1000, 90, 9000)] * 3, signal="declined_payments")
        lenient = Policy(tolerances={"declined_payments": Tolerance(delta=0.05)})

        assert judge(buckets).kind == "worse"
        assert judge(buckets, lenient).kind == "not_enough"
