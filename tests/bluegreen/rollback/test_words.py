"""What people read of a rollback: one sentence for each thing that can have become of the alias and of $LATEST."""

from typing import Any, get_args

import pytest

from bluegreen.decisions.complaints import Complained
from bluegreen.decisions.restoration import AliasKind, AliasOutcome, LatestKind, LatestOutcome, Outcome
from bluegreen.decisions.route import Route
from bluegreen.rollback.words import told
from bluegreen.target import Target

THERE = Target.at(
    "eu", "Shop", "PROD", region="eu-west-1", role="arn:aws:iam::210987654321:role/deployer", bucket="there"
)
TARGET = Target(function="Shop", alias="PROD", region="eu-central-1", account="123456789012")
BLUE, GREEN, SPLIT = Route(primary="1"), Route(primary="2"), Route(primary="1", also={"2": 0.3})

ALIAS: dict[AliasKind, tuple[Route | None, str]] = {
    "put_back": (GREEN, "Shop:PROD is being put back to version 1."),
    "back": (BLUE, "Shop:PROD is back at version 1."),
    "never_moved": (GREEN, "Shop:PROD is at version 2; this deployment never moved it."),
    "changed_by_others": (
        SPLIT,
        "Someone else moved Shop:PROD to version 1 (70 %) and version 2 (30 %); it was left as it is.",
    ),
    "moved_afterwards": (
        GREEN,
        "Shop:PROD was back at version 1, then someone else moved it to version 2; it was left as it is.",
    ),
    "gone": (
        None,
        "Someone else deleted Shop:PROD; nothing serves by that name. `bluegreen adopt Shop --alias PROD` creates "
        "it again.",
    ),
    "function_gone": (
        None,
        "Someone else deleted Shop, with its versions and aliases; nothing serves Shop:PROD, and there is nothing left "
        "to put back.",
    ),
    "blue_gone": (
        GREEN,
        "It could not be rolled back: someone else deleted version 1, so Shop:PROD stays at version 2. "
        "`aws lambda list-versions-by-function --function-name Shop` lists what there is, and "
        "`bluegreen rollback Shop --alias PROD --to VERSION` gives the alias to one of them.",
    ),
}
LATEST: dict[LatestKind, str] = {
    "put_back": "$LATEST is put back to s3://artifacts/old.zip.",
    "rewrite": "$LATEST has the code it had.",
    "not_part": "$LATEST was not part of it.",
    "kept": "$LATEST keeps the code and the settings that it had: this deployment put nothing there.",
    "as_it_was": "$LATEST has the code it had.",
    "changed_by_others": "Someone else changed the code of $LATEST; it was left as it is.",
    "keeps_the_new": "$LATEST keeps the new code: what it had was never published or deployed from here.",
    "not_tried_again": "$LATEST keeps the new code.",
    "gone": "Someone else deleted Shop.",
    "unseen": "Whether $LATEST has the new code or the old could not be seen.",
    "unchanged": "$LATEST is what was deployed.",
}


LINK = "https://console/log"


def said(
    alias: AliasKind = "back",
    latest: LatestKind = "put_back",
    *,
    problem: str = "",
    doubts: str = "",
    cause: str = "",
    complained: dict[str, Any] | None = None,
    target: Target = TARGET,
) -> str:
    outcome = Outcome(
        alias=AliasOutcome(kind=alias, route=ALIAS[alias][0]),
        latest=LatestOutcome(kind=latest, source="s3://artifacts/old.zip", problem=problem),
        doubts=doubts,
        complained=None if complained is None else Complained(group="g", link=LINK, **complained),
    )
    return told(cause or "green failed 9 of 10", outcome, target, "1")


@pytest.mark.parametrize("kind", get_args(AliasKind))
def test_each_outcome_of_the_alias_has_a_sentence(kind: AliasKind) -> None:
    assert said(alias=kind) == f"green failed 9 of 10. {ALIAS[kind][1]} {LATEST['put_back']}"


@pytest.mark.parametrize("kind", get_args(LatestKind))
def test_each_outcome_of_latest_has_a_sentence(kind: LatestKind) -> None:
    assert said(latest=kind) == f"green failed 9 of 10. {ALIAS['back'][1]} {LATEST[kind]}"


def test_a_problem_with_latest_is_said_after_what_became_of_it() -> None:
    assert said(latest="not_tried_again", problem="AWS says no").endswith(
        "$LATEST keeps the new code. It could not be put back: AWS says no."
    )


@pytest.mark.parametrize(
    ("complained", "sentence"),
    [
        ({"name": "KeyError", "count": 36, "of": 38}, "KeyError (36 of 38 errors)."),
        ({"name": "KeyError", "message": "'x'", "count": 1, "of": 1}, "KeyError (1 of 1 errors)."),
        ({"name": "TimedOut", "count": 3, "of": 3, "time_outs": 3}, "time-out (3 of 3 errors)."),
        (
            {"name": "KeyError", "count": 6, "of": 9, "time_outs": 2, "out_of_memory": 1, "partly": True},
            "KeyError (6 of 9 errors, 2 are time-outs, 1 is out of memory, as far as it was read).",
        ),
    ],
)
def test_what_greens_log_says_most_often_follows_the_cause(complained: dict[str, Any], sentence: str) -> None:
    text = said(complained=complained)

    assert text.startswith(f"green failed 9 of 10. Green's log says most often since the first shift: {sentence} Shop")
    assert text.endswith(f"{LATEST['put_back']} Green's log: {LINK}")


def test_a_log_without_errors_says_so() -> None:
    assert "green failed 9 of 10. Green's log reports no error since the first shift. Shop" in said(complained={})
    part = "Green's log reports no error since the first shift, as far as it was read."
    assert part in said(complained={"partly": True})


def test_why_the_log_could_not_be_read_comes_after_who_serves() -> None:
    text = said(complained={"unread": "AWS says no"}, doubts="But version 1 is unwell itself: x.")

    assert text.endswith(f"unwell itself: x. Green's log could not be read: AWS says no. Green's log: {LINK}")
    assert text.count("Green's log") == 2


def test_doubts_about_blue_come_last() -> None:
    assert said(doubts="But version 1 is unwell itself: it raised KeyError.").endswith(
        f"{LATEST['put_back']} But version 1 is unwell itself: it raised KeyError."
    )


@pytest.mark.parametrize("cause", ["green failed", "green failed.", "did green fail?"])
def test_the_cause_comes_first_and_is_a_sentence(cause: str) -> None:
    first = cause if cause[-1] in ".?" else f"{cause}."

    assert said(cause=cause).startswith(f"{first} {ALIAS['back'][1]}")


def test_a_function_that_is_gone_is_said_to_be_once() -> None:
    assert said(alias="function_gone", latest="gone") == f"green failed 9 of 10. {ALIAS['function_gone'][1]}"


@pytest.mark.parametrize("kind", get_args(AliasKind))
def test_each_outcome_elsewhere_says_where_and_names_no_command_about_home(kind: AliasKind) -> None:
    text = said(alias=kind, target=THERE)

    assert "Shop:PROD (210987654321, eu-west-1)" in text
    assert "`bluegreen" not in text
    there = "--function-name arn:aws:lambda:eu-west-1:210987654321:function:Shop --region eu-west-1"
    assert (there in text) == (kind in ("gone", "blue_gone"))
