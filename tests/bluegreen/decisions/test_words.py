"""Sentences about the watch."""

import math
from dataclasses import replace
from typing import Any

import pytest

from bluegreen.decisions.bake import Alarms, Judged, Standing, Watched, decide
from bluegreen.decisions.silence import Hidden
from bluegreen.decisions.words import of_hidden, of_look, of_signals, of_the_rest, of_watched
from bluegreen.request.health import Health
from bluegreen.verdict import Counts, Finding, Verdict

NONE, SOME = Counts(0, 0), Counts(100, 0)


def verdict(kind: str = "not_enough", green: Counts = SOME, *, covered: int = 3, excess: float = 0.0) -> Verdict:
    finding = Finding("errors", True, 1.0, green, SOME, 0.0, 0.001, 0.01, excess=excess)
    return Verdict(kind, f"it is {kind}", (finding,), buckets=covered, covered=covered)  # type: ignore[arg-type]


def said(found: Verdict, *, given: dict[str, Any] | None = None, **how: Any) -> str:
    """Of a look at a bake that is over, unless it says otherwise."""
    health = given or {}
    standing: dict[str, Any] = {"baked_seconds": 300, "bake_seconds": 300, "alarms": Alarms()} | how
    now = Standing(health=Health(**health), given=tuple(health), verdict=found, **standing)
    return of_look(now, decide(now))


SILENT = verdict(green=NONE)
UNSEEN = verdict(green=NONE, covered=0)
EVEN = "; nothing shows yet that green is worse; odds of 100 to 1 roll back"


ORDERS = {"name": "orders", "namespace": "Shop", "bad": "Lost", "requests": "Taken", "dimensions": {"V": "{version}"}}


class TestTheRest:
    """Of an unhealthy green: throttles and slow requests, where they are not the reason."""

    def rest(self, signal: str, green: Counts, blue: Counts, reason: str = "it is worse", slow_ms: int = 812) -> str:
        finding = Finding(signal, signal == "throttles", 0.5, green, blue, 0.0, 1.0, 0.01)
        return of_the_rest(replace(verdict("worse"), findings=(finding,), reason=reason), slow_ms)

    def test_throttles_are_said_where_there_are_any(self) -> None:
        assert self.rest("throttles", Counts(812, 3), SOME) == " Green throttled 3 of 812, blue 0 of 100."
        assert self.rest("throttles", SOME, SOME) == ""

    def test_slow_requests_are_said_where_both_had_requests(self) -> None:
        beside = " Slower than 812 ms: 40 % of green's requests, 5 % of blue's."
        assert self.rest("slow", Counts(10, 4), Counts(100, 5)) == beside
        assert self.rest("slow", NONE, Counts(100, 5)) == ""

    def test_what_the_reason_says_is_not_said_again(self) -> None:
        assert self.rest("slow", Counts(10, 4), SOME, "green was slow in 4 of 10, blue 0 of 100: odds 9 to 1") == ""
        assert self.rest("errors", Counts(10, 4), SOME) == ""


class TestSignals:
    def test_errors_and_throttles_are_watched_and_the_others_say_how_to_watch_them(self) -> None:
        assert of_signals(Health()) == (
            "watched: errors, throttles, slow requests (in a dry run); not watched: replies with statusCode 500 and "
            "more (health.http), failed items of batches (health.batch), lines of the logs (health.logs), metrics of "
            "your own (health.metrics), alarms "
            "(health.alarms)"
        )

    def test_what_the_request_asks_for_is_watched_and_a_dry_run_is_called_one(self) -> None:
        health = Health.model_validate(
            {
                "slow_ms": "learn",
                "http": True,
                "batch": True,
                "logs": {"bad": "ERROR"},
                "metrics": [ORDERS],
                "alarms": ["sales", "stock"],
                "dry_run": ["slow", "orders"],
            }
        )

        assert of_signals(health) == (
            "watched: errors, throttles, slow requests (in a dry run), replies with statusCode 500 and more, failed "
            "items of batches, lines of the logs, the metric orders (in a dry run), 2 alarms"
        )

    @pytest.mark.parametrize(
        ("blue", "green", "end"),
        [
            (NONE, NONE, "; nothing is known of http: CloudWatch has no figures of green or blue"),
            (SOME, NONE, "; nothing is known of http: CloudWatch has no figures of green"),
            (NONE, SOME, "; nothing is known of http: CloudWatch has no figures of blue"),
            (SOME, SOME, ""),
        ],
    )
    def test_a_look_says_of_which_signal_nothing_is_known(self, blue: Counts, green: Counts, end: str) -> None:
        found = verdict()
        http = Finding("http", True, 0.5, green, blue, 0.0, 1.0, 0.01)
        with_http = replace(found, findings=(*found.findings, http))

        assert said(with_http, baked_seconds=60) == f"it is not_enough{EVEN}{end}"
        assert said(replace(with_http, kind="worse"), baked_seconds=60) == "it is not_enough; 100 to 1 rolls back"

    def test_a_look_says_which_logs_it_did_not_read(self) -> None:
        assert said(verdict(), baked_seconds=60, unread=3) == (
            f"it is not_enough{EVEN}; the logs of the last 3 min are not counted: there are more than a look reads"
        )

    def test_a_version_that_nobody_called_need_not_have_written_anything(self) -> None:
        found = verdict()
        silent = Finding("errors", True, 0.5, SOME, NONE, 0.0, 0.001, 0.01)
        http = Finding("http", True, 0.5, SOME, NONE, 0.0, 1.0, 0.01)

        assert said(replace(found, findings=(silent, http)), baked_seconds=60) == "it is not_enough"


