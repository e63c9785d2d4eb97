"""Which figures of a look count, which are waited for, and which are late."""

from dataclasses import replace
from typing import Any

import pytest

from bluegreen.decisions.bake import PATIENCE_SECONDS
from bluegreen.decisions.figures import NOTHING_YET, Measured, Seen, see
from bluegreen.decisions.past import LATEST_SECONDS, Past
from bluegreen.verdict import Bucket, Counts, Policy, Sides

SIGNALS = frozenset({"errors", "throttles"})
BUSY = Past(usual=600, recent=600, busiest=550, last_at=0)


def measured(
    minute: int = 0,
    blue: tuple[int, int] = (540, 0),
    green: tuple[int, int] = (60, 0),
    *,
    ran: tuple[int, int] | None = None,
    alias: int | None = None,
    covered: bool = True,
) -> Measured:
    """A minute at a tenth: requests of each version of which failures are known, and failures among them."""
    counts = {"blue": Counts(*blue), "green": Counts(*green)}
    of_blue, of_green = ran or (blue[0], green[0])
    throttles = Sides(Counts(of_blue), Counts(of_green))
    signals = {"errors": Sides(counts["blue"], counts["green"]), "throttles": throttles}
    return Measured(
        bucket=Bucket(60 * minute, signals, 0.1, covered=covered),
        requests=of_blue + of_green if alias is None else alias,
        throttled=0,
        ran={"blue": of_blue, "green": of_green},
        counted={"blue": blue[0], "green": green[0]},
        weight={"blue": 0.9, "green": 0.1},
    )


def seen(*found: Measured, until: int | None = None, **more: Any) -> Seen:
    settled = found[-1].end if until is None else until
    given: dict[str, Any] = {"past": BUSY, "signals": SIGNALS, "policy": Policy(), "memory": NOTHING_YET} | more
    return see(found, settled, **given)


def of_green(found: Seen) -> int:
    return next(each.green.requests for each in found.verdict.findings if each.signal == "errors")


