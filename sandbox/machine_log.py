"""
A line of the log of a state machine, made of an event of an execution's history.

It needs nothing of the embedded AWS: a test makes the lines of any history with it.
"""

import time
from typing import Any

DATA = ("input", "output")
"""What includeExecutionData is about. An error and its cause stand in the log in any case."""


def line(event: dict[str, Any], execution: str, *, with_data: bool) -> dict[str, Any]:
    """What the log says of an event of the execution with this ARN."""
    details = next((dict(value) for name, value in event.items() if name.endswith("EventDetails")), {})
    return {
        "id": str(event["id"]),
        "type": kind(event),
        "details": details if with_data else {name: value for name, value in details.items() if name not in DATA},
        "previous_event_id": str(event.get("previousEventId", 0)),
        "event_timestamp": str(int(time.time() * 1000)),
        "execution_arn": execution,
    }


def kind(event: dict[str, Any]) -> str:
    """Of an event, as ExecutionFailed."""
    return str(getattr(event["type"], "value", event["type"]))
