"""The states of a release, and of the machine that works on its functions, as rows as in `states.py`."""

from dataclasses import dataclass, replace

from statemachine import states
from statemachine.sdk import Fail, Retry, State, Succeed, Task, Wait
from statemachine.states import GONE, INSTEAD_OF_THE_REQUEST, OF_THE_RELEASE, UNREADABLE, Question, TaskRow

STATE_SECONDS = 300
"""
Of a state that works on many functions. Its handler begins nothing new after a minute, and is invoked again. A look
takes less than five minutes.
"""

OPEN_RELEASE = TaskRow(
    "OpenRelease",
    "Read the release's document, and note what each function is to get. Nothing is changed yet.",
    learns="$",
    seconds=STATE_SECONDS,
    retry=states.until_done(900),
    failure=INSTEAD_OF_THE_REQUEST,
)
WHAT_TO_RELEASE = Question(
    "WhatToRelease?",
    "A new release opens its functions; one whose execution died goes forward if it was committed, or back.",
    about="$.go.next",
)
CONFIRM_OPEN = TaskRow(
    "ConfirmOpen",
    "See that every function is checked, locked and planned; name all that are not.",
    learns="$",
    runs="ConfirmFunctions",
    retry=states.until_done(900),
)
ANYTHING_TO_STAGE = Question(
    "AnythingToStage?", "Where every alias has its code already, there is nothing to deploy.", about="$.go.next"
)
CONFIRM_STAGED = TaskRow(
    "ConfirmStaged",
    "See that every green is published and tested. Users still meet blue everywhere.",
    learns="$",
    runs="ConfirmFunctions",
    retry=states.until_done(900),
)
SHIFT_WAVE = TaskRow(
    "ShiftWave",
    "Give the greens of the wave their next share, as many as there is time for.",
    learns="$.go",
    seconds=STATE_SECONDS,
    retry=states.until_done(900),
)
LOOK_AT_WAVE = TaskRow(
    "LookAtWave",
    "Compare every green of the wave with its blue, and all together by one promise.",
    learns="$.go",
    seconds=STATE_SECONDS,
    retry=states.until_done(900),
)
PUT_BACK_FAILED = TaskRow(
    "PutBackFailed",
    "Give blue back to functions that failed and are tolerated; the others go on.",
    learns="$.go",
    seconds=STATE_SECONDS,
    runs="RollBackRelease",
    retry=states.every_error(but=["RollbackImpossible", "NotTheHolder", "DeploymentOver", UNREADABLE]),
)
COMPLETE_RELEASE = TaskRow(
    "CompleteRelease",
    "See every alias at green, commit, and close each function's deployment.",
    learns="$.go",
    seconds=STATE_SECONDS,
    retry=states.every_error(
        but=["Aborted", "AliasMoved", "DeploymentOver", "NotTheHolder", "UpdateFailed", *GONE, UNREADABLE]
    ),
)
ROLL_BACK_RELEASE = TaskRow(
    "RollBackRelease",
    "Give every function's users their blue back, and close the release; retried for half an hour.",
    learns="$.rollback",
    seconds=STATE_SECONDS,
    retry=states.every_error(but=["RollbackImpossible", "NotTheHolder", UNREADABLE]),
    failure="$.rollback_failure",
)
WHAT_NEXT = Question(
    "WhatNext?",
    "Shift more functions, let users meet them, put some back, or complete the release.",
    about="$.go.next",
)
ALL_BACK = Question("AllBack?", "Whether functions are left, and how the release ends.", about="$.rollback.next")

FOR_ITS_TURN = Retry(
    error_equals=["AwsUnavailable"],
    interval_seconds=5,
    backoff_rate=1.5,
    max_attempts=60,
    max_delay_seconds=60,
    jitter_strategy="FULL",
)
"""Of a child, whose handler finds all turns to call Lambda taken by others: half an hour of patience."""

OPEN_MEMBER = TaskRow(
    "OpenMember",
    "Check one function, take its lock, write its record and plan. Nothing of it is changed.",
    learns=None,
    seconds=120,
    retry=[
        FOR_ITS_TURN,
        *states.until_done(600),
        Retry(error_equals=["DeploymentInterrupted"], interval_seconds=30, backoff_rate=1.0, max_attempts=20),
    ],
    execution=OF_THE_RELEASE,
)
NOTE_STAGED = TaskRow(
    "NoteStaged", "Note that green is made and tested.", learns=None, runs="NoteMember", execution=OF_THE_RELEASE
)
NOTE_FAILURE = TaskRow(
    "NoteFailure", "Note why this function failed.", learns=None, runs="NoteMember", execution=OF_THE_RELEASE
)
PHASE = Question("Phase?", "Open the function, make and test its green, or delete its old versions.", about="$.phase")
WHAT_TO_STAGE = Question(
    "WhatToStage?",
    "New code goes through $LATEST, a published version does not, and some functions only have $LATEST mended.",
    about="$.member.brings",
)