class TestABucketWhosePartsDoNotAgree:
    LATE = (
        measured(1, green=(0, 0), ran=(540, 60)),
        measured(1, blue=(0, 0), ran=(540, 60)),
        measured(1, green=(20, 0), ran=(540, 60)),
        measured(1, blue=(0, 0), alias=600),
        measured(1, blue=(0, 0), alias=0),
        measured(1, alias=300),
    )

    @pytest.mark.parametrize("late", LATE)
    def test_is_waited_for(self, late: Measured) -> None:
        found = seen(measured(0), late)

        assert found.pending
        assert of_green(found) == 60
        assert found.verdict.buckets == 1

    @pytest.mark.parametrize("late", LATE)
    def test_does_not_keep_the_others_waiting(self, late: Measured) -> None:
        assert of_green(seen(measured(0), late, measured(2))) == 120

    def test_counts_as_it_is_once_patience_is_over(self) -> None:
        late = measured(0, green=(20, 0), ran=(540, 60))

        assert seen(late, until=late.end + PATIENCE_SECONDS - 1).pending
        over = seen(late, until=late.end + PATIENCE_SECONDS, past=Past())
        assert not over.pending
        assert of_green(over) == 20

    @pytest.mark.parametrize("blue", [(0, 0), (540, 0)])
    def test_is_never_compared_without_one_versions_figures(self, blue: tuple[int, int]) -> None:
        """Green failed 3 of 3, and nothing is known of the blue that had the other 600 requests."""
        green = (3, 3) if not blue[0] else (0, 0)
        late = measured(0, blue=blue, green=green, ran=(540, 60))

        over = seen(late, until=late.end + PATIENCE_SECONDS, past=Past())

        assert over.verdict.log_evidence == pytest.approx(0)
        assert of_green(over) == 0

    def test_says_nothing_against_green_while_the_figures_of_blue_and_of_the_alias_are_late(self) -> None:
        """Green failed as often as blue does, and looks as if it had all of the failures."""
        late = measured(0, blue=(0, 0), green=(300, 90), alias=0)

        over = seen(late, until=late.end + PATIENCE_SECONDS, past=Past())

        assert over.verdict.log_evidence == pytest.approx(0)
        assert of_green(over) == 0

    @pytest.mark.parametrize(("ran", "alias"), [((540, 60), None), ((540, 0), 600)])
    def test_shows_a_version_that_is_hidden_for_certain(self, ran: tuple[int, int], alias: int | None) -> None:
        """Few enough requests for chance to leave green without any, but the alias or Invocations shows some."""
        late = measured(0, blue=(540, 0), green=(0, 0), ran=ran, alias=alias)
        few = replace(
            late,
            requests=late.requests // 20,
            ran={"blue": 27, "green": ran[1] // 20},
            counted={"blue": 27, "green": 0},
        )

        over = seen(few, until=few.end + PATIENCE_SECONDS, past=Past())

        assert over.verdict.kind == "cannot_measure"
        assert "green's own series in CloudWatch shows none" in over.verdict.reason


class TestTheBucketOfTheFirstShift:
    """Lambda counts by version from the first weight on, so the alias has requests that are of neither version."""

    def test_agrees_without_what_came_before(self) -> None:
        found = seen(measured(0, blue=(270, 0), green=(30, 0), alias=600, covered=False))

        assert not found.pending
        assert of_green(found) == 30

    def test_is_not_compared_while_a_version_shows_nothing(self) -> None:
        found = seen(measured(0, blue=(0, 0), green=(3, 3), alias=600, covered=False))

        assert found.verdict.log_evidence == pytest.approx(0)


class TestLateFigures:
    EMPTY = ((0, 0), (0, 0))

    def empty(self, minute: int) -> Measured:
        return measured(minute, *self.EMPTY)

    def test_of_an_alias_that_was_busy_cannot_be_measured(self) -> None:
        found = seen(self.empty(0), self.empty(1))

        assert found.verdict.kind == "cannot_measure"
        assert found.verdict.reason == (
            "CloudWatch has shown no request of the alias for 2 min, and showed about 600 a minute before"
        )
        assert found.late_seconds == 120

    def test_of_an_alias_that_was_never_busy_are_none(self) -> None:
        found = seen(self.empty(0), self.empty(1), past=Past())

        assert (found.verdict.kind, found.silent, found.verdict.covered) == ("not_enough", True, 2)

    def test_count_for_nothing_and_those_before_do(self) -> None:
        found = seen(measured(0), self.empty(1))

        assert (found.verdict.kind, found.verdict.buckets, found.late_seconds) == ("not_enough", 1, 60)

    def test_that_bring_something_at_each_look_can_be_measured(self) -> None:
        first = seen(measured(0), self.empty(1))
        brought = seen(measured(0), measured(1), self.empty(2), memory=first.memory)
        nothing = seen(measured(0), measured(1), self.empty(2), self.empty(3), memory=brought.memory)

        assert brought.verdict.kind == "not_enough"
        assert nothing.verdict.kind == "cannot_measure"

    def test_after_green_was_seen_are_waited_for_and_then_the_alias_is_silent(self) -> None:
        """As at night: callers went home. Half an hour later than figures are known to be late it is they."""
        before = seen(measured(0), measured(1)).memory
        soon = seen(measured(0), measured(1), self.empty(2), self.empty(3), memory=before)
        late = seen(measured(0), measured(1), until=120 + LATEST_SECONDS, memory=soon.memory)

        assert (soon.verdict.kind, soon.waits) == ("cannot_measure", True)
        assert (late.verdict.kind, late.waits, late.late_seconds) == ("not_enough", False, 0)

    def test_of_a_green_that_was_never_seen_are_not_waited_for(self) -> None:
        assert not seen(self.empty(0), self.empty(1)).waits

    def test_are_no_excuse_for_a_green_that_was_found_worse(self) -> None:
        bad = [measured(minute, green=(60, 60)) for minute in range(2)]
        first = seen(*bad, self.empty(2))

        assert seen(*bad, self.empty(2), self.empty(3), memory=first.memory).verdict.kind == "worse"


class TestAFirstShiftThatWaited:
    """For a person, or for earlier waves. The alias was busy when the deployment was opened."""

    AT = 4 * 3600

    def silent(self, minutes: int, **more: Any) -> Seen:
        first = self.AT // 60
        found = [measured(first + each, (0, 0), (0, 0), alias=0) for each in range(minutes)]
        return seen(*found, **more)

    def test_finds_an_alias_silent_that_was_so_for_half_an_hour_before(self) -> None:
        found = self.silent(2, silent_seconds=LATEST_SECONDS)

        assert (found.verdict.kind, found.silent) == ("not_enough", True)

    @pytest.mark.parametrize("called_at", [AT - 60, AT - LATEST_SECONDS + 60])
    def test_cannot_measure_one_that_was_called_since(self, called_at: int) -> None:
        found = self.silent(2, called_at=called_at, silent_seconds=self.AT - called_at)

        assert found.verdict.kind == "cannot_measure"
        assert found.late_seconds == self.AT + 120 - called_at
