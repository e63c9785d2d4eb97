"""Each assumption is judged by what was seen: held, differs with what it means, or could not be seen."""

from dataclasses import replace
from typing import Any

import pytest

from bluegreen.decisions.route import Route
from bluegreen_cli.doctor import assumptions
from bluegreen_cli.doctor.assumptions import ASSUMPTIONS, DIFFERS, HELD, UNSEEN, Assumption, Judgement
from bluegreen_cli.doctor.bells import Rung
from bluegreen_cli.doctor.calls import FAILED, REFUSED, SERVED, THROTTLED, UNANSWERED, Call
from bluegreen_cli.doctor.counting import ERROR_SAMPLES, Counted, Late
from bluegreen_cli.doctor.handling import Handled
from bluegreen_cli.doctor.pace import Pace
from bluegreen_cli.doctor.patient import SPLIT, WHOLE
from bluegreen_cli.doctor.tags import Tagged
from bluegreen_cli.doctor.trials import Deployed, Refused, Uploaded

PACE = Pace()

HANDLED = Handled(
    revisions=("a", "b", "c"),
    read_back=("b", "c"),
    repeated=("b", "c"),
    weights={0.125: 0.125, 0.333: 0.333},
    stale={"UpdateAlias": "PreconditionFailedException", "PublishVersion": "PreconditionFailedException"},
    turned=("2", {}),
    published="2",
    republished="2",
    other_code="InvalidParameterValueException",
)


def call(alias: str, outcome: str = SERVED, version: str = "1", why: str = "") -> Call:
    return Call(alias, outcome, "" if outcome in (THROTTLED, REFUSED, UNANSWERED) else version, 0.0, 0.1, why)


CALLS = (
    *[call(WHOLE)] * 30,
    *[call(WHOLE, FAILED)] * 10,
    *[call(WHOLE, THROTTLED)] * 5,
    *[call(SPLIT)] * 18,
    *[call(SPLIT, version="2")] * 16,
    *[call(SPLIT, FAILED)] * 3,
    *[call(SPLIT, FAILED, "2")] * 3,
    *[call(SPLIT, THROTTLED)] * 5,
)
SUMS: dict[tuple[str, str, str], int | None] = {
    (WHOLE, "", "Invocations"): 40,
    (WHOLE, "", "Errors"): 10,
    (WHOLE, "", "Throttles"): 5,
    (WHOLE, "1", "Invocations"): 40,
    (SPLIT, "", "Invocations"): 40,
    (SPLIT, "", "Errors"): 6,
    (SPLIT, "", "Throttles"): 5,
    (SPLIT, "1", "Invocations"): 21,
    (SPLIT, "1", "Errors"): 3,
    (SPLIT, "1", "Throttles"): 2,
    (SPLIT, "2", "Invocations"): 19,
    (SPLIT, "2", "Errors"): 3,
    (SPLIT, "2", "Throttles"): 3,
    (SPLIT, "1", ERROR_SAMPLES): 21,
    (SPLIT, "2", ERROR_SAMPLES): 19,
}
COUNTED = Counted(
    calls=CALLS,
    versions=("1", "2"),
    sums=SUMS,
    fast=(100.0, 100.0),
    late=(Late(WHOLE, 70, 76), Late(SPLIT, 82, 88)),
    written={"1": (61, 13), "2": (30, 3)},
)


def counted(**sums: int | None) -> Counted:
    """`counted(whole__Errors=None, split_2_Throttles=0)`"""
    changed = dict(SUMS)
    for name, value in sums.items():
        alias, version, metric = name.split("_", 2)
        changed[alias, version, {"samples": ERROR_SAMPLES}.get(metric, metric)] = value
    return replace(COUNTED, sums=changed)


ONE, TWO = Route(primary="1"), Route(primary="2")
BOTH_SERVED = (call("PROD"), call("PROD", version="2"))
GOOD = Deployed("SUCCEEDED", "", "", ONE, TWO, BOTH_SERVED, ("arn:a", "arn:a"))
BAD = Deployed(
    "FAILED", "GreenUnhealthy", "green failed", ONE, ONE, (call("PROD"), call("PROD", FAILED, "2")), ("a", "a")
)
NO_FUNCTION = Refused("FAILED", "InvalidRequest", "function: there is no function Shop in this account and region")
KEY = "functions/Shop/a b+ü.zip"
UPLOADED = Uploaded(KEY, KEY, "SUCCEEDED", waited=3)
TAGGED = Tagged(asked=("1", "PROD"), refused=(), allowed=())
RUNG = (Rung("first", ("topic",), told=("topic",)), Rung("second", ("topic",), told=("topic",)))
MISSING = {"ListTags": "ResourceNotFoundException", "GetFunction": "AccessDeniedException"}

