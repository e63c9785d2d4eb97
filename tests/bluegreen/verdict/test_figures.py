"""Counts, minutes and policies: which make sense, and which are refused."""

from collections.abc import Callable

import pytest

from bluegreen.verdict import Bucket, Counts, Policy, Tolerance, judge
from tests.bluegreen.verdict.seen import sides


def test_a_bucket_may_last_a_day() -> None:
    assert judge([Bucket(0, {"errors": sides(1, 100, 0, 900)}, 0.1, period_seconds=86_400)]).kind == "not_enough"


class TestFigures:
    def test_a_failure_published_before_its_invocation_counts_as_a_request(self) -> None:
        assert Counts(3, 5).requests == 5

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: Counts(-1, 0),
            lambda: Counts(1, -1),
            lambda: Bucket(0, {}, 1.5),
            lambda: Bucket(0, {}, None, 0),
            lambda: Tolerance(rho=0.9),
            lambda: Tolerance(delta=1.0),
            lambda: Tolerance(margin=0.0),
            lambda: Policy(false_alarm=0.0),
            lambda: Policy(doubt=1.0),
            lambda: Policy(icc=-0.1),
            lambda: Policy(shares={"errors": 0.0}),
        ],
    )
    def test_figures_that_make_no_sense_are_refused(self, wrong: Callable[[], object]) -> None:
        with pytest.raises(ValueError, match=r"not|negative|more than 0"):
            wrong()
