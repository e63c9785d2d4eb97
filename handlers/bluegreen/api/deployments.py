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
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from pydantic import Field, create_model

from bluegreen.api import asked
from bluegreen.api.approvals import Awaited
from bluegreen.api.orders import Given
from bluegreen.api.routes import NEXT, Answer, Parameter, Router
from bluegreen.aws import executions
from bluegreen.document import Plan
from bluegreen.errors import InvalidRequest
from bluegreen.ledger import approvals, audit, deployments, orders, starts
from bluegreen.ledger.audit import Step
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import KEPT_BACK, Record
from bluegreen.opening.permitted import Home, must_be_permitted
from bluegreen.request.names import REFERENCE, FunctionReference, is_execution_name
from bluegreen.request.request import Request
from bluegreen.target import Target
from bluegreen.text import plain

router = Router()


class Started(Answer):
    """Where the deployment that was started is found."""

    id: str
    execution: str
    console: str


class JustStarted(Answer):
    """An execution that has not written its record yet, or never did."""

    id: str
    execution: str
    state: str
    steps: tuple[Step, ...]


_SHOWN: dict[str, Any] = {
    name: (field.annotation, field) for name, field in Record.model_fields.items() if name not in KEPT_BACK
}
_WHERE: dict[str, Any] = {
    **{name: (str, ...) for name in ("function", "alias")},
    **{name: (str | None, None) for name in ("account", "region")},
}
Deployment = create_model("Deployment", __base__=Answer, **_WHERE, **_SHOWN)
DeploymentInFull = create_model(
    "DeploymentInFull",
    __base__=Deployment,
    plan=(Plan | None, None),
    orders=(tuple[Given, ...], ...),
    approvals=(tuple[Awaited, ...], ...),
    steps=(tuple[Step, ...], ...),
    next=(str | None, None),
)


class Deployments(Answer):
    """A page of deployments, the newest first."""

    deployments: tuple[Deployment, ...]
    next: str | None = None


@router.offers("POST", "/deployments", "StartDeployment", body=Request, answers={HTTPStatus.ACCEPTED: Started})
def start() -> tuple[dict[str, Any], int]:
    """
    Start a deployment.

    A request that is wrong by itself is refused. OpenDeployment checks the rest: the deployment may end as `Rejected`.
    """
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


@router.offers(
    "GET",
    "/deployments/{id}",
    "ReadDeployment",
    query={"next": NEXT},
    answers={HTTPStatus.OK: DeploymentInFull | JustStarted},
    refuses={HTTPStatus.NOT_FOUND: "There is no such deployment."},
)
def show(deployment: str) -> dict[str, Any]:
    """Show a deployment: its record, its plan, people's orders and approvals, and a page of its steps."""
    deployment = unquote(deployment)
    if not is_execution_name(deployment):
        raise NotFoundError(f"{plain(deployment, 100)!r} cannot be a deployment's id")
    after = asked.after(router.current_event)
    record = deployments.find(deployment)
    if record:
        plan = deployments.plan_of(deployment)
        steps, following = audit.steps(of_deployment(deployment), after)
        shown = record.to_json() | ({"plan": plan.as_json()} if plan else {})
        shown |= {"orders": [orders.shown(order) for order in orders.given(of_deployment(deployment))]}
        shown |= {"approvals": approvals.shown(of_deployment(deployment))}
        return shown | {"steps": [step.model_dump(mode="json") for step in steps]} | asked.page(following)
    execution = executions.describe(executions.arn_of(os.environ["STATE_MACHINE_ARN"], deployment))
    if execution is None:
        raise NotFoundError(f"there is no deployment {plain(deployment, 100)}")
    return {"id": deployment, "execution": execution.arn, "state": execution.status, "steps": []}


@router.offers(
    "GET",
    "/deployments",
    "ListDeployments",
    query={
        "function": Parameter("Its name or ARN, also with an alias.", Annotated[str, Field(pattern=REFERENCE)], True),
        "refused": Parameter("true: the requests that were refused.", Literal["true", "false"]),
        "next": NEXT,
    },
    answers={HTTPStatus.OK: Deployments},
)
def of_function() -> dict[str, Any]:
    """List a function's deployments, the newest first; with `refused=true` its refused requests."""
    event = router.current_event
    function = FunctionReference.read(event.get_query_string_value("function", ""))
    if function is None:
        raise BadRequestError("function: write the name of a function, as in /deployments?function=NAME")
    target = Target.beside(os.environ["STATE_MACHINE_ARN"], function.name, os.environ["DEFAULT_ALIAS"])
    if wrong := function.complaint(target.region, target.account):
        raise BadRequestError(f"function: {wrong}")
    refused = asked.yes(event, "refused")
    found, following = deployments.of_function(target, refused=refused, after=asked.after(event))
    wanted = [record for record in found if function.qualifier in ("", record.target.alias)]
    return {"deployments": [record.to_json() for record in wanted]} | asked.page(following)
