"""Name the operation of a Lambda API request by botocore's own model, so that nothing is told apart by guesses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from urllib.parse import unquote

from ministack.core import iam_actions
from ministack.services import lambda_svc

IAM_NAMES = {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction", "InvokeAsync": "InvokeFunction"}


@dataclass(frozen=True)
class Request:
    """What a request asks of Lambda: an operation on a function; the path may name a qualifier or an alias."""

    operation: str
    function: str
    qualifier: str | None
    alias: str | None
    path: dict[str, str] = field(default_factory=dict, compare=False)


@cache
def routes() -> list[tuple[str, re.Pattern[str], str]]:
    """(method, path, operation) of every Lambda operation, the most specific path first."""
    model = iam_actions._load_botocore_model("lambda")
    found = []
    for name, operation in model["operations"].items():
        path = operation["http"]["requestUri"].split("?")[0].rstrip("/")
        pattern = "/".join(
            re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", part) if "{" in part else re.escape(part)
            for part in path.split("/")
        )
        found.append((path.count("{"), operation["http"]["method"], re.compile(pattern + "/?$"), name))
    return [(method, pattern, name) for _, method, pattern, name in sorted(found, key=lambda route: route[0])]


@lru_cache(4096)
def named(method: str, path: str) -> Request | None:
    """What the request asks for; None where Lambda has no such path."""
    for expected, pattern, operation in routes():
        if method == expected and (match := pattern.match(path)):
            values = {key: unquote(value) for key, value in match.groupdict().items()}
            function, qualifier = lambda_svc._resolve_name_and_qualifier(values.get("FunctionName", ""))
            return Request(operation, function, qualifier, values.get("Name"), values)
    return None


def lambda_action(original: object) -> object:
    """The IAM action of a request: one for each operation."""

    def _lambda_action(method: str, path: str) -> str | None:
        request = named(method, path)
        return IAM_NAMES.get(request.operation, request.operation) if request else None

    return _lambda_action
