"""
Freezes: order one, lift one, list them.

    PUT    /functions/{name}/freeze   why, until when, and in which hours; in place of an earlier one for that name
    DELETE /functions/{name}/freeze   the freeze for that very name
    GET    /freezes                   those that are not over; with ?function=F those that are for this function

A name may be a pattern such as shop-* or *.
"""

import os
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from bluegreen import clock
from bluegreen.api import asked
from bluegreen.decisions.freezing import fits
from bluegreen.errors import InvalidRequest
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.request.freeze import Freeze, pattern_of
from bluegreen.target import Target

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.put("/functions/<name>/freeze")
def order(name: str) -> dict[str, Any]:
    """From now on every deployment to these functions is refused. The caller is the owner."""
    event = router.current_event
    asked.must_have_no_other_parameter_than(event)
    pattern = _pattern(name, "nothing was frozen")
    body, now = asked.body(event, "nothing was frozen"), clock.now()
    try:
        freeze = Freeze.read(body, now)
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; nothing was frozen") from error
    here = _here()
    before = next((each for each in freezes.everywhere(here) if each.pattern == pattern), None)
    ordered = Ordered(pattern=pattern, owner=asked.caller(event), since=clock.iso(now), freeze=freeze)
    freezes.order(here, ordered)
    return ordered.to_json(now) | ({"instead_of": before.to_json(now)} if before else {})


@router.delete("/functions/<name>/freeze")
def lift(name: str) -> dict[str, Any]:
    """Delete the freeze for that very name."""
    asked.must_have_no_other_parameter_than(router.current_event)
    pattern = _pattern(name, "nothing was lifted")
    if not freezes.lift(_here(), pattern):
        raise NotFoundError(f"there is no freeze for {pattern}; nothing was lifted; GET /freezes lists what there is")
    return {"name": pattern, "lifted": True}


@router.get("/freezes")
def everywhere() -> dict[str, Any]:
    """Those that are not over."""
    event = router.current_event
    asked.must_have_no_other_parameter_than(event, "function")
    function, now = event.get_query_string_value("function"), clock.now()
    found = freezes.everywhere(_here())
    return {"freezes": [each.to_json(now) for each in found if function is None or fits(each.pattern, function)]}


def _pattern(name: str, untouched: str) -> str:
    here = _here()
    try:
        return pattern_of(unquote(name), here.region, here.account)
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; {untouched}") from error


def _here() -> Target:
    return Target.beside(os.environ["STATE_MACHINE_ARN"], "", os.environ["DEFAULT_ALIAS"])
