"""
ServeApi: deployments over HTTP, for callers that sign as IAM principals.

    POST /deployments              the request; 202 with the deployment's id
    GET  /deployments/{id}         the record and its steps
    GET  /deployments?function=F   a function's deployments, the newest first
"""

import os
import re
import uuid
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.aws import executions
from bluegreen.edge import logger
from bluegreen.errors import AwsUnavailable, InvalidRequest
from bluegreen.ledger import records
from bluegreen.request.request import Request

app = APIGatewayHttpResolver()


@app.post("/deployments")
def start() -> tuple[dict[str, Any], int]:
    """The same checks as the machine's first state makes, so that a wrong field is known at once."""
    try:
        body = app.current_event.json_body
    except (ValueError, TypeError) as error:
        raise BadRequestError(f"body: not JSON ({error}); nothing was started") from error
    if isinstance(body, dict):
        body = body | {"started_by": _caller()}
    try:
        request = Request.read(body)
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; nothing was started") from error
    name = f"{request.function[:47]}-{uuid.uuid4().hex}"
    arn = executions.start(os.environ["STATE_MACHINE_ARN"], name, request.to_json())
    return {"id": name, "execution": arn, "console": executions.console_link(arn)}, HTTPStatus.ACCEPTED


@app.get("/deployments/<deployment>")
def show(deployment: str) -> dict[str, Any]:
    """An execution that has not written its record yet is a deployment too."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", deployment):
        raise NotFoundError(f"{deployment!r} cannot be a deployment's id")
    record = records.find(deployment)
    if record:
        return record.to_json() | {"steps": [step.model_dump(mode="json") for step in records.steps(deployment)]}
    execution = executions.describe(executions.arn_of(os.environ["STATE_MACHINE_ARN"], deployment))
    if execution is None:
        raise NotFoundError(f"there is no deployment {deployment}")
    return {"id": deployment, "execution": execution.arn, "state": execution.status, "steps": []}


@app.get("/deployments")
def of_function() -> dict[str, Any]:
    """Up to fifty."""
    function = app.current_event.get_query_string_value("function", "")
    if not function:
        raise BadRequestError("function: say whose deployments, as in /deployments?function=NAME")
    return {"deployments": [record.to_json() for record in records.of_function(function)]}


@app.exception_handler(AwsUnavailable)  # type: ignore[untyped-decorator]  # Powertools types it loosely
def busy(error: AwsUnavailable) -> Response[dict[str, str]]:
    """AWS could not answer now."""
    logger.warning("AWS is busy", extra={"cause": str(error)})
    return Response(
        status_code=HTTPStatus.SERVICE_UNAVAILABLE,
        content_type=content_types.APPLICATION_JSON,
        body={"message": "AWS could not answer now; try again in a moment"},
    )


def _caller() -> str:
    context = app.current_event.request_context
    iam = context.authorizer.iam if context.authorizer else None
    return f"API by {iam.user_arn if iam and iam.user_arn else 'someone'}"[:256]


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