AS_ASSUMED: dict[str, Any] = {
    assumptions.HANDLING: HANDLED,
    assumptions.MISSING: MISSING,
    assumptions.TAGS: TAGGED,
    assumptions.COUNTING: COUNTED,
    assumptions.GOOD: GOOD,
    assumptions.BAD: BAD,
    assumptions.NO_FUNCTION: NO_FUNCTION,
    assumptions.UPLOAD: UPLOADED,
    assumptions.ALARMS: RUNG,
}

DIFFERENT: list[tuple[str, Any]] = [
    ("revisions", replace(HANDLED, repeated=("c", "c"))),
    ("revisions", replace(HANDLED, revisions=("a", "b", "c", "b"))),
    ("read-back", replace(HANDLED, read_back=("a", "c"))),
    ("preconditions", replace(HANDLED, stale={"UpdateAlias": ""})),
    ("preconditions", replace(HANDLED, stale={"PublishVersion": "ResourceConflictException"})),
    ("weights", replace(HANDLED, weights={0.125: 0.13})),
    ("weights", replace(HANDLED, weights={0.001: None})),
    ("one-call", replace(HANDLED, turned=("2", {"1": 0.1}))),
    ("one-call", replace(HANDLED, turned=("1", {}))),
    ("republish", replace(HANDLED, republished="3")),
    ("code-digest", replace(HANDLED, other_code="")),
    ("missing-tags", MISSING | {"ListTags": "AccessDeniedException"}),
    ("missing-tags", MISSING | {"ListTags": ""}),
    ("tags", replace(TAGGED, refused=("PROD",))),
    ("tags", replace(TAGGED, allowed=("1",))),
    ("answers", replace(COUNTED, calls=(*CALLS[1:], call(WHOLE, version="7")))),
    ("answers", replace(COUNTED, calls=(*CALLS[1:], call(WHOLE, version="")))),
    ("routing", replace(counted(split_1_Invocations=0, split_2_Invocations=40, split_1_Errors=0, split_2_Errors=0,
                                split__Errors=0, split_1_samples=0, split_2_samples=40),
                        calls=(*CALLS[:45], *[call(SPLIT, version="2")] * 40, *CALLS[-5:]))),
    ("alias-counts", counted(whole__Invocations=None)),
    ("alias-counts", counted(whole__Errors=9)),
    ("split-counts", counted(split__Invocations=80)),
    ("version-counts", counted(split_1_Invocations=None)),
    ("version-counts", counted(split_2_Errors=0)),
    ("error-samples", counted(split_2_samples=3)),
    ("error-samples", counted(split_1_samples=None)),
    ("error-samples", counted(split_1_samples=42)),
    ("alias-throttles", counted(whole__Throttles=None)),
    ("version-throttles", counted(split_1_Throttles=None, split_2_Throttles=None)),
    ("written-metrics", replace(COUNTED, written={"1": (61, 13), "2": (None, None)})),
    ("written-metrics", replace(COUNTED, written={"1": (61, None), "2": (30, 3)})),
    ("fast-share", replace(COUNTED, fast=(1.0,))),
    ("fast-share", replace(COUNTED, fast=())),
    ("delay", replace(COUNTED, late=(Late(WHOLE, 70, 76), Late(WHOLE, 171, 177)))),
    ("one-start", replace(GOOD, starts=("arn:a", "arn:b"))),
    ("good-deployment", replace(GOOD, status="FAILED", error="AccessDenied", cause="no", after=ONE)),
    ("good-deployment", replace(GOOD, after=ONE)),
    ("good-deployment", replace(GOOD, calls=(*BOTH_SERVED, call("PROD", FAILED, "2", "Unhandled")))),
    ("good-deployment", replace(GOOD, calls=(*BOTH_SERVED, call("PROD", REFUSED, why="404")))),
    ("bad-deployment", replace(BAD, status="SUCCEEDED", error="", after=TWO)),
    ("bad-deployment", replace(BAD, error="SmokeTestFailed")),
    ("bad-deployment", replace(BAD, calls=(call("PROD", FAILED),))),
    ("bad-deployment", replace(BAD, calls=(call("PROD", REFUSED),))),
    ("missing-function", replace(NO_FUNCTION, cause="AccessDenied: GetFunction")),
    ("awkward-key", replace(UPLOADED, got="functions/Shop/a%20b%2B.zip")),
    ("awkward-key", Uploaded(KEY, waited=300)),
    ("awkward-key", replace(UPLOADED, status="FAILED", error="InvalidRequest", cause="artifact: there is no object")),
    ("alarms", (*RUNG, Rung("third", ()))),
    ("alarms", (*RUNG, Rung("third", ("topic",), failed=("Failed to execute action topic",)))),
    ("alarms", (*RUNG, Rung("third", ("topic",)))),
    ("alarms", ()),
]  # fmt: skip

