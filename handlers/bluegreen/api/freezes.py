"""
Freezes: order one, lift one, list them.

    PUT    /functions/{name}/freeze   why, until when, and in which hours; in place of an earlier one for that name
    DELETE /functions/{name}/freeze   the freeze for that very name
    GET    /freezes                   those that are not over; with ?function=F those that are for this function

A name may be a pattern such as shop-* or *.
"""

import os
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from pydantic import Field

from bluegreen import clock
from bluegreen.api import asked
from bluegreen.api.routes import NEXT, Answer, Parameter, Router
from bluegreen.decisions.freezing import fits
from bluegreen.errors import InvalidRequest
from bluegreen.ledger import freezes
from bluegreen.ledger.freezes import Ordered
from bluegreen.request.freeze import Freeze, pattern_of
from bluegreen.request.names import REFERENCE, FunctionReference
from bluegreen.target import Target
from bluegreen.text import plain

router = Router()

NO_SUCH = {HTTPStatus.NOT_FOUND: "There is no freeze for that very name."}


class Frozen(Answer):
    """A freeze. `in_force_until` is left out while it is not in force: its windows are hours of the week."""

    name: str
    owner: str
    since: str
    reason: str
    zone: str
    until: str
    windows: tuple[str, ...]
    in_force_until: str | None = None


class NewlyFrozen(Frozen):
    """The freeze that was ordered, and the one that it replaced."""

    instead_of: Frozen | None = None


class Lifted(Answer):
    """The freeze for `name` is deleted. `still` are the freezes that hold the same functions, or some of them."""

    name: str
    lifted: bool
    still: tuple[Frozen, ...]


class Freezes(Answer):
    """
    A page of those that are not over, in the order of their names.

    It may have none, and a `next`: those that it leaves out are over, or for another function.
    """

    freezes: tuple[Frozen, ...]
    next: str | None = None


@router.offers("PUT", "/functions/{name}/freeze", "Freeze", body=Freeze, answers={HTTPStatus.OK: NewlyFrozen})
def order(name: str) -> dict[str, Any]:
    """
    Freeze a function, or all whose names fit a pattern such as `shop-*`.

    Until the freeze is over or lifted, deployments to these functions are refused. The caller is the owner.
    """
    event = router.current_event
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


@router.offers("DELETE", "/functions/{name}/freeze", "Unfreeze", answers={HTTPStatus.OK: Lifted}, refuses=NO_SUCH)
def lift(name: str) -> dict[str, Any]:
    """Lift the freeze for that very name or pattern."""
    pattern = _pattern(name, "nothing was lifted")
    here, now = _here(), clock.now()
    if not freezes.lift(here, pattern):
        raise NotFoundError(
            f"there is no freeze for {pattern}; nothing was lifted; `bluegreen freezes` lists what there is"
        )
    others = freezes.everywhere(here)
    still = [each.to_json(now) for each in others if fits(each.pattern, pattern) or fits(pattern, each.pattern)]
    return {"name": pattern, "lifted": True, "still": still}


@router.offers(
    "GET",
    "/freezes",
    "ListFreezes",
    query={
        "function": Parameter(
            "Its name or ARN, also with an alias: only freezes for it are listed.",
            Annotated[str, Field(pattern=REFERENCE)],
        ),
        "next": NEXT,
    },
    answers={HTTPStatus.OK: Freezes},
)
def everywhere() -> dict[str, Any]:
    """List the freezes that are not over."""
    event = router.current_event
    here, now = _here(), clock.now()
    asked_for = event.get_query_string_value("function")
    function = asked_for if asked_for is None else _function(asked_for, here)
    found, following = freezes.page(here, asked.after(event))
    wanted = [each.to_json(now) for each in found if function is None or fits(each.pattern, function)]
    return {"freezes": wanted} | asked.page(following)


def _function(text: str, here: Target) -> str:
    """A freeze is for all aliases of a function, so an alias says nothing more."""
    function = FunctionReference.read(text)
    if function is None:
        raise BadRequestError(f"function: {plain(text, 100)!r} cannot be a function's name; write its name or its ARN")
    if wrong := function.complaint(here.region, here.account):
        raise BadRequestError(f"function: {wrong}")
    return function.name


def _pattern(name: str, untouched: str) -> str:
    here = _here()
    try:
        return pattern_of(unquote(name), here.region, here.account)
    except InvalidRequest as error:
        raise BadRequestError(f"{error}; {untouched}") from error


def _here() -> Target:
    return Target.beside(os.environ["STATE_MACHINE_ARN"], "", os.environ["DEFAULT_ALIAS"])
