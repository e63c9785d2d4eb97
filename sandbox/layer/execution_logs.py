"""What state machines report of themselves: the log that their template asks for, and the metrics of AWS/States."""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.services import stepfunctions

from sandbox import machine_log
from sandbox.layer import logs, metrics

FATAL = {"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}
ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}


def note(execution: dict[str, Any], event: dict[str, Any]) -> None:
    """Log one event of the execution's history, if its machine wants that."""
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"].partition("/")[0]) or {}
    wanted = lower(machine.get("loggingConfiguration") or {})
    if not logged(wanted.get("level", "OFF"), machine_log.kind(event)):
        return
    with_data = bool(wanted.get("includeExecutionData"))
    line = machine_log.line(event, execution["executionArn"], with_data=with_data)
    stream = f"states/{machine['name']}/{execution['startDate'][:10]}/{execution['name']}"
    for destination in wanted.get("destinations") or []:
        group = destination["cloudWatchLogsLogGroup"]["logGroupArn"].split(":log-group:")[1].removesuffix(":*")
        logs.append(group, stream, [json.dumps(line)])


def logged(level: str, kind: str) -> bool:
    """Whether a log of this level holds events of this kind."""
    if level == "ERROR":
        return kind in FATAL or kind.endswith(("Failed", "TimedOut", "Aborted")) or kind == "FailStateEntered"
    return level == "ALL" or (level == "FATAL" and kind in FATAL)


def lower(node: Any) -> Any:
    """The configuration with keys as the API has them; a template writes them with a capital letter."""
    if isinstance(node, dict):
        return {name[:1].lower() + name[1:]: lower(value) for name, value in node.items()}
    return [lower(item) for item in node] if isinstance(node, list) else node


def add_event(original: Any) -> Any:
    """MiniStack's own events of an execution."""

    def _add_event(execution: dict[str, Any], event_type: str, details: Any = None) -> Any:
        event = original(execution, event_type, details)
        event.setdefault("previousEventId", 0)
        for name, about in event.items():
            if name.endswith("EventDetails"):
                event[name] = {key: value for key, value in about.items() if value != ""}
        note(execution, event)
        return event

    return _add_event


def emit_execution_status_event(original: Any) -> Any:
    """Count an execution that starts or ends; at its end the ends that it did not take count zero."""

    def _emit_execution_status_event(execution: dict[str, Any]) -> None:
        status, dimensions = execution["status"], {"StateMachineArn": execution["stateMachineArn"]}
        counts = {"ExecutionsStarted": 1} if status == "RUNNING" else {ENDS[end]: int(end == status) for end in ENDS}
        for name, value in counts.items():
            metrics.add("AWS/States", name, dimensions, int(time.time()), float(value), "Count")
        original(execution)

    return _emit_execution_status_event
