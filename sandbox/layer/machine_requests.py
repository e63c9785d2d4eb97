"""
A request to Step Functions over HTTP: held against the API's model and its rules, and told as Step Functions does.

MiniStack takes any definition and any input; what comes of a mistake would show in an execution only.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from sandbox.layer import interpreter, permissions, validation
from sandbox.layer.answers import Response

OF_A_MACHINE = {"DescribeStateMachine", "UpdateStateMachine", "StartExecution", "StartSyncExecution", "ListExecutions"}
OF_AN_EXECUTION = {"DescribeExecution", "GetExecutionHistory", "StopExecution", "DescribeStateMachineForExecution"}
CHANGEABLE = {"definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"}
MANAGED_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
REDRIVABLE = {"FAILED", "TIMED_OUT", "ABORTED"}


def handle_request(original: Any) -> Any:
    """Everything that Step Functions is asked."""

    async def served(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in validation.model("stepfunctions")["operations"]:
            unknown: Response = await original(method, path, headers, body, query_params)
            return unknown
        data = json.loads(body or b"{}")
        if refusal := refused_at_once(operation, data):
            return refusal
        if operation == "ValidateStateMachineDefinition":
            return answered({"result": "OK", "diagnostics": [], "truncated": False} | verdict(data["definition"]))
        status, answer_headers, said = await original(method, path, headers, body, query_params)
        if operation == "DeleteStateMachine" and status == 400:
            return answered({})
        if status != 200:
            return status, answer_headers, said
        return status, answer_headers, json.dumps(told(operation, json.loads(said))).encode()

    return served


def refused_at_once(operation: str, data: dict[str, Any]) -> Response | None:
    """The refusal of the API's model, or of the first thing that is wrong."""
    if complaint := validation.complaint("stepfunctions", operation, data):
        return refused("ValidationException", complaint)
    for name in ("stateMachineArn", "executionArn"):
        if name in data and not str(data[name]).startswith("arn:"):
            return refused("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {data[name]}'")
    machine, execution = data.get("stateMachineArn"), data.get("executionArn")
    if operation in OF_A_MACHINE and machine and not is_there(machine):
        return refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine}'")
    if operation in OF_AN_EXECUTION and execution not in stepfunctions._executions:
        return refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution}'")
    if operation in ("StartExecution", "StartSyncExecution") and (wrong := input_is_wrong(data.get("input", "{}"))):
        return refused("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{wrong}'")
    if operation == "UpdateStateMachine" and not CHANGEABLE & data.keys():
        return refused(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, "
            "or the TracingConfiguration must be specified",
        )
    if operation in ("CreateStateMachine", "UpdateStateMachine") and "definition" in data:
        return definition_is_wrong(operation, data)
    return None


def definition_is_wrong(operation: str, data: dict[str, Any]) -> Response | None:
    """The refusal of a definition, or of a name that another machine has."""
    if wrong := interpreter.mistake_in(data["definition"]):
        return refused("InvalidDefinition", f"Invalid State Machine Definition: '{wrong}'")
    role = data.get("roleArn") or (stepfunctions._state_machines.get(data.get("stateMachineArn")) or {}).get("roleArn")
    if role and (denied := rule_is_refused(role, data["definition"])):
        return refused("AccessDeniedException", denied)
    if operation != "CreateStateMachine":
        return None
    region, account = stepfunctions.get_region(), stepfunctions.get_account_id()
    arn = f"arn:aws:states:{region}:{account}:stateMachine:{data['name']}"
    taken = stepfunctions._state_machines.get(arn)
    if taken and taken["definition"] != data["definition"]:
        return refused("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    return None


def rule_is_refused(role: str, definition: str) -> str | None:
    """
    AWS's sentence for a role with which a machine cannot be made whose Tasks wait for executions.

    For them AWS has a rule of its own in the account, which it makes and changes as the machine's role.
    """
    if ":states:startExecution.sync" not in definition:
        return None
    region, account = stepfunctions.get_region(), role.split(":")[4]
    rule = f"arn:aws:events:{region}:{account}:rule/{MANAGED_RULE}"
    for action in ("events:PutTargets", "events:PutRule", "events:DescribeRule"):
        if permissions.refusal_of_role(role, action, rule):
            return f"'{role}' is not authorized to create managed-rule."
    return None


def is_there(machine: str) -> bool:
    """Whether the ARN leads to a machine, a version of one or an alias of one."""
    known: dict[str, Any] = stepfunctions._state_machine_aliases
    return machine in known or stepfunctions._resolve_state_machine_arn(machine.partition("#")[0]) is not None


def input_is_wrong(text: str) -> str | None:
    """What is wrong with an execution's input; None where it is JSON."""
    if not text:
        return "Invalid execution input."
    try:
        json.loads(text, parse_constant=not_a_number)
    except ValueError as error:
        return str(error)
    return None


def not_a_number(name: str) -> None:
    """NaN and the infinities are no JSON, though Python reads them."""
    raise ValueError(f"Non-standard token '{name}'")


def verdict(definition: str) -> dict[str, Any]:
    """What the validation of a definition says of a mistake."""
    wrong = interpreter.mistake_in(definition)
    if wrong is None:
        return {}
    return {
        "result": "FAIL",
        "diagnostics": [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": wrong, "location": "/"}],
    }


def told(operation: str, said: dict[str, Any]) -> dict[str, Any]:
    """The answer with what MiniStack leaves out."""
    if operation == "DescribeStateMachine":
        return {"tracingConfiguration": {"enabled": False}, **said}
    if operation == "ListExecutions":
        return {**said, "executions": [{"redriveCount": 0, **execution} for execution in said["executions"]]}
    if operation == "DescribeExecution":
        return redrive(said)
    return said


def redrive(said: dict[str, Any]) -> dict[str, Any]:
    """An execution with what there is to say of running it again."""
    status = said["status"]
    if "output" not in said or said["output"] is None:
        said.pop("outputDetails", None)
    if status in REDRIVABLE:
        return {**said, "redriveCount": 0, "redriveStatus": "REDRIVABLE"}
    reason = f"Execution is {status} and cannot be redriven"
    return {**said, "redriveCount": 0, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def answered(said: dict[str, Any]) -> Response:
    """A success."""
    answer: Response = stepfunctions.json_response(said)
    return answer


def refused(code: str, message: str) -> Response:
    """A refusal."""
    answer: Response = error_response_json(code, message, 400)
    return answer
