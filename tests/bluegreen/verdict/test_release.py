"""One promise for all functions of a release, by exact enumeration and for any evidence."""

import math
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.verdict import Bucket, judge
from bluegreen.verdict.evidence import Worse
from bluegreen.verdict.policy import Tolerance
from bluegreen.verdict.release import Together, failures_needed, false_alarm_of_one, needed_for_one, together, worst
from tests.bluegreen.verdict.seen import Figures, minutes, sides
from tests.bluegreen.verdict.test_any_counts import unhurried

ENOUGH = math.log(100)
NONE = -math.inf

logs = st.floats(-50, 50)
releases = st.lists(logs, min_size=1, max_size=12)

Pair = tuple[int, int, int, int, int, int, int, int]
"""Of a caller, then of what it calls: green's bad, green's, blue's bad and blue's requests."""
NOTHING: Pair = (0, 0, 0, 0, 0, 0, 0, 0)


def added(one: Pair, two: Pair) -> Pair:
    a, b, c, d, e, f, g, h = (x + y for x, y in zip(one, two, strict=True))
    return a, b, c, d, e, f, g, h


def served(green: bool, bad: bool, *, by: str) -> Pair:
    figures = (int(green and bad), int(green), int(not green and bad), int(not green))
    return (*figures, 0, 0, 0, 0) if by == "caller" else (0, 0, 0, 0, *figures)


Fails = Callable[[bool, bool], float]
"""The caller's rate, by its own colour and by whether the last answer that it got was bad."""


def a_request(weight: float, rates: tuple[float, float], fails: Fails, retries: int) -> dict[Pair, float]:
    """The caller is invoked once. It invokes the other one, and again if that fails: each time the alias draws anew."""
    outcomes = defaultdict[Pair, float](float)
    coin = ((True, weight), (False, 1 - weight))

    def call(caller_green: bool, so_far: Pair, probability: float, left: int) -> None:
        for green, chance in coin:
            rate = rates[0] if green else rates[1]
            for bad, likely in ((True, rate), (False, 1 - rate)):
                now, seen = probability * chance * likely, added(so_far, served(green, bad, by="called"))
                if bad and left:
                    call(caller_green, seen, now, left - 1)
                    continue
                own = fails(caller_green, bad)
                outcomes[added(seen, served(caller_green, True, by="caller"))] += now * own
                outcomes[added(seen, served(caller_green, False, by="caller"))] += now * (1 - own)

    for caller_green, chance in coin:
        call(caller_green, NOTHING, chance, retries)
    return outcomes


def so_often(requests: int, one: dict[Pair, float]) -> dict[Pair, float]:
    outcomes: dict[Pair, float] = {NOTHING: 1.0}
    for _ in range(requests):
        following = defaultdict[Pair, float](float)
        for (before, a), (more, b) in product(outcomes.items(), one.items()):
            following[added(before, more)] += a * b
        outcomes = following
    return outcomes


def log_of(figures: Figures, weight: float | None) -> float:
    worse = Worse(Tolerance(), icc=0.0)
    worse.add(sides(*figures), Bucket(0, {}, weight))
    return worse.log_value


def mean_of_the_evidence(outcomes: dict[Pair, float], weight: float | None) -> float:
    return sum(
        likely * math.exp(together([log_of(pair[:4], weight), log_of(pair[4:], weight)], of=2))
        for pair, likely in outcomes.items()
        if likely
    )


def as_it_is_answered(_: bool, answered_badly: bool) -> float:
    return 1.0 if answered_badly else 0.1


def whatever_it_is_answered(_: bool, __: bool) -> float:
    return 0.4


def green_copes_better(green: bool, answered_badly: bool) -> float:
    return (0.5 if green else 1.0) if answered_badly else 0.0