class TestALook:
    def test_before_the_first_figures_it_says_when_they_come(self) -> None:
        assert said(UNSEEN, baked_seconds=60) == "green is not seen yet: figures come about 3 min after the shift"
        assert said(UNSEEN, baked_seconds=60, figures_at="2026-01-05T09:03:00.000Z") == (
            "green is not seen yet: figures come about 3 min after the shift, and are due at 2026-01-05T09:03:00.000Z"
        )
        slow = {"period_seconds": 300, "delay_seconds": 60}
        assert "about 6 min after the shift" in said(UNSEEN, baked_seconds=60, given=slow)

    def test_it_says_the_odds_against_green_and_those_that_roll_back(self) -> None:
        found = replace(verdict(), log_evidence=math.log(40))
        dry = replace(found, findings=tuple(replace(each, acts=False) for each in found.findings))

        assert said(found, baked_seconds=60) == (
            "it is not_enough; odds 40 to 1 that green is worse; 100 to 1 rolls back"
        )
        assert said(found, baked_seconds=60, given={"false_alarm": 0.002}).endswith("; 500 to 1 rolls back")
        assert said(replace(found, kind="worse")) == "it is not_enough; 100 to 1 rolls back"
        assert said(dry, baked_seconds=60) == "it is not_enough"

    def test_a_suspected_green_says_its_odds_once(self) -> None:
        assert said(replace(verdict(), log_evidence=math.log(40.5))) == (
            "it is not_enough; the bake is over, and the odds against green, 40 to 1, are no proof (100 to 1 is); the "
            "default says (when_suspected) to roll back then"
        )

    def test_a_bake_that_is_over_before_them_says_so_and_not_that_nobody_called(self) -> None:
        assert said(UNSEEN).endswith("after the shift; this bake is over before them")

    @pytest.mark.parametrize(
        ("given", "how", "end"),
        [
            ({}, {}, "; going on, as the default says"),
            ({"no_traffic": "proceed"}, {}, "; going on, as the request says"),
            ({"no_traffic": "probe"}, {}, "; it answered no probe"),
            ({"no_traffic": "probe"}, {"probed": True}, "; it answered no probe wrongly"),
            ({"no_traffic": "roll_back"}, {}, ", and the request says to roll back then"),
            ({"no_traffic": "wait", "max_bake_seconds": 900}, {}, "; waiting for a call"),
            ({"no_traffic": "wait", "max_bake_seconds": 300}, {}, ", for 5 min"),
            ({}, {"baked_seconds": 60}, ""),
        ],
    )
    def test_without_traffic_it_says_who_decided_what(
        self, given: dict[str, Any], how: dict[str, Any], end: str
    ) -> None:
        assert said(SILENT, given=given, **how) == f"nobody called green in the 3 min that CloudWatch shows{end}"

    @pytest.mark.parametrize(
        ("given", "unmeasured", "end"),
        [
            ({}, 2, "; look 2 of 5 that may fail"),
            ({}, 6, ", 6 times in a row"),
            ({"cannot_measure": "proceed"}, 6, "; going on without metrics, as the request says"),
        ],
    )
    def test_without_metrics_it_says_how_often_and_what_follows(
        self, given: dict[str, Any], unmeasured: int, end: str
    ) -> None:
        assert said(Verdict.cannot_measure("no answer"), given=given, unmeasured=unmeasured) == f"no answer{end}"

    def test_what_speaks_against_green_when_the_bake_is_over_is_said(self) -> None:
        assert said(verdict(excess=1.6)).endswith("; the bake is over and what speaks against green proves nothing")

    def test_a_green_of_which_too_little_is_known_is_not_called_fine(self) -> None:
        assert said(verdict()) == f"it is not_enough{EVEN}; the bake is over and nothing speaks against green"

    def test_a_bake_that_goes_on_for_want_of_evidence_says_so(self) -> None:
        alarms = Alarms(unknown=("checkout",))

        assert said(verdict("fine"), alarms=alarms, given={"max_bake_seconds": 900}) == (
            f"it is fine{EVEN}; the alarm checkout has no data; baking on"
        )

    def test_an_alarm_that_acts_is_named_and_one_that_is_pardoned_is_not(self) -> None:
        alarms = Alarms(red=("old", "new"), pardoned=("old",))

        assert said(verdict("fine"), alarms=alarms) == "the alarm new went off during the deployment"

    def test_a_strategy_without_a_bake_says_that_nobody_watches(self) -> None:
        assert (
            said(UNSEEN, watched=False, bake_seconds=0, baked_seconds=0)
            == "nobody watches green under traffic: this strategy has no bake"
        )

    def test_throttled_requests_that_neither_version_shows_are_said(self) -> None:
        end = "; CloudWatch counts 1,200 throttled requests of the alias for neither version"

        assert said(verdict("fine"), unattributed=1200) == f"it is fine{EVEN}{end}"


