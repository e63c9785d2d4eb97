"""The matrix itself: a deployer that lacks one of its precautions is found out, at the point that this is for."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

import complete_deployment
import recover_deployments
from bluegreen.aws import aliases, executions, notifications
from bluegreen.aws.client import client
from bluegreen.document import Rollback
from bluegreen.ledger import records
from bluegreen.request.artifact import Zip
from bluegreen.rollback import recovery, undo
from tests.crash import kinds
from tests.crash.matrix import Case, run
from tests.crash.world import Place

SHIFT = Place("ShiftAlias", "UpdateAlias", 2)


def nothing(*_: Any, **__: Any) -> None:
    """Instead of a precaution."""


def without_revision(function: str, alias: str, route: Any, revision: str) -> Any:
    """Instead of compare and swap."""
    weights: Any = {"AdditionalVersionWeights": route.also}
    return client("lambda").update_alias(
        FunctionName=function, Name=alias, FunctionVersion=route.primary, RoutingConfig=weights
    )


def of_nobody(lock: records.Lock) -> Any:
    """Instead of the lock itself."""
    return [{"Key": {"pk": {"S": "lock#nobody"}, "sk": {"S": "lock"}}}]


real_recover = recovery.recover


def by_an_old_record(lock: records.Lock) -> bool:
    """Instead of reading the record once the execution has ended."""
    old = records.find(lock.deployment)
    execution = executions.describe(lock.held_by)
    if execution and execution.status != executions.RUNNING and old and not old.plan:
        return records.close(lock, records.REJECTED)
    return real_recover(lock)


real_setting = records._setting


def whatever_stands_there(deployment: str, values: dict[str, str], **others: Any) -> Any:
    """Instead of asking whether a later attempt has written already."""
    return real_setting(deployment, values, **{name: value for name, value in others.items() if "unless" not in name})


OVERTAKEN = ("lost, the handler goes on a shift later", Place("ShiftAlias", "UpdateItem", 2))
STOPPED_AT_LAST = ("stopped in the state", Place("CompleteDeployment", "", 1))
HANGING = "stopped, the handler goes on after recovery"
MOVED_TO_GREEN = ("another actor: green", Place("RollBack", "GetFunction", 2))
NOT_CLOSED = ("5xx, beyond them", Place("RollBack", "TransactWriteItems", 1))

CARELESS: dict[str, tuple[Any, str, Callable[..., Any], Case, str]] = {
    "does not ask whose the alias is before it puts blue back": (
        undo, "_is_ours", lambda *_: True,
        Case("bad", (("another actor: other version", Place("RollBack", "GetAlias", 1)),)), "4:",
    ),
    "names no revision": (
        aliases, "point", without_revision, Case("good", (("another actor: other version", SHIFT),)), "4:",
    ),
    "does not write down a weight before it is set": (
        records, "learn_shift", nothing, Case("good", (("stopped in the state", Place("Bake", "", 1)),)), "1:",
    ),
    "does not free the lock": (
        records, "_freeing", of_nobody, Case("good"), "3:",
    ),
    "does not undo what it finds": (
        recovery, "undo", lambda plan, last, error, cause, **_: Rollback(error=error, cause=cause, serving="1"),
        Case("stopped"), "1:",
    ),
    "lets an overtaken attempt write the record": (
        records, "_setting", whatever_stands_there, Case("good", (OVERTAKEN, STOPPED_AT_LAST)), "1:",
    ),
    "does not ask which upload is the newer": (
        Zip, "is_newer_than", lambda *_: True, Case("good", ((kinds.OLDER, Place("Deployed", "", 1)),)), "3:",
    ),
    "does not write down that the new code is sent": (
        records, "learn_code_sent", nothing,
        Case("good", ((HANGING, Place("UpdateCode", "UpdateFunctionCode", 1)),)), "3:",
    ),
    "does not write down that the alias is back": (
        records, "learn_returned", nothing, Case("late", (MOVED_TO_GREEN, NOT_CLOSED)), "4:",
    ),
    "decides by what the record said before the execution ended": (
        recover_deployments, "recover", by_an_old_record,
        Case("good", ((list(kinds.HANGING_AT_CALLS)[1], Place("OpenDeployment", "GetAlias", 1)),)), "1:",
    ),
    "does not look at $LATEST once more": (
        complete_deployment, "latest_must_be_ours", nothing,
        Case("good", (("another actor: $LATEST's code", Place("FullyShifted?", "", 3)),)), "4:",
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
