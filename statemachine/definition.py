"""
The deploy machine, from fragments.

A fragment is a function: it takes the state that follows (`then`) and the state that failures lead to
(`or_else`), and returns its own first state. A machine is fragments put together from its ends backwards.

    prepare     OpenDeployment, AnythingToDeploy?                         or_else RejectDeployment
    stage       NewCode?, then UpdateCode, SmokeTest, PublishVersion
                or ReuseVersion; SmokeTestGreen                           or_else RollBack
    shift       ShiftAlias, Bake, CheckHealth, BakeOver?, FullyShifted?   or_else RollBack
    complete    CompleteDeployment                                        or_else RollBack
"""

from typing import Any

from statemachine.sdk import Catch, Choice, ChoiceRule, Fail, Graph, Pass, Retry, State, Succeed, Task, Wait

THREE_DAYS = 259_200

TIMEOUT_SECONDS = {
    "OpenDeployment": 120,
    "UpdateCode": 120,
    "SmokeTest": 300,
    "PublishVersion": 120,
    "SmokeTestGreen": 300,
    "ShiftAlias": 120,
    "CheckHealth": 120,
    "CompleteDeployment": 120,
    "RejectDeployment": 120,
    "RollBack": 300,
}
"""How long one attempt of a state may take; its function's own timeout is shorter, so that the function says why."""

AWS_IS_BUSY = [
    "AwsUnavailable",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]


LAMBDA_GAVE_UP = ["Sandbox.Timedout", "Lambda.Unknown", "States.Timeout"]


def when_busy() -> list[Retry]:
    """Up to a minute and a half of patience, spread out so that deployments do not come back in step."""
    busy = Retry(
        error_equals=AWS_IS_BUSY,
        interval_seconds=2,
        backoff_rate=2.0,
        max_attempts=6,
        max_delay_seconds=30,
        jitter_strategy="FULL",
    )
    return [busy, Retry(error_equals=LAMBDA_GAVE_UP, interval_seconds=2, backoff_rate=2.0, max_attempts=2)]


def until_done(*, attempts: int) -> Retry:
    """Look again every five seconds at what Lambda is still doing; no function waits and pays for it."""
    return Retry(error_equals=["StillInProgress"], interval_seconds=5, backoff_rate=1.0, max_attempts=attempts)


UNREADABLE = "ValidationError"
"""The document is another release's, as when the stack was updated meanwhile: recovery reads the record instead."""


def whatever_happens(*, but: list[str]) -> list[Retry]:
    """About half an hour of attempts, unless the error says that none can succeed."""
    return [
        Retry(error_equals=but, max_attempts=0),
        Retry(
            error_equals=["States.ALL"],
            interval_seconds=2,
            backoff_rate=2.0,
            max_attempts=60,
            max_delay_seconds=60,
            jitter_strategy="FULL",
        ),
    ]


def task(
    name: str,
    comment: str,
    *,
    learns: str,
    then: State,
    or_else: State,
    retry: list[Retry] | None = None,
    failure: str = "failure",
) -> State:
    """A state that runs the handler of its name and keeps what that learned as one section of the document."""
    state = Task(
        name,
        comment=comment,
        resource=f"${{{name}FunctionArn}}",
        parameters={
            "document.$": "$",
            "execution.$": "$$.Execution.Id",
            "started.$": "$$.Execution.StartTime",
            "state.$": "$$.State.Name",
            "retries.$": "$$.State.RetryCount",
        },
        result_path=f"$.{learns}",
        timeout_seconds=TIMEOUT_SECONDS[name],
        retry=retry or when_busy(),
        catch=Catch(error_equals=["States.ALL"], result_path=f"$.{failure}", next_step=or_else),
    )
    state.next(then)
    return state


def question(name: str, comment: str, *, about: str, yes: State, no: State) -> State:
    """A state that reads one boolean of the document and decides nothing itself."""
    choice = Choice(name, comment=comment)
    choice.add_choice(ChoiceRule.BooleanEquals(about, False), no)
    choice.default_choice(yes)
    return choice


def reject() -> State:
    """Nothing was touched: blue serves, and the request is answered with what was wrong with it."""
    rejected = Fail(
        "Rejected",
        comment="Nothing was touched; blue serves.",
        error_path="$.rejection.error",
        cause_path="$.rejection.cause",
    )
    rejected_without_record = Fail(
        "RejectedWithoutRecord",
        comment="Nothing was touched; blue serves. The record of it could not be written.",
        error_path="$.failure.Error",
        cause_path="$.failure.Cause",
    )
    return task(
        "RejectDeployment",
        "Close the record, free the lock, say what was wrong.",
        learns="rejection",
        then=rejected,
        or_else=rejected_without_record,
        failure="rejection_failure",
    )


