"""
Whose turn it is to call Lambda, where the callers of an account and region share a limit of calls a second.

Every call takes a turn, and turns are an interval apart: the item `next_at` has the moment at which the next free turn
begins. This is the generic cell rate algorithm (ATM Forum, Traffic Management Specification 4.0, 4.4.2) with `next_at`
as its theoretical arrival time. All moments and spans are milliseconds, as whole numbers, moments since 1970.
"""

import math
from dataclasses import dataclass

UNDOING_A_SECOND = 14
"""Control-plane calls of an undo: Lambda allows 15 from all callers together."""

GRACE_MS = 300
"""An ordinary caller that has seen the item so lately goes without another look."""

CUT_MS = GRACE_MS + 220
"""
So long from now an undo goes before the turns that others have taken.

Until the grace is over they call as before, and three of the calls may be early: those are worth 72 ms each to an undo.
"""

HOLD_MS = 1_000
"""So long after an undo's last turn other callers wait, in case the undo takes another one."""

QUEUE_MS = 30_000
"""Nobody takes a turn that is further away."""

WRONG_MS = 60_000
"""No honest moment is further away: a later one was written by a wrong clock, and does not count."""

SLOW_MS, STEP_MS, STEP_PERCENT = 60_000, 10_000, 10
"""Callers are slow for so long after a throttle, and then faster by a step of so many percent at a time."""

LEAST_PERCENT = 10
SETTLED_MS = 2_000
"""Throttles of calls that were under way together count once."""

FORGOTTEN_MS = SLOW_MS + STEP_MS * (100 - LEAST_PERCENT) // STEP_PERCENT
"""So long after a throttle it is over, however slow callers were."""

MOST_EARLY = 3
"""So many turns before its own a call may be made where nobody has called for as long."""


@dataclass(frozen=True, slots=True)
class Standing:
    """
    The item, as it was last seen.

    `cut` counts how often an undo has gone before the turns that others had taken: those are void. `slowed_at` is the
    last throttle, and `slowed_to` how many percent of their calls callers made from then on.
    """

    next_at: int = 0
    undoing_until: int = 0
    cut: int = 0
    slowed_at: int = 0
    slowed_to: int = 100

    def queue(self, now: int) -> int:
        """How long it is until the next free turn."""
        return _ahead(self.next_at, now)

    def closed(self, now: int) -> int:
        """How long an ordinary caller has to wait for the undo that is under way."""
        return _ahead(self.undoing_until, now)

    def percent(self, now: int) -> int:
        """How many percent of their calls callers may make after a throttle."""
        since = now - self.slowed_at
        if since < -WRONG_MS:
            return 100
        return min(100, self.slowed_to + STEP_PERCENT * max(0, (since - SLOW_MS) // STEP_MS))


@dataclass(frozen=True, slots=True)
class Lane:
    """
    How a caller takes turns: at so many calls a second, of the `most` that Lambda allows.

    One that is `even` is never early, so that there are no more calls in any second than its rate and one.
    """

    most: int
    rate: float
    undoing: bool = False
    even: bool = False

    def interval(self, standing: Standing, now: int) -> int:
        """Between two turns. A throttle slows a caller down to one call a second at most."""
        slowed = self.rate * standing.percent(now) / 100
        return math.ceil(1000 / max(slowed, min(self.rate, 1)))

    def early(self, standing: Standing, now: int) -> int:
        """
        How long before its turn a call may be made.

        A turn is used within an interval of its beginning, so the calls of a second have turns in a second, an interval
        and this span. The span is so short that those are no more than Lambda's limit.
        """
        if self.even or self.undoing or standing.percent(now) < 100:
            return 0
        each = self.interval(standing, now)
        return min(MOST_EARLY * each, max(0, (self.most - 2) * each - 1000))

    def cuts(self, standing: Standing, now: int) -> bool:
        """An undo goes before the turns that others have taken, unless those are about to begin."""
        return self.undoing and not standing.closed(now) and standing.queue(now) > CUT_MS


def halved(standing: Standing, now: int) -> int | None:
    """How many percent of their calls callers make from a throttle on; None if this throttle has been counted."""
    if abs(now - standing.slowed_at) < SETTLED_MS:
        return None
    return max(LEAST_PERCENT, standing.percent(now) // 2)


def _ahead(moment: int, now: int) -> int:
    ahead = moment - now
    return ahead if 0 < ahead <= WRONG_MS else 0
