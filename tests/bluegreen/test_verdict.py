import dataclasses
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen.verdict import Bucket, Counts, Policy, Sides, Tolerance, Verdict, judge
from bluegreen.verdict.evidence import NoWorse, Worse
from bluegreen.verdict.judgement import Watch
from bluegreen.verdict.words import odds, points

UNDAMPED = Policy(icc=0.0)
STRICT = Tolerance()

Figures = tuple[int, int, int, int]
"""Green's bad, green's, blue's bad and blue's requests."""
ENOUGH = math.log(100)

unhurried = settings(deadline=None)


def sides(green_bad: int, green: int, blue_bad: int, blue: int) -> Sides:
    return Sides(blue=Counts(blue, blue_bad), green=Counts(green, green_bad))


def minutes(*figures: Figures, weight: float | None = None, signal: str = "errors") -> list[Bucket]:
    return [Bucket(60 * number, {signal: sides(*each)}, weight) for number, each in enumerate(figures)]


def chance(bad: int, requests: int, rate: float) -> float:
    return math.comb(requests, bad) * rate**bad * (1 - rate) ** (requests - bad)


def outcomes(green: int, blue: int, green_rate: float, blue_rate: float) -> Iterator[tuple[float, Sides]]:
    """Every pair of counts that may come out, with its probability."""
    for green_bad, blue_bad in product(range(green + 1), range(blue + 1)):
        probability = chance(green_bad, green, green_rate) * chance(blue_bad, blue, blue_rate)
        yield probability, sides(green_bad, green, blue_bad, blue)


def evidence(
    figures: Sequence[Sides], tolerance: Tolerance = STRICT, weight: float | None = None, icc: float = 0.0
) -> float:
    worse = Worse(tolerance, icc)
    for number, each in enumerate(figures):
        worse.add(each, Bucket(60 * number, {}, weight))
    return math.exp(worse.log_value)


NO_WORSE = [
    (0.0, 0.0, 1.0, 0.0),
    (0.3, 0.3, 1.0, 0.0),
    (0.011, 0.01, 1.1, 0.0),
    (0.55, 0.5, 1.1, 0.0),
    (1.0, 1.0, 1.1, 0.0),
    (0.16, 0.1, 1.1, 0.05),
    (0.02, 0.0, 1.1, 0.02),
    (0.05, 0.4, 1.0, 0.0),
]


