"""
Every state as a row: its name, what it is for, what it learns, how long an attempt may take, what it is retried for.

`runs` names the handler where that has another name than the state. `learns` is where the answer is kept in the
document; None drops it. `failure` is where a Catch keeps the error. An attempt's time is longer than its function's own
timeout, so that the function says why.
"""

from dataclasses import dataclass, field
from typing import Any

from statemachine.sdk import Choice, ChoiceRule, Fail, Retry, State, Succeed, Task, Wait

AWS_IS_BUSY = [
    "AwsUnavailable",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
"""What Step Functions' guide says to retry of Lambda, and our own word for an AWS that does not answer."""

LAMBDA_GAVE_UP = ["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "Runtime.OutOfMemory", "States.Timeout"]
"""A handler that took too long, was killed or needed too much memory."""

GONE = ["NotFound", "FunctionGone"]
"""What the user deleted does not come back."""

FIRST_LOOK_SECONDS = 5
LOOKS_GROW_BY = 1.05
LONGEST_PAUSE_SECONDS = 30

UNREADABLE = "ValidationError"
"""The document has the wrong shape, as when the stack was updated meanwhile: recovery works from the record."""


INSTEAD_OF_THE_REQUEST = "$"
"""
The Catch of OpenDeployment and of RecoverPrevious replaces the request with the error. The request may be no object, or
may leave no room for the error beside it; then Step Functions would end the execution without RejectDeployment.
"""


def when_busy() -> list[Retry]:
    """Up to a minute and a half of patience, with jitter, so that deployments do not come back in step."""
    busy = Retry(
        error_equals=AWS_IS_BUSY,
        interval_seconds=2,
        backoff_rate=2.0,
        max_attempts=6,
        max_delay_seconds=30,
        jitter_strategy="FULL",
    )
    return [busy, Retry(error_equals=LAMBDA_GAVE_UP, interval_seconds=2, backoff_rate=2.0, max_attempts=2)]


def until_done(seconds: int) -> list[Retry]:
    """
    When busy; and look again at what Lambda still does, so that no function waits for it.

    The looks are five to eight seconds apart in the first minute, and then ever further, up to half a minute. They go
    on for so many seconds at least.
    """
    again = Retry(
        error_equals=["StillInProgress"],
        interval_seconds=FIRST_LOOK_SECONDS,
        backoff_rate=LOOKS_GROW_BY,
        max_attempts=_looks(seconds),
        max_delay_seconds=LONGEST_PAUSE_SECONDS,
    )
    return [*when_busy(), again]


def _looks(seconds: int) -> int:
    """How many looks take so long."""
    waited, looks = 0.0, 0
    while waited < seconds:
        waited += min(FIRST_LOOK_SECONDS * LOOKS_GROW_BY**looks, LONGEST_PAUSE_SECONDS)
        looks += 1
    return looks


def every_error(but: list[str]) -> list[Retry]:
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


OWN_EXECUTION = "$$.Execution.Id"
OF_THE_RELEASE = "$.execution"
"""The execution that holds the locks, as a child of the Distributed Map has it in its document."""

EVENT = {
    "document.$": "$",
    "execution.$": OWN_EXECUTION,
    "started.$": "$$.Execution.StartTime",
    "state.$": "$$.State.Name",
    "retries.$": "$$.State.RetryCount",
}
"""What a handler gets."""


@dataclass(frozen=True)
class TaskRow:
    """A state that runs a handler."""

    name: str
    comment: str
    learns: str | None
    seconds: int = 120
    retry: list[Retry] = field(default_factory=when_busy)
    runs: str = ""
    failure: str = "$.failure"
    execution: str = OWN_EXECUTION

    def state(self) -> State:
        """The state, which leads nowhere yet."""
        return Task(
            self.name,
            comment=self.comment,
            resource=f"${{{self.runs or self.name}FunctionArn}}",
            parameters=EVENT | {"execution.$": self.execution},
            result_path=self.learns,
            timeout_seconds=self.seconds,
            retry=self.retry,
        )


@dataclass(frozen=True)
class TokenRow:
    """
    A state that runs a handler, and then waits until somebody reports with its task token.

    `seconds_path` is where the document says how long. The handler's own attempts end with its function's timeout.
    """

    name: str
    comment: str
    learns: str | None
    seconds_path: str
    retry: list[Retry] = field(default_factory=when_busy)
    failure: str = "$.failure"

    def state(self) -> State:
        """The state, which leads nowhere yet."""
        return Task(
            self.name,
            comment=self.comment,
            resource="arn:${Partition}:states:::lambda:invoke.waitForTaskToken",
            parameters={
                "FunctionName": f"${{{self.name}FunctionArn}}",
                "Payload": {**EVENT, "token.$": "$$.Task.Token"},
            },
            result_path=self.learns,
            timeout_seconds_path=self.seconds_path,
            retry=self.retry,
        )


@dataclass(frozen=True)
class Question:
    """A state that reads one word of the document and decides nothing itself."""

    name: str
    comment: str
    about: str

    def state(self, answers: dict[str, State], otherwise: State) -> State:
        """Where each word leads, and where every other word does."""
        choice = Choice(self.name, comment=self.comment)
        for word, leads_to in answers.items():
            choice.add_choice(ChoiceRule.StringEquals(self.about, word), leads_to)
        choice.default_choice(otherwise)
        return choice


OPEN_DEPLOYMENT = TaskRow(
    "OpenDeployment",
    "Check the request, note what serves now, take the lock. Nothing is changed yet.",
    learns="$",
    retry=until_done(900),
    failure=INSTEAD_OF_THE_REQUEST,
)
RECOVER_PREVIOUS = TaskRow(
    "RecoverPrevious",
    "Undo the deployment of an execution that died with the lock.",
    learns=None,
    seconds=300,
    retry=until_done(900),
    failure=INSTEAD_OF_THE_REQUEST,
)
WHAT_TO_DEPLOY = Question(
    "WhatToDeploy?",
    "New code goes through $LATEST, a published version does not, and what serves already is nothing to deploy.",
    about="$.deployment.brings",
)
UPDATE_CODE = TaskRow(
    "UpdateCode",
    "Put the new code into $LATEST, which no user is sent to.",
    learns=None,
    retry=until_done(300),
)
MEND_LATEST = TaskRow(
    "MendLatest",
    "Put blue's code into $LATEST, which has other code.",
    learns=None,
    retry=until_done(300),
    runs="UpdateCode",
)
SMOKE_TEST = TaskRow(
    "SmokeTest", "Ask $LATEST what a test user would ask.", learns=None, seconds=300, retry=until_done(300)
)
PUBLISH_VERSION = TaskRow(
    "PublishVersion",
    "Freeze $LATEST as green, if it still is the code that was tested.",
    learns="$.green",
    retry=until_done(900),
)
SMOKE_TEST_GREEN = TaskRow(
    "SmokeTestGreen",
    "Ask green itself the same, before it gets traffic.",
    learns="$.tested",
    seconds=300,
    retry=until_done(300),
    runs="SmokeTest",
)
RUN_HOOK = TaskRow(
    "RunHook",
    "Ask a function of the user's whether the deployment may go on.",
    learns="$.bake.look",
    seconds=300,
    retry=until_done(300),
)
AWAIT_APPROVAL = TokenRow(
    "AwaitApproval",
    "Wait until a person has decided about green's first share.",
    learns=None,
    seconds_path="$.bake.look.next_seconds",
)
SHIFT_ALIAS = TaskRow("ShiftAlias", "Give green its next share of the alias.", learns="$.bake", retry=until_done(900))
CHECK_HEALTH = TaskRow(
    "CheckHealth",
    "Compare green's metrics with blue's; a green that is worse is a failure.",
    learns="$.bake.look",
    retry=until_done(900),
)
WHAT_NEXT = Question(
    "WhatNext?",
    "Pass a gate, watch this share longer, give green the next one, or complete the deployment.",
    about="$.bake.look.next",
)
COMPLETE_DEPLOYMENT = TaskRow(
    "CompleteDeployment",
    "Close the record, free the lock, tell people.",
    learns=None,
    retry=every_error(
        but=["Aborted", "AliasMoved", "DeploymentOver", "NotTheHolder", "UpdateFailed", *GONE, UNREADABLE]
    ),
)
OLD_VERSIONS = Question(
    "OldVersions?", "Only a request with keep_versions has old versions deleted.", about="$.deployment.old_versions"
)
DELETE_VERSIONS = TaskRow(
    "DeleteVersions",
    "Delete versions that are no longer of use; a failure leaves the deployment as it is.",
    learns=None,
    retry=until_done(300),
    failure="$.deletion_failure",
)
ROLL_BACK = TaskRow(
    "RollBack",
    "Give blue the alias back and $LATEST its code; retried for half an hour.",
    learns="$.rollback",
    seconds=300,
    retry=every_error(but=["RollbackImpossible", "NotTheHolder", UNREADABLE]),
    failure="$.rollback_failure",
)
REJECT_DEPLOYMENT = TaskRow(
    "RejectDeployment",
    "Close the record, free the lock, say what was wrong.",
    learns="$.rejection",
    failure="$.rejection_failure",
)


def bake() -> Any:
    """The wait between a shift or a look and the next look."""
    return Wait("Bake", comment="Let users meet green until the next look.", seconds_path="$.bake.look.next_seconds")


def deployed() -> State:
    """An end."""
    return Succeed("Deployed", comment="Green serves.")


def nothing_to_deploy() -> State:
    """An end."""
    return Succeed("NothingToDeploy", comment="Blue has this code and these settings already.")


def rejected() -> State:
    """An end."""
    return _says_why("Rejected", "Nothing was touched; blue serves.", "$.rejection")


def rejected_without_record() -> State:
    """An end."""
    comment = "Nothing was touched; blue serves. The record of it could not be written."
    return Fail("RejectedWithoutRecord", comment=comment, error_path="$.Error", cause_path="$.Cause")


def rolled_back() -> State:
    """An end."""
    return _says_why("RolledBack", "Blue serves again.", "$.rollback")


def _says_why(name: str, comment: str, section: str) -> State:
    return Fail(name, comment=comment, error_path=f"{section}.error", cause_path=f"{section}.cause")


def rollback_failed() -> State:
    """An end."""
    return Fail(
        "RollbackFailed",
        comment="Who serves is unknown. The record says what an operator must do.",
        error="RollbackFailed",
        cause_path="$.rollback_failure.Cause",
    )
