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
"""An ordinary caller that read the item within this time makes its call without reading it again."""

CUT_MS = GRACE_MS + 220
"""
An undo takes a turn that begins so soon, and makes the later turns of others void.

Other callers still call until their grace is over, and three of those calls may be early. Each of the three costs an
undo an interval of 72 ms.
"""

HOLD_MS = 1_000
"""So long after an undo's last turn other callers wait, in case the undo takes another one."""

QUEUE_MS = 30_000
"""No caller takes a turn that is further away."""

WRONG_MS = 60_000
"""No honest moment is further away: a later one was written by a wrong clock, and does not count."""

SLOW_MS, STEP_MS, STEP_PERCENT = 60_000, 10_000, 10
"""After a throttle callers are slow for SLOW_MS; then each STEP_MS adds STEP_PERCENT of the full rate."""

LEAST_PERCENT = 10
SETTLED_MS = 2_000
"""Throttles of calls that were under way together count once."""

FORGOTTEN_MS = SLOW_MS + STEP_MS * (100 - LEAST_PERCENT) // STEP_PERCENT
"""So long after a throttle it is over, however slow callers were."""

MOST_EARLY = 3
"""A call may come so many turns early, if there was no call during as many turns."""


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
