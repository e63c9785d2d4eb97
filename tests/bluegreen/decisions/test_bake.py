"""What a look at the metrics comes to, and when metrics may be believed."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.bake import (
    SUSPECTED_ODDS,
    Alarms,
    Decision,
    Judged,
    Standing,
    Watched,
    bucket_of,
    decide,
    is_silent,
    settled_until,
    watched,
)
from bluegreen.request.health import Health
from bluegreen.verdict import Counts, Finding, Verdict

periods = st.sampled_from([1, 5, 10, 30, 60, 120, 300, 3600])
healths = st.builds(Health, period_seconds=periods, delay_seconds=st.integers(0, 900))
moments = st.floats(1e9, 2e9)


@pytest.mark.parametrize(
    ("now", "until"),
    [(1000 * 60 + 179.9, 1000 * 60), (1000 * 60 + 180.0, 1001 * 60), (1000 * 60 + 239.9, 1001 * 60)],
)
def test_a_minute_counts_once_it_is_over_and_published(now: float, until: int) -> None:
    assert settled_until(now, Health()) == until


@given(moments, healths)
def test_no_bucket_counts_that_is_not_over_and_published(now: float, health: Health) -> None:
    until = settled_until(now, health)

    assert until % health.period_seconds == 0
    assert until + health.delay_seconds <= now
    assert now < until + health.delay_seconds + health.period_seconds


@given(moments, st.floats(0, 1e6), healths)
def test_a_bucket_that_counted_once_counts_ever_after(now: float, later: float, health: Health) -> None:
    assert settled_until(now + later, health) >= settled_until(now, health)


@pytest.mark.parametrize("signal", ["http", "batch", "orders"])
def test_what_the_function_writes_of_probes_and_smoke_tests_is_no_request_of_a_user(signal: str) -> None:
    silent = Finding("errors", True, 0.5, Counts(), Counts(), 0.0, 1.0, 0.01)
    written = Finding(signal, True, 0.5, Counts(3, 0), Counts(3, 0), 0.0, 1.0, 0.01)
    seen = Verdict("not_enough", "green has had no requests", (silent, written), buckets=3, covered=3)

    assert is_silent(seen)


@given(moments, healths)
def test_a_moment_lies_in_its_bucket(moment: float, health: Health) -> None:
    start = bucket_of(moment, health)

    assert start % health.period_seconds == 0
    assert start <= moment < start + health.period_seconds


def verdict(kind: str = "fine", *, requests: int = 100, buckets: int = 3) -> Verdict:
    """As a look may find it; the decision is about its kind, and whether green had a request."""
    counts = Counts(requests, 0)
    finding = Finding("errors", True, 1.0, counts, counts, 0.0, 0.001, 0.01)
    return Verdict(kind, f"it is {kind}", (finding,), buckets=buckets, covered=buckets)  # type: ignore[arg-type]


SILENT = verdict("not_enough", requests=0)


def standing(found: Verdict, *, health: dict[str, Any] | None = None, baked: float = 300, **more: Any) -> Standing:
    how: dict[str, Any] = {"bake_seconds": 300, "alarms": Alarms()} | more
    return Standing(health=Health(**(health or {})), verdict=found, baked_seconds=baked, **how)


def decided(found: Verdict, **how: Any) -> Decision:
    return decide(standing(found, **how))


class TestADecision:
    @pytest.mark.parametrize("baked", [0, 299, 300, 10_000])
    def test_a_worse_green_is_rolled_back_at_once(self, baked: float) -> None:
        assert decided(verdict("worse"), baked=baked).next == "roll_back"

    @pytest.mark.parametrize(
        ("kind", "baked", "next_"),
        [
            ("fine", 299, "bake_on"),
            ("fine", 300, "go_on"),
            ("not_enough", 299, "bake_on"),
            ("not_enough", 300, "go_on"),
        ],
    )
    def test_no_bake_is_cut_short_and_none_drawn_out_unasked(self, kind: str, baked: float, next_: str) -> None:
        assert decided(verdict(kind), baked=baked).next == next_

    @pytest.mark.parametrize(
        ("kind", "baked", "next_"),
        [
            ("not_enough", 300, "bake_on"),
            ("not_enough", 899, "bake_on"),
            ("not_enough", 900, "go_on"),
            ("fine", 300, "go_on"),
        ],
    )
    def test_a_bake_is_drawn_out_while_there_is_not_enough(self, kind: str, baked: float, next_: str) -> None:
        assert decided(verdict(kind), baked=baked, health={"max_bake_seconds": 900}).next == next_

    @pytest.mark.parametrize(
        ("more", "baked", "because"),
        [
            ({}, 300, "fine"),
            ({"late_seconds": 240}, 300, "late"),
            ({"late_seconds": 240}, 539, "late"),
            ({"late_seconds": 240}, 540, "fine"),
            ({"late_seconds": 240, "last": False}, 300, "fine"),
            ({"pending": True}, 479, "pending"),
            ({"pending": True}, 480, "fine"),
        ],
    )
    def test_a_bake_is_drawn_out_by_as_much_as_the_figures_are_late(
        self, more: dict[str, Any], baked: float, because: str
    ) -> None:
        assert decided(verdict("fine"), baked=baked, **more).because == because

    def test_an_alarm_that_went_off_rolls_back_a_green_that_looks_fine(self) -> None:
        decision = decided(verdict("fine"), alarms=Alarms(red=("checkout",)))

        assert (decision.next, decision.because) == ("roll_back", "alarm")

    def test_an_alarm_that_was_red_before_is_pardoned(self) -> None:
        assert decided(verdict("fine"), alarms=Alarms(red=("old",), pardoned=("old",))).next == "go_on"

    def test_one_pardoned_alarm_does_not_pardon_another(self) -> None:
        alarms = Alarms(red=("old", "new"), pardoned=("old",))

        assert decided(verdict("fine"), alarms=alarms).next == "roll_back"
        assert alarms.acting == ("new",)

    def test_an_alarm_without_data_draws_out_the_bake_where_that_is_allowed(self) -> None:
        alarms = Alarms(unknown=("checkout",))

        assert decided(verdict("fine"), alarms=alarms, health={"max_bake_seconds": 900}).next == "bake_on"
        assert decided(verdict("fine"), alarms=alarms).next == "go_on"

    @pytest.mark.parametrize(("unmeasured", "next_"), [(1, "bake_on"), (5, "bake_on"), (6, "roll_back")])
    def test_metrics_that_cannot_be_read_are_borne_for_a_while(self, unmeasured: int, next_: str) -> None:
        assert decided(Verdict.cannot_measure("silence"), baked=10_000, unmeasured=unmeasured).next == next_

    def test_metrics_that_cannot_be_read_stop_nothing_where_the_request_says_so(self) -> None:
        found = Verdict.cannot_measure("silence")

        assert decided(found, unmeasured=6, health={"cannot_measure": "proceed"}).next == "go_on"

    @pytest.mark.parametrize(
        ("no_traffic", "baked", "next_"),
        [
            ("proceed", 300, "go_on"),
            ("probe", 300, "go_on"),
            ("roll_back", 300, "roll_back"),
            ("roll_back", 299, "bake_on"),
            ("wait", 300, "bake_on"),
            ("wait", 899, "bake_on"),
            ("wait", 900, "roll_back"),
        ],
    )
    def test_a_green_without_users_comes_to_what_the_request_says(
        self, no_traffic: str, baked: float, next_: str
    ) -> None:
        health = {"no_traffic": no_traffic, "max_bake_seconds": 900}

        assert decided(SILENT, baked=baked, health=health).next == next_

    def test_silence_is_settled_buckets_without_a_request(self) -> None:
        assert is_silent(SILENT)
        assert not is_silent(verdict("not_enough", requests=0, buckets=0))
        assert not is_silent(verdict("not_enough", requests=1))

    def test_a_series_that_is_missing_is_no_silence(self) -> None:
        assert not is_silent(verdict("cannot_measure", requests=0))

    @pytest.mark.parametrize("no_traffic", ["roll_back", "wait"])
    def test_a_green_that_is_not_seen_yet_is_no_green_without_traffic(self, no_traffic: str) -> None:
        unseen = verdict("not_enough", requests=0, buckets=0)
        health = {"no_traffic": no_traffic, "max_bake_seconds": 300}

        assert decided(unseen, health=health) == Decision(next="go_on", because="over")

    @given(
        st.sampled_from(["worse", "fine", "not_enough"]),
        st.integers(0, 100),
        st.floats(0, 1e6),
        st.sampled_from(["proceed", "probe", "roll_back"]),
    )
    def test_a_bake_ends_at_last_with_any_verdict_that_can_be_measured(
        self, kind: str, requests: int, baked: float, no_traffic: str
    ) -> None:
        health = {"no_traffic": no_traffic, "max_bake_seconds": 900}

        decision = decided(verdict(kind, requests=requests), baked=900 + baked, health=health)

        assert decision.next != "bake_on"


class TestWhatADeploymentKnowsOfItsGreen:
    @pytest.mark.parametrize(
        ("found", "how", "kind"),
        [
            (verdict("fine"), {}, "judged"),
            (verdict("not_enough", requests=1), {}, "judged"),
            (SILENT, {}, "nobody_called"),
            (verdict("not_enough", requests=0, buckets=0), {}, "not_seen"),
            (Verdict.cannot_measure("silence"), {"unmeasured": 1}, "not_measured"),
            (verdict("not_enough", requests=0, buckets=0), {"watched": False}, "not_watched"),
        ],
    )
    def test_it_is_one_of_five(self, found: Verdict, how: dict[str, Any], kind: str) -> None:
        requests = found.findings[0].green.requests if found.findings else 0

        known = at_the_end(standing(found, **how), 299.6)

        assert (known.kind, known.seconds, known.requests) == (kind, 300, requests)
        assert bool(known.finding) is (kind == "judged")

    @pytest.mark.parametrize(("unmeasured", "kind"), [(5, "judged"), (6, "not_measured")])
    def test_a_look_that_could_not_measure_and_is_tolerated_changes_nothing(self, unmeasured: int, kind: str) -> None:
        before = Watched(kind="judged", seconds=240, requests=90)

        known = at_the_end(standing(Verdict.cannot_measure("silence"), unmeasured=unmeasured), 300, before)

        assert (known.kind, known.seconds) == (kind, 300)

    def test_it_keeps_the_counts_the_bound_and_the_odds_of_the_signal_of_which_least_is_known(self) -> None:
        errors = Finding("errors", True, 0.7, Counts(41, 0), Counts(400, 3), 0.0, 0.07, 0.01)
        slow = Finding("slow", True, 0.3, Counts(41, 2), Counts(400, 20), 0.0, 0.09, 0.05)
        dry = Finding("throttles", False, 0.0, Counts(41, 0), Counts(400, 0), 0.0, 0.9, 0.01)
        found = Verdict("not_enough", "", (errors, slow, dry), log_evidence=math.log(3), covered=3)

        known = at_the_end(standing(found), 300)

        assert known.finding == Judged(
            signal="errors", green=41, green_bad=0, blue=400, blue_bad=3, bound=0.07, odds=3.0, fine=False
        )

    def test_signals_in_a_dry_run_alone_judge_nothing(self) -> None:
        dry = Finding("errors", False, 0.0, Counts(41, 0), Counts(400, 0), 0.0, 0.07, 0.01)

        known = at_the_end(standing(Verdict("not_enough", "", (dry,), covered=3)), 300)

        assert (known.kind, known.requests, known.finding) == ("judged", 41, None)

    def test_odds_beyond_a_billion_are_kept_as_a_billion(self) -> None:
        known = at_the_end(standing(replace(verdict("worse"), log_evidence=5000.0)), 300)

        assert known.finding is not None
        assert known.finding.odds == 1e9

    def test_that_a_suspected_green_got_everything_is_still_known_after_the_shift(self) -> None:
        suspected = replace(verdict("not_enough"), log_evidence=math.log(SUSPECTED_ODDS))
        promoted = at_the_end(standing(suspected, health={"when_suspected": "promote"}), 300)
        unmeasured = at_the_end(standing(Verdict.cannot_measure("silence"), unmeasured=1), 310, promoted)
        after = at_the_end(standing(verdict("fine"), bake_seconds=0), 320, unmeasured)

        assert [each.given for each in (promoted, unmeasured, after)] == ["over_suspicion"] * 3

    def test_the_watch_of_a_later_stack_version_is_read_as_far_as_it_is_known(self) -> None:
        known = Watched.model_validate({"kind": "judged", "seconds": 300, "requests": 9, "of_later": 1})

        assert known == Watched(kind="judged", seconds=300, requests=9)


def at_the_end(now: Standing, seconds: float, before: Watched | None = None) -> Watched:
    """What is known after a look, with what comes of it."""
    return watched(now, decide(now), seconds, before)