class TestWhatIsPromised:
    @pytest.mark.parametrize(("green", "blue"), [(1, 30), (5, 30), (30, 5), (18, 18)])
    @pytest.mark.parametrize(("p", "q", "rho", "delta"), NO_WORSE)
    def test_the_evidence_against_a_green_that_is_no_worse_is_at_most_1_on_average(
        self, green: int, blue: int, p: float, q: float, rho: float, delta: float
    ) -> None:
        tolerance = Tolerance(rho=rho, delta=delta)
        mean = sum(likely * evidence([each], tolerance) for likely, each in outcomes(green, blue, p, q))

        assert mean <= 1 + 1e-9

    @pytest.mark.parametrize("weight", [0.02, 0.1, 0.5, 0.9])
    @pytest.mark.parametrize(("p", "q", "rho", "delta"), NO_WORSE)
    def test_the_mean_is_at_most_1_in_tiny_buckets_over_the_routing_too(
        self, weight: float, p: float, q: float, rho: float, delta: float
    ) -> None:
        requests, tolerance = 6, Tolerance(rho=rho, delta=delta)
        mean = sum(
            chance(green, requests, weight) * probability * evidence([each], tolerance, weight)
            for green in range(requests + 1)
            for probability, each in outcomes(green, requests - green, p, q)
        )

        assert mean <= 1 + 1e-9

    @pytest.mark.parametrize("bad", range(6))
    @pytest.mark.parametrize("weight", [0.05, 0.3, 0.9])
    def test_the_mean_is_at_most_1_when_something_hits_both_versions_alike(self, bad: int, weight: float) -> None:
        requests = 5
        mean = 0.0
        for routing in product((True, False), repeat=requests):
            green = sum(routing)
            probability = weight**green * (1 - weight) ** (requests - green)
            mean += probability * evidence(
                [sides(sum(routing[:bad]), green, sum(not on for on in routing[:bad]), requests - green)], weight=weight
            )

        assert mean <= 1 + 1e-9

    @pytest.mark.parametrize("bad", [0, 1, 7, 20, 35, 40])
    def test_the_mean_is_at_most_1_in_an_outage_of_any_size_when_counts_are_large(self, bad: int) -> None:
        green, requests = 9, 40
        mean = sum(
            math.comb(bad, green_bad)
            * math.comb(requests - bad, green - green_bad)
            / math.comb(requests, green)
            * evidence([sides(green_bad, green, bad - green_bad, requests - green)])
            for green_bad in range(max(0, bad - (requests - green)), min(green, bad) + 1)
        )

        assert mean <= 1 + 1e-9

    def test_the_mean_is_at_most_1_when_each_request_has_a_rate_of_its_own(self) -> None:
        of_green, of_blue = (0.9, 0.0, 0.3), (0.5, 0.1, 0.6, 0.4)
        mean = 0.0
        for bad in product((0, 1), repeat=7):
            rates = zip((*of_green, *of_blue), bad, strict=True)
            probability = math.prod(rate if hit else 1 - rate for rate, hit in rates)
            mean += probability * evidence([sides(sum(bad[:3]), 3, sum(bad[3:]), 4)])

        assert sum(of_green) / 3 <= sum(of_blue) / 4
        assert mean <= 1 + 1e-9

    def test_the_mean_is_at_most_1_over_minutes_whose_rates_drift_and_whose_weight_grows(self) -> None:
        first, second, third = (
            list(outcomes(2, 6, 0.02, 0.02)),
            list(outcomes(4, 4, 0.6, 0.6)),
            list(outcomes(3, 3, 0, 0.2)),
        )
        mean = sum(a * b * c * evidence([x, y, z]) for (a, x), (b, y), (c, z) in product(first, second, third))

        assert mean <= 1 + 1e-9

    def test_looking_after_every_minute_finds_a_good_green_guilty_no_more_often_than_promised(self) -> None:
        policy = Policy(false_alarm=0.2, icc=0.0, tolerance=Tolerance(rho=1.0))
        guilty = 0.0
        alive: dict[tuple[Sides, ...], float] = {(): 1.0}
        for _ in range(3):
            following: dict[tuple[Sides, ...], float] = {}
            for seen, probability in alive.items():
                for likely, each in outcomes(2, 6, 0.3, 0.3):
                    figures = (*seen, each)
                    buckets = [Bucket(60 * number, {"errors": one}) for number, one in enumerate(figures)]
                    if judge(buckets, policy).kind == "worse":
                        guilty += probability * likely
                    else:
                        following[figures] = probability * likely
            alive = following

        assert 0 < guilty <= 0.2

    @pytest.mark.parametrize(("size", "weight"), [(2, 0.5), (3, 0.1), (10, 0.1), (10, 0.5)])
    def test_the_mean_is_at_most_1_when_batches_are_routed_and_not_their_items(self, size: int, weight: float) -> None:
        """In an outage of both versions some or all of the items of every batch fail, whichever version has it."""
        batches = [size, size, 1, 0]
        mean = alone = 0.0
        for to_green in product((True, False), repeat=len(batches)):
            probability = math.prod(weight if green else 1 - weight for green in to_green)
            found = [
                sum(bad for bad, green in zip(batches, to_green, strict=True) if green is wanted)
                for wanted in (True, False)
            ]
            seen = sides(found[0], size * sum(to_green), found[1], size * (len(batches) - sum(to_green)))
            together = dataclasses.replace(seen, together=size)
            mean += probability * evidence([together], weight=weight)
            alone += probability * evidence([seen], weight=weight)

        assert mean <= 1 + 1e-9
        assert alone > 1

    def test_dividing_by_the_correlation_makes_no_evidence_out_of_nothing(self) -> None:
        mean = sum(likely * evidence([each], icc=0.3) for likely, each in outcomes(5, 30, 0.11, 0.1))

        assert mean <= 1 + 1e-9

    @pytest.mark.parametrize(("p", "q"), [(0.05, 0.0), (0.3, 0.1), (0.9, 0.2), (1.0, 0.0)])
    def test_the_bound_on_how_much_worse_green_is_holds_as_often_as_promised(self, p: float, q: float) -> None:
        missed = 0.0
        for probability, each in outcomes(20, 20, p, q):
            no_worse = NoWorse(0.0)
            no_worse.add(each, Bucket(0, {}))
            missed += probability * (no_worse.bound(0.05) < p - q - 1e-9)

        assert missed <= 0.05

    def test_the_share_of_each_signal_comes_out_of_one_budget(self) -> None:
        shares = Policy().budget(frozenset({"errors", "slow", "throttles", "declined_payments"}))

        assert sum(shares.values()) == pytest.approx(1)
        assert max(shares, key=shares.__getitem__) == "errors"


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


