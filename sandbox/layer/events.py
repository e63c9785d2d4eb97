"""Events as S3 and EventBridge send them: the version that was created, and retries when a function fails."""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer import faults, sessions, updates
from sandbox.layer.calls import journal


class Entries(str):
    """The ARN of a bus, with the condition keys of the events that are sent there."""

    context: dict[str, str | list[str]]

    def __new__(cls, arn: str, body: bytes) -> Entries:
        """Of a request PutEvents."""
        bus = super().__new__(cls, arn)
        sent = json.loads(body)["Entries"]
        keys = {"events:source": "Source", "events:detail-type": "DetailType"}
        found = {key: [str(entry.get(name, "")) for entry in sent] for key, name in keys.items()}
        bus.context = {key: values[0] if len(values) == 1 else values for key, values in found.items()}
        return bus


_version_created: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_created", default=None)


def fire_s3_event(original: Any) -> Any:
    """Remember the object's version while its event is being sent."""

    def _fire_s3_event(*args: Any, version_id: str | None = None, **kwargs: Any) -> None:
        token = _version_created.set(version_id)
        try:
            original(*args, version_id=version_id, **kwargs)
        finally:
            _version_created.reset(token)

    return _fire_s3_event


def dispatch_event(original: Any) -> Any:
    """An S3 event names the version of its object, where the bucket has versions."""

    def _dispatch_event(event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        version = _version_created.get()
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return original(event, *args, **kwargs)

    return _dispatch_event


def invoke_target(original: Any) -> Any:
    """A delivery that may be lost, late or doubled on purpose; at-least-once is what EventBridge promises."""

    def _invoke_target(target: Any, event: Any, rule: dict[str, Any], view: Any = None) -> None:
        call = journal.note(sessions.Principal("", rule["Name"]), "events", "Deliver")
        fault = faults.in_force.meeting(call)
        call.fault = fault.fault if fault else None
        if fault and fault.fault == "delay":
            updates.later(fault.seconds, lambda: original(target, event, rule, view))
            return
        for _ in range({"lose": 0, "twice": 2}.get(call.fault or "", 1)):
            original(target, event, rule, view)

    return _invoke_target


def dispatch_to_lambda(original: Any) -> Any:
    """EventBridge invokes asynchronously: a function that fails is tried again."""

    def _dispatch_to_lambda(arn: str, payload: str) -> None:
        record, _, _ = lambda_svc._get_func_record_for_ref(arn)
        if record is not None:
            lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    return _dispatch_to_lambda
