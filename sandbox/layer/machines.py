"""Executions of state machines: started, stopped, timed out and recorded in MiniStack, walked by the interpreter."""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, now_iso
from ministack.services import stepfunctions
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeFailure, CallbackOutcomeSuccess
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError, ProgramStopped, ProgramTimedOut

from sandbox.layer import interpreter

log = logging.getLogger("sandbox.machines")
_running: dict[str, Environment] = {}
_asked_for: contextvars.ContextVar[str] = contextvars.ContextVar("asked_for", default="")


def start_execution(original: Any) -> Any:
    """The same name with the same input is the same execution, as long as it runs."""

    def _start_execution(data: dict[str, Any]) -> Any:
        asked = data.get("stateMachineArn", "")
        base = stepfunctions._resolve_state_machine_arn(asked)
        if base and data.get("name"):
            arn = f"{base.replace(':stateMachine:', ':execution:')}:{data['name']}"
            twin = stepfunctions._executions.get(arn)
            if twin and twin["status"] == "RUNNING" and twin["input"] == data.get("input", "{}"):
                return stepfunctions.json_response({"executionArn": arn, "startDate": twin["startDate"]})
            if twin:
                return error_response_json("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'", 400)
        token = _asked_for.set(asked)
        try:
            return original(data)
        finally:
            _asked_for.reset(token)

    return _start_execution


def run_execution(original: Any) -> Any:
    """Walk the machine to its end."""

    def _run_execution(exec_arn: str) -> None:
        execution = stepfunctions._executions[exec_arn]
        machine = stepfunctions._state_machines[execution["stateMachineArn"]]
        version = stepfunctions._state_machine_versions.get(stepfunctions._execution_version_arn(_asked_for.get()))
        machine = {**machine, **(version or {}), "stateMachineArn": machine["stateMachineArn"]}
        run(execution, machine, interpreter.program(machine["definition"]), lambda env: None)

    return _run_execution


Begun = Callable[[Environment], object]


def run(execution: dict[str, Any], machine: dict[str, Any], program: Any, begun: Begun) -> None:
    """Walk the program, and record how that ended; `begun` is shown its environment before its first state."""
    try:
        walk(execution, machine, program, begun)
    except Exception as error:
        log.exception("execution %s", execution["executionArn"])
        stepfunctions._fail_execution(execution, "States.Runtime", f"{type(error).__name__}: {error}")


def walk(execution: dict[str, Any], machine: dict[str, Any], program: Any, begun: Begun) -> None:
    """Run one execution in the interpreter and record how it ended."""
    given = json.loads(execution["input"])
    env = interpreter.environment(execution, machine, given)
    started: Any = {
        "executionStartedEventDetails": {
            "input": execution["input"],
            "inputDetails": {"truncated": False},
            "roleArn": machine["roleArn"],
        }
    }
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.ExecutionStarted,
        event_details=started,
        update_source_event_id=False,
    )
    begun(env)
    _running[execution["executionArn"]] = env
    try:
        program.eval(env)
        if execution["status"] == "RUNNING":
            end(execution, env)
    finally:
        del _running[execution["executionArn"]]


def end(execution: dict[str, Any], env: Environment) -> None:
    """Record how the execution came to its end, and tell EventBridge; of a map's executions it hears nothing."""
    state = env.program_state()
    if isinstance(state, ProgramStopped):
        execution["status"] = "ABORTED"
    elif isinstance(state, ProgramTimedOut):
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        execution["status"] = "TIMED_OUT"
    elif isinstance(state, ProgramError):
        error = state.error or {}
        execution.update(status="FAILED", error=error.get("error"), cause=error.get("cause"))
    else:
        execution.update(status="SUCCEEDED", output=json.dumps(env.states.get_input(), separators=(",", ":")))
    execution["stopDate"] = now_iso()
    if "mapRunArn" not in execution:
        stepfunctions._emit_execution_status_event(execution)


def stop_execution(original: Any) -> Any:
    """Stop in MiniStack's records and in the interpreter."""

    def _stop_execution(data: dict[str, Any]) -> Any:
        answer = original(data)
        env = _running.get(data.get("executionArn", ""))
        if env is not None and answer[0] == 200:
            env.set_stop(stop_date=now_iso(), cause=data.get("cause"), error=data.get("error"))
        return answer

    return _stop_execution


def send_task_success(original: Any) -> Any:
    """The waiting task has succeeded."""

    def _send_task_success(data: dict[str, Any]) -> Any:
        token = data.get("taskToken", "")
        if notify(token, CallbackOutcomeSuccess(token, data.get("output", "{}"))):
            return stepfunctions.json_response({})
        return original(data)

    return _send_task_success


def send_task_failure(original: Any) -> Any:
    """The waiting task has failed."""

    def _send_task_failure(data: dict[str, Any]) -> Any:
        token = data.get("taskToken", "")
        if notify(token, CallbackOutcomeFailure(token, data.get("error"), data.get("cause"))):
            return stepfunctions.json_response({})
        return original(data)

    return _send_task_failure


def send_task_heartbeat(original: Any) -> Any:
    """The waiting task is still being worked on."""

    def _send_task_heartbeat(data: dict[str, Any]) -> Any:
        token = data.get("taskToken", "")
        if any(env.callback_pool_manager.heartbeat(token) for env in list(_running.values())):
            return stepfunctions.json_response({})
        return original(data)

    return _send_task_heartbeat


def notify(token: str, outcome: Any) -> bool:
    """Hand the outcome to the execution that waits for it; a token is worth one outcome."""
    for env in list(_running.values()):
        endpoint = env.callback_pool_manager.get(token)
        if endpoint is not None and endpoint.get_outcome() is None:
            return bool(env.callback_pool_manager.notify(token, outcome))
    return False