class TestFunctionsThatCallEachOther:
    @pytest.mark.parametrize("weight", [0.1, 0.5])
    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("retries", [0, 1, 2])
    @pytest.mark.parametrize("rates", [(0.4, 0.4), (1.0, 1.0), (0.0, 0.5), (0.33, 0.3)])
    @pytest.mark.parametrize("fails", [as_it_is_answered, whatever_it_is_answered, green_copes_better])
    def test_the_evidence_is_at_most_1_on_average_whoever_calls_whom_how_often(
        self, weight: float, known: bool, retries: int, rates: tuple[float, float], fails: Fails
    ) -> None:
        """Also where the green of the called function fails less often, or a tenth more often, as is tolerated."""
        outcomes = so_often(2, a_request(weight, rates, fails, retries))

        assert sum(outcomes.values()) == pytest.approx(1)
        assert mean_of_the_evidence(outcomes, weight if known else None) <= 1 + 1e-9

    def test_a_colour_that_both_share_would_count_twice(self) -> None:
        """As if a caller always invoked the version of its own age through the alias. Lambda draws each time."""
        together_bad = [(0.5, (1, 1, 0, 0, 1, 1, 0, 0)), (0.5, (0, 0, 1, 1, 0, 0, 1, 1))]
        pairs: dict[Pair, float] = {(a, b, c, d, e, f, g, h): p for p, (a, b, c, d, e, f, g, h) in together_bad}

        assert mean_of_the_evidence(pairs, 0.5) > 1

    def test_greens_that_fail_only_with_each_other_are_no_sound_release_though_each_is_no_worse_on_average(
        self,
    ) -> None:
        """New with new fails, and so does old with old: given the other's version, each green is worse or better."""
        one: dict[Pair, float] = {}
        for caller, called in product((True, False), repeat=2):
            bad = caller == called
            one[added(served(caller, bad, by="caller"), served(called, bad, by="called"))] = 0.25
        outcomes = so_often(4, one)

        assert mean_of_the_evidence(outcomes, 0.5) > 1
        assert sum(likely * math.exp(log_of(pair[:4], 0.5)) for pair, likely in outcomes.items()) <= 1
        assert sum(likely * math.exp(log_of(pair[4:], 0.5)) for pair, likely in outcomes.items()) <= 1


DOUBLED_OR_LOST = ((0.5, math.log(2)), (0.5, NONE))
"""A fair bet."""


def found_guilty(looks: Callable[[list[list[float]]], float], rounds: int, functions: int, alarm: float) -> float:
    """
    The probability that the evidence ever reaches 1 / alarm, function after function, each bets `rounds` times.

    `looks` has the history of each function's log.
    """
    guilty = 0.0
    alive: list[tuple[float, list[list[float]]]] = [(1.0, [])]
    for number in range(functions):
        for round_ in range(rounds):
            following: list[tuple[float, list[list[float]]]] = []
            for probability, history in alive:
                for likely, gain in DOUBLED_OR_LOST:
                    so_far = [*history[:number], [*(history[number] if round_ else [0.0])]]
                    so_far[number].append(so_far[number][-1] + gain)
                    if looks(so_far) >= -math.log(alarm):
                        guilty += probability * likely
                    else:
                        following.append((probability * likely, so_far))
            alive = following
    return guilty


class TestWhatIsPromised:
    def test_functions_that_join_in_waves_find_a_good_release_guilty_no_more_often_than_promised(self) -> None:
        def fixed(history: list[list[float]]) -> float:
            return together([of_one[-1] for of_one in history], of=4)

        def of_those_seen(history: list[list[float]]) -> float:
            return together([of_one[-1] for of_one in history], of=len(history))

        assert 0 < found_guilty(fixed, rounds=3, functions=4, alarm=0.25) <= 0.25
        assert found_guilty(of_those_seen, rounds=3, functions=4, alarm=0.25) > 0.25

    def test_the_last_log_of_a_function_that_was_put_back_goes_on_counting(self) -> None:
        """One that is put back as soon as its odds are 4 to 1, or once it has lost everything."""

        def frozen(history: list[list[float]]) -> float:
            final = []
            for of_one in history:
                stops = (log for log in of_one if log >= math.log(4) - 1e-9 or log == NONE)
                final.append(next(stops, of_one[-1]))
            return together(final, of=4)

        assert 0 < found_guilty(frozen, rounds=3, functions=4, alarm=0.25) <= 0.25

    @pytest.mark.parametrize("tolerate", [1, 2])
    def test_tolerated_functions_however_bad_do_not_make_the_others_guilty(self, tolerate: int) -> None:
        def with_bad_ones(history: list[list[float]]) -> float:
            found = [of_one[-1] for of_one in history]
            return together([*found, *[500.0] * tolerate], of=3 + tolerate, tolerate=tolerate)

        assert found_guilty(with_bad_ones, rounds=4, functions=3, alarm=0.25) <= 0.25

    def test_looks_at_functions_side_by_side_find_a_good_release_guilty_no_more_often_than_promised(self) -> None:
        alarm, guilty = 0.25, 0.0
        alive = {(0.0, 0.0, 0.0): 1.0}
        for _ in range(4):
            following = defaultdict[tuple[float, float, float], float](float)
            for (a, b, c), probability in alive.items():
                for (p, x), (q, y), (r, z) in product(DOUBLED_OR_LOST, repeat=3):
                    logs, likely = (a + x, b + y, c + z), probability * p * q * r
                    if together(logs, of=3) >= -math.log(alarm):
                        guilty += likely
                    else:
                        following[logs] += likely
            alive = following

        assert 0 < guilty <= alarm


