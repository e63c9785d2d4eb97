"""
Deployments: start one, read one, list those of a function.

    POST /deployments              the request; 202 with the deployment's id
    GET  /deployments/{id}         the record, the plan, people's orders and decisions, and the steps
    GET  /deployments?function=F   a function's deployments, the newest first; with &refused=true its refused requests

A list that has more says `next`; the same request with `&next=...` goes on there.
"""

import os
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from bluegreen.api import asked
from bluegreen.aws import executions
from bluegreen.errors import InvalidRequest
from bluegreen.ledger import approvals, audit, deployments, orders, starts
from bluegreen.opening.permitted import Home, must_be_permitted
from bluegreen.request.names import FunctionReference, is_execution_name
from bluegreen.request.request import Request
from bluegreen.target import Target
from bluegreen.text import plain

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/deployments")
def start() -> tuple[dict[str, Any], int]:
    """Start a deployment. Refuses what is wrong with the request by itself; OpenDeployment checks the rest."""
    asked.must_have_no_other_parameter_than(router.current_event)
    body, caller = asked.body(router.current_event, "nothing was started"), asked.caller(router.current_event)
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


@router.get("/deployments/<deployment>")
def show(deployment: str) -> dict[str, Any]:
    """
    The record, the plan, people's orders and a page of steps.

    An execution that has not written its record yet is shown too.
    """
    asked.must_have_no_other_parameter_than(router.current_event, "next")
    deployment = unquote(deployment)
    if not is_execution_name(deployment):
        raise NotFoundError(f"{plain(deployment, 100)!r} cannot be a deployment's id")
    record = deployments.find(deployment)
    if record:
        plan = deployments.plan_of(deployment)
        steps, following = audit.steps(deployment, asked.after(router.current_event))
        shown = record.to_json() | ({"plan": plan.as_json()} if plan else {})
        shown |= {"orders": [orders.shown(order) for order in orders.given(deployment)]}
        shown |= {"approvals": approvals.shown(deployment)}
        return shown | {"steps": [step.model_dump(mode="json") for step in steps]} | asked.page(following)
    execution = executions.describe(executions.arn_of(os.environ["STATE_MACHINE_ARN"], deployment))
    if execution is None:
        raise NotFoundError(f"there is no deployment {plain(deployment, 100)}")
    return {"id": deployment, "execution": execution.arn, "state": execution.status, "steps": []}


@router.get("/deployments")
def of_function() -> dict[str, Any]:
    """A page, the newest first; with `refused=true` of the requests that were refused."""
    event = router.current_event
    asked.must_have_no_other_parameter_than(event, "function", "refused", "next")
    function = FunctionReference.read(event.get_query_string_value("function", ""))
    if function is None:
        raise BadRequestError("function: write the name of a function, as in /deployments?function=NAME")
    target = Target.beside(os.environ["STATE_MACHINE_ARN"], function.name, os.environ["DEFAULT_ALIAS"])
    if wrong := function.complaint(target.region, target.account):
        raise BadRequestError(f"function: {wrong}")
    refused = event.get_query_string_value("refused", "false")
    if refused not in ("true", "false"):
        raise BadRequestError("refused: write true or false")
    found, following = deployments.of_function(target, refused=refused == "true", after=asked.after(event))
    wanted = [record for record in found if function.qualifier in ("", record.target.alias)]
    return {"deployments": [record.to_json() for record in wanted]} | asked.page(following)
