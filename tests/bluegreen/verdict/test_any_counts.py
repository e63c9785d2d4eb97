"""What holds for the verdict whatever is counted, and in whatever order it comes."""

import dataclasses
import json
import math
import sys
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen.verdict import Bucket, Counts, Policy, Sides, judge
from bluegreen.verdict.judgement import Watch
from tests.bluegreen.verdict.seen import UNDAMPED, minutes, sides

unhurried = settings(deadline=None)

counts = st.integers(0, 60)
figures = st.tuples(counts, counts, counts, counts).map(lambda f: sides(f[0], f[0] + f[1], f[2], f[2] + f[3]))
weights = st.none() | st.floats(0.01, 0.99)
buckets = st.lists(st.tuples(figures, weights), min_size=1, max_size=6).map(
    lambda seen: [Bucket(60 * number, {"errors": each}, weight) for number, (each, weight) in enumerate(seen)]
)


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
