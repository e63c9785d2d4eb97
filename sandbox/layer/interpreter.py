"""
moto's interpreter of the Amazon States Language, made to walk machines inside MiniStack.

It calls AWS with boto3 and nothing else, so a machine meets the same API, permissions and faults as anyone.
"""

from __future__ import annotations

import copy
import json
import logging
import time
import types
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import stepfunctions
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import LambdaFunctionErrorException
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from sandbox.layer import children, execution_logs, sessions

log = logging.getLogger("sandbox.interpreter")
LONGEST_WAIT = 99_999_999
LOOK_SECONDS = 0.1
NOT_CAUGHT_BY_ALL = {"States.Runtime", "States.DataLimitExceeded"}


class History(EventManager):  # type: ignore[misc]
    """The execution's events; what happens in a thread that outlives its execution is not among them."""

    def __init__(self, execution: dict[str, Any]) -> None:
        super().__init__()
        self._execution = execution
        execution["events"] = self._history_event_list

    def _publish_history_event(self, *args: Any, **event: Any) -> None:
        if self._execution["status"] == "RUNNING":
            super()._publish_history_event(*args, **event)
            execution_logs.note(self._execution, dict(self._history_event_list[-1]))


def environment(execution: dict[str, Any], machine: dict[str, Any], given: Any) -> Environment:
    """What an execution of the machine starts from."""
    account, region = machine["stateMachineArn"].split(":")[4], machine["stateMachineArn"].split(":")[3]
    context: Any = {
        "Execution": {
            "Id": execution["executionArn"],
            "Input": given,
            "Name": execution["name"],
            "RoleArn": machine["roleArn"],
            "StartTime": execution["startDate"],
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
    }
    made = Environment(
        aws_execution_details=AWSExecutionDetails(account=account, region=region, role_arn=machine["roleArn"]),
        execution_type=machine["type"],
        context=context,
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    made.event_manager = History(execution)
    return made


def program(definition: str) -> EvalComponent:
    """The parsed machine, a copy of its own for each execution."""
    return copy.deepcopy(_parsed(definition))


@lru_cache(64)
def _parsed(definition: str) -> EvalComponent:
    return children.of_readable(AmazonStateLanguageParser.parse)(definition)[0]


def mistake_in(definition: str) -> str | None:
    """What is wrong with a definition; None where the interpreter can walk it."""
    try:
        fields = json.loads(definition)
    except ValueError as error:
        return f"INVALID_JSON_DESCRIPTION: {error}"
    missing = [name for name in ("StartAt", "States") if not isinstance(fields, dict) or name not in fields]
    if missing:
        return f"SCHEMA_VALIDATION_FAILED: These fields are required: [{', '.join(missing)}] at /"
    try:
        _parsed(definition)
    except Exception as error:
        return f"SCHEMA_VALIDATION_FAILED: {error}"
    return None


def boto_client_for(original: Any) -> Any:
    """A client of this server that acts as the machine's role, or as the role of the state's Credentials."""

    def _boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return sessions.client_of(service, region, state_credentials.role_arn, "StepFunctions")

    return _boto_client_for


def lambda_error_name(error: Exception) -> tuple[str, str]:
    """How Step Functions names a Lambda call that failed: a modelled error by its code, any other by its kind."""
    if not isinstance(error, ClientError):
        return "Lambda.SdkClientException", str(error)
    code, about = error.response["Error"]["Code"], error.response["ResponseMetadata"]
    modelled = type(error) is not ClientError
    status, request_id = about["HTTPStatusCode"], about.get("RequestId", "")
    details = f"Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null"
    cause = f"{error.response['Error']['Message']} ({details})"
    return f"Lambda.{code}" if modelled else "Lambda.AWSLambdaException", cause


def from_error_of_function(original: Any) -> Any:
    """A task whose resource is a function's ARN; the cause is the reply as Python writes it, with blanks."""

    def _from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, LambdaFunctionErrorException):
            reply = json.dumps(json.loads(ex.payload), ensure_ascii=False)
            ex = LambdaFunctionErrorException(ex.function_error, reply)
        if not isinstance(ex, ClientError | BotoCoreError):
            failed: FailureEvent = original(self, env, ex)
            return failed
        error, cause = lambda_error_name(ex)
        details: Any = {"lambdaFunctionFailedEventDetails": {"error": error, "cause": cause}}
        return FailureEvent(env, CustomErrorName(error), HistoryEventType.LambdaFunctionFailed, details)

    return _from_error


def from_error_of_invoke(original: Any) -> Any:
    """A task whose resource is `lambda:invoke`."""

    def _from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError | BotoCoreError):
            failed: FailureEvent = original(self, env, ex)
            return failed
        error, cause = lambda_error_name(ex)
        about = {"error": error, "cause": cause, "resource": "invoke", "resourceType": "lambda"}
        details: Any = {"taskFailedEventDetails": about}
        return FailureEvent(env, CustomErrorName(error), HistoryEventType.TaskFailed, details)

    return _from_error


