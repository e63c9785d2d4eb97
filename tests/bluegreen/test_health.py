"""When metrics may be believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bluegreen.health import Health, bucket_of, settled_until

periods = st.sampled_from([1, 5, 10, 30, 60, 120, 300, 3600])
healths = st.builds(Health, period_seconds=periods, delay_seconds=st.integers(0, 900))
moments = st.floats(1e9, 2e9)


@pytest.mark.parametrize("seconds", [1, 5, 10, 30, 60, 120, 300, 3600])
def test_cloudwatchs_periods_are_accepted(seconds: int) -> None:
    assert Health(period_seconds=seconds).period_seconds == seconds


@pytest.mark.parametrize("seconds", [0, -60, 2, 15, 45, 61, 90])
def test_other_periods_are_refused_with_those_there_are(seconds: int) -> None:
    with pytest.raises(ValidationError, match="write 1, 5, 10, 30 or a multiple of 60"):
        Health(period_seconds=seconds)


@pytest.mark.parametrize("seconds", [-1, 901])
def test_a_delay_that_cannot_be_waited_for_is_refused(seconds: int) -> None:
    with pytest.raises(ValidationError, match="delay_seconds"):
        Health(delay_seconds=seconds)


def test_unless_told_otherwise_minutes_count_two_minutes_late() -> None:
    assert Health() == Health(period_seconds=60, delay_seconds=120)


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
def test_what_counted_once_counts_ever_after(now: float, later: float, health: Health) -> None:
    assert settled_until(now + later, health) >= settled_until(now, health)


@given(moments, healths)
def test_a_moment_lies_in_its_bucket(moment: float, health: Health) -> None:
    start = bucket_of(moment, health)

    assert start % health.period_seconds == 0
    assert start <= moment < start + health.period_seconds
