"""ServeApi: the HTTP API, for callers that sign as IAM principals. Its routes are in `bluegreen/api`."""

import string
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.api import served
from bluegreen.api.refusals import Refused
from bluegreen.edge import logger
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.opening import proof

app = APIGatewayHttpResolver()
for router in served.ROUTERS:
    app.include_router(router)


@app.exception_handler(AwsUnavailable)  # type: ignore[untyped-decorator]  # Powertools types it loosely
def busy(error: AwsUnavailable) -> Response[dict[str, str]]:
    """AWS could not answer now."""
    logger.warning("AWS is busy", extra={"cause": str(error)})
    return Response(
        status_code=HTTPStatus.SERVICE_UNAVAILABLE,
        content_type=content_types.APPLICATION_JSON,
        body={"message": "AWS could not answer now; try again in a moment"},
    )


@app.exception_handler(AwsRefused)  # type: ignore[untyped-decorator]
def refused(error: AwsRefused) -> Response[dict[str, str]]:
    """DynamoDB takes no such key: a `next` that looks like one of ours and is none."""
    logger.warning("AWS refuses", extra={"cause": str(error)})
    return Response(
        status_code=HTTPStatus.BAD_REQUEST,
        content_type=content_types.APPLICATION_JSON,
        body={"message": "AWS refuses this request; nothing was started. If it has `next`, send it unchanged"},
    )


@app.exception_handler(Refused)  # type: ignore[untyped-decorator]
def in_parts(refusal: Refused) -> Response[dict[str, object]]:
    """Answer what a route refused, and why."""
    return refusal.answer()


_FORBIDDEN = {
    "statusCode": HTTPStatus.FORBIDDEN.value,
    "headers": {"content-type": content_types.APPLICATION_JSON},
    "body": '{"message": "Call the API of the stack; nothing was started"}',
}


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """
    Answers only events from API Gateway, which says who calls. Its stage adds the stack's id to each event.

    Powertools finds no route for characters such as emoji, which an id may have. So they are percent-encoded.
    """
    if not _is_from_the_api(event):
        logger.error("not from the API of this stack")
        return _FORBIDDEN
    path = quote(event["rawPath"], safe=string.punctuation, errors="replace")
    return app.resolve(event | {"rawPath": path}, context)


def _is_from_the_api(event: Any) -> bool:
    """By the stack's id. API Gateway sends complete events only, so the rest is not checked."""
    variables = event.get("stageVariables") if isinstance(event, dict) else None
    return isinstance(variables, dict) and proof.is_from_a_trigger(variables.get("stack"))
