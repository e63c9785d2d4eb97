"""
Functions: which version was last deployed to their aliases, and the deployment that runs.

    GET /functions          every alias to which a deployment was completed, or runs that is no part of a release
    GET /functions/{name}   those of one function

They say what the ledger knows. ServeApi may not ask Lambda, so no answer says which version serves now.
"""

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError

from bluegreen.api import asked
from bluegreen.api.routes import NEXT, Answer, Router
from bluegreen.ledger import deployments, locks, serving
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.serving import Served
from bluegreen.request.names import FunctionReference
from bluegreen.target import Target
from bluegreen.text import plain

router = Router()


class Running(Answer):
    """
    The deployment that runs, unless it is a part of a release: `GET /releases/{id}` shows that one.

    `green_weight` is the share of the alias that green has, or is about to get. `green` is left out until its version
    is known.
    """

    id: str
    state: str
    green: str | None = None
    green_weight: float


class Alias(Answer):
    """
    An alias, as the last completed deployment left it.

    `last_deployed` is the version that this deployment gave it, `last_deployed_at` when it ended, and `deployment` its
    id; they are left out if none was completed. Someone else may have moved the alias since: `bluegreen status` and
    `aws lambda get-alias` say which version serves now. `account` and `region` are those of a function that a release
    reached by a role.
    """

    function: str
    alias: str
    account: str | None = None
    region: str | None = None
    last_deployed: str | None = None
    last_deployed_at: str | None = None
    deployment: str | None = None
    running: Running | None = None


class Function(Answer):
    """The aliases of a function that the deployer knows."""

    function: str
    aliases: tuple[Alias, ...]


class Functions(Answer):
    """A page of aliases, in the order of their functions. Those with a first deployment that runs come first."""

    functions: tuple[Alias, ...]
    next: str | None = None


@router.offers("GET", "/functions", "ListFunctions", query={"next": NEXT}, answers={HTTPStatus.OK: Functions})
def everywhere() -> dict[str, Any]:
    """
    List the aliases that the deployer knows, with the version that was last deployed to each.

    It knows an alias to which a deployment was completed, or to which one runs that is no part of a release. What a
    release deploys to for the first time is listed once it is completed; `GET /releases/{id}` shows it before.
    """
    after = asked.after(router.current_event)
    found, following = serving.listed(after)
    held = {lock.target.key: lock for lock in locks.all_held()[0]}
    served = {target.key for target, _ in found}
    beginning = [] if after else [lock.target for key, lock in held.items() if key not in served]
    first = [(target, None) for target in beginning if serving.now(target) is None]
    shown = [_shown(target, last, held) for target, last in (*first, *found)]
    return {"functions": shown} | asked.page(following)


@router.offers(
    "GET",
    "/functions/{name}",
    "ReadFunction",
    answers={HTTPStatus.OK: Function},
    refuses={HTTPStatus.NOT_FOUND: "No deployment to it was completed, and none runs outside of a release."},
)
def show(name: str) -> dict[str, Any]:
    """
    Show a function's aliases: the version that was last deployed to each, and the deployment that runs.

    The name may be an ARN of the stack's account and region, and may have an alias: `Shop:PROD`.
    """
    function = FunctionReference.read(unquote(name))
    if function is None:
        raise NotFoundError(f"name: {plain(unquote(name), 100)!r} cannot be a function's name")
    target = Target.beside(os.environ["STATE_MACHINE_ARN"], function.name, "")
    if wrong := function.complaint(target.region, target.account):
        raise BadRequestError(f"name: {wrong}")
    served = {each.key: last for each, last in serving.of_function(target)}
    held = {lock.target.key: lock for lock in locks.all_held(target)[0]}
    of_it = (target.model_copy(update={"alias": key.rpartition(":")[2]}) for key in sorted({*served, *held}))
    known = [each for each in of_it if function.qualifier in ("", each.alias)]
    if not known:
        raise NotFoundError(
            f"name: no deployment to {plain(unquote(name), 100)} was completed, and none runs outside of a release; "
            "GET /functions lists what there is, and GET /releases/{id} the functions of a release"
        )
    return {"function": function.name, "aliases": [_shown(each, served.get(each.key), held) for each in known]}


def _shown(target: Target, served: Served | None, held: Mapping[str, Lock]) -> dict[str, Any]:
    lasting = (
        {"last_deployed": served.version, "last_deployed_at": served.since, "deployment": served.deployment}
        if served
        else {}
    )
    lock = held.get(target.key)
    running = _running(lock.deployment) if lock else {}
    return target.shown | lasting | ({"running": running} if running else {})


def _running(deployment: str) -> dict[str, Any]:
    """Nothing, if it has ended meanwhile."""
    record = deployments.find(deployment)
    if record is None or not record.live:
        return {}
    share = 0.0 if record.users_are_safe else record.weights[-1]
    known = {"green": record.green} if record.green else {}
    return {"id": record.id, "state": record.state} | known | {"green_weight": share}
