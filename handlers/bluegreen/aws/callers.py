"""
Who invokes a function itself, past its aliases: what is set up on the function without a qualifier.

Lambda keeps permissions, function URLs, settings of asynchronous invocations and event source mappings for each
qualifier apart.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, NotFound
from bluegreen.model import Frozen, Text
from bluegreen.target import Target

ENABLED, DISABLED, DELETING = "Enabled", "Disabled", "Deleting"
IDLE = (DISABLED, "Disabling")
"""States of a mapping that invokes nothing, or soon will not. A deleted mapping is not listed."""

UNLESS_SET = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 6 * 3600}
"""Lambda's defaults for asynchronous invocations."""


INVOKING = ("lambda:invokefunction", "lambda:invokefunctionurl", "lambda:invokeasync")
"""The actions that invoke a function, in small letters."""


class Mapping(Frozen):
    """An event source mapping of the function itself. `source` is its queue or stream, or its brokers."""

    uuid: str
    source: Text
    state: str

    @property
    def idle(self) -> bool:
        """The mapping invokes nothing."""
        return self.state in IDLE


class Permission(Frozen):
    """
    A statement of the function's own resource policy. `conditions` are IAM's keys, in small letters, and values.

    `addable`: AddPermission can write it. Anything else came with a policy that was written as a whole.
    """

    sid: Text
    principal: Text
    action: Text
    conditions: dict[str, Text] = {}
    addable: bool = True


class Url(Frozen):
    """The function's own URL: who may call it is in `auth`."""

    address: str
    auth: str


def mappings(target: Target) -> tuple[Mapping, ...]:
    """The event source mappings that invoke the function itself. Lambda may list those of its aliases beside them."""
    pages = client("lambda", target).get_paginator("list_event_source_mappings").paginate(FunctionName=target.function)
    with in_our_words():
        found: list[Any] = [mapping for page in pages for mapping in page["EventSourceMappings"]]
    return tuple(
        _mapping(each) for each in found if not _qualifier(each["FunctionArn"]) and each.get("State") != DELETING
    )


def permissions(target: Target) -> tuple[Permission, ...]:
    """Who may invoke the function itself, by its resource policy. Raises AwsRefused for one that cannot be read."""
    try:
        with in_our_words():
            policy = client("lambda", target).get_policy(FunctionName=target.function)["Policy"]
    except NotFound:
        return ()
    try:
        statements = _listed(json.loads(policy)["Statement"])
        return tuple(_permission(each) for each in statements if _allows_to_invoke(each, target))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AwsRefused(f"it is no policy that this product can read ({type(error).__name__})") from error


def url(target: Target) -> Url | None:
    """The function's own URL, if it has one."""
    try:
        with in_our_words():
            answer = client("lambda", target).get_function_url_config(FunctionName=target.function)
            return Url(address=answer["FunctionUrl"], auth=answer["AuthType"])
    except NotFound:
        return None


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
    """A mapping whose state Lambda does not show counts as one that invokes."""
    brokers = (answer.get("SelfManagedEventSource") or {}).get("Endpoints", {}).get("KAFKA_BOOTSTRAP_SERVERS", [])
    return Mapping(
        uuid=answer["UUID"],
        source=answer.get("EventSourceArn") or ", ".join(brokers) or "an event source",
        state=answer.get("State") or ENABLED,
    )


def _allows_to_invoke(statement: Any, target: Target) -> bool:
    """Whether it lets somebody invoke the function itself. `Not…` is not evaluated: such a statement counts."""
    if statement.get("Effect") != "Allow":
        return False
    resources, actions = _listed(statement.get("Resource", "*")), _listed(statement.get("Action", "*"))
    itself = (target.arn, f"{target.arn}:$LATEST")
    return any(fnmatchcase(arn, pattern) for arn in itself for pattern in resources) and any(
        fnmatchcase(action, pattern.lower()) for action in INVOKING for pattern in actions
    )


def _permission(statement: Any) -> Permission:
    principal, but = statement.get("Principal", "*"), statement.get("NotPrincipal")
    conditions = {key.lower(): value for test in statement.get("Condition", {}).values() for key, value in test.items()}
    given = [_values(principal), *(_listed(statement.get(key)) for key in ("Action", "Sid"))]
    return Permission(
        sid=statement.get("Sid", ""),
        principal=f"everybody but {_text(_values(but))}" if but else _text(_values(principal)),
        action=_text(statement.get("Action", "every action but some")),
        conditions={key: _text(value) for key, value in conditions.items()},
        addable=not but and all(len(each) == 1 and each[0] for each in given),
    )


def _values(principal: Any) -> list[Any]:
    """The principals of all kinds: services, accounts, users."""
    kinds = principal.values() if isinstance(principal, dict) else [principal]
    return [each for kind in kinds for each in _listed(kind)]


def _listed(value: Any) -> list[Any]:
    """A policy may have a single value instead of a list."""
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _qualifier(arn: str) -> str:
    """The ARN is that of a version or an alias. $LATEST by name is the function itself."""
    qualifier = arn.partition(":function:")[2].partition(":")[2]
    return "" if qualifier == "$LATEST" else qualifier
