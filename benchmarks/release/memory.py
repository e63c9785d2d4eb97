"""The memory of the handlers that work on many functions at once."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter

from tests.machine.shop import RELEASE_ASL
from tests.machine.walk import Moment
from tests.template.stack import tasks_of

ONE_IN = 3
"""So many invocations of a state one is traced, the first one too: tracing takes four times as long."""


class Memory:
    """
    Traces what Python allocates while a handler of the release's own machine works: nothing else runs meanwhile.

    What the tests' AWS allocates for the handler's calls is in it. `most` has the bytes by the name of the state.
    """

    def __init__(self) -> None:
        self.most: dict[str, int] = {}
        self._times: Counter[str] = Counter()
        self._states = tasks_of(json.loads(RELEASE_ASL.read_text()))

    def at_state(self, _: str, state: str, moment: Moment) -> None:
        """To be told of each state that is entered and left."""
        if state not in self._states:
            return
        if tracemalloc.is_tracing():
            self.most[state] = max(tracemalloc.get_traced_memory()[1], self.most.get(state, 0))
            tracemalloc.stop()
        if moment == "entered":
            self._times[state] += 1
            if self._times[state] % ONE_IN == 1:
                tracemalloc.start()
