"""What an examination came to, for people, for programs, and for `bluegreen status`."""

from typing import Any

import pytest

from bluegreen.ledger.checkup import Checkup
from bluegreen_cli.doctor.assumptions import ASSUMPTIONS, DIFFERS, HELD, UNSEEN, Judgement, Kind
from bluegreen_cli.doctor.examination import Finding
from bluegreen_cli.doctor.report import Report
from bluegreen_cli.doctor.summary import remembered

FIRST, SECOND, THIRD = ASSUMPTIONS[:3]


def report(*kinds: Kind, left_out: bool = False, **more: Any) -> Report:
    """Of the first assumptions, which came to these."""
    found = [
        Finding(each, Judgement(kind, "this was seen", "that" if kind == DIFFERS else ""), left_out and kind == UNSEEN)
        for each, kind in zip(ASSUMPTIONS, kinds, strict=False)
    ]
    settings: dict[str, Any] = {"at": "2026-01-05T09:00:00.000Z", "by": "alice", "function": "f", "seconds": 840.0}
    return Report(tuple(found), calls=2400, delay_seconds=90, **(settings | more))


def test_every_assumption_has_a_line_and_what_differs_says_what_it_means() -> None:
    lines = list(report(HELD, DIFFERS, UNSEEN).lines())

    assert lines == [
        f"held: {FIRST.id}. {FIRST.assumes} This was seen.",
        f"differs: {SECOND.id}. {SECOND.assumes} This was seen. It means: that.",
        f"could not be seen: {THIRD.id}. {THIRD.assumes} This was seen.",
        f"1 held, 1 differs ({SECOND.id}), 1 could not be seen ({THIRD.id}); 14 min, 2,400 calls of AWS.",
        "Lambda's metrics suggest health.delay_seconds: 90.",
    ]


def test_the_json_has_the_same() -> None:
    said = report(HELD, DIFFERS, left=("the role r: no",)).to_json()

    assert (said["held"], said["differs"], said["unseen"]) == (1, 1, 0)
    assert (said["seconds"], said["calls"], said["delay_seconds"]) == (840.0, 2400, 90)
    assert said["left"] == ["the role r: no"]
    assert said["assumptions"][1] == {
        "id": SECOND.id,
        "assumes": SECOND.assumes,
        "verdict": "differs",
        "seen": "this was seen",
        "means": "that",
    }


@pytest.mark.parametrize(
    ("kinds", "left_out", "exit_code"),
    [
        ((HELD, HELD), False, 0),
        ((HELD, DIFFERS), False, 1),
        ((UNSEEN, DIFFERS), False, 1),
        ((HELD, UNSEEN), False, 4),
        ((HELD, UNSEEN), True, 0),
    ],
)
def test_the_exit_code_says_whether_something_differs_or_could_not_be_seen(
    kinds: tuple[Kind, ...], left_out: bool, exit_code: int
) -> None:
    assert report(*kinds, left_out=left_out).exit_code == exit_code


def test_what_is_kept_has_the_ids_by_what_became_of_them_and_the_whole_report() -> None:
    kept = report(HELD, DIFFERS, UNSEEN).checkup()

    assert (kept.held, kept.differs, kept.unseen) == ((FIRST.id,), (SECOND.id,), (THIRD.id,))
    assert kept.report["assumptions"][0]["id"] == FIRST.id


@pytest.mark.parametrize(
    ("age", "ago"), [(59, "59 s"), (7200, "2 h"), (86_400, "1 day"), (2 * 86_400 + 5, "2 days"), (-3, "0 s")]
)
def test_status_says_when_the_doctor_looked_and_what_differed(age: float, ago: str) -> None:
    checkup = Checkup(at="2026-01-05T09:00:00.000Z", by="alice", held=("a", "b"), differs=("c",), unseen=())

    assert remembered(checkup, age) == f"The doctor looked {ago} ago: 2 held, 1 differs (c)."
