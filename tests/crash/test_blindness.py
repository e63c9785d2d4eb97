"""The matrix itself: a deployer that lacks one of its precautions is found out, at the point that this is for."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

import bluegreen.baking.latest as at_the_end
import shift_alias
from bluegreen.aws import aliases, executions, notifications
from bluegreen.aws.client import client
from bluegreen.decisions.restoration import AliasOutcome, LatestOutcome, Outcome
from bluegreen.decisions.route import Route
from bluegreen.document import ROLLED_BACK
from bluegreen.ledger import deployments, freezes, orders, record
from bluegreen.ledger.locks import Lock
from bluegreen.request.artifact import Zip
from bluegreen.rollback import alias, recovery, undo
from bluegreen.rollback.recovery import Recovered
from bluegreen.target import Target
from tests.crash import kinds, states
from tests.crash.matrix import run
from tests.crash.world.places import Case, Place
from tests.crash.world.table import lock_of

SHIFT = Place(states.SHIFT, "UpdateAlias", 2)


def nothing(*_: Any, **__: Any) -> None:
    """Instead of a precaution."""


def without_revision(target: Target, route: Route, revision: str) -> aliases.Alias:
    """Instead of compare and swap."""
    weights: Any = {"AdditionalVersionWeights": route.also}
    answer = client("lambda", target).update_alias(
        FunctionName=target.function, Name=target.alias, FunctionVersion=route.primary, RoutingConfig=weights
    )
    return aliases.Alias(route=route, revision=answer["RevisionId"])


real_freeing = Lock.freeing


def of_another(lock: Lock) -> Any:
    """Instead of the lock itself, until the deployment is over: the next one recovers it then, and comes to an end."""
    record = deployments.find(lock.deployment)
    return [{"Delete": {"Key": lock_of("another")}}] if record and record.live else real_freeing(lock)


def claims(*_: Any) -> Outcome:
    """Instead of putting anything back."""
    return Outcome(alias=AliasOutcome(kind="back", route=Route(primary="1")), latest=LatestOutcome(kind="as_it_was"))


real_recover = recovery.recover


def by_an_old_record(lock: Lock) -> Recovered:
    """Instead of reading the record once the execution has ended."""
    old = deployments.find(lock.deployment)
    execution = executions.describe(lock.held_by)
    if execution and not execution.running and old and not old.blue:
        deployments.close(old, ROLLED_BACK, serving="1")
        return "recovered"
    return real_recover(lock)


real_change = record.change


def without_condition(deployment: str, values: dict[str, Any], **others: Any) -> Any:
    """Instead of asking whether a later attempt has written already."""
    return real_change(deployment, values, **{name: value for name, value in others.items() if "unless" not in name})


OVERTAKEN = ("lost, the handler goes on a shift later", Place(states.SHIFT, "UpdateItem", 3))
STOPPED_AT_LAST = ("stopped in the state", Place(states.COMPLETE, "", 1))
HANGING = "stopped, the handler goes on after recovery"
MOVED_TO_GREEN = ("another actor: green", Place(states.ROLL_BACK, "GetFunction", 2))
NOT_CLOSED = ("5xx, beyond them", Place(states.ROLL_BACK, "TransactWriteItems", 1))

CARELESS: dict[str, tuple[Any, str, Callable[..., Any], Case, str]] = {
    "does not ask whose the alias is before it puts blue back": (
        alias, "alias_restoration", lambda *_: "put_back",
        Case("bad", (("another actor: other version", Place(states.ROLL_BACK, "GetAlias", 1)),)), "4:",
    ),
    "names no revision": (
        aliases, "point", without_revision, Case("good", (("another actor: other version", SHIFT),)), "4:",
    ),
    "does not write down a weight before it is set": (
        deployments, "learn_shift", nothing, Case("good", (("stopped in the state", Place(states.BAKE, "", 1)),)), "1:",
    ),
    "does not free the lock": (
        Lock, "freeing", of_another, Case("good"), "3:",
    ),
    "does not undo what it finds": (
        undo, "_restored", claims,
        Case("stopped"), "1:",
    ),
    "lets an overtaken attempt write the record": (
        deployments, "change", without_condition, Case("good", (OVERTAKEN, STOPPED_AT_LAST)), "1:",
    ),
    "does not ask which upload is the newer": (
        Zip, "is_newer_than", lambda *_: True, Case("good", ((kinds.OLDER, Place(states.DEPLOYED, "", 1)),)), "3:",
    ),
    "does not write down that the new code is sent": (
        deployments, "learn_code_sent", nothing,
        Case("good", ((HANGING, Place(states.UPDATE_CODE, "UpdateFunctionCode", 1)),)), "3:",
    ),
    "does not write down that the alias is back": (
        deployments, "learn_returned", nothing, Case("late", (MOVED_TO_GREEN, NOT_CLOSED)), "4:",
    ),
    "decides by what the record said before the execution ended": (
        recovery, "recover", by_an_old_record,
        Case("good", ((list(kinds.HANGING_AT_CALLS)[1], Place(states.OPEN, "GetAlias", 1)),)), "1:",
    ),
    "does not look at $LATEST once more": (
        at_the_end, "found", lambda *_: "unchanged",
        Case("good", (("another actor: $LATEST's code", Place(states.WHAT_NEXT, "", 3)),)), "4:",
    ),
    "takes a step although the ledger has no approval of it": (
        shift_alias, "must_be_approved", lambda *_: (),
        Case("declined", ((kinds.FOREIGN, Place(states.AWAIT_APPROVAL, "", 1)),)), "7:",
    ),
    "does not read an abort": (
        orders, "given", lambda *_: (), Case("aborted"), "6: abort",
    ),
    "does not read a pause": (
        orders, "given", lambda *_: (), Case("forgotten"), "6: a pause",
    ),
    "does not ask for freezes": (
        freezes, "of", lambda *_: (), Case("frozen"), "6: a freeze",
    ),
    "does not tell people": (
        notifications, "tell", lambda *_: False, Case("bad"), "told:",
    ),
}  # fmt: skip


@pytest.mark.parametrize("careless", CARELESS)
def test_a_deployer_is_found_out_that(careless: str) -> None:
    module, name, instead, case, point = CARELESS[careless]

    with mock.patch.object(module, name, instead):
        outcome = run(case)

    assert any(violation.startswith(point) for violation in outcome.violations), outcome.violations
