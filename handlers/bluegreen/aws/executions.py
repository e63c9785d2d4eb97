"""Executions of the deploy machine."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote

from bluegreen.aws import console
from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import NotFound
from bluegreen.model import Frozen

RUNNING = "RUNNING"

FORGOTTEN_AFTER_SECONDS = 24 * 3600
"""
If Step Functions does not show the execution of a deployment or release that began so long ago, the execution is gone:
Step Functions forgets one 90 days after its end. The execution of a younger one may only not be shown yet.
"""

MOST_EVENTS = 1000
"""Of a history, looked through for the state entered last: a state that is retried for half an hour has 200."""


class Execution(Frozen):
    """
    An execution as Step Functions knows it.

    `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE. `started_at` and `ended_at` are in
    seconds since 1970, `ended_at` is 0 while it runs. `input` is what it was started with, as JSON. `error` and `cause`
    are those of one that FAILED.
    """

    arn: str
    name: str
    status: str
    started_at: float
    ended_at: float
    input: str = "{}"
    error: str = ""
    cause: str = ""

    @property
    def request(self) -> Any:
        """The input, parsed."""
        return json.loads(self.input)

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self.status == RUNNING


def describe(arn: str) -> Execution | None:
    """None if Step Functions does not know it, has forgotten it (after 90 days) or does not show it yet."""
    try:
        with in_our_words():
            answer = client("stepfunctions").describe_execution(executionArn=arn)
            ended = answer.get("stopDate")
            return Execution(
                arn=arn,
                name=answer["name"],
                status=answer["status"],
                started_at=answer["startDate"].timestamp(),
                ended_at=ended.timestamp() if ended else 0.0,
                input=answer.get("input", "{}"),
                error=answer.get("error", ""),
                cause=answer.get("cause", ""),
            )
    except NotFound:
        return None


class Entered(NamedTuple):
    """
    The state that an execution entered last, and the document that it got there, as JSON.

    `scheduled` are the parameters of the state's latest attempt as JSON, if that is one that waits for a task token.
    """

    state: str
    document: str
    scheduled: str = ""


def state_entered(arn: str) -> Entered | None:
    """None if no event of a state is among the newest ones."""
    events = (
        client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=arn, reverseOrder=True, PaginationConfig={"MaxItems": MOST_EVENTS, "PageSize": 100})
    )
    scheduled = ""
    with in_our_words():
        for page in events:
            for event in page["events"]:
                scheduled = scheduled or event.get("taskScheduledEventDetails", {}).get("parameters", "")
                if "stateEnteredEventDetails" in event:
                    entered = event["stateEnteredEventDetails"]
                    return Entered(entered["name"], entered.get("input", ""), scheduled)
    return None


def start(machine: str, name: str, request: dict[str, Any]) -> str:
    """
    The execution's ARN. A name is taken once in 90 days, so the same name is the same deployment:
    an execution that exists already is not started again.
    """
    stepfunctions = client("stepfunctions")
    with in_our_words():
        try:
            answer = stepfunctions.start_execution(stateMachineArn=machine, name=name, input=json.dumps(request))
        except stepfunctions.exceptions.ExecutionAlreadyExists:
            return arn_of(machine, name)
        return str(answer["executionArn"])


def stop(arn: str, error: str, cause: str) -> None:
    """End an execution that runs. One that has ended stays as it is."""
    with in_our_words():
        client("stepfunctions").stop_execution(executionArn=arn, error=error, cause=cause)


def succeed(token: str) -> bool:
    """Let the state that waits for the token go on. False if it does not wait any more."""
    stepfunctions = client("stepfunctions")
    with in_our_words():
        try:
            stepfunctions.send_task_success(taskToken=token, output="{}")
        except _no_longer_waiting():
            return False
    return True


def fail(token: str, error: str, cause: str) -> bool:
    """Let the state that waits for the token fail with this error. False if it does not wait any more."""
    stepfunctions = client("stepfunctions")
    with in_our_words():
        try:
            stepfunctions.send_task_failure(taskToken=token, error=error, cause=cause)
        except _no_longer_waiting():
            return False
    return True


def _no_longer_waiting() -> tuple[type[Exception], ...]:
    errors = client("stepfunctions").exceptions
    return errors.InvalidToken, errors.TaskDoesNotExist, errors.TaskTimedOut


def arn_of(machine: str, name: str) -> str:
    """The ARN that an execution of that name has."""
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def console_link(arn: str) -> str:
    """Where a person looks at it."""
    partition, _, region = arn.split(":")[1:4]
    return f"{console.address(partition, region, 'states')}#/v2/executions/details/{quote(arn, safe=':')}"
