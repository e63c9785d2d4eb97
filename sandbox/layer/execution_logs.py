"""What state machines report of themselves: the log that their template asks for, and the metrics of AWS/States."""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.services import stepfunctions

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
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
    wanted = lower(machine.get("loggingConfiguration") or {})
    kind = str(getattr(event["type"], "value", event["type"]))
    if not logged(wanted.get("level", "OFF"), kind):
        return
    details = next((dict(value) for name, value in event.items() if name.endswith("EventDetails")), {})
    if not wanted.get("includeExecutionData"):
        details = {name: value for name, value in details.items() if name not in ("input", "output")}
    line = {
        "id": str(event["id"]),
        "type": kind,
        "details": details,
        "previous_event_id": str(event.get("previousEventId", 0)),
        "event_timestamp": str(int(time.time() * 1000)),
        "execution_arn": execution["executionArn"],
    }
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
