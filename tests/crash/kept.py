"""What came of the cases so far, also of those that were run before this run was stopped and started again."""

import io
import pickle
import time
from contextlib import suppress
from pathlib import Path

from tests.crash.matrix import Outcome
from tests.crash.world.places import Case


class Kept:
    """
    The outcomes so far, with what an earlier run has left in the file.

    `seconds` are those in which they were made, together.
    """

    def __init__(self, path: Path | None) -> None:
        self.outcomes: list[Outcome] = []
        self.seconds = 0.0
        self._path, self._before = path, time.monotonic()
        with path.open("rb") if path and path.exists() else io.BytesIO() as file, suppress(EOFError):
            while True:
                self._add(*pickle.load(file))  # this program wrote it

    @property
    def cases(self) -> set[Case]:
        """The cases that need not be run."""
        return {outcome.case for outcome in self.outcomes}

    def keep(self, outcome: Outcome) -> None:
        """Keep another outcome, in the file too."""
        now = time.monotonic()
        seconds, self._before = now - self._before, now
        self._add(seconds, outcome)
        if self._path:
            with self._path.open("ab") as file:
                pickle.dump((seconds, outcome), file)

    def _add(self, seconds: float, outcome: Outcome) -> None:
        self.seconds += seconds
        self.outcomes.append(outcome)
