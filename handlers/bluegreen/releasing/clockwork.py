"""
How long one invocation of a release's handler works before the state machine invokes it again, and when looks are due.

The handler's function has 240 seconds, so work on a function that was begun in time comes to its end.
"""

from collections.abc import Callable
from contextlib import suppress

from bluegreen import clock
from bluegreen.decisions.pace import least_pause, longest, seconds_to_next_look
from bluegreen.decisions.release_pace import SLICE_SECONDS
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.ledger import releases
from bluegreen.ledger.releases import Member, Release
from bluegreen.releasing.document import Go
from bluegreen.releasing.rings import Running


def in_a_slice() -> Callable[[], bool]:
    """Begin a slice; the function that is returned says whether it still goes on."""
    until = clock.now() + SLICE_SECONDS
    return lambda: clock.now() < until


def pause(release: Release, step: int) -> int:
    """Seconds between two looks at a function, at least: one execution has room for all looks."""
    return least_pause(release.schedule.steps[step].bake_seconds, release.pace_seconds)


def first_look_at(release: Release, member: Member) -> float:
    """When a function is looked at after its last shift, in seconds since 1970; at once if it does not bake."""
    return next_look_at(release, member, member.shifts[-1].at)


def next_look_at(release: Release, member: Member, now: float) -> float:
    """When a function is looked at after a look, in seconds since 1970; at once if it does not bake."""
    step = release.schedule.steps[len(member.shifts) - 1]
    baked = now - member.shifts[-1].at
    until = step.bake_seconds if baked < step.bake_seconds else longest(release.schedule, step)
    return now + seconds_to_next_look(baked, until, release.pace_seconds)


def telling_the_next_look(running: Running, go: Go) -> Go:
    """
    Write down when LookAtWave runs next, if a Wait follows.

    Only people read it, so a table that refuses it or does not answer holds nothing up.
    """
    if go.next == "bake":
        with suppress(AwsRefused, AwsUnavailable):
            releases.learn_next_look(running.release.id, running.call.execution, clock.now() + go.next_seconds)
    return go