class TestAnyEvidence:
    @given(st.floats(-1e6, 1e6))
    def test_a_release_of_one_has_exactly_the_evidence_of_its_function(self, log: float) -> None:
        assert together({"Shop": log}, of=1) == log
        assert needed_for_one(1, 0.01) == ENOUGH

    @given(releases, st.integers(0, 11), st.floats(0, 20))
    def test_more_evidence_on_a_function_is_never_less_on_the_release(
        self, found: list[float], which: int, more: float
    ) -> None:
        raised = [log + more * (number == which % len(found)) for number, log in enumerate(found)]

        assert together(raised, of=12) >= together(found, of=12) - 1e-9

    @given(releases, st.randoms())
    def test_neither_order_nor_names_nor_functions_that_are_not_shifted_matter(
        self, found: list[float], random: object
    ) -> None:
        padded = [*found, *[0.0] * (12 - len(found))]
        named = {f"function-{number}": log for number, log in enumerate(reversed(found))}

        assert together(found, of=12) == pytest.approx(together(padded, of=12), abs=1e-9)
        assert together(found, of=12) == pytest.approx(together(named, of=12), abs=1e-9)

    @given(releases, st.integers(0, 4))
    def test_what_is_tolerated_is_the_choice_of_functions_that_leaves_least(
        self, found: list[float], tolerate: int
    ) -> None:
        def without(some: tuple[int, ...]) -> float:
            return together([min(0.0, log) if number in some else log for number, log in enumerate(found)], of=12)

        choices = combinations(range(len(found)), min(tolerate, len(found)))

        assert together(found, of=12, tolerate=tolerate) == pytest.approx(min(map(without, choices)), abs=1e-9)

    def test_a_tolerated_function_with_evidence_in_its_favour_keeps_that(self) -> None:
        assert together([-3.0, -1.0], of=2, tolerate=2) == together([-3.0, -1.0], of=2) < 0

    @given(releases, st.floats(0.0001, 0.2))
    def test_the_evidence_that_is_said_to_be_needed_is_enough_whatever_the_others_have(
        self, others: list[float], alarm: float
    ) -> None:
        of = len(others) + 1

        assert together([*others, needed_for_one(of, alarm)], of) >= -math.log(alarm) - 1e-9

    def test_ten_thousand_functions_are_no_trouble(self) -> None:
        for log in (0.0, 1e-9, 5.0, -5.0, 1e6, -1e6, NONE):
            assert not math.isnan(together([log] * 10_000, of=10_000))
        assert together([1e6] * 10_000, of=10_000) == pytest.approx(1e10)
        assert together([], of=10_000) == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("found", [[0.0], [0.0, 1.0, 2.0]])
    def test_more_functions_than_there_are_make_no_release(self, found: list[float]) -> None:
        with pytest.raises(ValueError, match="has no evidence on"):
            together(found, of=len(found) - 1)


class TestRelease:
    def test_it_is_worse_once_the_evidence_was_enough(self) -> None:
        before = Together(of=20, false_alarm=0.01)
        looks = (2.0, ENOUGH - 0.01, -3.0)
        for log in looks:
            before = before.after(log)

        assert (before.worse, before.peak) == (False, ENOUGH - 0.01)
        assert before.after(ENOUGH).after(-3.0).worse

    def test_its_peak_is_all_that_has_to_be_remembered(self) -> None:
        before = Together(20, 0.01).after(3.0).after(2.0)

        assert Together(20, 0.01, peak=3.0) == before

    @pytest.mark.parametrize(("of", "alarm"), [(0, 0.01), (5, 0.0), (5, 1.0)])
    def test_settings_that_promise_nothing_are_refused(self, of: int, alarm: float) -> None:
        with pytest.raises(ValueError, match="make no promise"):
            Together(of, alarm)

    def test_a_fault_that_all_share_is_found_long_before_any_function_is_bad_by_itself(self) -> None:
        found = {f"function-{number}": 0.5 for number in range(20)}

        assert together(found, of=20) > ENOUGH > 5 * max(found.values())

    def test_a_fault_that_a_fifth_share_is_found_although_the_others_speak_against_it(self) -> None:
        assert together([3.0] * 20 + [-1.0] * 80, of=100) > ENOUGH > 3.0
        assert sum([3.0] * 20 + [-1.0] * 80) < 0

    def test_a_function_that_is_shifted_before_the_others_needs_hardly_more_than_by_itself(self) -> None:
        assert together({"first": ENOUGH + 2.4}, of=1000) > ENOUGH
        assert together([ENOUGH + 2.4, *[-0.5] * 999], of=1000) < 1


