"""
Faults put on purpose at AWS API calls.

Every call passes `Faults.meeting`; the first fault that matches it, and is not used up, happens to it.

    throttle       the service answers that there are too many requests
    error          the service fails with status 500
    deny           the caller is told that it may not
    drop_before    the connection ends, and nothing was done
    drop_after     the connection ends, and it was done
    kill_before    the calling function's execution environment dies, and nothing was done
    kill_after     the calling function's execution environment dies, and it was done
    delay          the call waits for `seconds` first

What EventBridge hands to the targets of a rule passes here too, as the operation `Deliver` of the service `events`
with the rule's name as `session`:

    lose           the event never arrives
    twice          the event arrives twice
    delay          the event arrives `seconds` later
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from sandbox.layer.calls import Call

KINDS = ("throttle", "error", "deny", "drop_before", "drop_after", "kill_before", "kill_after", "delay")
KINDS_OF_DELIVERY = ("lose", "twice", "delay")
LIKE = ("role", "session", "service", "operation")


@dataclass
class Fault:
    """
    What happens, and to which calls.

    `role`, `session` (for a function: its name), `service` and `operation` are patterns as a shell's; the first
    `skip` calls that match are spared, and the next `times` are hit, all of them where `times` is 0.
    """

    fault: str
    role: str = "*"
    session: str = "*"
    service: str = "*"
    operation: str = "*"
    skip: int = 0
    times: int = 1
    seconds: float = 0.0
    code: str = ""
    id: int = 0
    met: int = 0

    def meets(self, call: Call) -> bool:
        """Whether this call is hit; a call that matches is counted."""
        if (call.operation == "Deliver") != (self.operation == "Deliver"):
            return False
        if not all(fnmatchcase(getattr(call, name), getattr(self, name)) for name in LIKE):
            return False
        self.met += 1
        return self.met > self.skip and (self.times == 0 or self.met <= self.skip + self.times)

    def public(self) -> dict[str, Any]:
        """What is shown of it, with how often it hit."""
        hits = max(0, self.met - self.skip)
        return vars(self) | {"hits": hits if self.times == 0 else min(hits, self.times)}


class Faults:
    """Those in force, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def put(self, description: dict[str, Any]) -> Fault:
        """Put a fault in force; ValueError names what is wrong with it."""
        known = {field.name for field in fields(Fault)} - {"id", "met"}
        if unknown := sorted(set(description) - known):
            raise ValueError(f"a fault has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        kinds = KINDS_OF_DELIVERY if description.get("operation") == "Deliver" else KINDS
        if description.get("fault") not in kinds:
            raise ValueError(f"there is no fault {description.get('fault')!r} here; there are {', '.join(kinds)}")
        fault = Fault(**description, id=next(self._ids))
        with self._lock:
            self._faults.append(fault)
        return fault

    def meeting(self, call: Call) -> Fault | None:
        """The fault that this call meets, if any."""
        with self._lock:
            return next((fault for fault in self._faults if fault.meets(call)), None)

    def all(self) -> list[Fault]:
        """Those in force, oldest first."""
        with self._lock:
            return list(self._faults)

    def clear(self, number: int | None = None) -> None:
        """Take one away by its id, or all."""
        with self._lock:
            self._faults = [fault for fault in self._faults if number is not None and fault.id != number]


in_force = Faults()