def test_a_series_that_is_missing_is_named_with_what_it_should_have_had() -> None:
    assert of_hidden(Hidden(side="green", requests=1240, throttled=0, expected=124)) == (
        "the alias had 1,240 requests, of which green's weight gives it about 124, and green's own series in "
        "CloudWatch shows none"
    )
    assert "1,240 requests (40 of them throttled)," in of_hidden(
        Hidden(side="blue", requests=1240, throttled=40, expected=124)
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nobody_called", "Nobody called green in the 5 min that it was watched"),
        ("not_seen", "CloudWatch had no figures of green yet in the 5 min"),
        ("not_measured", "Green could not be measured in the 5 min"),
        ("not_watched", "Nobody watched green under traffic: this strategy has no bake."),
    ],
)
def test_the_end_says_what_is_not_known_of_green(kind: Any, said: str) -> None:
    assert of_watched(Watched(kind=kind, seconds=300)).startswith(said)


class TestTheEndOfADeploymentWhoseGreenWasJudged:
    def test_a_canary_that_proved_little_says_what_alone_is_excluded(self) -> None:
        assert at_the_end(green=41, blue=369, bound=0.0691) == (
            "In 41 requests green failed 0 (blue 0 of 369): little is proved; only a green that fails 7 percentage "
            "points more than blue is excluded."
        )

    def test_one_that_proved_nothing_says_so(self) -> None:
        assert (
            at_the_end(green=1, blue=12, bound=1.0) == "In 1 request green failed 0 (blue 0 of 12): nothing is proved."
        )

    def test_a_fine_green_says_what_is_excluded(self) -> None:
        assert at_the_end(green=4000, green_bad=3, blue=36_000, blue_bad=21, bound=0.00796, fine=True) == (
            "In 4,000 requests green failed 3 (blue 21 of 36,000): a green that fails 0.8 percentage points more than "
            "blue is excluded."
        )

    @pytest.mark.parametrize(
        ("signal", "said"),
        [
            (
                "throttles",
                ("Of 41 requests of green 2 were throttled", "a green that is throttled in {} more than blue"),
            ),
            ("slow", ("Of 41 requests of green 2 were slow", "a green that is slow in {} more than blue")),
            ("sales", ("By sales, 2 of green's 41 requests were bad", "a green whose sales is {} above blue's")),
        ],
    )
    def test_each_signal_has_its_own_words(self, signal: str, said: tuple[str, str]) -> None:
        counts, excluded = said[0], said[1].format("20 percentage points")

        assert at_the_end(signal=signal, green=41, green_bad=2, bound=0.2) == (
            f"{counts} (blue 0 of 0): little is proved; only {excluded} is excluded."
        )

    def test_odds_against_it_are_said_and_called_no_proof(self) -> None:
        assert at_the_end(green=41, odds=4.0).endswith(" The odds that it is worse were 4 to 1, which is no proof.")
        assert "odds" not in at_the_end(green=41, odds=1.9)

    def test_a_suspected_green_that_was_promoted_says_its_odds_and_which_setting_promoted_it(self) -> None:
        assert at_the_end(given="over_suspicion", green=41, odds=14.0).endswith(
            " Green was promoted under suspicion, as when_suspected says: the odds that it is worse were 14 to 1."
        )
        assert at_the_end(given="over_suspicion", green=41, odds=0.5).endswith(": the odds fell since.")

    def test_a_green_that_got_everything_by_the_clock_says_so(self) -> None:
        by_the_clock = "It got everything by the clock, as promote_by_seconds says, before the evidence allowed it"

        assert at_the_end(given="by_the_clock", green=41).endswith(f" {by_the_clock}.")
        assert at_the_end(given="by_the_clock", green=41, odds=3.0).endswith(
            f" {by_the_clock}; the odds that it is worse were 3 to 1."
        )
        assert of_watched(Watched(kind="nobody_called", seconds=600, given="by_the_clock")).endswith(
            f"is not known. {by_the_clock}."
        )

    def test_one_whose_signals_are_all_in_a_dry_run_says_that_none_was_judged(self) -> None:
        assert of_watched(Watched(kind="judged", seconds=300, requests=90)) == (
            "All signals of green's 90 requests are in a dry run, so none was judged."
        )


def at_the_end(*, given: Any = None, **finding: Any) -> str:
    """Of a green that was judged."""
    counts: dict[str, Any] = {
        "signal": "errors",
        "green": 0,
        "green_bad": 0,
        "blue": 0,
        "blue_bad": 0,
        "bound": 0.5,
        "odds": 1.0,
        "fine": False,
    }
    judged = Judged(**counts | finding)
    return of_watched(Watched(kind="judged", seconds=300, requests=judged.green, finding=judged, given=given))
