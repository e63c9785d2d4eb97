"""
How long one invocation of a release's handler works before the state machine invokes it again, and when that is.

The handler's function has 240 seconds, so work on a function that was begun in time comes to its end.
"""

from collections.abc import Callable
from contextlib import suppress

from bluegreen import clock
from bluegreen.decisions.release_pace import SLICE_SECONDS
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.ledger import releases
from bluegreen.releasing.document import Go
from bluegreen.releasing.rings import Running


def in_a_slice() -> Callable[[], bool]:
    """Answers whether the slice that begins now is not over."""
    until = clock.now() + SLICE_SECONDS
    return lambda: clock.now() < until


def telling_the_next_look(running: Running, go: Go) -> Go:
    """
    Write down when LookAtWave runs next, if a Wait follows.

    Only people read it, so a table that refuses it or does not answer holds nothing up.
    """
    if go.next == "bake":
        with suppress(AwsRefused, AwsUnavailable):
            releases.learn_next_look(running.release.id, running.call.execution, clock.now() + go.next_seconds)
    return go
