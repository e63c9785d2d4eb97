"""
The parts of the release machine, and the machine of its functions. Each function takes what its part leads to.

    open        OpenRelease, WhatToRelease?, OpenFunctions, ConfirmOpen, AnythingToStage?      or_else RollBackRelease
    stage       StageFunctions, ConfirmStaged                                                  or_else RollBackRelease
    shift       WhatNext?, ShiftWave, Bake, LookAtWave, PutBackFailed, CompleteRelease,
                DeleteOldVersions                                                              or_else RollBackRelease
    roll_back   RollBackRelease, AllBack?
"""

from statemachine import release_states as rows
from statemachine import states
from statemachine.fragments import line, task
from statemachine.release_states import FunctionsRow
from statemachine.sdk import Catch, DistributedMap, State


def opened(*, then: State, complete: State, or_else: State) -> State:
    """Everything that can be known of any function before any of them is changed."""
    opening = task(rows.OPEN_RELEASE, or_else=rows.refused())
    confirmed = task(rows.CONFIRM_OPEN, or_else=or_else)
    confirmed.next(rows.ANYTHING_TO_STAGE.state({"nothing": rows.nothing_to_deploy()}, otherwise=then))
    functions = _functions(rows.OPEN_FUNCTIONS, then=confirmed, or_else=or_else)
    opening.next(rows.WHAT_TO_RELEASE.state({"complete": complete, "roll_back": or_else}, otherwise=functions))
    return opening


def staged(*, then: State, or_else: State) -> State:
    """Every green is made and tested while users meet blue."""
    confirmed = line(rows.CONFIRM_STAGED, then=then, or_else=or_else)
    return _functions(rows.STAGE_FUNCTIONS, then=confirmed, or_else=or_else)


def shifted(*, or_else: State) -> tuple[State, State]:
    """Wave by wave, share by share. Answers the question that all of it comes back to, and CompleteRelease."""
    shift, look, put_back, complete = (
        task(row, or_else=or_else)
        for row in (rows.SHIFT_WAVE, rows.LOOK_AT_WAVE, rows.PUT_BACK_FAILED, rows.COMPLETE_RELEASE)
    )
    bake = rows.bake()
    released = rows.released()
    tidied = _functions(rows.DELETE_OLD_VERSIONS, then=released, or_else=released)
    answers = {"shift": shift, "bake": bake, "put_back": put_back, "complete": complete, "tidy": tidied}
    what_next = rows.WHAT_NEXT.state(answers, otherwise=released)
    bake.next(look)
    for state in (shift, look, put_back, complete):
        state.next(what_next)
    return what_next, complete


def rolled_back(back: State, *, complete: State) -> None:
    """What follows RollBackRelease: more of it, an end, or forward again if the release was committed."""
    failure = rows.ROLL_BACK_RELEASE.failure
    back.add_catch(Catch(error_equals=["States.ALL"], result_path=failure, next_step=rows.rollback_failed()))
    answers = {"more": back, "rejected": rows.rejected(), "complete": complete}
    back.next(rows.ALL_BACK.state(answers, otherwise=rows.rolled_back()))


def each_function() -> State:
    """The machine of the functions: one Distributed Map."""
    processed = DistributedMap(
        "EachFunction",
        _one_function(),
        comment="One function after the other, many at a time. A function that fails says so in the table.",
        item_reader={
            "Resource": "arn:${Partition}:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket.$": "$.items.bucket", "Key.$": "$.items.key"},
        },
        item_selector=rows.EACH_FUNCTION,
        max_concurrency_path="$.at_once",
        tolerated_failure_percentage=100,
        label="EachFunction",
        result_path=None,
    )
    processed.next(rows.done())
    return processed


def _one_function() -> State:
    noted = rows.noted()
    failed = line(rows.NOTE_FAILURE, then=noted, or_else=noted)
    open_ = line(rows.OPEN_MEMBER, then=noted, or_else=failed)
    staged_ = line(rows.NOTE_STAGED, then=noted, or_else=failed)
    ours = rows.of_the_release
    tested = line(ours(states.SMOKE_TEST_GREEN), then=staged_, or_else=failed)
    found = line(ours(states.SMOKE_TEST), ours(states.PUBLISH_VERSION), then=tested, or_else=failed)
    new_code = line(ours(states.UPDATE_CODE), then=found, or_else=failed)
    mended = line(ours(states.MEND_LATEST), then=staged_, or_else=failed)
    answers = {"version": tested, "latest": found, "mending": mended}
    tidied = line(ours(states.DELETE_VERSIONS), then=noted, or_else=noted)
    return rows.PHASE.state(
        {"open": open_, "tidy": tidied}, otherwise=rows.WHAT_TO_STAGE.state(answers, otherwise=new_code)
    )


def _functions(row: FunctionsRow, *, then: State, or_else: State) -> State:
    state = row.state()
    state.add_catch(Catch(error_equals=["States.ALL"], result_path="$.failure", next_step=or_else))
    state.next(then)
    return state
