"""
The parts of the state machine. Each function takes the states that its part leads to as arguments.

    prepare     OpenDeployment, WhatToDeploy?; RecoverPrevious         or_else RejectDeployment
    mend        MendLatest                                             or_else RollBack
    stage       UpdateCode, SmokeTest, PublishVersion, SmokeTestGreen  or_else RollBack
    shift       WhatNext?, RunHook, AwaitApproval, ShiftAlias, Bake, CheckHealth  or_else RollBack
    complete    CompleteDeployment, OldVersions?; DeleteVersions       or_else RollBack
"""

from collections.abc import Sequence

from statemachine import states
from statemachine.sdk import Catch, State
from statemachine.states import TaskRow, TokenRow

Row = TaskRow | TokenRow


def line(*rows: Row | State, then: State, or_else: State) -> State:
    """States one after the other; the last leads to `then`, and every failure to `or_else`. Answers the first."""
    following = then
    for row in reversed(rows):
        state = task(row, or_else=or_else) if isinstance(row, Row) else row
        state.next(following)
        following = state
    return following


def task(row: Row, *, or_else: State, unless: Sequence[Catch] = ()) -> State:
    """The row's state; every failure that no catch of `unless` takes leads to `or_else`."""
    state = row.state()
    for catch in (*unless, Catch(error_equals=["States.ALL"], result_path=row.failure, next_step=or_else)):
        state.add_catch(catch)
    return state


def prepare(*, new_code: State, latest: State, version: State, mending: State, or_else: State) -> State:
    """Everything that can be known before anything is changed. The last deployment's remains are cleared first."""
    recover = task(states.RECOVER_PREVIOUS, or_else=or_else)
    interrupted = Catch(error_equals=["DeploymentInterrupted"], result_path=None, next_step=recover)
    opened = task(states.OPEN_DEPLOYMENT, or_else=or_else, unless=[interrupted])
    recover.next(opened)
    answers = {"nothing": states.nothing_to_deploy(), "version": version, "latest": latest, "mending": mending}
    opened.next(states.WHAT_TO_DEPLOY.state(answers, otherwise=new_code))
    return opened


def mend(*, then: State, or_else: State) -> State:
    """$LATEST gets the code that serves; the alias stays as it is."""
    return line(states.MEND_LATEST, then=then, or_else=or_else)


def stage(*, then: State, or_else: State) -> tuple[State, State, State]:
    """
    Make and test green while blue has the alias.

    Answers the first state for new code, the one for what $LATEST has, and the one for a version.
    """
    tested = line(states.SMOKE_TEST_GREEN, then=then, or_else=or_else)
    found = line(states.SMOKE_TEST, states.PUBLISH_VERSION, then=tested, or_else=or_else)
    return line(states.UPDATE_CODE, then=found, or_else=or_else), found, tested


def shift(*, then: State, or_else: State) -> State:
    """Green gets the alias share by share, each baked look by look; hooks and people are asked in between."""
    rows = (states.RUN_HOOK, states.AWAIT_APPROVAL, states.SHIFT_ALIAS, states.CHECK_HEALTH)
    run_hook, await_approval, shift_alias, check_health = (task(row, or_else=or_else) for row in rows)
    bake = states.bake()
    answers = {"bake_on": bake, "hook": run_hook, "approve": await_approval, "shift": shift_alias}
    what_next = states.WHAT_NEXT.state(answers, otherwise=then)
    run_hook.next(what_next)
    await_approval.next(shift_alias)
    shift_alias.next(bake)
    bake.next(check_health)
    check_health.next(what_next)
    return what_next


def complete(*, then: State, or_else: State) -> State:
    """What is left to do once green has all of the alias. What DeleteVersions cannot do undoes no success."""
    delete = line(states.DELETE_VERSIONS, then=then, or_else=then)
    asked = states.OLD_VERSIONS.state({"delete": delete}, otherwise=then)
    return line(states.COMPLETE_DEPLOYMENT, then=asked, or_else=or_else)


def reject() -> State:
    """Nothing was touched: blue serves, and the request is answered with what was wrong with it."""
    return line(states.REJECT_DEPLOYMENT, then=states.rejected(), or_else=states.rejected_without_record())


def roll_back() -> State:
    """RollBack, with retries for every error but those that a retry cannot mend."""
    return line(states.ROLL_BACK, then=states.rolled_back(), or_else=states.rollback_failed())
