"""What a plan says of the watch."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from bluegreen.decisions.past import Past
from bluegreen.request.health import Health
from bluegreen.request.traffic import HowTraffic, Steps, schedule
from bluegreen_cli.forecast import Forecast
from bluegreen_cli.outlook import Outlook

BUSY = Past(requests=1800, usual=10, recent=10, busiest=10)
SEEN = Forecast(seconds=300, requests=40, bound=0.092)


def outlook(
    traffic: Any = "Adaptive",
    past: Past | None = BUSY,
    forecast: Forecast | None = SEEN,
    tested: bool = False,
    unread: str = "",
    **health: Any,
) -> Outlook:
    how: Any = TypeAdapter(HowTraffic).validate_python(traffic)
    read = Health.model_validate(health)
    return Outlook(
        schedule=schedule(how).model_copy(update={"first_weight": 0.03}),
        traffic=how if isinstance(how, Steps) else None,
        health=read,
        given=frozenset(health),
        tested=tested,
        past=past,
        forecast=forecast,
        unread=unread,
    )


def line(beginning: str, *how: Any, **more: Any) -> str:
    """The one that begins so."""
    (found,) = [each for each in outlook(*how, **more).lines() if each.startswith(beginning)]
    return found


class TestWhatWillBeKnown:
    def test_with_traffic_is_what_so_many_requests_exclude(self) -> None:
        assert line("what will be known") == (
            "what will be known: the alias had about 10 requests a minute in the last 5 min; green is expected to be "
            "seen with about 40 requests in 5 min. If none of them fails, a green that fails 9.2 percentage points "
            "more than blue is excluded, and 1 % would be fine"
        )

    def test_with_enough_traffic_does_not_say_what_would_be_fine(self) -> None:
        known = line("what will be known", forecast=Forecast(seconds=600, requests=758, bound=0.0052))

        assert known.endswith("a green that fails 0.52 percentage points more than blue is excluded")

    def test_of_an_alias_that_is_quiet_now_is_what_the_hours_before_say(self) -> None:
        known = line("what will be known", past=BUSY.model_copy(update={"recent": 5.8}))

        assert known.startswith("what will be known: the alias had about 10 requests a minute in the last 3 h;")

    def test_with_hardly_a_request_is_that_it_proves_nothing(self) -> None:
        known = line("what will be known", past=Past(requests=3), forecast=Forecast(300, 1, 1.0))

        assert known == (
            "what will be known: the alias had 3 requests in the last 3 h; green is expected to be seen with about 1 "
            "request in 5 min, and that proves nothing"
        )

    @pytest.mark.parametrize(
        ("how", "end"),
        [
            (
                {"tested": True, "no_traffic": "probe"},
                "but what the smoke tests say, which are asked again as probes",
            ),
            ({"tested": True}, "but what the smoke tests say"),
            ({}, "but that it was deployed"),
        ],
    )
    def test_of_a_function_that_is_called_once_a_day_is_what_its_smoke_tests_say(
        self, how: dict[str, Any], end: str
    ) -> None:
        known = line("what will be known", past=Past(), forecast=Forecast(600, 0, 1.0), **how)

        assert known == (
            "what will be known: the alias had no request in the last 3 h; nothing will be known of green under "
            f"traffic {end}"
        )

    def test_is_not_known_if_cloudwatch_says_nothing(self) -> None:
        found = outlook(past=None, forecast=None, unread="AccessDenied: no")

        assert next(found.lines()) == (
            "what will be known: CloudWatch does not say what the alias did before (AccessDenied: no)"
        )
        assert "icc is learnt when the deployment opens" in found.lines()
        assert (found.to_json()["past"], found.to_json()["icc"], found.to_json()["first_weight"]) == (None, None, None)


class TestEachSettingHasItsPromise:
    @pytest.mark.parametrize(
        ("health", "said"),
        [
            (
                {},
                "no_traffic is proceed (the default): a green without requests gets everything, and the watch",
            ),
            ({"no_traffic": "proceed"}, "no_traffic is proceed (as the request says): "),
            (
                {"no_traffic": "probe"},
                "no_traffic is probe (as the request says): a green with hardly any requests gets",
            ),
            (
                {"no_traffic": "roll_back"},
                "no_traffic is roll_back (as the request says): the deployment rolls back a green without requests",
            ),
            (
                {"no_traffic": "wait", "max_bake_seconds": 900},
                "no_traffic is wait (as the request says): the deployment waits for a first request to green, "
                "and rolls back after 15 min",
            ),
        ],
    )
    def test_without_traffic(self, health: dict[str, Any], said: str) -> None:
        assert line("no_traffic", **health).startswith(said)

    @pytest.mark.parametrize(
        ("setting", "end"),
        [
            (
                "roll_back",
                "it is rolled back; with those found worse before, that happens to 1 % of the greens that are no worse "
                "at most",
            ),
            ("promote", "it gets everything all the same, and the record says the odds"),
            ("hold", "it keeps its share for up to 12 h, and is then rolled back"),
        ],
    )
    def test_under_suspicion(self, setting: str, end: str) -> None:
        odds = "when green is to get everything while the odds are 10 to 1 or more that it is worse, "

        assert line("when_suspected", when_suspected=setting) == (
            f"when_suspected is {setting} (as the request says): {odds}{end}"
        )
        assert line("when_suspected").startswith("when_suspected is roll_back (the default): ")

    def test_in_a_hurry(self) -> None:
        assert line("promote_by_seconds", promote_by_seconds=600) == (
            "promote_by_seconds is 600: green has everything after 10 min unless the odds are worse than even, in "
            "nine of ten cases if it is no worse; a bad one harms at most ten times as many requests as without "
            "it, or 25 times if it fails at most twice as often as blue"
        )
        assert not any("promote_by_seconds" in each for each in outlook().lines())

    @pytest.mark.parametrize(
        ("traffic", "said"),
        [
            ({"final_bake_seconds": 600}, "keep_control is 0.05: blue keeps 5 % in the bake at the end, so that green"),
            ({"final_bake_seconds": 600, "keep_control": 0}, "keep_control is 0: blue has no share in the bake at the"),
        ],
    )
    def test_in_a_bake_at_the_end(self, traffic: dict[str, Any], said: str) -> None:
        steps = {"steps": [{"weight": 0.1, "bake_seconds": 300}]}

        assert line("keep_control", steps | traffic).startswith(said)
        assert not any("keep_control" in each for each in outlook(steps).lines())

    @pytest.mark.parametrize(
        ("slow_ms", "health", "said", "acts"),
        [
            (
                812,
                {},
                "slower than 812 ms (blue's 95th percentile of late), in a dry run: they are shown and decide nothing",
                False,
            ),
            (812, {"slow_ms": "learn"}, "slower than 812 ms (blue's 95th percentile of late), they count as bad", True),
            (812, {"slow_ms": 1200}, "slower than 1,200 ms (as the request says), they count as bad", True),
            (None, {}, "not watched, the alias had none to learn from", False),
            (812, {"slow_ms": None}, "not watched, as the request says", False),
        ],
    )
    def test_of_slow_requests(self, slow_ms: int | None, health: dict[str, Any], said: str, acts: bool) -> None:
        found = outlook(past=BUSY.model_copy(update={"slow_ms": slow_ms}), **health)

        assert f"slow requests: {said}" in found.lines()
        assert ("slow requests (health.slow_ms)" in found.signals) is said.startswith("not watched")
        assert found.to_json()["slow_acts"] is acts

    @pytest.mark.parametrize(
        ("learnt", "health", "said"),
        [
            (0.0002, {}, "0.0002, the least: blue's failures do not come in bursts, or are too few to tell"),
            (0.00417, {}, "0.0042: the alias's failures come in bursts, and a minute counts for less"),
            (0.00417, {"icc": 0.001}, "0.001, as the request says"),
        ],
    )
    def test_of_bursts(self, learnt: float, health: dict[str, Any], said: str) -> None:
        found = outlook(past=BUSY.model_copy(update={"icc": learnt}), **health)

        assert f"icc is {said}" in found.lines()
        assert found.to_json()["icc"] == health.get("icc", learnt)

    def test_of_the_first_weight_of_adaptive(self) -> None:
        assert line("green begins") == "green begins with 3 %, which follows the traffic"
        assert not any(each.startswith("green begins") for each in outlook("Canary10Percent5Minutes").lines())
