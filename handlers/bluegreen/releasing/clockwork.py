"""How long one invocation of a release's handler works before the state machine gives it another one."""

from collections.abc import Callable

from bluegreen import clock

SLICE_SECONDS = 60
"""Of the function's time, 240 seconds: what is begun then still ends."""


def in_a_slice() -> Callable[[], bool]:
    """Whether there is still time, counted from now."""
    until = clock.now() + SLICE_SECONDS
    return lambda: clock.now() < until
