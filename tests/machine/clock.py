"""Time as a test wants it: it stands still until something waits, and then it has passed."""

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

A_MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_thread = threading.local()
"""Whose turn it is that a thread takes part in."""


class _Turn:
    """One of several works that go on beside each other. It runs until it waits, and then another one runs."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.waits_until: float | None = None
        self._work = work
        self._error: BaseException | None = None
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def take(self) -> None:
        """Let it run until it waits or is over. Raises what it raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self.waits_until = None
        self._go.release()
        self._stands.acquire()
        if self._error is not None:
            raise self._error

    def wait(self, until: float) -> None:
        """Give the turn away until that moment has come."""
        self.waits_until = until
        self._stands.release()
        self._go.acquire()

    def _run(self) -> None:
        _thread.turn = self
        self._go.acquire()
        try:
            self._work()
        except BaseException as error:
            self._error = error
        self._stands.release()


class SameTurn(threading.Thread):
    """A thread whose waits are those of the one that made it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._turn: _Turn | None = getattr(_thread, "turn", None)

    def run(self) -> None:
        _thread.turn = self._turn
        super().run()


class Clock:
    """
    The one clock of a test: Step Functions' waits and retries, boto3's, the handlers' and CloudWatch's.

    Two machines that wait beside each other both move it; what is done `together` waits at the same time.
    """

    def __init__(self, start: datetime = A_MONDAY) -> None:
        self._now = start.timestamp()
        self._order = itertools.count()
        self._due: list[tuple[float, int, float | None, Callable[[], object]]] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something once, when that time has come."""
        self._schedule(self._now + seconds, None, do)

    def every(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something again and again while time passes."""
        self._schedule(self._now + seconds, seconds, do)

    def sleep(self, seconds: float) -> None:
        """Let time pass; what falls due meanwhile is done at its moment."""
        until = self._now + max(0.0, seconds)
        if (turn := getattr(_thread, "turn", None)) is not None:
            turn.wait(until)
            return
        self._pass(until)

    def together(self, works: Iterable[Callable[[], None]], most: int = 0) -> None:
        """
        Do all works, of which at most `most` are begun and not over, if it is not 0.

        One runs at a time. It goes on until it waits, and while all wait, time passes to the first moment that one
        waits for. So the same works always do the same.
        """
        new, waiting = deque(map(_Turn, works)), list[tuple[float, int, _Turn]]()
        while new or waiting:
            if new and (most == 0 or len(waiting) < most):
                turn = new.popleft()
            else:
                moment, _, turn = heapq.heappop(waiting)
                self._pass(moment)
            turn.take()
            if turn.waits_until is not None:
                heapq.heappush(waiting, (turn.waits_until, next(self._order), turn))

    def _pass(self, until: float) -> None:
        while (do := self._next(until)) is not None:
            do()

    def _schedule(self, moment: float, again: float | None, do: Callable[[], object]) -> None:
        with self._lock:
            heapq.heappush(self._due, (moment, next(self._order), again, do))

    def _next(self, until: float) -> Callable[[], object] | None:
        with self._lock:
            if not self._due or self._due[0][0] > until:
                self._now = max(self._now, until)
                return None
            moment, _, again, do = heapq.heappop(self._due)
            if again is not None:
                heapq.heappush(self._due, (moment + again, next(self._order), again, do))
            self._now = max(self._now, moment)
            return do
