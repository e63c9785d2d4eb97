"""What a request of the API asks, as far as several routes read it: parameters, body, caller, page."""

import base64
import re
from typing import Any

from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from bluegreen.ledger.starts import BY_API
from bluegreen.request import written
from bluegreen.text import plain

NEXT = re.compile("[A-Za-z0-9_-]*")
"""A `next`: base64 of URLs, without its padding."""


def must_have_no_other_parameter_than(event: APIGatewayProxyEventV2, *known: str) -> None:
    """Raises BadRequestError for a parameter that the path does not have: a misspelt one would go unnoticed."""
    for name in event.query_string_parameters or {}:
        if name not in known:
            there_are = f"the parameters are {', '.join(known)}" if known else "this path has none"
            raise BadRequestError(f"{plain(name, 100)}: unknown parameter; {there_are}")


def body(event: APIGatewayProxyEventV2, untouched: str) -> Any:
    """The body's JSON. Raises BadRequestError, which says what was left `untouched`."""
    try:
        return written.read(event.decoded_body or "")
    except ValueError as error:
        raise BadRequestError(f"body: not JSON ({error}); {untouched}") from error


def principal(event: APIGatewayProxyEventV2) -> str:
    """The ARN of the IAM principal that signed the request, as API Gateway says it."""
    iam = event.request_context.authorizer.iam if event.request_context.authorizer else None
    return (iam.user_arn if iam and iam.user_arn else "someone")[:256]


def caller(event: APIGatewayProxyEventV2) -> str:
    """Who signed the request, as records and audits show the author of a deployment."""
    return f"{BY_API}{principal(event)}"[:256]


def yes(event: APIGatewayProxyEventV2, name: str) -> bool:
    """A parameter that is true or false, and false without a word. Raises BadRequestError for everything else."""
    said = event.get_query_string_value(name, "false")
    if said not in ("true", "false"):
        raise BadRequestError(f"{name}: write true or false")
    return said == "true"


def after(event: APIGatewayProxyEventV2) -> str:
    """The `next` of the page before. Raises BadRequestError if it is none of ours."""
    token = event.get_query_string_value("next", "")
    try:
        if not NEXT.fullmatch(token):
            raise ValueError("it has signs that no `next` has")
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError as error:
        raise BadRequestError("next: send the `next` of the previous page unchanged") from error


def page(following: str) -> dict[str, str]:
    """An id may have characters that mean something in a query, so `next` is in base64 of URLs."""
    return {"next": base64.urlsafe_b64encode(following.encode()).decode().rstrip("=")} if following else {}
