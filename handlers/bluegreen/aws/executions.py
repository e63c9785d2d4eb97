"""Executions of the deploy machine."""

import json
from typing import Any

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import NotFound
from bluegreen.model import Frozen

RUNNING = "RUNNING"


class Execution(Frozen):
    """
    An execution as Step Functions knows it.

    `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE; `ended_at` is in seconds since
    1970, 0 while it runs; `error` and `cause` are those of one that FAILED.
    """

    arn: str
    name: str
    status: str
    ended_at: float
    error: str = ""
    cause: str = ""


def describe(arn: str) -> Execution | None:
    """None when Step Functions has forgotten it, 90 days after its end."""
    try:
        with in_our_words():
            answer = client("stepfunctions").describe_execution(executionArn=arn)
    except NotFound:
        return None
    ended = answer.get("stopDate")
    return Execution(
        arn=arn,
        name=answer["name"],
        status=answer["status"],
        ended_at=ended.timestamp() if ended else 0.0,
        error=answer.get("error", ""),
        cause=answer.get("cause", ""),
    )


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
    return answer["executionArn"]


def arn_of(machine: str, name: str) -> str:
    """The ARN that an execution of that name has."""
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def console_link(arn: str) -> str:
    """Where a person looks at it."""
    partition, _, region = arn.split(":")[1:4]
    host = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}.get(
        partition, "console.aws.amazon.com"
    )
    return f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}"
