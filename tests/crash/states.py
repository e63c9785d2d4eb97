"""
The names of the machine's states and of the handlers, and the part that each plays in the matrix.

The tasks and the ends are read from the committed machine. Every other name is checked against it at import, so that a
state which was renamed is found here.
"""

import json
from typing import Any

from tests.machine.walk import DEPLOY_ASL

_MACHINE: dict[str, Any] = json.loads(DEPLOY_ASL.read_text())
_STATES: dict[str, dict[str, Any]] = _MACHINE["States"]


def _of_type(*types: str) -> tuple[str, ...]:
    return tuple(name for name, state in _STATES.items() if state["Type"] in types)


def _state(name: str) -> str:
    if name not in _STATES:
        raise LookupError(f"{DEPLOY_ASL.name} has no state {name}")
    return name


def _from(first: str, *until: str) -> frozenset[str]:
    """The states that the machine may come through from this one on if nothing fails, before one of the others."""
    found: set[str] = set()
    ahead = [first]
    while ahead:
        name = ahead.pop()
        if name in found or name in until:
            continue
        found.add(name)
        ways = [_STATES[name], *_STATES[name].get("Choices", [])]
        ahead += [way[key] for way in ways for key in ("Next", "Default") if key in way]
    return frozenset(found)


TASKS = _of_type("Task")
ENDS = frozenset(_of_type("Succeed", "Fail"))
GOOD_ENDS = frozenset(_of_type("Succeed"))

TRIGGER, API, RECOVERY = "ReceiveUpload", "ServeApi", "RecoverDeployments"
"""
The handlers that no state runs: the first starts the machine, the second takes what people order and decide, the third
carries out an abort and cleans up after the machine.
"""

OPEN: str = _MACHINE["StartAt"]
RECOVER_PREVIOUS = _state("RecoverPrevious")
UPDATE_CODE = _state("UpdateCode")
SMOKE_TEST = _state("SmokeTest")
PUBLISH = _state("PublishVersion")
SMOKE_TEST_GREEN = _state("SmokeTestGreen")
WHAT_NEXT = _state("WhatNext?")
RUN_HOOK = _state("RunHook")
AWAIT_APPROVAL = _state("AwaitApproval")
SHIFT = _state("ShiftAlias")
BAKE = _state("Bake")
CHECK_HEALTH = _state("CheckHealth")
COMPLETE = _state("CompleteDeployment")
OLD_VERSIONS = _state("OldVersions?")
DELETE_VERSIONS = _state("DeleteVersions")
ROLL_BACK = _state("RollBack")
REJECT = _state("RejectDeployment")

DEPLOYED = _state("Deployed")
NOTHING_TO_DEPLOY = _state("NothingToDeploy")
REJECTED = _state("Rejected")
ROLLED_BACK = _state("RolledBack")
ROLLBACK_FAILED = _state("RollbackFailed")

STOPPED, TIMED_OUT = "ABORTED", "TIMED_OUT"
"""How Step Functions calls an execution that came to no end of its own."""

TOLD_OF = (DEPLOYED, ROLLED_BACK, REJECTED)
"""People are told that a deployment came to one of these ends."""

LEAVES_A_RECORD = frozenset({*TOLD_OF, ROLLBACK_FAILED})
"""A deployment that came to one of these ends has a record."""

CUT_SHORT = frozenset({STOPPED, TIMED_OUT})

BEFORE_USERS = frozenset({TRIGGER}) | _from(OPEN, WHAT_NEXT, COMPLETE)
"""No user has met the new code yet when the machine is in one of these, which come before its loop."""

GATES = frozenset({RUN_HOOK, AWAIT_APPROVAL})
"""What the machine comes through before a shift only if the request asks for it."""

TIDIES = frozenset({OLD_VERSIONS, DELETE_VERSIONS})
"""The deployment has ended when the machine is in one of these."""

CHANGES_NOTHING = frozenset({SMOKE_TEST, SMOKE_TEST_GREEN, CHECK_HEALTH, DELETE_VERSIONS}) | GATES
"""The handlers of these states change neither the alias nor $LATEST."""

LOOKING = frozenset({BAKE, CHECK_HEALTH, WHAT_NEXT})
"""The machine comes through these states once for every look at the health of green."""

UNDOES_THE_DEAD = frozenset({RECOVER_PREVIOUS, RECOVERY})
"""These handlers undo a deployment that was stopped and left as it was."""

NOTES_NO_CHANGE_OF_LATEST = frozenset({TRIGGER, OPEN, RECOVER_PREVIOUS, RECOVERY}) | _from(COMPLETE)
"""A change of $LATEST in these is not noted: there is no plan yet, or $LATEST was looked at for the last time."""

IN_SHORT = {
    TRIGGER: "receive",
    OPEN: "open",
    RECOVER_PREVIOUS: "recover previous",
    UPDATE_CODE: "update",
    SMOKE_TEST: "smoke",
    PUBLISH: "publish",
    SMOKE_TEST_GREEN: "smoke green",
    RUN_HOOK: "hook",
    AWAIT_APPROVAL: "approve",
    SHIFT: "shift",
    CHECK_HEALTH: "check",
    COMPLETE: "complete",
    DELETE_VERSIONS: "tidy",
    ROLL_BACK: "roll back",
    REJECT: "reject",
    API: "order",
    RECOVERY: "recover",
}
"""How the report calls a handler; it calls any other by its own name."""


HEADS = {name: IN_SHORT.get(name, name) for name in (TRIGGER, *TASKS, API, RECOVERY)}
"""Every handler in the order of the machine, and the head of its column."""
