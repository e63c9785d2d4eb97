"""What a look comes to: what follows, when the next look is, and which weight the next shift gives green."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from bluegreen.baking.conclude import conclude
from bluegreen.baking.watch import Probed
from bluegreen.decisions.adaptive import Sight
from bluegreen.decisions.adaptive import next_weight as trusted_weight
from bluegreen.decisions.bake import Alarms
from bluegreen.decisions.figures import Seen
from bluegreen.decisions.pace import MOST_SECONDS, longest, pace_of, seconds_to_next_look
from bluegreen.decisions.shift import SILENCE_SECONDS, Shifted
from bluegreen.document import Bake, Counted, Look
from bluegreen.request.health import Health
from bluegreen.request.traffic import ALMOST_ALL, Schedule, Step, schedule
from bluegreen.verdict import Bucket, Counts, Finding, Sides, Verdict, judge
from tests.bluegreen.examples import ADAPTIVELY, CANARY, plan


def verdict(kind: str = "fine", *, requests: int = 100, buckets: int = 3) -> Verdict:
    counts = Counts(requests, 0)
    finding = Finding("errors", True, 1.0, counts, counts, 0.0, 0.001, 0.01)
    return Verdict(kind, f"it is {kind}", (finding,), buckets=buckets, covered=buckets)  # type: ignore[arg-type]


FINE, NOT_ENOUGH, WORSE = verdict(), verdict("not_enough"), verdict("worse")
SILENT = verdict("not_enough", requests=0)


def suspected(odds: float = 50) -> Verdict:
    """Much speaks against green, and it is no proof."""
    return replace(NOT_ENOUGH, log_evidence=math.log(odds), log_evidence_peak=math.log(odds))


UNMEASURED = Verdict.cannot_measure("CloudWatch did not answer")


def bake(*weights: float, at: float = 0.0, **look: Any) -> Bake:
    """Shifts a hundred seconds apart, the last of them at `at`."""
    first = at - 100 * (len(weights) - 1)
    shifts = tuple(Shifted(at=first + 100 * number, weight=weight) for number, weight in enumerate(weights))
    return Bake(shifts=shifts, revision="r1", look=Look(**{"next_weight": 1.0} | look))


def look(
    seen: Verdict = FINE,
    *,
    now: float = 300,
    so_far: Bake | None = None,
    schedule: Schedule = CANARY,
    alarms: Alarms | None = None,
    probed: Probed | None = None,
    per_minute: float = 600,
    silent: bool | None = None,
    late_seconds: int = 0,
    pending: bool = False,
    **health: Any,
) -> Look:
    return conclude(
        plan(schedule=schedule, health=health),
        so_far or bake(0.1),
        Seen(
            seen,
            requests_per_minute=per_minute,
            silent=seen is SILENT if silent is None else silent,
            pending=pending,
            late_seconds=late_seconds,
        ),
        alarms or Alarms(),
        probed or Probed(),
        now,
    )


class TestGreensFirstFigures:
    def test_are_due_when_the_period_of_the_first_shift_is_over_and_published(self) -> None:
        for now, due in ((80, "00:03"), (180, "00:04")):
            found = look(replace(SILENT, covered=0), so_far=bake(0.1, at=20.0), now=now, silent=False)
            assert found.reason.endswith(f"and are due at 1970-01-01T{due}:00.000Z")


class TestWhatFollows:
    @pytest.mark.parametrize(
        ("seen", "now", "follows"),
        [
            (FINE, 299, "bake_on"),
            (FINE, 300, "shift"),
            (NOT_ENOUGH, 300, "shift"),
            (WORSE, 1, "roll_back"),
            (UNMEASURED, 300, "bake_on"),
        ],
    )
    def test_a_look_leads_on_when_the_bake_is_over_and_back_when_green_is_worse(
        self, seen: Verdict, now: float, follows: str
    ) -> None:
        assert look(seen, now=now).next == follows

    def test_a_green_that_has_all_of_the_alias_is_completed(self) -> None:
        assert look(so_far=bake(0.1, 1.0), now=0).next == "complete"

    def test_a_bake_counts_from_the_last_shift(self) -> None:
        steps = (Step(weight=0.1, bake_seconds=60), Step(weight=0.5, bake_seconds=300), Step(weight=1, bake_seconds=0))
        schedule = Schedule(name="Steps", steps=steps)

        assert look(schedule=schedule, so_far=bake(0.1, 0.5, at=100.0), now=399).next == "bake_on"
        assert look(schedule=schedule, so_far=bake(0.1, 0.5, at=100.0), now=400).next == "shift"

    def test_an_alarm_that_went_off_leads_back(self) -> None:
        found = look(alarms=Alarms(red=("sales",)))

        assert found.next == "roll_back"
        assert "sales" in found.reason

    def test_a_green_without_traffic_comes_to_what_the_request_says(self) -> None:
        assert look(SILENT, no_traffic="roll_back").next == "roll_back"
        assert look(SILENT, no_traffic="proceed").next == "shift"
        assert look(SILENT, no_traffic="wait", max_bake_seconds=900).next == "bake_on"

    def test_a_bake_is_drawn_out_while_there_is_not_enough_evidence(self) -> None:
        longer = CANARY.model_copy(update={"longest_seconds": 900})

        assert look(NOT_ENOUGH, schedule=longer, now=899, max_bake_seconds=900).next == "bake_on"
        assert look(NOT_ENOUGH, schedule=longer, now=900, max_bake_seconds=900).next == "shift"


class TestMembersOfARelease:
    """Each has a health of its own, and all have the schedule of the release."""

    HEALTHS: tuple[dict[str, Any], ...] = ({}, {"period_seconds": 300}, {"period_seconds": 30, "delay_seconds": 0})
    SLOWEST = max(Health(**health).sight_seconds for health in HEALTHS)
    SCHEDULE = schedule("Canary10Percent5Minutes", sight_seconds=SLOWEST)

    def members(self, now: float, so_far: Bake, *seen: Verdict) -> list[Look]:
        """What is concluded of each at the same moment."""
        found = []
        for number, (health, verdict) in enumerate(zip(self.HEALTHS, seen, strict=True)):
            own = plan(f"spring.{number + 1}", schedule=ADAPTIVELY, health=health)
            member = own.model_copy(update={"schedule": self.SCHEDULE})
            found.append(conclude(member, so_far, Seen(verdict, requests_per_minute=600), Alarms(), Probed(), now))
        return found

    def test_bake_as_long_as_the_release_says(self) -> None:
        for now, follows in ((self.SLOWEST - 1, "bake_on"), (self.SLOWEST, "shift")):
            looks = self.members(now, bake(0.1), FINE, FINE, FINE)
            assert [each.next for each in looks] == [follows] * 3

    def test_are_each_judged_alone(self) -> None:
        looks = self.members(self.SLOWEST, bake(0.1), FINE, WORSE, UNMEASURED)

        assert [each.next for each in looks] == ["shift", "roll_back", "bake_on"]
        assert [each.unmeasured for each in looks] == [0, 0, 1]

    def test_get_the_weight_of_the_release_next(self) -> None:
        assert [each.next_weight for each in self.members(60, bake(0.1), FINE, FINE, FINE)] == [1.0] * 3

    def test_want_looks_no_closer_than_their_own_periods(self) -> None:
        looks = self.members(0, bake(0.1), FINE, FINE, FINE)

        assert [each.due_at for each in looks] == [
            seconds_to_next_look(0, self.SLOWEST, pace_of(self.SCHEDULE, Health(**health).period_seconds))
            for health in self.HEALTHS
        ]


class TestWhenTheNextLookIs:
    @pytest.mark.parametrize("now", [0, 60, 120, 183, 240])
    def test_the_next_look_is_an_even_part_of_the_bake_away(self, now: float) -> None:
        assert look(now=now).due_at - now == seconds_to_next_look(now, 300, pace_of(CANARY, 60))

    @pytest.mark.parametrize("now", [240, 300, 600, 899])
    def test_the_next_look_at_a_bake_that_is_drawn_out_is_within_the_longest(self, now: float) -> None:
        longer = CANARY.model_copy(update={"longest_seconds": 900})
        until = 300 if now < 300 else longest(longer, longer.steps[0])

        due_at = look(NOT_ENOUGH, schedule=longer, now=now, max_bake_seconds=900).due_at

        assert due_at - now == seconds_to_next_look(now, until, 60)

    @pytest.mark.parametrize(("now", "pause"), [(183, 57), (240, 60), (149, 31), (151, 89), (179.5, 61)])
    def test_the_next_look_under_adaptive_comes_when_a_minute_begins(self, now: float, pause: int) -> None:
        found = look(schedule=ADAPTIVELY, so_far=bake(0.05, 0.4, at=100.0), now=now)

        assert found.next_seconds == pause

    def test_looks_under_adaptive_thin_out_with_the_age_of_its_one_bake(self) -> None:
        held = look(suspected(), schedule=ADAPTIVELY, so_far=bake(0.05), now=36_000, when_suspected="hold")

        assert (held.next, held.due_at) == ("bake_on", 39_000)

    def test_a_look_that_is_due_later_than_in_four_minutes_is_waited_for_in_several_waits(self) -> None:
        long = Schedule(name="a day", steps=(Step(weight=0.1, bake_seconds=86_400),))

        assert look(FINE, now=43_200, schedule=long).next_seconds == MOST_SECONDS

    def test_there_is_no_pause_where_nothing_bakes(self) -> None:
        assert look(so_far=bake(0.1, 1.0), now=0).next_seconds == 0

    def test_looks_are_a_period_apart(self) -> None:
        assert look(now=0, period_seconds=120, delay_seconds=0).next_seconds == 150


class TestTheNextWeight:
    def test_the_next_weight_is_that_of_the_next_step(self) -> None:
        assert look(now=10).next_weight == 1.0

    @pytest.mark.parametrize("weight", [0.05, 0.4])
    def test_the_next_weight_under_adaptive_is_what_the_evidence_allows(self, weight: float) -> None:
        seen = judge([Bucket(0, {"errors": Sides(Counts(5700, 6), Counts(300, 0))}, 0.05)])

        found = look(seen, schedule=ADAPTIVELY, so_far=bake(weight), now=180)

        assert found.next_weight == trusted_weight(weight, seen, Sight(600, first_weight=0.05)) != weight
        assert found.next == "shift"

    def test_a_weight_that_stays_under_adaptive_needs_no_shift(self) -> None:
        found = look(judge([]), schedule=ADAPTIVELY, so_far=bake(0.05), now=60)

        assert (found.next, found.next_weight) == ("bake_on", 0.05)

    def test_a_green_that_is_suspected_goes_back_and_the_look_says_so(self) -> None:
        minutes = [(0, 60, 0, 540), (2, 300, 0, 300)]
        seen = judge(
            Bucket(60 * number, {"errors": Sides(Counts(blue, blue_bad), Counts(green, bad))}, 0.5)
            for number, (bad, green, blue_bad, blue) in enumerate(minutes)
        )

        found = look(seen, schedule=ADAPTIVELY, so_far=bake(0.5), now=180)

        assert (found.next, found.next_weight) == ("shift", 0.05)
        assert found.reason.endswith("; green goes back from 0.5 to 0.05 until that is cleared up")

    def test_figures_that_come_late_let_green_grow_more_slowly(self) -> None:
        seen = judge([Bucket(0, {"errors": Sides(Counts(5700, 6), Counts(300, 0))}, 0.05)])

        in_time, late = (
            look(
                seen, schedule=ADAPTIVELY, so_far=bake(0.05), now=600, per_minute=6000, late_seconds=seconds
            ).next_weight
            for seconds in (0, 300)
        )

        assert 0.05 < late < in_time

    @pytest.mark.parametrize(
        ("now", "follows"), [(541, ("bake_on", 0.05)), (590, ("shift", 1.0)), (600, ("shift", 1.0))]
    )
    def test_a_deployment_in_a_hurry_is_over_by_its_time(self, now: float, follows: tuple[str, float]) -> None:
        found = look(NOT_ENOUGH, schedule=ADAPTIVELY, so_far=bake(0.05), now=now, promote_by_seconds=600)

        assert (found.next, found.next_weight) == follows

    @pytest.mark.parametrize("odds", [1.2, 50])
    def test_unless_the_odds_against_green_are_worse_than_even(self, odds: float) -> None:
        found = look(suspected(odds), schedule=ADAPTIVELY, so_far=bake(0.05), now=900, promote_by_seconds=600)

        assert (found.next, found.next_weight) == ("bake_on", 0.05)

    def test_an_alarm_without_data_keeps_green_from_the_last_of_the_alias(self) -> None:
        before = [Bucket(60 * number, {"errors": Sides(Counts(8100, 1), Counts(900, 0))}, 0.1) for number in range(3)]
        almost = [Bucket(60 * number, {"errors": Sides(Counts(900, 0), Counts(8100, 1))}, 0.9) for number in (3, 4)]
        seen = judge([*before, *almost])

        asked: dict[str, Any] = {"schedule": ADAPTIVELY, "so_far": bake(0.9), "now": 600, "per_minute": 9000}
        freely, in_doubt = look(seen, **asked), look(seen, alarms=Alarms(unknown=("sales",)), **asked)

        assert (freely.next_weight, freely.next) == (1.0, "shift")
        assert (in_doubt.next_weight, in_doubt.next) == (ALMOST_ALL, "bake_on")

    def test_green_gets_all_when_the_time_of_adaptive_is_over(self) -> None:
        found = look(NOT_ENOUGH, schedule=ADAPTIVELY, so_far=bake(0.4), now=3600)

        assert (found.next, found.next_weight) == ("shift", 1.0)

    @pytest.mark.parametrize(
        ("odds", "when_suspected", "follows"),
        [
            (9, "roll_back", "shift"),
            (10, "roll_back", "roll_back"),
            (50, "roll_back", "roll_back"),
            (50, "promote", "shift"),
            (50, "hold", "bake_on"),
        ],
    )
    def test_unless_it_is_suspected(self, odds: float, when_suspected: str, follows: str) -> None:
        found = look(suspected(odds), schedule=ADAPTIVELY, so_far=bake(0.05), now=3600, when_suspected=when_suspected)

        assert found.next == follows

    def test_an_alias_that_pauses_is_waited_for_as_long_as_twice_its_pauses(self) -> None:
        early, late = (
            conclude(
                plan(schedule=ADAPTIVELY, health={}, past={"silence_seconds": 840, "usual": 200}),
                bake(0.05),
                Seen(SILENT, silent=True),
                Alarms(),
                Probed(),
                now,
            )
            for now in (1919, 1920)
        )

        assert (early.next, late.next) == ("bake_on", "shift")

    @pytest.mark.parametrize(("waits", "unmeasured"), [(True, 3), (False, 4)])
    def test_a_look_that_waits_for_late_figures_of_a_green_that_was_seen_does_not_count(
        self, waits: bool, unmeasured: int
    ) -> None:
        seen = Seen(UNMEASURED, waits=waits)

        found = conclude(plan(schedule=CANARY), bake(0.1, unmeasured=3), seen, Alarms(), Probed(), 60)

        assert (found.next, found.unmeasured, found.verdict) == ("bake_on", unmeasured, "cannot_measure")

    def test_a_green_without_traffic_waits_to_the_end_if_the_alias_has_some(self) -> None:
        waits, over = (
            look(SILENT, silent=False, schedule=ADAPTIVELY, so_far=bake(0.05), now=now) for now in (3599, 3600)
        )

        assert (waits.next, over.next) == ("bake_on", "shift")

    def test_adaptive_waits_ten_minutes_for_the_first_request(self) -> None:
        before = look(SILENT, schedule=ADAPTIVELY, so_far=bake(0.05), now=SILENCE_SECONDS - 1)
        after = look(SILENT, schedule=ADAPTIVELY, so_far=bake(0.05), now=SILENCE_SECONDS)

        assert (before.next, after.next, after.next_weight) == ("bake_on", "shift", 1.0)


class TestWhatIsCounted:
    def test_a_look_without_metrics_is_followed_by_the_next_as_soon_as_in_the_first_hour(self) -> None:
        """So many looks are tolerated, not so many hours on a green that is not seen."""
        long = Schedule(name="a day", steps=(Step(weight=0.1, bake_seconds=86_400),))

        assert look(FINE, now=43_200, schedule=long).due_at > 43_200 + 3_000
        assert look(UNMEASURED, now=43_200, schedule=long).due_at == 43_200 + pace_of(long, 60)

    @pytest.mark.parametrize("seen", [UNMEASURED, NOT_ENOUGH])
    def test_no_pause_is_longer_than_the_bake_however_long_a_period_is(self, seen: Verdict) -> None:
        assert look(seen, now=100, period_seconds=3_600).due_at == 400

    @pytest.mark.parametrize(("seen", "unmeasured"), [(UNMEASURED, 4), (FINE, 0), (NOT_ENOUGH, 0)])
    def test_looks_without_metrics_are_counted_in_a_row(self, seen: Verdict, unmeasured: int) -> None:
        assert look(seen, so_far=bake(0.1, unmeasured=3)).unmeasured == unmeasured

    def test_too_many_looks_without_metrics_lead_back(self) -> None:
        assert look(UNMEASURED, so_far=bake(0.1, unmeasured=4)).next == "bake_on"
        assert look(UNMEASURED, so_far=bake(0.1, unmeasured=5)).next == "roll_back"

    def test_probes_are_counted_over_all_looks(self) -> None:
        found = look(SILENT, so_far=bake(0.1, probes=4), probed=Probed(answered=2), no_traffic="probe")

        assert found.probes == 6
        assert "it answered no probe wrongly" in found.reason

    def test_a_probe_that_got_no_answer_is_told(self) -> None:
        found = look(SILENT, probed=Probed(unanswered="a slow case"), no_traffic="probe")

        assert found.reason.endswith(
            "; the probe 'a slow case' got no answer within 5 seconds, nor the right one from blue"
        )

    def test_requests_of_both_versions_are_told_to_people(self) -> None:
        seen = judge([Bucket(0, {"errors": Sides(Counts(540, 6), Counts(60, 1))}, 0.1)])

        found = look(seen)

        assert (found.blue, found.green) == (Counted(requests=540, failed=6), Counted(requests=60, failed=1))

    def test_nothing_is_counted_where_nothing_could_be_measured(self) -> None:
        assert (look(UNMEASURED).blue, look(UNMEASURED).green) == (Counted(), Counted())

    def test_alarms_that_are_pardoned_stay_so_in_the_document(self) -> None:
        assert look(alarms=Alarms(red=("old",), pardoned=("old",))).pardoned == ("old",)


class TestWhatIsKept:
    def test_each_look_says_what_is_watched(self) -> None:
        assert (
            look(http=True)
            .noted()["signals"]
            .startswith("watched: errors, throttles, slow requests (in a dry run), replies with statusCode 500")
        )

    def test_nothing_is_watched_by_a_strategy_without_a_bake(self) -> None:
        at_once = Schedule(name="AllAtOnce", steps=(Step(weight=1, bake_seconds=0),))

        assert look(schedule=at_once, so_far=bake(1.0), now=0).signals == ""

    def test_the_evidence_is_for_the_audit_and_the_sentence_for_the_document(self) -> None:
        found = look(alarms=Alarms(red=("old",), pardoned=("old",)))

        assert found.noted()["evidence"] == FINE.as_dict()
        assert found.noted()["alarms"] == ("old",)
        assert (found.verdict, found.reason) == (
            "fine",
            "it is fine; nothing shows yet that green is worse; odds of 100 to 1 roll back",
        )
        assert not {"evidence", "alarms"} & set(found.model_dump(mode="json"))

    def test_a_look_is_json(self) -> None:
        assert json.loads(json.dumps(look().noted()))["next"] == "shift"

    def test_the_same_look_is_concluded_again_the_same(self) -> None:
        assert look(NOT_ENOUGH, now=123.4) == look(NOT_ENOUGH, now=123.4)


class TestWhomGreenHarmed:
    @pytest.mark.parametrize(
        ("bad", "harmed"),
        [
            ({"errors": 2}, 2),
            ({"errors": 2, "http": 7}, 7),
            ({"errors": 0, "slow": 50, "throttles": 9}, 0),
            ({}, None),
        ],
    )
    def test_is_the_count_of_the_signal_that_saw_most_failures(self, bad: dict[str, int], harmed: int | None) -> None:
        fine = FINE.findings[0]
        findings = tuple(replace(fine, signal=signal, green=Counts(100, count)) for signal, count in bad.items())

        assert look(replace(FINE, findings=findings)).harmed == harmed

    def test_is_unknown_where_no_request_was_seen(self) -> None:
        assert look(SILENT).harmed is None
        assert look(UNMEASURED).harmed is None
