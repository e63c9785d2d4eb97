"""What is learnt of an alias before a deployment."""

import numpy as np
import pytest

from bluegreen.decisions.past import LEAST_ICC, MOST_ICC, SECONDS, Past, correlation, learn

UNTIL = 1_000 * 3600
MINUTES = range(UNTIL - SECONDS, UNTIL, 60)


def steady(requests: float) -> dict[int, float]:
    return dict.fromkeys(MINUTES, requests)


class TestTraffic:
    def test_of_steady_traffic_the_usual_is_the_recent_one(self) -> None:
        past = learn(steady(60), UNTIL)

        assert (past.usual, past.recent, past.traffic, past.silence_seconds) == (60, 60, 60, 0)

    def test_chance_makes_no_minute_busier(self) -> None:
        requests = steady(60)

        assert learn(requests | {MINUTES[7]: 83}, UNTIL).traffic == 60

    def test_one_busy_minute_in_three_hours_is_what_a_deployment_is_to_expect(self) -> None:
        requests = steady(3)

        assert learn(requests | {MINUTES[7]: 30_000}, UNTIL).traffic == pytest.approx(29_480, abs=1)

    def test_figures_that_are_late_lower_nothing(self) -> None:
        requests = steady(6000)
        late = {minute: count for minute, count in requests.items() if minute < UNTIL - 600}

        past = learn(late, UNTIL)

        assert past.usual == 6000
        assert past.traffic > 5700
        assert past.last_at == UNTIL - 600

    def test_of_an_alias_that_nobody_called_nothing_is_known(self) -> None:
        assert learn({}, UNTIL, slow_ms=80) == Past(slow_ms=80)


class TestSilence:
    @pytest.mark.parametrize(("a_minute", "seconds"), [(600, 60), (6, 120), (1, 600), (0.2, 2820)])
    def test_is_no_chance_after_a_while(self, a_minute: float, seconds: int) -> None:
        past = Past(usual=a_minute, last_at=UNTIL)

        assert not past.explains(seconds)
        assert past.explains(seconds - 60)

    def test_that_is_hardly_longer_than_one_before_is_explained(self) -> None:
        requests = steady(600)
        paused = {minute: count for minute, count in requests.items() if minute // 60 % 10 == 0}

        past = learn(paused, UNTIL)

        assert past.silence_seconds == 540
        assert past.explains(1080)
        assert not past.explains(1140)

    def test_that_came_once_is_no_habit(self) -> None:
        requests = steady(600)
        paused = {minute: count for minute, count in requests.items() if minute not in MINUTES[40:48]}

        assert not learn(paused, UNTIL).explains(120)

    def test_of_an_alias_that_nobody_called_is_explained(self) -> None:
        assert Past().explains(48 * 3600)

    def test_that_began_long_before_the_deployment_is_one_of_the_alias(self) -> None:
        requests = steady(600)
        ended = {minute: count for minute, count in requests.items() if minute < UNTIL - 3600}

        assert learn(ended, UNTIL).explains(2 * 3600)


class TestCorrelation:
    def bursts(self, icc: float, requests: int, rate: float) -> float:
        dice = np.random.default_rng(8)
        spread = 1 / icc - 1
        rates = dice.beta(rate * spread, (1 - rate) * spread, len(MINUTES))
        failed = dice.binomial(requests, rates)
        return correlation(dict.fromkeys(MINUTES, requests), dict(zip(MINUTES, map(float, failed), strict=True)))

    @pytest.mark.parametrize(("icc", "requests"), [(0.01, 600), (0.005, 6000), (0.001, 60_000)])
    def test_is_learnt_from_the_differences_of_minutes(self, icc: float, requests: int) -> None:
        assert self.bursts(icc, requests, 0.02) == pytest.approx(icc, rel=0.4)

    def test_is_within_its_limits(self) -> None:
        assert self.bursts(0.2, 6000, 0.02) == MOST_ICC
        assert correlation(steady(6000), steady(60)) == LEAST_ICC

    def test_is_not_learnt_from_a_few_failures(self) -> None:
        requests = steady(6000)

        assert correlation(requests, {MINUTES[0]: 4}) == LEAST_ICC
        assert correlation(requests, {MINUTES[0]: 5}) > LEAST_ICC

    def test_of_a_drift_by_the_hour_is_none(self) -> None:
        requests = steady(60_000)
        drifting = {minute: 600.0 + 3 * number for number, minute in enumerate(MINUTES)}

        assert correlation(requests, drifting) == LEAST_ICC
