"""The names of the states of a release and of its functions, each checked against the committed machines at import."""

import json
from typing import Any

from tests.crash import states as of_one
from tests.machine.shop import FUNCTIONS_ASL, RELEASE_ASL

_RELEASE: dict[str, dict[str, Any]] = json.loads(RELEASE_ASL.read_text())["States"]
_FUNCTIONS: dict[str, dict[str, Any]] = json.loads(FUNCTIONS_ASL.read_text())["States"]
_CHILD: dict[str, dict[str, Any]] = _FUNCTIONS["EachFunction"]["ItemProcessor"]["States"]


def _state(name: str) -> str:
    if name not in _RELEASE | _CHILD:
        raise LookupError(f"no machine has the state {name}")
    return name


OPEN = _state("OpenRelease")
OPEN_FUNCTIONS = _state("OpenFunctions")
OPEN_MEMBER = _state("OpenMember")
CONFIRM_OPEN = _state("ConfirmOpen")
STAGE_FUNCTIONS = _state("StageFunctions")
UPDATE_CODE = _state("UpdateCode")
NOTE_FAILURE = _state("NoteFailure")
CONFIRM_STAGED = _state("ConfirmStaged")
SHIFT = _state("ShiftWave")
BAKE = _state("Bake")
LOOK = _state("LookAtWave")
PUT_BACK = _state("PutBackFailed")
COMPLETE = _state("CompleteRelease")
TIDY = _state("DeleteOldVersions")
DELETE_VERSIONS = _state("DeleteVersions")
ROLL_BACK = _state("RollBackRelease")
ALL_BACK = _state("AllBack?")

RELEASED = _state("Released")
NOTHING_TO_DEPLOY = _state("NothingToDeploy")
ROLLED_BACK = _state("RolledBack")
REJECTED = _state("Rejected")
ROLLBACK_FAILED = _state("RollbackFailed")
REFUSED = _state("Refused")

ENDS = frozenset(name for name, state in _RELEASE.items() if state["Type"] in ("Succeed", "Fail"))
TASKS = frozenset(name for name, state in (_RELEASE | _CHILD).items() if state["Type"] == "Task")
OF_A_FUNCTION = frozenset({*_FUNCTIONS, *_CHILD}) - _RELEASE.keys()
"""The states of the functions' machine, and of each function in it."""

WAITS_FOR_FUNCTIONS = frozenset({OPEN_FUNCTIONS, STAGE_FUNCTIONS, TIDY})
"""Each starts an execution of the functions' machine and waits for it: it is no handler of ours."""

HEADS = {name: name for name in (*_RELEASE, *_CHILD) if name in TASKS} | {
    name: of_one.IN_SHORT[name] for name in (of_one.API, of_one.RECOVERY)
}
"""Every handler in the order of the machines, then those that no state runs, and the head of its column."""
