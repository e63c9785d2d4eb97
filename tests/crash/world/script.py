"""What is still to happen in a run."""

from collections.abc import Callable

from tests.crash.world.places import AtState, InHandler, Injection


class Countdown:
    """Counts calls or states down, and does something at the last of them."""

    def __init__(self) -> None:
        self._left = 0
        self._do: Callable[[], object] = lambda: None

    def start(self, number: int, do: Callable[[], object]) -> None:
        """Do something at the last of so many steps. What was counted down before is forgotten."""
        self._left, self._do = number, do

    def stop(self) -> None:
        """Do nothing at any step."""
        self._left = 0

    def step(self) -> None:
        """A call or a state has come."""
        if self._left == 0:
            return
        self._left -= 1
        if self._left == 0:
            self._do()


class Script:
    """
    Holds the faults of a run until each of them meets its place.

    Its countdowns hold what happens a number of states later, or at a later call of recovery's.
    """

    def __init__(self) -> None:
        self.injections: list[Injection] = []
        self.at_states: list[AtState] = []
        self.in_handlers: list[InHandler] = []
        self.states_ahead = Countdown()
        self.recovery_resumes = Countdown()
        self.recovery_hangs = Countdown()
        self.table_is_away: Callable[[], bool] = lambda: False
        self.call_for_help: Callable[[], object] = self.end_what_lasts
        """Calls a person, who helps a while later."""
        self.at_visit: Callable[[int], object] = lambda number: None
        """Gets the number of every visit of a state, from 1 on, before anything happens there."""

    def met(self) -> list[int]:
        """How often each of the faults met its place."""
        return [
            *(injection.met for injection in self.injections),
            *(at_state.met for at_state in self.at_states if at_state.is_fault),
            *(in_handler.met for in_handler in self.in_handlers),
        ]

    def end_what_lasts(self) -> None:
        """A person helps: a fault that would meet every call meets none any more."""
        for injection in self.injections:
            injection.times = injection.times or 0
        self.table_is_away = lambda: False

    def disarm(self) -> None:
        """Nothing more goes wrong."""
        self.injections, self.at_states, self.in_handlers = [], [], []
        self.table_is_away = lambda: False
        for countdown in (self.states_ahead, self.recovery_resumes, self.recovery_hangs):
            countdown.stop()