class TestAWatchThatIsFolded:
    @unhurried
    @given(st.data())
    def test_goes_on_as_if_it_had_not_been(self, data: st.DataObject) -> None:
        signals = frozenset({"errors", "slow"})
        seen = [
            dataclasses.replace(each, signals={**each.signals, "slow": sides(1, 9, 0, 9)}, busy=number % 4)
            for number, each in enumerate(data.draw(buckets))
        ]
        straight, folded = Watch(signals), Watch(signals)
        for bucket in seen:
            straight.add(bucket)
            folded = Watch.unfolded(signals, Policy(), folded.folded())
            folded.add(bucket)

        assert folded.verdict() == straight.verdict()
        assert folded.folded() == straight.folded()

    def test_cannot_go_on_with_other_signals(self) -> None:
        text = Watch(frozenset({"errors", "slow"})).folded()

        with pytest.raises(ValueError, match="a watch of other signals than errors came to"):
            Watch.unfolded(frozenset({"errors"}), Policy(), text)


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


class TestAGreenWithoutAFailedRequest:
    @unhurried
    @given(
        st.lists(
            st.tuples(st.integers(0, 500), st.integers(0, 50), st.integers(0, 500), st.floats(0, 1), st.booleans()),
            max_size=12,
        )
    )
    def test_is_never_worse(self, seen: list[tuple[int, int, int, float, bool]]) -> None:
        """Whatever was routed where, at whatever weight, and however late blue's figures are."""
        watch = Watch(frozenset({"errors"}))
        for number, (green, bad, blue, weight, changed) in enumerate(seen):
            figures = sides(0, green, min(bad, blue), blue)
            watch.add(Bucket(60 * number, {"errors": figures}, weight, changed=changed))

        assert watch.verdict().kind != "worse"
        assert watch.verdict().log_evidence_peak <= 1e-9


counts = st.integers(0, 60)
figures = st.tuples(counts, counts, counts, counts).map(lambda f: sides(f[0], f[0] + f[1], f[2], f[2] + f[3]))
weights = st.none() | st.floats(0.01, 0.99)
buckets = st.lists(st.tuples(figures, weights), min_size=1, max_size=6).map(
    lambda seen: [Bucket(60 * number, {"errors": each}, weight) for number, (each, weight) in enumerate(seen)]
)


