"""How long it takes until a stopped deployment has left the alias whole."""

from tests.crash.world.observer import Observer


class Stopwatch:
    """Measures the time from a stop to a whole alias, in calls of Lambda's control plane by handlers."""

    def __init__(self, observer: Observer) -> None:
        self.whole_after: int | None = None
        self._observer = observer
        self._calls = 0
        self._began_at: int | None = None

    def count_call(self) -> None:
        """A handler calls Lambda's control plane."""
        self._calls += 1

    def start(self) -> None:
        """The execution was stopped just now; there is nothing to measure unless the alias is split."""
        self._began_at = self._calls if self._observer.is_split() else None

    def look(self) -> None:
        """Note the time if the alias is whole for the first time since the stop."""
        if self._began_at is not None and self.whole_after is None and not self._observer.is_split():
            self.whole_after = self._calls - self._began_at
