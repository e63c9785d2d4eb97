"""A green that is no worse than blue is found guilty no more often than the policy promises."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from bluegreen.verdict import Bucket, Policy, Sides, Tolerance, judge
from bluegreen.verdict.evidence import NoWorse, Worse
from tests.bluegreen.verdict.seen import chance, sides

STRICT = Tolerance()


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
