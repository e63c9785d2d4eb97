"""
How long one invocation of a release's handler works before the state machine invokes it again.

The handler's function has 240 seconds, so work on a function that was begun in time comes to its end.
"""

from collections.abc import Callable

from bluegreen import clock
from bluegreen.decisions.release_pace import SLICE_SECONDS


def in_a_slice() -> Callable[[], bool]:
    """Answers whether the slice that begins now is not over."""
    until = clock.now() + SLICE_SECONDS
    return lambda: clock.now() < until
