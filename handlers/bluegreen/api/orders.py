"""
Orders to a deployment that runs.

    DELETE /deployments/{id}           abort: blue has everybody within seconds
    POST   /deployments/{id}/pause     green gets no larger share; {"seconds": 3600} is the limit
    POST   /deployments/{id}/resume    takes a pause back
    POST   /deployments/{id}/promote   green gets everything, or with {"to": "next"} the next step's share

Each takes a `reason`, and answers 202: the order is written down. RecoverDeployments carries out an abort, and the next
look everything else. 409 says why an order is refused.
"""

from functools import partial
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError

from bluegreen import clock
from bluegreen.api import asked, routes
from bluegreen.api.refusals import Refused
from bluegreen.api.routes import Parameter, Router
from bluegreen.aws import handlers
from bluegreen.decisions.orders import Kind, Objection, Order, objection, standing
from bluegreen.document import DEPLOYED
from bluegreen.edge import logger
from bluegreen.errors import AwsUnavailable, DeploymentError, InvalidRequest
from bluegreen.ledger import deployments, orders
from bluegreen.ledger.record import OPEN, Record
from bluegreen.request import order as request
from bluegreen.request.names import is_execution_name
from bluegreen.text import plain

UNTOUCHED = "nothing was ordered"

Answer = tuple[dict[str, Any], HTTPStatus]
Body = TypeVar("Body", bound=request.Asked)

router = Router()


class Given(routes.Answer):
    """An order: `by` is the IAM principal's ARN. A pause has `seconds`, and a promote `to`."""

    order: Kind
    by: str
    at: str
    reason: str | None = None
    seconds: int | None = None
    to: Literal["all", "next"] | None = None


class Ordered(routes.Answer):
    """The orders that were given to the deployment, the oldest first."""

    id: str
    orders: tuple[Given, ...]


ORDERED = {HTTPStatus.ACCEPTED: Ordered}
REFUSED = {
    HTTPStatus.NOT_FOUND: "There is no such deployment, or it has only just begun. Nothing was ordered.",
    HTTPStatus.CONFLICT: "The order does not fit how the deployment stands; `message` says why. Nothing was ordered.",
}


takes = partial(router.offers, "POST", needs_body=False, answers=ORDERED, refuses=REFUSED)


@router.offers(
    "DELETE",
    "/deployments/{id}",
    "AbortDeployment",
    query={"reason": Parameter("Why, if the body does not say it.", request.Reason)},
    body=request.Asked,
    needs_body=False,
    answers=ORDERED,
    refuses=REFUSED,
)
def abort(deployment: str) -> Answer:
    """
    Abort: blue has everybody within seconds.

    To order it again is harmless: RecoverDeployments is only asked once more.
    """
    body = _body(request.Asked)
    answer = _give(unquote(deployment), "abort", body)
    try:
        handlers.undo_soon(unquote(deployment))
    except DeploymentError as error:  # the order stands: the next look or the next sweep carries it out
        logger.error("RecoverDeployments was not asked to abort", extra={"cause": str(error)})
    return answer


@takes("/deployments/{id}/pause", "PauseDeployment", body=request.Pause)
def pause(deployment: str) -> Answer:
    """
    Pause: green's share stays where it is.

    After `seconds` without another order the deployment is rolled back. Looks go on meanwhile.
    """
    body = _body(request.Pause)
    return _give(unquote(deployment), "pause", body, seconds=body.seconds)


@takes("/deployments/{id}/resume", "ResumeDeployment", body=request.Asked)
def resume(deployment: str) -> Answer:
    """Resume: take a pause back."""
    return _give(unquote(deployment), "resume", _body(request.Asked))


@takes("/deployments/{id}/promote", "PromoteDeployment", body=request.Promote)
def promote(deployment: str) -> Answer:
    """
    Promote: give green everything, or the next step's share.

    It takes a pause back, too. Adaptive has no steps, so `next` is refused there.
    """
    body = _body(request.Promote)
    return _give(unquote(deployment), "promote", body, to=body.to)


def _body(model: type[Body]) -> Body:
    event = router.current_event
    body = asked.body(event, UNTOUCHED) if event.body else {}
    if isinstance(body, dict):
        body = (event.query_string_parameters or {}) | body
    try:
        return model.read(body)
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; {UNTOUCHED}") from error


def _give(deployment: str, kind: Kind, body: request.Asked, **more: Any) -> Answer:
    record = deployments.find(deployment) if is_execution_name(deployment) else None
    if record is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"there is no deployment {plain(deployment, 100)}, or it has only just begun",
            UNTOUCHED,
            "GET /deployments?function=NAME lists a function's deployments",
        )
    given, number = orders.counted(record.owner)
    ordered = standing(given, clock.now())
    if kind == "abort" and ordered.aborted and record.live:
        return _accepted(record, given)
    order = Order(
        order=kind,
        by=asked.principal(router.current_event),
        at=clock.now(),
        reason=body.reason,
        **more,
    )
    if wrong := _over(record) or objection(order, ordered, number, record.shift) or _has_no_steps(record, order):
        what = f"{kind}: deployment {record.id} of {record.target.said} cannot take this order"
        raise Refused(HTTPStatus.CONFLICT, what, UNTOUCHED, wrong.advice, wrong.why)
    if not orders.give(record.owner, order, number):
        raise AwsUnavailable(f"another order came at the same moment; {UNTOUCHED}")
    return _accepted(record, (*given, order))


def _over(record: Record) -> Objection | None:
    if record.release and record.live:
        part = f"it is a part of the release {record.release}, and takes no orders of its own"
        return Objection(part, "Order that instead")
    if record.state == OPEN:
        return None
    if record.live:
        cause = record.cause or "It does not say why"
        return Objection(f"it is being rolled back already: {record.error}: {cause}", "")
    if record.state != DEPLOYED:
        return Objection(f"it has ended as {record.state}", "")
    return Objection(f"it has ended as {record.state}", record.way_back)


def _has_no_steps(record: Record, order: Order) -> Objection | None:
    """Adaptive's weights follow the evidence."""
    if order.order != "promote" or order.to != "next":
        return None
    plan = deployments.plan_of(record.id)
    if plan and not plan.schedule.adaptive:
        return None
    return Objection("its strategy, Adaptive, has no steps", 'Promote it to "all", or let it run')


def _accepted(record: Record, given: tuple[Order, ...]) -> Answer:
    return {"id": record.id, "orders": [orders.shown(each) for each in given]}, HTTPStatus.ACCEPTED