def of_the_release(row: TaskRow) -> TaskRow:
    """A state of the deploy machine, for a function of a release."""
    return replace(row, execution=OF_THE_RELEASE, retry=[FOR_ITS_TURN, *row.retry])


AT_ONCE = 40
"""
Functions that are staged, or whose versions are deleted, at a time. It hides latency: updates take most of the time.

The handlers keep the pace of their calls, and more functions would only wait. OpenRelease says how many are opened.
"""


@dataclass(frozen=True)
class FunctionsRow:
    """
    A state that starts the machine of the functions, and waits until it has worked on each of them.

    It works on so many of them `at_once`, or on as many as the document says at that path.
    """

    name: str
    comment: str
    phase: str
    at_once: int | str = AT_ONCE

    def state(self) -> State:
        """The state, which leads nowhere yet."""
        return Task(
            self.name,
            comment=self.comment,
            resource="arn:${Partition}:states:::states:startExecution.sync:2",
            parameters={
                "StateMachineArn": "${FunctionsStateMachineArn}",
                "Name.$": f"States.Format('{{}}-{self.phase}', $.release.id)",
                "Input": {
                    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
                    "phase": self.phase,
                    "at_once" if isinstance(self.at_once, int) else "at_once.$": self.at_once,
                    "release.$": "$.release",
                    "items": {
                        "bucket.$": "$.bucket",
                        "key.$": f"States.Format('internal/releases/{{}}/{self.phase}.json', $.release.id)",
                    },
                },
            },
            result_path=None,
            retry=[
                Retry(
                    error_equals=["StepFunctions.SdkClientException", "StepFunctions.ThrottlingException"],
                    interval_seconds=2,
                    backoff_rate=2.0,
                    max_attempts=6,
                    max_delay_seconds=30,
                    jitter_strategy="FULL",
                )
            ],
        )


OPEN_FUNCTIONS = FunctionsRow(
    "OpenFunctions",
    "Check every function, and lock it. Nothing is changed yet.",
    "open",
    at_once="$.at_once",
)
DELETE_OLD_VERSIONS = FunctionsRow(
    "DeleteOldVersions", "Delete versions that are no longer of use, where the document asks for it.", "tidy"
)
STAGE_FUNCTIONS = FunctionsRow("StageFunctions", "Make and test every green while users meet blue.", "stage")

EACH_FUNCTION = {
    "phase.$": "$.phase",
    "release.$": "$.release",
    "execution.$": "$.release.execution",
    "member.$": "$$.Map.Item.Value",
    "deployment": {"id.$": "$$.Map.Item.Value.id", "proof.$": "$.release.proof"},
    "green.$": "$$.Map.Item.Value.green",
}
"""A child's document: what the deploy machine's states read, with the release beside it."""


def bake() -> State:
    """The wait between a shift or a look and the next look."""
    return Wait("Bake", comment="Let users meet the greens until the next look.", seconds_path="$.go.next_seconds")


def released() -> State:
    """An end."""
    return Succeed("Released", comment="Every green serves.")


def nothing_to_deploy() -> State:
    """An end."""
    return Succeed("NothingToDeploy", comment="Every alias has its code and settings already.")


def noted() -> State:
    """An end of a child."""
    return Succeed("Noted", comment="What became of this function is in the table.")


def done() -> State:
    """An end of the functions' machine."""
    return Succeed("Done", comment="The table says what became of each function.")


def rejected() -> State:
    """An end."""
    return _says_why("Rejected", "Nothing was touched; every blue serves.", "$.rollback")


def refused() -> State:
    """An end."""
    comment = "This execution changed nothing: the release's document is wrong, or another execution works on it."
    return Fail("Refused", comment=comment, error_path="$.Error", cause_path="$.Cause")


def rolled_back() -> State:
    """An end."""
    return _says_why("RolledBack", "Every blue serves again, but for waves that the release keeps.", "$.rollback")


def rollback_failed() -> State:
    """An end."""
    return Fail(
        "RollbackFailed",
        comment="Who serves some functions is unknown. Their records say what an operator must do.",
        error="RollbackFailed",
        cause_path="$.rollback_failure.Cause",
    )


def _says_why(name: str, comment: str, section: str) -> State:
    return Fail(name, comment=comment, error_path=f"{section}.error", cause_path=f"{section}.cause")
