"""Where something happens in a run, what is to happen there, and the case that both make."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.machine.faults import Call
from tests.machine.walk import Moment


@dataclass(frozen=True, order=True)
class Place:
    """The nth call of an operation by one handler, or (without an operation) the nth time in a state."""

    state: str
    operation: str
    nth: int

    def __str__(self) -> str:
        return f"{self.state}{f'.{self.operation}' if self.operation else ''}#{self.nth}"


@dataclass(frozen=True)
class Case:
    """A scenario and what goes wrong; `resume_at` is the call of recovery before which a parked handler goes on."""

    scenario: str
    faults: tuple[tuple[str, Place], ...] = ()
    resume_at: int | None = None

    def __str__(self) -> str:
        faults = " and ".join(f"{kind} @ {place}" for kind, place in self.faults) or "no fault"
        return f"{self.scenario}: {faults}" + (f", before recovery's call {self.resume_at}" if self.resume_at else "")


Inject = Callable[[Call, Callable[[], Any]], Any]
"""Gets a call and the attempt to make it; makes the attempt or does not, and returns the answer."""


@dataclass
class Injection:
    """
    A fault that waits for its call; `times=None` is that call and every later one of its operation.

    One that `calls_for_help` lasts until a person helps.
    """

    place: Place
    inject: Inject
    times: int | None = 1
    met: int = 0
    calls_for_help: bool = False

    def meets(self, call: Call, nth: int) -> bool:
        """Whether the fault meets this attempt, the nth of its operation by its handler."""
        if (call.state, call.operation) != (self.place.state, self.place.operation):
            return False
        if nth < self.place.nth or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        return True


@dataclass
class AtState:
    """Something that happens when the execution enters or leaves a state for the nth time."""

    state: str
    nth: int
    moment: Moment
    do: Callable[[], object]
    is_fault: bool = True
    met: int = 0

    def is_due(self, state: str, nth: int, moment: Moment) -> bool:
        """Whether this is its moment."""
        return (self.state, self.nth, self.moment) == (state, nth, moment)


@dataclass
class InHandler:
    """
    Something about the nth invocation of one handler, or of any handler if the state is "*".

    It is an error of the state instead of the handler's answer, or a clock that is wrong while the handler runs.
    """

    state: str
    error: str = ""
    when: Literal["before", "after"] = "before"
    nth: int = 1
    times: int | None = 1
    skew_seconds: float = 0.0
    alternating: bool = False
    met: int = 0

    def is_due(self, state: str, nth: int) -> bool:
        """Whether it meets this invocation, the nth by that state."""
        if self.state not in (state, "*"):
            return False
        if nth < self.nth or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        self.skew_seconds *= -1 if self.alternating else 1
        return True
