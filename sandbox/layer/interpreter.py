"""
moto's interpreter of the Amazon States Language, made to walk machines inside MiniStack.

It calls AWS with boto3 and nothing else, so a machine meets the same API, permissions and faults as anyone.
"""

from __future__ import annotations

import copy
import os
import time
import types
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import stepfunctions
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from sandbox.layer import execution_logs, sessions

NOT_CAUGHT_BY_ALL = {"States.Runtime", "States.DataLimitExceeded"}
ONE_ATTEMPT = Config(
    parameter_validation=False,
    inject_host_prefix=False,
    retries={"total_max_attempts": 1, "mode": "standard"},
    read_timeout=3600,
    max_pool_connections=64,
)


class History(EventManager):
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
    return AmazonStateLanguageParser.parse(definition)[0]


def boto_client_for(original: Any) -> Any:
    """A client of this server that acts as the machine's role, or as the role of the state's Credentials."""

    def _boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return _client(service, region, state_credentials.role_arn)

    return _boto_client_for


@lru_cache(256)
def _client(service: str, region: str, role_arn: str) -> Any:
    session = sessions.open_session(role_arn, "StepFunctions")
    boto: Any = boto3.Session(
        aws_access_key_id=session.access_key,
        aws_secret_access_key=session.secret_key,
        aws_session_token=session.token,
        region_name=region,
    )
    return boto.client(service, endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}", config=ONE_ATTEMPT)


def lambda_error_name(error: Exception) -> tuple[str, str]:
    """How Step Functions names a Lambda call that failed: a modelled error by its code, any other by its kind."""
    if not isinstance(error, ClientError):
        return "Lambda.SdkClientException", str(error)
    code, about = error.response["Error"]["Code"], error.response["ResponseMetadata"]
    modelled = type(error) is not ClientError
    details = f"Service: AWSLambda; Status Code: {about['HTTPStatusCode']}; Error Code: {code}; Proxy: null"
    cause = f"{error.response['Error']['Message']} ({details})"
    return f"Lambda.{code}" if modelled else "Lambda.AWSLambdaException", cause


def from_error_of_function(original: Any) -> Any:
    """A task whose resource is a function's ARN."""

    def _from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
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
        name = env.stack[-1].error_name
        original(self, env)
        if name in NOT_CAUGHT_BY_ALL and all(known.error_name != name for known in self.error_names):
            env.stack[-1] = False

    return _eval_body


def wait_interval(original: Any) -> Any:
    """Wait as long as the state says, times the scale, or until the execution ends."""

    def _wait_interval(self: Any, env: Environment, wait_seconds: float) -> None:
        end = time.monotonic() + wait_seconds * stepfunctions._SFN_WAIT_SCALE
        while env.is_running() and (left := end - time.monotonic()) > 0:
            env.program_state_event.wait(left)

    return _wait_interval


def retry_clock(original: Any) -> Any:
    """What the interpreter sleeps with between attempts."""
    return types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * stepfunctions._SFN_WAIT_SCALE))
