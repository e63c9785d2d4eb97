"""How Lambda tells a function's configuration: what is empty is left out, and a list tells no states."""

from __future__ import annotations

import hashlib
from typing import Any

EMPTY_IS_LEFT_OUT = (
    *("Layers", "KMSKeyArn", "StateReason", "StateReasonCode"),
    *("LastUpdateStatusReason", "LastUpdateStatusReasonCode"),
)
NOT_IN_A_LIST = (
    *("State", "StateReason", "StateReasonCode", "RuntimeVersionConfig"),
    *("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"),
)
TELLS_ONE = {"CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"}
LISTS = {"ListFunctions": "Functions", "ListVersionsByFunction": "Versions"}


def told(operation: str, qualifier: str | None, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of an operation, with every configuration in it as Lambda tells it."""
    if operation in TELLS_ONE:
        return one(answer)
    if operation == "GetFunctionConfiguration":
        return one(answer, qualifier)
    if operation == "GetFunction":
        tags = {"Tags": answer["Tags"]} if answer.get("Tags") else {}
        rest = {name: value for name, value in answer.items() if name != "Tags"}
        return {**rest, "Configuration": one(answer["Configuration"], qualifier), **tags}
    if operation in LISTS:
        listed = LISTS[operation]
        return {**answer, listed: [in_a_list(config, operation) for config in answer[listed]]}
    return answer


def one(config: dict[str, Any], qualifier: str | None = None) -> dict[str, Any]:
    """A configuration by itself; its ARN has the qualifier that was asked for."""
    shown = {name: value for name, value in config.items() if value or name not in EMPTY_IS_LEFT_OUT}
    if not (shown.get("VpcConfig") or {}).get("SubnetIds"):
        shown.pop("VpcConfig", None)
    if shown.get("State") == "Pending":
        shown.pop("LastUpdateStatus", None)
    if qualifier:
        shown["FunctionArn"] = f"{':'.join(config['FunctionArn'].split(':')[:7])}:{qualifier}"
    if shown.get("Runtime"):
        shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtime_version(config)}
    return shown


def in_a_list(config: dict[str, Any], operation: str) -> dict[str, Any]:
    """A configuration as one of several; among a function's versions the newest is `$LATEST` by name."""
    newest = config["Version"] if operation == "ListVersionsByFunction" and config["Version"] == "$LATEST" else None
    return {name: value for name, value in one(config, newest).items() if name not in NOT_IN_A_LIST}


def runtime_version(config: dict[str, Any]) -> str:
    """The ARN of the runtime's version, one for each runtime."""
    region = config["FunctionArn"].split(":")[3]
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(config['Runtime'].encode()).hexdigest()}"
