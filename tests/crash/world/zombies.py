"""Handlers that outlive their execution."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crash.world.uncounted import Uncounted
from tests.machine.faults import HandlerKilled
from tests.machine.patience import PATIENCE_SECONDS


@dataclass
class Parked:
    """A handler that hangs in the middle of its work, in a thread of its own."""

    thread: threading.Thread
    resumed: threading.Event = field(default_factory=threading.Event)
    killed: bool = False


class Zombies:
    """
    Parks a handler in the middle of its work, and resumes it when its execution has gone on or is over.

    A handler of a state in `may_park` runs in a thread of its own, since only such a handler can be parked. The flags
    say when parked handlers are resumed if nothing else resumes them earlier: once the deployment under test is over,
    or during the next one.
    """

    def __init__(self, uncounted: Uncounted) -> None:
        self.may_park: set[str] = set()
        self.resume_at_the_end = False
        self.resume_in_the_next = False
        self._uncounted = uncounted
        self._parked: list[Parked] = []
        self._waited_for: dict[threading.Thread, threading.Event] = {}

    def run(self, name: str, do: Callable[[], object]) -> bool:
        """Run this in a thread until it is done or parks; whether it is done."""
        over = threading.Event()

        def body() -> None:
            do()
            over.set()

        thread = threading.Thread(target=body, daemon=True)
        self._waited_for[thread] = over
        thread.start()
        assert over.wait(PATIENCE_SECONDS), f"{name} does not end"
        return all(parked.thread is not thread for parked in self._parked)

    def park(self) -> None:
        """The handler that calls this hangs here until it is resumed; its execution goes on without it."""
        thread = threading.current_thread()
        parked = Parked(thread)
        self._parked.append(parked)
        over = self._waited_for.get(thread)
        assert over is not None, "only a handler in a thread of its own can be parked"
        over.set()
        assert parked.resumed.wait(PATIENCE_SECONDS), "a parked handler was never resumed"
        if parked.killed:
            raise HandlerKilled

    def resume(self, *, killed: bool = False) -> bool:
        """The parked handlers do the rest of their work now, or are killed; whether there were any."""
        waiting = [parked for parked in self._parked if not parked.resumed.is_set()]
        for parked in waiting:
            parked.killed = killed
            parked.resumed.set()
            with self._uncounted.work():
                parked.thread.join(PATIENCE_SECONDS)
        return bool(waiting)