def normalise_service_error_name(original: Any) -> Any:
    """An error of an aws-sdk task is named after its service, as in `Lambda.ResourceConflictException`."""
    special = {"dynamodb": "DynamoDb", "cloudwatch": "CloudWatch", "eventbridge": "EventBridge"}
    return staticmethod(lambda name: special.get(name.lower(), name[:1].upper() + name[1:]))


def error_equals(original: Any) -> Any:
    """States.ALL catches every error but those of the machine itself."""

    def _eval_body(self: Any, env: Environment) -> None:
        name = getattr(env.stack[-1], "error_name", None)
        original(self, env)
        if name in NOT_CAUGHT_BY_ALL and all(known.error_name != name for known in self.error_names):
            env.stack[-1] = False

    return _eval_body


def wait_interval(original: Any) -> Any:
    """Wait as long as the state says, times the scale, or until the execution ends."""

    def _wait_interval(self: Any, env: Environment, wait_seconds: float) -> None:
        if wait_seconds > LONGEST_WAIT:
            raise FailureEventException(too_long(env))
        end = time.monotonic() + wait_seconds * stepfunctions._SFN_WAIT_SCALE
        while env.is_running() and (left := end - time.monotonic()) > 0:
            env.program_state_event.wait(left)

    return _wait_interval


def wait_for_task_token(original: Any) -> Any:
    """Wait for a task token as long as the state says, times the scale, or until the execution ends."""

    def _eval_wait_for_task_token(
        self: Any, env: Environment, timeout_seconds: int, callback_endpoint: Any, heartbeat_endpoint: Any
    ) -> Any:
        if heartbeat_endpoint is not None:
            return original(self, env, timeout_seconds, callback_endpoint, heartbeat_endpoint)
        end = time.monotonic() + timeout_seconds * stepfunctions._SFN_WAIT_SCALE
        while env.is_running() and not callback_endpoint.get_outcome() and (left := end - time.monotonic()) > 0:
            callback_endpoint.wait(min(left, 1.0))
        return callback_endpoint.get_outcome() or CallbackOutcomeTimedOut(callback_endpoint.callback_id)

    return _eval_wait_for_task_token


def eval_sync(original: Any) -> Any:
    """
    Wait for the execution that a Task started, as long as the state says, times the scale.

    It is stopped if the Task's own execution ends before, or its time is up. The machine's role must be allowed to do
    so: what it may not stop goes on.
    """

    def _eval_sync(self: Any, env: Environment, sync_resolver: Any, timeout_seconds: int, **_: Any) -> Any:
        end = time.monotonic() + timeout_seconds * stepfunctions._SFN_WAIT_SCALE
        while env.is_running() and time.monotonic() < end:
            if answer := sync_resolver():
                return answer
            env.program_state_event.wait(LOOK_SECONDS)
        late, execution = env.is_running(), children.started(env)
        role, region = env.aws_execution_details.role_arn, execution.split(":")[3]
        try:
            sessions.client_of("stepfunctions", region, role, "StepFunctions").stop_execution(executionArn=execution)
        except ClientError as refusal:
            log.warning("%s goes on: %s", execution, refusal)
        return CallbackOutcomeTimedOut(execution) if late else None

    return _eval_sync


def too_long(env: Environment) -> FailureEvent:
    """The end of an execution whose Wait is longer than Step Functions waits."""
    details: Any = {
        "executionFailedEventDetails": {"error": "States.Runtime", "cause": "Wait state delay is too long."}
    }
    kind = StatesErrorName(typ=StatesErrorNameType.StatesRuntime)
    return FailureEvent(env, kind, HistoryEventType.ExecutionFailed, details)


def retry_clock(original: Any) -> Any:
    """What the interpreter sleeps with between attempts."""
    return types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * stepfunctions._SFN_WAIT_SCALE))