NOT_SEEN: list[tuple[str, Any]] = [
    ("alias-throttles", replace(COUNTED, calls=tuple(each for each in CALLS if each.outcome != THROTTLED))),
    ("delay", replace(COUNTED, late=())),
    ("routing", replace(COUNTED, calls=CALLS[:45])),
    ("good-deployment", replace(GOOD, calls=(*BOTH_SERVED, call("PROD", UNANSWERED)))),
    ("alarms", (*RUNG, Rung("third", ("topic",), red=True))),
]


def judged(observation: Any, step: str) -> dict[str, Judgement]:
    return {each.id: each.judged(observation, PACE) for each in ASSUMPTIONS if each.step == step}


def of(name: str) -> Assumption:
    (found,) = (each for each in ASSUMPTIONS if each.id == name)
    return found


@pytest.mark.parametrize("assumption", ASSUMPTIONS, ids=lambda each: each.id)
def test_an_assumption_holds_for_what_is_assumed(assumption: Assumption) -> None:
    found = assumption.judged(AS_ASSUMED[assumption.step], PACE)

    assert found.kind == HELD
    assert found.seen
    assert not found.means


@pytest.mark.parametrize(("name", "observation"), DIFFERENT)
def test_what_differs_is_said_of_that_assumption_alone_with_what_it_means(name: str, observation: Any) -> None:
    found = judged(observation, of(name).step)

    assert {id_ for id_, each in found.items() if each.kind != HELD} == {name}
    assert found[name].kind == DIFFERS
    assert found[name].seen
    assert found[name].means == of(name).means


def test_every_assumption_can_differ() -> None:
    assert {name for name, _ in DIFFERENT} == {each.id for each in ASSUMPTIONS}


@pytest.mark.parametrize(("name", "observation"), NOT_SEEN)
def test_what_could_not_be_seen_is_neither_held_nor_different(name: str, observation: Any) -> None:
    assert of(name).judged(observation, PACE).kind == UNSEEN


def test_a_call_without_an_answer_may_have_run_or_not() -> None:
    made = (*CALLS, call(WHOLE, UNANSWERED))

    for requests in (40, 41):
        seen = replace(counted(whole__Invocations=requests), calls=made)
        assert of("alias-counts").judged(seen, PACE).kind == HELD
    seen = replace(counted(whole__Invocations=42), calls=made)
    assert of("alias-counts").judged(seen, PACE).kind == DIFFERS


@pytest.mark.parametrize(("at_most", "suggested"), [(20, 30), (88, 90), (91, 120), (185, 210)])
def test_the_suggested_delay_is_the_latest_count_rounded_up_to_half_a_minute(at_most: float, suggested: int) -> None:
    seen = replace(COUNTED, late=(Late(WHOLE, 0, 10), Late(SPLIT, 5, at_most)))

    assert assumptions.suggested_delay(seen, PACE) == suggested


def test_metrics_that_are_later_than_assumed_come_with_the_delay_to_write() -> None:
    seen = replace(COUNTED, late=(Late(WHOLE, 171, 177),))

    assert of("delay").judged(seen, PACE).seen.endswith("write health.delay_seconds: 180")


def test_whether_executed_version_is_there_without_weights_is_told_and_not_assumed() -> None:
    with_it = of("alias-counts").judged(COUNTED, PACE)
    without = of("alias-counts").judged(counted(whole_1_Invocations=None), PACE)

    assert (with_it.kind, without.kind) == (HELD, HELD)
    assert with_it.seen.endswith("ExecutedVersion is there, too")
    assert without.seen.endswith("ExecutedVersion is not there")


def test_a_call_without_an_answer_may_be_a_sample_of_errors_or_not() -> None:
    made = (*CALLS, replace(call(SPLIT, UNANSWERED), version="2"))

    for samples, kind in ((19, HELD), (20, HELD), (21, DIFFERS)):
        assert of("error-samples").judged(replace(counted(split_2_samples=samples), calls=made), PACE).kind == kind


def test_the_samples_of_errors_are_told_by_version() -> None:
    assert of("error-samples").judged(COUNTED, PACE).seen == (
        "version 1: 21 samples of Errors for 21 requests; version 2: 19 samples of Errors for 19 requests"
    )
