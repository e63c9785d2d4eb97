"""
How versions come to be: from `$LATEST`, when it has changed since it was last published.

A version of a function that is Active is Active at once. One that CreateFunction or UpdateFunctionCode publishes
becomes Active with the function, and one with SnapStart when its snapshot is taken.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer import updates
from sandbox.layer.answers import Response

NOT_COMPARED = {"FunctionArn", "LastModified", "RevisionId", "Version", *updates.ACTIVE, *updates.SUCCESSFUL}


def publish_version(original: Any) -> Any:
    """The operation: the same as was published last is the same version."""

    def _publish_version(name: str, data: dict[str, Any]) -> Response:
        func = lambda_svc._functions.get(name)
        if func is None:
            answer: Response = original(name, data)
            return answer
        told: Response = lambda_svc.json_response(publish(func, data.get("Description"))["config"], 201)
        return told

    return _publish_version


def create_function(original: Any) -> Any:
    """The operation; a version that it publishes becomes Active with the function."""

    def _create_function(data: dict[str, Any]) -> Response:
        status, headers, body = original({**data, "Publish": False})
        if status == 201 and data.get("Publish"):
            func = lambda_svc._functions[data["FunctionName"]]
            version = publish(func)["config"]["Version"]
            body = json.dumps(json.loads(body) | {"Version": version}).encode()
        return status, headers, body

    return _create_function


def update_code(original: Any) -> Any:
    """The operation; a version that it publishes becomes Active when the update is done."""

    def _update_code(name: str, data: dict[str, Any]) -> Response:
        status, headers, body = original(name, {**data, "Publish": False})
        if status == 200 and data.get("Publish"):
            told: Response = lambda_svc.json_response(publish(lambda_svc._functions[name])["config"])
            return told
        return status, headers, body

    return _update_code


def publish(func: dict[str, Any], description: str | None = None) -> dict[str, Any]:
    """The version that `$LATEST` is, a new one where it is not what was published last."""
    config, numbers = func["config"], sorted(func["versions"], key=int)
    if numbers and func.get("published") == comparable(config):
        newest: dict[str, Any] = func["versions"][numbers[-1]]
        return newest
    number = str(func["next_version"])
    func["next_version"] += 1
    frozen = copy.deepcopy(config)
    frozen.update(Version=number, FunctionArn=f"{config['FunctionArn']}:{number}", RevisionId=lambda_svc.new_uuid())
    if description:
        frozen["Description"] = description
    version = {"config": frozen, "code_zip": func.get("code_zip")}
    func["versions"][number] = version
    func["published"] = comparable(config)
    changing = config.get("State") == "Pending" or config.get("LastUpdateStatus") == "InProgress"
    if not changing:
        config["RevisionId"] = lambda_svc.new_uuid()
    if lambda_svc._stamp_snapstart_published_version(frozen):
        lambda_svc._snapstart_provision_version_async(config["FunctionName"], version)
    elif changing:
        frozen.update(updates.PENDING | updates.SUCCESSFUL)
        func.setdefault("awaiting", []).append(version)
    else:
        updates.begin_version(version)
    return version


def comparable(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a configuration that tells whether it has changed since it was published."""
    return {key: copy.deepcopy(value) for key, value in config.items() if key not in NOT_COMPARED}
