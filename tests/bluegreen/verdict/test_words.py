"""The verdict's words: what failed, how sure that is, and what is missing or known."""

import math

import pytest

from bluegreen.verdict import Bucket, judge
from bluegreen.verdict.words import odds, points
from tests.bluegreen.verdict.seen import Figures, minutes


class TestWords:
    def test_a_rollback_says_what_failed_and_how_sure_it_is(self) -> None:
        reason = judge(minutes((5, 400, 1, 3331), (4, 412, 1, 4000), (3, 400, 1, 4000))).reason

        assert reason.startswith("green failed 12 of 1,212, blue 3 of 11,331: odds ")
        assert reason.endswith(" to 1 that green is worse")

    @pytest.mark.parametrize(
        ("buckets", "words"),
        [
            ([], "green is not seen yet"),
            (minutes((1, 5, 0, 0)), "blue had no requests, so there is nothing to compare green with"),
            (
                minutes((0, 900, 2, 8100)),
                "green failed 0 of 900, blue 2 of 8,100: green is worse by 0.52 percentage points at most",
            ),
        ],
    )
    def test_other_verdicts_say_what_is_missing_or_known(self, buckets: list[Bucket], words: str) -> None:
        assert judge(buckets).reason == words

    def test_waiting_names_what_would_be_fine(self) -> None:
        assert judge(minutes((0, 30, 0, 270))).reason.endswith(
            "percentage points at most; 1 percentage points would be fine)"
        )

    def test_each_signal_has_its_verb(self) -> None:
        assert judge(minutes((9, 10, 0, 90), signal="slow")).reason.startswith(
            "green was slow in 9 of 10, blue 0 of 90"
        )
        assert judge(minutes((9, 10, 0, 90), signal="sales")).reason.startswith("sales: green 9 of 10, blue 0 of 90")

    def test_a_finding_says_its_own_sentence(self) -> None:
        finding = judge(minutes((9, 812, 2, 7331))).findings[0]

        assert "odds" in finding.sentence()
        assert "odds" not in judge(minutes((1, 5, 0, 0))).findings[0].sentence()

    @pytest.mark.parametrize(
        ("figures", "leans"),
        [
            (((0, 100, 0, 900),), False),
            (((1, 100, 0, 900),), True),
            (((2, 100, 18, 900),), False),
            (((3, 100, 18, 900),), True),
            (((5, 100, 0, 0),), False),
        ],
    )
    def test_counts_lean_against_green_from_the_least_ratio_that_is_looked_for(
        self, figures: tuple[Figures, ...], leans: bool
    ) -> None:
        assert judge(minutes(*figures)).leans == leans

    def test_an_outage_of_both_does_not_lean_against_the_green_that_had_most_of_the_traffic(self) -> None:
        assert not judge(minutes((1, 100, 9, 900), (450, 900, 50, 100))).leans

    def test_what_is_tolerated_of_cold_starts_does_not_lean(self) -> None:
        assert not judge(minutes((6, 100, 45, 900), signal="slow")).leans
        assert judge(minutes((9, 100, 45, 900), signal="slow")).leans

    @pytest.mark.parametrize(
        ("log_odds", "words"),
        [
            (-5, "less than 1 to 1"),
            (math.log(3.2), "3 to 1"),
            (math.log(129), "120 to 1"),
            (math.log(8_900), "8,000 to 1"),
            (math.log(4.2e6), "4 million to 1"),
            (1e6, "more than a billion to 1"),
        ],
    )
    def test_odds_are_rounded_down(self, log_odds: float, words: str) -> None:
        assert odds(log_odds) == words

    @pytest.mark.parametrize(
        ("fraction", "words"),
        [(1.0, "100 percentage points"), (0.00812, "0.82 percentage points"), (0.0, "0 percentage points")],
    )
    def test_differences_are_rounded_up(self, fraction: float, words: str) -> None:
        assert points(fraction) == words
