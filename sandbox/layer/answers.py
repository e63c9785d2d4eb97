"""What Lambda's API answers where it refuses: codes, words and statuses."""

from __future__ import annotations

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

Response = tuple[int, dict[str, str], bytes]


def not_found(name: str, qualifier: str | None, is_alias: bool = False) -> Response:
    """The refusal for a function, version or alias that is not there."""
    arn = lambda_svc._func_arn(name) + (f":{qualifier}" if qualifier else "")
    return missing(f"Cannot find alias arn: {arn}" if is_alias else f"Function not found: {arn}")


def missing(message: str = "The resource you requested does not exist.") -> Response:
    """The refusal for what is not there."""
    return refused("ResourceNotFoundException", message, 404)


def invalid(message: str) -> Response:
    """A parameter that cannot be."""
    return refused("InvalidParameterValueException", message, 400)


def conflict(message: str) -> Response:
    """Something that cannot be now."""
    return refused("ResourceConflictException", message, 409)


def refused(code: str, message: str, status: int) -> Response:
    """A refusal with its code."""
    answer: Response = error_response_json(code, message, status, {"Type": "User"})
    return answer
