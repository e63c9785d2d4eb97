"""Why green got everything: what the looks keep of it for the end of the deployment."""

import math
from dataclasses import replace
from typing import Any

import pytest

from bluegreen.baking.conclude import conclude
from bluegreen.baking.watch import Probed
from bluegreen.decisions.bake import Alarms
from bluegreen.decisions.figures import NOTHING_YET, Seen
from bluegreen.decisions.shift import Shifted
from bluegreen.document import Bake, Look
from bluegreen.request.traffic import Schedule
from bluegreen.verdict import Bucket, Counts, Sides, Verdict, judge
from tests.bluegreen.examples import ADAPTIVELY, CANARY, plan


def seen(bad: int = 0, green: int = 40, weight: float = 0.1) -> Verdict:
    """After three minutes of little traffic."""
    minute = Sides(Counts(400, 0), Counts(green, bad))
    return judge([Bucket(60 * number, {"errors": minute}, weight) for number in range(3)])


def look(
    verdict: Verdict,
    now: float,
    weight: float = 0.1,
    before: Look | None = None,
    schedule: Schedule = ADAPTIVELY,
    alarms: Alarms | None = None,
    **health: Any,
) -> Look:
    bake = Bake(shifts=(Shifted(at=0, weight=weight),), revision="r1", look=before or Look(next_weight=weight))
    found = Seen(verdict, NOTHING_YET, requests_per_minute=600)
    return conclude(plan(schedule=schedule, health=health), bake, found, alarms or Alarms(), Probed(), now)


def given(found: Look) -> str | None:
    assert found.watched is not None
    return found.watched.given


class TestPromoteBySeconds:
    def test_the_look_before_its_time_gives_everything_and_says_by_which_rule(self) -> None:
        found = look(seen(), now=299, promote_by_seconds=300)

        assert (found.next, found.next_weight, given(found)) == ("shift", 1.0, "by_the_clock")

    def test_the_look_after_the_last_shift_still_knows(self) -> None:
        before = look(seen(), now=299, promote_by_seconds=300)

        assert given(look(seen(), now=300, weight=1.0, before=before, promote_by_seconds=300)) == "by_the_clock"

    @pytest.mark.parametrize(
        ("verdict", "how"),
        [
            (seen(), {"now": 120}),
            (replace(seen(), log_evidence=math.log(3)), {}),
            (Verdict.cannot_measure("silence"), {}),
            (seen(), {"alarms": Alarms(unknown=("sales",))}),
        ],
        ids=["too early", "suspected", "not measured", "an alarm without data"],
    )
    def test_otherwise_green_does_not_get_everything_by_the_clock(self, verdict: Verdict, how: Any) -> None:
        found = look(verdict, **{"now": 299, "promote_by_seconds": 300} | how)

        assert found.next_weight < 1
        assert given(found) is None

    def test_what_the_evidence_gives_is_not_called_the_clocks(self) -> None:
        verdict = judge([Bucket(60 * n, {"errors": Sides(Counts(900, 0), Counts(8100, 0))}, 0.9) for n in range(4)])
        found = look(verdict, now=299, weight=0.9, promote_by_seconds=300)

        assert (found.next_weight, given(found)) == (1.0, None)


def test_a_suspected_green_that_the_request_promotes_is_known_as_such() -> None:
    suspected = replace(seen(), log_evidence=math.log(12))
    found = look(suspected, now=300, schedule=CANARY, when_suspected="promote")

    assert (found.next, given(found)) == ("shift", "over_suspicion")
