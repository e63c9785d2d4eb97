"""What stands of people's orders, and what a look makes of that."""

from typing import Any

import pytest

from bluegreen.decisions.orders import NONE, Order, Standing, standing

ALICE, BOB = "arn:aws:iam::123456789012:user/alice", "arn:aws:iam::123456789012:user/bob"


def order(kind: Any, at: float, by: str = ALICE, **more: Any) -> Order:
    return Order(order=kind, by=by, at=at, **more)


def test_without_orders_nothing_stands() -> None:
    assert standing((), 100) == NONE


def test_the_first_abort_stays() -> None:
    found = standing((order("abort", 1, reason="bad"), order("resume", 2), order("abort", 3, BOB)), 10).aborted

    assert found is not None
    assert found.why_aborted == f"Aborted by {ALICE}: bad."


@pytest.mark.parametrize("last", ["resume", "promote"])
def test_a_resume_and_a_promote_take_a_pause_back(last: str) -> None:
    pause = order("pause", 1, seconds=600)

    assert standing((pause,), 10).paused == pause
    assert standing((pause, order(last, 5)), 10).paused is None


@pytest.mark.parametrize(("last", "stands"), [("pause", False), ("resume", True)])
def test_a_pause_takes_a_promote_back_and_a_resume_does_not(last: str, stands: bool) -> None:
    promote = order("promote", 1)

    assert standing((promote, order(last, 5)), 10).promoted == (promote if stands else None)


def test_a_pause_has_a_limit_and_no_wait_goes_beyond_it() -> None:
    paused = standing((order("pause", 1000, seconds=600),), 1100)

    assert paused.paused is not None
    assert paused.paused.over_at == 1600
    assert (paused.wait(1100, 240), paused.wait(1590.5, 240), paused.wait(1700, 240)) == (240, 10, 0)
    assert NONE.wait(1100, 240) == 240


def test_pauses_are_counted_together() -> None:
    given = (order("pause", 0, seconds=600), order("resume", 100), order("pause", 200, seconds=600))

    assert standing(given, 250).paused_seconds == 150


@pytest.mark.parametrize(
    ("to", "moved_at", "weight", "stands"),
    [
        ("next", 4, 0.2, True),
        ("next", 6, 0.3, False),
        ("all", 4, 0.2, True),
        ("all", 6, 0.3, True),
        ("all", 6, 1.0, False),
        ("all", 4, 1.0, True),
    ],
)
def test_a_promote_stands_until_a_shift_carries_it_out(to: Any, moved_at: float, weight: float, stands: bool) -> None:
    given = (order("promote", 5, to=to),)

    assert (standing(given, 10).promotes(moved_at, weight) is not None) == stands


def test_the_audit_of_a_look_says_who_ordered_what_and_why() -> None:
    pause = order("pause", 1, BOB, reason="lunch", seconds=60)

    assert standing((pause,), 10).noted() == {"paused": f"{BOB}: lunch"}
    assert standing((pause, order("promote", 2)), 10).noted() == {"promoted": ALICE}
    assert Standing().noted() == {}