def roll_back() -> State:
    """Blue gets the alias back, whatever happened before and however often this has to be tried."""
    rolled_back = Fail(
        "RolledBack",
        comment="Blue serves again.",
        error_path="$.rollback.error",
        cause_path="$.rollback.cause",
    )
    rollback_failed = Fail(
        "RollbackFailed",
        comment="Nobody knows who serves: the record says what a person must do.",
        error="RollbackFailed",
        cause_path="$.rollback_failure.Cause",
    )
    return task(
        "RollBack",
        "Give blue the alias back and $LATEST its code; retried for half an hour.",
        learns="rollback",
        then=rolled_back,
        or_else=rollback_failed,
        retry=whatever_happens(but=["RollbackImpossible", UNREADABLE]),
        failure="rollback_failure",
    )


def prepare(*, then: State, or_else: State) -> State:
    """Everything that can be known before anything is changed."""
    nothing_to_deploy = Succeed("NothingToDeploy", comment="Blue is this code already.")
    return task(
        "OpenDeployment",
        "Check the request, note what serves now, take the lock. Nothing is changed yet.",
        learns="plan",
        then=question(
            "AnythingToDeploy?",
            "Not if blue is this code already.",
            about="$.plan.anything_to_deploy",
            yes=then,
            no=nothing_to_deploy,
        ),
        or_else=or_else,
    )


def stage(*, then: State, or_else: State) -> State:
    """Green comes to be, tested, while blue has all of the alias."""
    smoke_test_green = task(
        "SmokeTestGreen",
        "Ask green itself the same, before it gets traffic.",
        learns="green_smoke",
        then=then,
        or_else=or_else,
        retry=[*when_busy(), until_done(attempts=60)],
    )
    publish_version = task(
        "PublishVersion",
        "Freeze $LATEST as green, if it still is the code that was tested.",
        learns="green",
        then=smoke_test_green,
        or_else=or_else,
        retry=[*when_busy(), until_done(attempts=180)],
    )
    smoke_test = task(
        "SmokeTest",
        "Ask $LATEST what a test user would ask.",
        learns="smoke",
        then=publish_version,
        or_else=or_else,
        retry=[*when_busy(), until_done(attempts=60)],
    )
    update_code = task(
        "UpdateCode",
        "Put the new code into $LATEST, which no user is sent to.",
        learns="code",
        then=smoke_test,
        or_else=or_else,
        retry=[*when_busy(), until_done(attempts=60)],
    )
    reuse_version = Pass(
        "ReuseVersion",
        comment="Green is a version that exists; $LATEST is left as it is.",
        parameters={"version.$": "$.plan.artifact.version"},
        result_path="$.green",
    )
    reuse_version.next(smoke_test_green)
    return question(
        "NewCode?",
        "Not if the request names a version that exists.",
        about="$.plan.new_code",
        yes=update_code,
        no=reuse_version,
    )


def shift(*, then: State, or_else: State) -> State:
    """Green gets the alias share by share, each baked look by look."""
    bake = Wait("Bake", comment="Let users meet green until the next look.", seconds_path="$.shift.look_seconds")
    shift_alias = task(
        "ShiftAlias",
        "Give green its next share of the alias.",
        learns="shift",
        then=bake,
        or_else=or_else,
        retry=[*when_busy(), until_done(attempts=180)],
    )
    fully_shifted = question(
        "FullyShifted?",
        "Not while blue has a share left.",
        about="$.shift.fully_shifted",
        yes=then,
        no=shift_alias,
    )
    bake_over = question(
        "BakeOver?",
        "Not before this share has been watched long enough.",
        about="$.look.bake_over",
        yes=fully_shifted,
        no=bake,
    )
    check_health = task(
        "CheckHealth",
        "Compare green's errors with blue's; worse is a failure.",
        learns="look",
        then=bake_over,
        or_else=or_else,
        retry=[*when_busy(), until_done(attempts=180)],
    )
    bake.next(check_health)
    return shift_alias


def complete(*, then: State, or_else: State) -> State:
    """What is left to do once green has all of the alias."""
    return task(
        "CompleteDeployment",
        "Close the record, free the lock, tell people.",
        learns="completion",
        then=then,
        or_else=or_else,
        retry=whatever_happens(but=["AliasMoved", "LatestMoved", "DeploymentOver", UNREADABLE]),
    )


def in_reading_order(machine: dict[str, Any]) -> dict[str, Any]:
    """What a state is comes first, where it leads comes last; the states follow the main line, then its exits."""

    def rank(field: str) -> int:
        return {"Comment": 0, "Type": 1, "Next": 3, "Default": 3, "States": 4}.get(field, 2)

    def ordered(fields: dict[str, Any]) -> dict[str, Any]:
        return {field: fields[field] for field in sorted(fields, key=rank)}

    return ordered({**machine, "States": {name: ordered(state) for name, state in machine["States"].items()}})


def deploy_machine() -> dict[str, Any]:
    """One function from blue to green, or back."""
    deployed = Succeed("Deployed", comment="Green serves.")
    back = roll_back()
    shifted = shift(then=complete(then=deployed, or_else=back), or_else=back)
    machine = Graph(
        prepare(then=stage(then=shifted, or_else=back), or_else=reject()),
        comment="Takes a Lambda function from blue to green, or back. Written by `python -m statemachine`.",
        timeout_seconds=THREE_DAYS,
    )
    return in_reading_order(machine.to_dict())