class TestAnyCounts:
    @unhurried
    @given(buckets, st.randoms())
    def test_the_order_in_which_minutes_arrive_does_not_matter(self, seen: list[Bucket], random: Random) -> None:
        shuffled = random.sample(seen, len(seen))

        assert judge(shuffled) == judge(seen)

    @unhurried
    @given(buckets, figures)
    def test_a_revised_minute_counts_as_if_it_had_been_right_at_once(self, seen: list[Bucket], wrong: Sides) -> None:
        first = dataclasses.replace(seen[0], signals={"errors": wrong})

        assert judge([first, *seen]) == judge(seen)

    @unhurried
    @given(buckets)
    def test_a_look_after_each_minute_comes_to_the_same_as_one_at_the_end(self, seen: list[Bucket]) -> None:
        watch = Watch(frozenset({"errors"}))
        for bucket in seen:
            watch.add(bucket)
            watch.verdict()

        assert watch.verdict() == judge(seen)

    @unhurried
    @given(figures, weights)
    def test_one_more_failure_of_green_never_speaks_for_green(self, each: Sides, weight: float | None) -> None:
        green = each.green
        if green.bad < green.requests:
            worse = dataclasses.replace(each, green=Counts(green.requests, green.bad + 1))
            before, after = (judge([Bucket(0, {"errors": one}, weight)]) for one in (each, worse))

            assert after.log_evidence >= before.log_evidence - 1e-9
            assert after.bound >= before.bound * (1 - 1e-3)

    @unhurried
    @given(figures, weights)
    def test_one_more_failure_of_blue_never_speaks_against_green(self, each: Sides, weight: float | None) -> None:
        blue = each.blue
        if blue.bad < blue.requests:
            noisier = dataclasses.replace(each, blue=Counts(blue.requests, blue.bad + 1))
            before, after = (judge([Bucket(0, {"errors": one}, weight)]) for one in (each, noisier))

            assert after.log_evidence <= before.log_evidence + 1e-9

    @unhurried
    @given(st.integers(1, 5000), st.integers(1, 5000))
    def test_more_good_requests_never_loosen_the_bound(self, some: int, more: int) -> None:
        fewer, many = (judge(minutes((0, n, 0, 9 * n)), UNDAMPED).bound for n in (some, some + more))

        assert many <= fewer * (1 + 1e-3)

    @unhurried
    @given(buckets)
    def test_two_signals_with_equal_shares_can_change_places(self, seen: list[Bucket]) -> None:
        policy = Policy(shares={"a": 0.5, "b": 0.5})
        quiet = sides(0, 20, 0, 20)
        one = [dataclasses.replace(b, signals={"a": b.signals["errors"], "b": quiet}) for b in seen]
        two = [dataclasses.replace(b, signals={"b": b.signals["errors"], "a": quiet}) for b in seen]

        assert judge(one, policy).log_evidence == pytest.approx(judge(two, policy).log_evidence)

    @unhurried
    @given(buckets)
    def test_the_verdict_is_json(self, seen: list[Bucket]) -> None:
        verdict = judge(seen)

        assert json.loads(json.dumps(verdict.as_dict(), allow_nan=False))["kind"] == verdict.kind

    @unhurried
    @given(st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8))
    def test_counts_of_a_hundred_million_are_no_trouble(
        self, green_bad: int, green: int, blue_bad: int, blue: int
    ) -> None:
        verdict = judge(minutes(*[(green_bad, green_bad + green, blue_bad, blue_bad + blue)] * 3))

        assert math.isfinite(verdict.log_evidence)
        assert 0 <= verdict.bound <= 1
        assert verdict.odds < math.inf

    def test_a_single_request_among_a_hundred_million_is_not_lost(self) -> None:
        seen = [judge(minutes((bad, 10**8, 10**7, 10**8)), UNDAMPED).log_evidence for bad in (6 * 10**7, 6 * 10**7 + 1)]

        assert seen[1] > seen[0]

    def test_a_day_of_minutes_is_judged_in_well_under_a_second(self) -> None:
        def calls(of: int) -> int:
            """How many functions are called, which is the same on every machine."""
            counted = Counter[str]()
            buckets = minutes(*[(3, 1000, 30, 9000)] * of)
            sys.setprofile(lambda _, event, __: counted.update([event]))
            try:
                judge(buckets)
            finally:
                sys.setprofile(None)
            return counted["call"]

        assert calls(1440) < 400_000
        assert calls(1440) < 2.1 * calls(720)


def test_a_bucket_may_last_a_day() -> None:
    assert judge([Bucket(0, {"errors": sides(1, 100, 0, 900)}, 0.1, period_seconds=86_400)]).kind == "not_enough"


