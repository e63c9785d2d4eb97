"""The Adaptive weight: up with what the evidence proves, down on suspicion, and everything at the end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen.decisions.adaptive import Caution, Sight, first_weight, next_weight
from bluegreen.request.traffic import ALMOST_ALL
from bluegreen.verdict import Bucket, Counts, Policy, Sides, Verdict, judge


def seen(weight: float, *figures: tuple[int, int, int, int]) -> Verdict:
    """The verdict on minutes at a weight, each green's bad, green's, blue's bad and blue's requests."""
    return judge(
        Bucket(60 * number, {"errors": Sides(green=Counts(green, bad), blue=Counts(blue, blue_bad))}, weight)
        for number, (bad, green, blue_bad, blue) in enumerate(figures)
    )


def weight_after(
    weight: float, verdict: Verdict, per_minute: float, first_weight: float = 0.03, unseen_seconds: float = 180
) -> float:
    return next_weight(weight, verdict, Sight(per_minute, first_weight, unseen_seconds=unseen_seconds))


unhurried = settings(deadline=None)

NOISY = (0, 17, 6, 6000)
SPOTLESS = (0, 17, 0, 6000)


class TestFirstWeight:
    @pytest.mark.parametrize(
        ("per_minute", "weight"),
        [(60, 0.03), (600, 50 / 1800), (6000, 50 / 18_000), (60_000, 0.008 / 3)],
    )
    def test_an_outright_failure_harms_about_fifty_requests_before_it_shows(
        self, per_minute: float, weight: float
    ) -> None:
        assert first_weight(per_minute) == pytest.approx(weight, abs=0.001)

    @pytest.mark.parametrize(
        ("per_minute", "weight"), [(0, 0.5), (0.2, 0.5), (1, 0.5), (6, 0.119), (12, 0.059), (30, 0.03)]
    )
    def test_green_expects_five_requests_in_seven_minutes_of_thin_traffic(
        self, per_minute: float, weight: float
    ) -> None:
        assert first_weight(per_minute) == weight

    def test_an_alias_of_which_nothing_is_known_may_have_any_traffic(self) -> None:
        assert first_weight(0, thin=False) == 0.03

    @pytest.mark.parametrize(("per_minute", "weight"), [(1, 0.5), (60, 0.1), (1000, 0.05)])
    def test_a_green_in_a_hurry_expects_400_requests_in_eight_minutes_or_a_tenth(
        self, per_minute: float, weight: float
    ) -> None:
        assert first_weight(per_minute, hurried=True) == weight

    def test_a_hurry_changes_nothing_where_the_usual_first_weight_brings_as_many(self) -> None:
        assert first_weight(60_000, hurried=True) == first_weight(60_000)

    @given(st.floats(0, 1e7))
    def test_it_has_no_more_decimals_than_an_alias_keeps(self, per_minute: float) -> None:
        weight = first_weight(per_minute)

        assert weight == round(weight, 3) >= 0.001

    @unhurried
    @given(st.floats(100, 1e7), st.integers(0, 600))
    def test_the_harm_unseen_is_within_the_budget_under_any_traffic_and_any_delay(
        self, per_minute: float, delay: int
    ) -> None:
        weight = first_weight(per_minute, delay_seconds=delay)
        unseen = per_minute * (weight - 0.0005) * (60 + delay) / 60

        assert unseen <= max(Caution().budget(per_minute, noisy=True), per_minute * 0.001 * (60 + delay) / 60) * 1.001


class TestGrowth:
    def test_the_weight_grows_as_harmlessness_is_proved(self) -> None:
        one, three = seen(0.0028, NOISY), seen(0.0028, NOISY, NOISY, NOISY)
        weights = [weight_after(0.0028, verdict, 6000) for verdict in (one, three)]

        assert 0.0028 < weights[0] < weights[1] < 0.5

    def test_the_weight_grows_in_the_measure_of_the_bound(self) -> None:
        verdict = seen(0.0028, NOISY)

        assert weight_after(0.0028, verdict, 6000) == pytest.approx(50 / (18_000 * verdict.bound), abs=0.001)

    def test_figures_that_come_later_leave_more_unseen(self) -> None:
        verdict = seen(0.0028, NOISY)

        assert weight_after(0.0028, verdict, 6000, unseen_seconds=360) == pytest.approx(
            50 / (36_000 * verdict.bound), abs=0.001
        )

    def test_the_weight_does_not_shrink_with_the_noise_of_the_bound(self) -> None:
        verdict = seen(0.0028, NOISY, NOISY)

        assert weight_after(0.4, verdict, 6000) == 0.4

    def test_the_weight_is_at_most_fifteen_times_the_largest_that_was_seen(self) -> None:
        verdict = seen(0.0028, (1, 100, 60, 6000))

        assert verdict.kind == "not_enough"
        assert weight_after(0.0028, verdict, 600) == pytest.approx(0.042, abs=0.001)

    def test_the_weight_of_a_green_that_is_fine_is_at_most_fifteen_times_the_largest_too(self) -> None:
        verdict = seen(0.0028, (1, 6000, 60, 600_000))

        assert verdict.kind == "fine"
        assert weight_after(0.0028, verdict, 60_000) == pytest.approx(0.042, abs=0.001)

    def test_the_weight_is_at_most_a_half_before_green_is_fine(self) -> None:
        verdict = seen(0.3, *[(1, 100, 60, 6000)] * 3)

        assert verdict.kind == "not_enough"
        assert weight_after(0.3, verdict, 60) == 0.5

    def test_the_budget_on_a_spotless_blue_is_the_root_of_the_traffic(self) -> None:
        verdict = seen(0.06, SPOTLESS, SPOTLESS)

        assert weight_after(0.01, verdict, 400) == pytest.approx(20 / (1200 * verdict.bound), abs=0.001)

    def test_the_signal_that_knows_least_decides(self) -> None:
        known, unknown = Sides(Counts(6000, 60), Counts(300, 1)), Sides(Counts(6000, 60), Counts(10, 0))
        both = judge([Bucket(0, {"errors": known, "throttles": unknown}, 0.05)])
        one = judge([Bucket(0, {"errors": known}, 0.05)])

        assert weight_after(0.05, both, 6000) < weight_after(0.05, one, 6000)

    def test_a_signal_with_a_wider_margin_counts_for_less(self) -> None:
        errors = Sides(Counts(6000, 60), Counts(100, 1))
        alone = judge([Bucket(0, {"errors": errors}, 0.05)])
        slow = judge([Bucket(0, {"errors": errors, "slow": Sides(Counts(6000, 300), Counts(100, 5))}, 0.05)])

        assert slow.bound > alone.bound
        assert weight_after(0.01, slow, 6000) == weight_after(0.01, alone, 6000)

    def test_a_blue_that_never_throttles_is_no_spotless_blue_when_it_fails(self) -> None:
        both = {"errors": Sides(Counts(540, 6), Counts(60, 0)), "throttles": Sides(Counts(540, 0), Counts(60, 0))}
        verdict = judge([Bucket(0, both, 0.1)])

        assert verdict.kind == "not_enough"
        assert weight_after(0.1, verdict, 600) == pytest.approx(50 / (1800 * verdict.bound), abs=0.001)

    def test_the_weight_stays_when_every_signal_is_in_a_dry_run(self) -> None:
        verdict = judge(
            [Bucket(0, {"errors": Sides(Counts(90), Counts(10))}, 0.1)], Policy(dry_run=frozenset({"errors"}))
        )

        assert weight_after(0.1, verdict, 600) == 0.1

    @pytest.mark.parametrize("verdict", [seen(0.1, (50, 60, 0, 540)), Verdict.cannot_measure("no answer")])
    def test_the_weight_stays_while_green_is_worse_or_unseen(self, verdict: Verdict) -> None:
        assert weight_after(0.1, verdict, 600) == 0.1

    def test_the_weight_stays_without_data(self) -> None:
        assert weight_after(0.045, judge([]), 0) == 0.045


class TestSuspicion:
    """Two bad requests of green, on a blue that had none: not yet proof."""

    SUSPECT = ((0, 60, 0, 540), (2, 300, 0, 300))

    @pytest.mark.parametrize("weight", [0.03, 0.1, 0.5])
    def test_suspicion_takes_green_back_to_a_small_weight(self, weight: float) -> None:
        verdict = seen(0.5, *self.SUSPECT)

        assert verdict.kind == "not_enough"
        assert weight_after(weight, verdict, 600) == 0.03

    def test_suspicion_takes_green_back_further_where_the_budget_asks_for_it(self) -> None:
        verdict = seen(0.5, (0, 6, 0, 54), (2, 30, 0, 30))

        assert weight_after(0.5, verdict, 60_000, first_weight=0.003) == pytest.approx(0.0102, abs=0.001)

    def test_suspicion_leaves_green_its_first_weight_in_thin_traffic(self) -> None:
        verdict = seen(0.4, (2, 3, 0, 3), (1, 3, 0, 3))

        assert verdict.kind == "not_enough"
        assert weight_after(0.5, verdict, 6, first_weight=0.4) == 0.4

    def test_suspicion_takes_back_a_green_that_has_almost_all(self) -> None:
        verdict = seen(0.9, (0, 540, 0, 60), (8, 540, 0, 60))

        assert verdict.kind != "worse"
        assert weight_after(0.9, verdict, 600) <= 0.03

    def test_a_green_that_is_cleared_goes_on_where_it_was(self) -> None:
        cleared = seen(0.5, *self.SUSPECT, *[(0, 300, 2, 300)] * 2)

        assert weight_after(0.028, cleared, 600) > 0.4

    def test_a_suspected_green_stays_at_its_small_weight_however_long_it_bakes(self) -> None:
        verdict = seen(0.5, *[(1, 300, 0, 300)] * 2, *[(0, 17, 0, 583)] * 30)

        assert weight_after(0.03, verdict, 600) == 0.03

    def test_a_green_of_which_one_minute_failed_is_suspected_until_it_has_served_well(self) -> None:
        weights = [weight_after(0.03, seen(0.5, *self.SUSPECT, *[(0, 17, 0, 583)] * clean), 600) for clean in (1, 2, 3)]

        assert weights[:2] == [0.03, 0.03]
        assert weights[2] > 0.1

    @unhurried
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20), st.floats(0.001, 0.99))
    def test_every_weight_is_one(self, bad: list[tuple[int, int]], weight: float) -> None:
        verdict = seen(weight, *[(of_green, 100, of_blue, 100) for of_green, of_blue in bad])

        following = weight_after(weight, verdict, 200)

        assert 0.001 <= following <= 1
        assert following in (weight, round(following, 3))


class TestTheClock:
    EVEN = (0, 30, 1, 270)

    @pytest.mark.parametrize(("minutes", "weight"), [(7, 0.5), (8, 1.0)])
    def test_a_green_that_is_about_fine_gets_everything_after_eight_minutes_seen(
        self, minutes: int, weight: float
    ) -> None:
        verdict = seen(0.1, *[self.EVEN] * minutes)

        assert verdict.kind == "not_enough"
        assert weight_after(0.1, verdict, 300) == weight

    def test_a_green_of_which_too_little_is_known_waits(self) -> None:
        verdict = seen(0.1, *[(0, 6, 1, 54)] * 9)

        assert verdict.bound > 0.015
        assert weight_after(0.1, verdict, 60) < 1

    def test_a_green_against_which_the_counts_lean_waits_with_a_tenth(self) -> None:
        verdict = seen(0.5, *[(2, 300, 1, 300)] * 8)

        assert verdict.leans
        assert verdict.kind == "fine" or verdict.bound < 0.015
        assert weight_after(0.5, verdict, 600) == 0.1

    def test_a_green_seen_only_at_tiny_weights_does_not_get_everything_at_once(self) -> None:
        verdict = seen(0.003, *[(0, 180, 60, 60_000)] * 9)

        assert weight_after(0.003, verdict, 60_000) == pytest.approx(0.045, abs=0.001)


class TestTheEnd:
    FINE = (0, 900, 1, 8100)

    def test_a_green_that_is_fine_gets_almost_all_while_blue_still_compares(self) -> None:
        assert weight_after(0.1, seen(0.1, self.FINE), 9000) == ALMOST_ALL

    @pytest.mark.parametrize(("minutes_seen", "weight"), [(0, 0.9), (1, 0.9), (2, 1.0)])
    def test_a_green_gets_everything_after_two_minutes_at_almost_all(self, minutes_seen: int, weight: float) -> None:
        before = Sides(Counts(8100, 1), Counts(900, 0))
        buckets = [Bucket(60 * number, {"errors": before}, 0.1) for number in (-3, -2, -1)]
        for number in range(minutes_seen):
            buckets.append(Bucket(60 * number, {"errors": Sides(Counts(900, 0), Counts(8100, 1))}, 0.9))

        assert weight_after(0.9, judge(buckets), 9000) == weight

    def test_a_green_keeps_almost_all_while_doubts_remain(self) -> None:
        verdict = seen(0.9, *[(1, 20, 0, 2)] * 3)

        assert verdict.kind == "not_enough"
        assert weight_after(0.9, verdict, 22) == 0.9

    def test_a_green_that_has_everything_keeps_it(self) -> None:
        assert weight_after(1.0, seen(1.0, (5, 9000, 0, 0)), 9000) == 1.0


def test_a_good_green_gets_everything_in_ten_minutes_under_heavy_traffic() -> None:
    per_minute, weight, buckets, minute = 60_000, first_weight(60_000), [], 0
    while weight < 1:
        green = round(per_minute * weight)
        sides = Sides(blue=Counts(per_minute - green, (per_minute - green) // 1000), green=Counts(green, green // 1000))
        buckets.append(Bucket(60 * minute, {"errors": sides}, weight))
        minute += 1
        weight = weight_after(weight, judge(buckets[: max(0, minute - 2)]), per_minute)

    assert minute <= 10
