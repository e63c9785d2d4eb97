"""What keeps a single bucket, a first failure and cold starts from deciding by themselves."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bluegreen.verdict.counts import Sides

MOST_OF_A_BUCKET = math.log(12)
"""
The most that a bucket counts by itself: a factor of 12, too little for a verdict. A cold start that times out, or a
burst in one version, fails a few requests of one bucket. `python -m benchmarks.verdict` measures what the limit costs.
"""
OUTRIGHT = ((3, 0.5, 3), (10, 0.2, 3), (5, 0.045, 30))
"""
So many failed requests of green, so large a part of its requests in the bucket, and so many times blue's part have no
such limit. Next to a blue with many errors a large part is nothing special.
"""
CLEAN_REQUESTS, CLEAN_BUCKETS = 20, 3
"""So much without a failure after green's first one shows that the first one was a single case."""


def fails_outright(sides: Sides) -> bool:
    """Green, in this bucket."""
    green, blue = sides.green, sides.blue
    return any(
        green.bad >= max(failures, part * green.requests)
        and green.bad * blue.requests >= times * blue.bad * green.requests
        for failures, part, times in OUTRIGHT
    )


def most_of(sides: Sides) -> float:
    """The most that a bet may gain on a bucket. A smaller factor keeps its mean at 1 or below."""
    if not sides.green.bad:
        return 0.0
    return math.inf if fails_outright(sides) else MOST_OF_A_BUCKET


@dataclass(slots=True)
class FirstFailure:
    """
    The first bucket in which green failed, which may have been a cold start.

    What the bets and the excess gained by it is `held` until green has served cleanly since, and is taken back then.
    A version that failed outright, or fails again before that, keeps it.
    """

    gains: list[float]
    seen: bool = False
    held: bool = False
    excess: float = 0.0
    clean_requests: int = 0
    clean_buckets: int = 0

    def pardons(self, sides: Sides, log_bets: list[float], excess: float) -> bool:
        """Take in one bucket; True if what is held is to be taken back now."""
        green = sides.green
        if green.bad:
            self.held = not self.seen and not fails_outright(sides)
            if self.held:
                self.gains, self.excess = [max(0.0, gain) for gain in log_bets], max(0.0, excess)
            self.seen, self.clean_requests, self.clean_buckets = True, 0, 0
            return False
        self.clean_requests += green.requests
        self.clean_buckets += 1
        clean = self.clean_requests >= CLEAN_REQUESTS and self.clean_buckets >= CLEAN_BUCKETS
        pardoned, self.held = self.held and clean, self.held and not clean
        return pardoned

    def numbers(self) -> list[float]:
        """All of it, for `restore`: as many as there are bets, and five."""
        return [self.seen, self.held, self.excess, self.clean_requests, self.clean_buckets, *self.gains]

    def restore(self, numbers: Iterator[float]) -> None:
        """As it was when it gave these numbers."""
        seen, held, self.excess, requests, buckets = islice(numbers, 5)
        self.seen, self.held, self.clean_requests, self.clean_buckets = (
            bool(seen),
            bool(held),
            int(requests),
            int(buckets),
        )
        self.gains = list(islice(numbers, len(self.gains)))


DEVIATIONS = 3
"""The most requests at a time are so many times the root of their average above it."""


@dataclass(slots=True)
class Environments:
    """
    The execution environments that Lambda has started for green: as many as it has served requests at a time.

    Each one's first request comes to a cold one. By Little's law the average number at a time is the traffic times the
    duration; while requests come one by one, the most in a bucket is a few roots above that. No request starts more
    than one.
    """

    most: float = 0.0

    def started(self, busy: float, requests: int) -> int:
        """At most so many in a bucket in which green had that many requests and served `busy` at a time, on average."""
        now = max(self.most, busy + DEVIATIONS * math.sqrt(busy) + (busy > 0))
        now = min(now, self.most + requests)
        started, self.most = math.ceil(now - self.most), now
        return started