class TestFigures:
    def test_a_failure_published_before_its_invocation_counts_as_a_request(self) -> None:
        assert Counts(3, 5).requests == 5

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: Counts(-1, 0),
            lambda: Counts(1, -1),
            lambda: Bucket(0, {}, 1.5),
            lambda: Bucket(0, {}, None, 0),
            lambda: Tolerance(rho=0.9),
            lambda: Tolerance(delta=1.0),
            lambda: Tolerance(margin=0.0),
            lambda: Policy(false_alarm=0.0),
            lambda: Policy(doubt=1.0),
            lambda: Policy(icc=-0.1),
            lambda: Policy(shares={"errors": 0.0}),
        ],
    )
    def test_figures_that_make_no_sense_are_refused(self, wrong: Callable[[], object]) -> None:
        with pytest.raises(ValueError, match=r"not|negative|more than 0"):
            wrong()


class TestWords:
    def test_a_rollback_says_what_failed_and_how_sure_it_is(self) -> None:
        reason = judge(minutes((5, 400, 1, 3331), (4, 412, 1, 4000), (3, 400, 1, 4000))).reason

        assert reason.startswith("green failed 12 of 1,212, blue 3 of 11,331: odds ")
        assert reason.endswith(" to 1 that green is worse")

    @pytest.mark.parametrize(
        ("buckets", "words"),
        [
            ([], "green is not seen yet"),
            (minutes((1, 5, 0, 0)), "blue had no requests, so there is nothing to compare green with"),
            (
                minutes((0, 900, 2, 8100)),
                "green failed 0 of 900, blue 2 of 8,100: green is worse by 0.52 percentage points at most",
            ),
        ],
    )
    def test_other_verdicts_say_what_is_missing_or_known(self, buckets: list[Bucket], words: str) -> None:
        assert judge(buckets).reason == words

    def test_waiting_names_what_would_be_fine(self) -> None:
        assert judge(minutes((0, 30, 0, 270))).reason.endswith(
            "percentage points at most; 1 percentage points would be fine)"
        )

    def test_each_signal_has_its_verb(self) -> None:
        assert judge(minutes((9, 10, 0, 90), signal="slow")).reason.startswith(
            "green was slow in 9 of 10, blue 0 of 90"
        )
        assert judge(minutes((9, 10, 0, 90), signal="sales")).reason.startswith("sales: green 9 of 10, blue 0 of 90")

    def test_a_finding_says_its_own_sentence(self) -> None:
        finding = judge(minutes((9, 812, 2, 7331))).findings[0]

        assert "odds" in finding.sentence()
        assert "odds" not in judge(minutes((1, 5, 0, 0))).findings[0].sentence()

    @pytest.mark.parametrize(
        ("figures", "leans"),
        [
            (((0, 100, 0, 900),), False),
            (((1, 100, 0, 900),), True),
            (((2, 100, 18, 900),), False),
            (((3, 100, 18, 900),), True),
            (((5, 100, 0, 0),), False),
        ],
    )
    def test_counts_lean_against_green_from_the_least_ratio_that_is_looked_for(
        self, figures: tuple[Figures, ...], leans: bool
    ) -> None:
        assert judge(minutes(*figures)).leans == leans

    def test_an_outage_of_both_does_not_lean_against_the_green_that_had_most_of_the_traffic(self) -> None:
        assert not judge(minutes((1, 100, 9, 900), (450, 900, 50, 100))).leans

    def test_what_is_tolerated_of_cold_starts_does_not_lean(self) -> None:
        assert not judge(minutes((6, 100, 45, 900), signal="slow")).leans
        assert judge(minutes((9, 100, 45, 900), signal="slow")).leans

    @pytest.mark.parametrize(
        ("log_odds", "words"),
        [
            (-5, "less than 1 to 1"),
            (math.log(3.2), "3 to 1"),
            (math.log(129), "120 to 1"),
            (math.log(8_900), "8,000 to 1"),
            (math.log(4.2e6), "4 million to 1"),
            (1e6, "more than a billion to 1"),
        ],
    )
    def test_odds_are_rounded_down(self, log_odds: float, words: str) -> None:
        assert odds(log_odds) == words

    @pytest.mark.parametrize(
        ("fraction", "words"),
        [(1.0, "100 percentage points"), (0.00812, "0.82 percentage points"), (0.0, "0 percentage points")],
    )
    def test_differences_are_rounded_up(self, fraction: float, words: str) -> None:
        assert points(fraction) == words