def of_a_first_failure(*more: tuple[int, int, int, int]) -> list[Bucket]:
    return minutes((1, 3, 0, 27), *more, weight=0.1)


class TestFirstFailures:
    def test_a_release_whose_greens_all_fail_their_first_request_is_not_worse(self) -> None:
        verdict = judge(of_a_first_failure((0, 3, 0, 27)))

        assert together([verdict.log_evidence] * 20, of=20) > ENOUGH
        assert together([verdict.log_confirmed] * 20, of=20) < 0

    def test_the_failure_counts_as_soon_as_green_fails_again(self) -> None:
        again = judge(of_a_first_failure((0, 3, 0, 27), (1, 3, 0, 27)))

        assert again.log_confirmed == again.log_evidence > math.log(12)

    def test_a_green_that_fails_outright_is_not_waited_for(self) -> None:
        outright = judge(minutes((3, 3, 0, 27), weight=0.1))

        assert outright.log_confirmed == outright.log_evidence > ENOUGH

    @unhurried
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8))
    def test_what_a_release_reckons_with_is_never_more_than_the_evidence(self, seen: list[tuple[int, int]]) -> None:
        verdict = judge(minutes(*[(bad, bad + 20, blue_bad, 180) for bad, blue_bad in seen]))

        assert verdict.log_confirmed <= verdict.log_evidence + 1e-9


class TestWhichOnes:
    def test_one_bad_function_carries_the_evidence_alone(self) -> None:
        found = {"Orders": -0.4, "Shop": 14.0, "Cart": 2.0, "Mail": 0.3}

        assert worst(found, of=4) == ("Shop",)

    def test_a_shared_fault_names_those_that_share_it(self) -> None:
        found = {f"bad-{number:02}": 2.0 for number in range(8)} | {f"good-{number:02}": -0.5 for number in range(12)}

        assert set(worst(found, of=20)) <= {name for name in found if name.startswith("bad")}
        assert len(worst(found, of=20)) >= 6

    def test_the_worst_comes_first_and_equals_by_name(self) -> None:
        assert worst({"b": 4.0, "a": 4.0, "c": 4.5}, of=3) == ("c", "a", "b")

    def test_nothing_carries_what_is_no_evidence(self) -> None:
        assert worst({"Shop": -1.0, "Cart": 0.1}, of=20) == ()

    @given(st.dictionaries(st.text(max_size=3), logs, max_size=12))
    def test_they_have_most_of_the_evidence_and_none_of_them_is_sound(self, found: dict[str, float]) -> None:
        names, evidence = worst(found, of=12), together(found, of=12)
        alone = {name: log if name in names else min(0.0, log) for name, log in found.items()}

        assert all(found[name] > 0 for name in names)
        assert evidence <= 0 or together(alone, of=12) >= 0.75 * evidence

    def test_a_function_is_bad_by_itself_from_the_level_that_a_release_of_so_many_asks_for(self) -> None:
        assert needed_for_one(100, 0.01) == pytest.approx(math.log(20_000))
        assert false_alarm_of_one(100, 0.01) == pytest.approx(1 / 20_000)
        assert false_alarm_of_one(1, 0.01) == pytest.approx(0.01)

    def test_no_function_is_judged_with_a_false_alarm_that_no_request_may_have(self) -> None:
        assert false_alarm_of_one(10_000, 1e-9) == 1e-9


class TestHowMuchOneNeeds:
    @pytest.mark.parametrize(("of", "failures"), [(1, 3), (10, 4), (100, 5), (1000, 6), (10_000, 7)])
    def test_an_outright_failure_needs_hardly_more_requests_in_a_large_release(self, of: int, failures: int) -> None:
        assert failures_needed(needed_for_one(of, 0.01)) == failures

    def test_evidence_that_no_number_of_requests_gives_is_refused(self) -> None:
        with pytest.raises(ValueError, match="are more than 1,000 failed requests tell"):
            failures_needed(1e6)
