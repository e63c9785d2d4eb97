"""
ServeApi: deployments over HTTP, for callers that sign as IAM principals.

    POST /deployments              the request; 202 with the deployment's id
    GET  /deployments/{id}         the record, the plan and the steps
    GET  /deployments?function=F   a function's deployments, the newest first; with &refused=true its refused requests

A list that has more says `next`; the same request with `&next=...` goes on there.
"""

import base64
import os
import string
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.aws import executions
from bluegreen.edge import logger
from bluegreen.errors import AwsRefused, AwsUnavailable, InvalidRequest
from bluegreen.ledger import audit, deployments, starts
from bluegreen.opening import proof
from bluegreen.opening.permitted import Home, must_be_permitted
from bluegreen.request import written
from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen.request.request import Request
from bluegreen.target import Target
from bluegreen.text import plain

app = APIGatewayHttpResolver()


@app.post("/deployments")
def start() -> tuple[dict[str, Any], int]:
    """Start a deployment. Refuses what is wrong with the request by itself; OpenDeployment checks the rest."""
    _must_have_no_other_parameter_than()
    try:
        body = written.read(app.current_event.decoded_body or "")
    except ValueError as error:
        raise BadRequestError(f"body: not JSON ({error}); nothing was started") from error
    caller = _caller()
    if isinstance(body, dict):
        body = body | {"started_by": caller}
    try:
        here = Target.beside(os.environ["STATE_MACHINE_ARN"], "", os.environ["DEFAULT_ALIAS"])
        request = Request.read(body, region=here.region, account=here.account)
        asked_for = {"function": request.function, "alias": request.alias or here.alias}
        must_be_permitted(request, here.model_copy(update=asked_for), Home.of_handlers())
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; nothing was started") from error
    name = f"{request.function[:47]}-{uuid.uuid4().hex}"
    starts.note(name, caller, request.to_json())
    arn = executions.start(os.environ["STATE_MACHINE_ARN"], name, request.to_json())
    return {"id": name, "execution": arn, "console": executions.console_link(arn)}, HTTPStatus.ACCEPTED


@app.get("/deployments/<deployment>")
def show(deployment: str) -> dict[str, Any]:
    """The record, the plan and a page of steps. An execution that has not written its record yet is shown too."""
    _must_have_no_other_parameter_than("next")
    deployment = unquote(deployment)
    if not is_execution_name(deployment):
        raise NotFoundError(f"{plain(deployment, 100)!r} cannot be a deployment's id")
    record = deployments.find(deployment)
    if record:
        plan = deployments.plan_of(deployment)
        steps, following = audit.steps(deployment, _next())
        shown = record.to_json() | ({"plan": plan.as_json()} if plan else {})
        return shown | {"steps": [step.model_dump(mode="json") for step in steps]} | _page(following)
    execution = executions.describe(executions.arn_of(os.environ["STATE_MACHINE_ARN"], deployment))
    if execution is None:
        raise NotFoundError(f"there is no deployment {plain(deployment, 100)}")
    return {"id": deployment, "execution": execution.arn, "state": execution.status, "steps": []}


@app.get("/deployments")
def of_function() -> dict[str, Any]:
    """A page, the newest first; with `refused=true` of the requests that were refused."""
    _must_have_no_other_parameter_than("function", "refused", "next")
    function = FunctionReference.read(app.current_event.get_query_string_value("function", ""))
    if function is None:
        raise BadRequestError("function: write the name of a function, as in /deployments?function=NAME")
    target = Target.beside(os.environ["STATE_MACHINE_ARN"], function.name, os.environ["DEFAULT_ALIAS"])
    if wrong := function.complaint(target.region, target.account):
        raise BadRequestError(f"function: {wrong}")
    refused = app.current_event.get_query_string_value("refused", "false")
    if refused not in ("true", "false"):
        raise BadRequestError("refused: write true or false")
    found, following = deployments.of_function(target, refused=refused == "true", after=_next())
    asked = [record for record in found if function.qualifier in ("", record.target.alias)]
    return {"deployments": [record.to_json() for record in asked]} | _page(following)


def _must_have_no_other_parameter_than(*known: str) -> None:
    """Raises BadRequestError for a parameter that the path does not have: a misspelt one would go unnoticed."""
    for name in app.current_event.query_string_parameters or {}:
        if name not in known:
            there_are = f"the parameters are {', '.join(known)}" if known else "this path has none"
            raise BadRequestError(f"{plain(name, 100)}: unknown parameter; {there_are}")


def _next() -> str:
    """The `next` of the page before. Raises BadRequestError if it is none of ours."""
    token = app.current_event.get_query_string_value("next", "")
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise BadRequestError("next: send the `next` of the previous page unchanged") from error


def _page(following: str) -> dict[str, str]:
    """An id may have characters that mean something in a query, so `next` is in base64 of URLs."""
    return {"next": base64.urlsafe_b64encode(following.encode()).decode().rstrip("=")} if following else {}


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


def _caller() -> str:
    context = app.current_event.request_context
    iam = context.authorizer.iam if context.authorizer else None
    return f"API by {iam.user_arn if iam and iam.user_arn else 'someone'}"[:256]


_FORBIDDEN = {
    "statusCode": HTTPStatus.FORBIDDEN.value,
    "headers": {"content-type": content_types.APPLICATION_JSON},
    "body": '{"message": "Call the API of the stack; nothing was started"}',
}


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """
    Answers only events from API Gateway, which says who calls. Its stage adds the stack's id to each event.

    Powertools finds no route for signs that are no letters, which an id may have: they are encoded for it.
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
