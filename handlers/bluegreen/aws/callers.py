"""
Who invokes a function itself, past its aliases: what is set up on the function without a qualifier.

Lambda keeps permissions, function URLs, settings of asynchronous invocations and event source mappings for each
qualifier apart.
"""

import json
from typing import Any

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import NotFound
from bluegreen.model import Frozen
from bluegreen.target import Target

ENABLED, DISABLED = "Enabled", "Disabled"
IDLE = (DISABLED, "Disabling", "Deleting")
"""States of a mapping that invokes nothing, or soon will not."""

UNLESS_SET = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 6 * 3600}
"""What holds for asynchronous invocations if nobody says otherwise."""


class Mapping(Frozen):
    """An event source mapping of the function itself. `source` is its queue or stream, or its brokers."""

    uuid: str
    source: str
    state: str

    @property
    def idle(self) -> bool:
        """It invokes nothing."""
        return self.state in IDLE


class Permission(Frozen):
    """A statement of the function's own resource policy. `conditions` are IAM's keys, in small letters, and values."""

    sid: str
    principal: str
    action: str
    conditions: dict[str, str] = {}


class Url(Frozen):
    """The function's own URL: who may call it is in `auth`."""

    address: str
    auth: str


def mappings(target: Target) -> tuple[Mapping, ...]:
    """The event source mappings that invoke the function itself. Lambda may list those of its aliases beside them."""
    pages = client("lambda", target).get_paginator("list_event_source_mappings").paginate(FunctionName=target.function)
    with in_our_words():
        found: list[Any] = [mapping for page in pages for mapping in page["EventSourceMappings"]]
    return tuple(_mapping(each) for each in found if not _qualifier(each["FunctionArn"]))


def permissions(target: Target) -> tuple[Permission, ...]:
    """Who may invoke the function itself, by its resource policy."""
    try:
        with in_our_words():
            policy = json.loads(client("lambda", target).get_policy(FunctionName=target.function)["Policy"])
    except NotFound:
        return ()
    allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    return tuple(_permission(each) for each in allowed if not _qualifier(str(each["Resource"])))


def url(target: Target) -> Url | None:
    """The function's own URL, if it has one."""
    try:
        with in_our_words():
            answer = client("lambda", target).get_function_url_config(FunctionName=target.function)
    except NotFound:
        return None
    return Url(address=answer["FunctionUrl"], auth=answer["AuthType"])


def settings_of_events(target: Target, alias: str | None = None) -> dict[str, Any] | None:
    """
    Settings of asynchronous invocations, of the function itself or of the alias, as far as they are not Lambda's own.

    None if there are none.
    """
    named = {"Qualifier": alias} if alias else {}
    try:
        with in_our_words():
            answer: Any = client("lambda", target).get_function_event_invoke_config(
                FunctionName=target.function, **named
            )
    except NotFound:
        return None
    set_here = {name: answer[name] for name, usual in UNLESS_SET.items() if answer.get(name, usual) != usual}
    destinations = {event: place for event, place in answer.get("DestinationConfig", {}).items() if place}
    return set_here | ({"DestinationConfig": destinations} if destinations else {})


def _mapping(answer: Any) -> Mapping:
    brokers = answer.get("SelfManagedEventSource", {}).get("Endpoints", {}).get("KAFKA_BOOTSTRAP_SERVERS", [])
    return Mapping(
        uuid=answer["UUID"],
        source=answer.get("EventSourceArn") or ", ".join(brokers) or "an event source",
        state=answer["State"],
    )


def _permission(statement: Any) -> Permission:
    principal = statement.get("Principal", "*")
    by_kind = principal if isinstance(principal, dict) else {"AWS": principal}
    tests = statement.get("Condition", {}).values()
    return Permission(
        sid=statement.get("Sid", ""),
        principal=", ".join(_text(each) for each in by_kind.values()),
        action=_text(statement.get("Action", "lambda:InvokeFunction")),
        conditions={key.lower(): _text(value) for test in tests for key, value in test.items()},
    )


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _qualifier(arn: str) -> str:
    """Of a version or an alias; $LATEST by name is the function itself."""
    qualifier = arn.partition(":function:")[2].partition(":")[2]
    return "" if qualifier == "$LATEST" else qualifier
