"""Time as a test wants it: it stands still until something waits, and then it has passed."""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime

A_MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Clock:
    """
    The one clock of a test: Step Functions' waits and retries, boto3's, the handlers' and CloudWatch's.

    Two machines that wait beside each other both move it.
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
