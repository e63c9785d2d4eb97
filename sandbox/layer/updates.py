"""
The time that a change takes: a function being updated serves its old code.

MiniStack changes a function at once and only reports that the change is in progress. Here the change is in
progress: until the window ends, invocations run what ran before.
"""

from __future__ import annotations

import contextvars
import copy
import threading
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer.settings import current

IN_PROGRESS = {
    "LastUpdateStatus": "InProgress",
    "LastUpdateStatusReason": "The function is being created.",
    "LastUpdateStatusReasonCode": "Creating",
}
SUCCESSFUL = {"LastUpdateStatus": "Successful", "LastUpdateStatusReason": "", "LastUpdateStatusReasonCode": ""}
PENDING = {
    "State": "Pending",
    "StateReason": "The function is being created.",
    "StateReasonCode": "Creating",
}
ACTIVE = {"State": "Active", "StateReason": "", "StateReasonCode": ""}


def begin_update(func: dict[str, Any]) -> None:
    """Keep what serves now; called before the change."""
    func["serving"] = {"config": copy.deepcopy(func["config"]), "code_zip": func.get("code_zip")}


def as_served(record: dict[str, Any]) -> dict[str, Any]:
    """The record to run: $LATEST as it was while its update is in progress, anything else as it is."""
    serving, config = record.get("serving"), record["config"]
    if serving is None or config["Version"] != "$LATEST" or config.get("LastUpdateStatus") != "InProgress":
        return record
    return {**record, **serving, "config": {**serving["config"], "FunctionArn": config["FunctionArn"]}}


def schedule_state_transition(original: Any) -> Any:
    """MiniStack calls this when it has created or changed a function."""

    def _schedule_state_transition(func_name: str, delay: float) -> None:
        func = lambda_svc._functions.get(func_name)
        if func is None:
            return
        config = func["config"]
        if config["State"] == "Pending" and config.get("StateReasonCode") == "Creating":
            later(current.pending_seconds, lambda: end_creation(func))
            return
        config.update(ACTIVE | IN_PROGRESS)
        later(current.update_seconds, lambda: end_update(func))

    return _schedule_state_transition


def end_creation(func: dict[str, Any]) -> None:
    """The function is Active, with a revision of its own, and so is a version that was published with it."""
    func["config"].update(ACTIVE | SUCCESSFUL, RevisionId=lambda_svc.new_uuid())
    activate_versions(func)


def end_update(func: dict[str, Any]) -> None:
    """From now on the new code serves, and the revision is another once more."""
    func["config"].update(SUCCESSFUL, RevisionId=lambda_svc.new_uuid())
    func.pop("serving", None)
    activate_versions(func)


def activate_versions(func: dict[str, Any]) -> None:
    """The versions that were published with a change are Active when it is done."""
    for version in func.pop("awaiting", []):
        version["config"].update(ACTIVE)


def begin_version(version: dict[str, Any]) -> None:
    """A version of an Active function is Active at once, unless the sandbox is set to let it be Pending."""
    config = version["config"]
    config.update(ACTIVE | SUCCESSFUL)
    if current.publish_seconds > 0:
        config.update(PENDING)
        later(current.publish_seconds, lambda: config.update(ACTIVE))


def later(seconds: float, action: Callable[[], Any]) -> None:
    """Do it in that many seconds, in the caller's account and region; at once where that is none."""
    if seconds <= 0:
        action()
        return
    timer = threading.Timer(seconds, contextvars.copy_context().run, [action])
    timer.daemon = True
    timer.start()
