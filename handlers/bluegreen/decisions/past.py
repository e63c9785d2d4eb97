"""
What an alias did in the hours before a deployment, learnt from what CloudWatch counted of it minute by minute.

Everything here is known before green has a request, so no bet on green's requests can be unfair because of it.
"""

import math
from collections.abc import Mapping
from itertools import pairwise

from bluegreen.model import Frozen

MINUTE = 60
SECONDS = 3 * 3600
"""So long before the deployment is opened the past begins."""

RECENT = 5
"""The present traffic is the mean of so many minutes."""
LATEST_SECONDS = 1800
"""CloudWatch's figures are not known to come later than this: a longer silence is one of the alias itself."""

LEAST_ICC, MOST_ICC = 0.0002, 0.02
FEWEST_FAILURES = 5
"""Fewer tell nothing about how failures cluster."""

DEVIATIONS = 3
"""A minute is busier than the others by so many times its own root before that is more than chance."""

NO_CHANCE = 1e-4
"""A silence of smaller probability is not chance."""
LONGER = 2
"""So many times the longest silence of the past is none that the past explains."""

Minutes = Mapping[int, float]
"""Start of a minute (seconds since 1970) -> a count; a minute without data is not there."""


class Past(Frozen):
    """
    Of the alias: all its `requests`; the `usual` ones a minute until the last one that CloudWatch showed, which came
    before `last_at` (seconds since 1970); those of the `recent` minutes, and of the `busiest` one as far as chance does
    not explain them; the longest pause that came twice, or the silence that lasts; how alike the requests of a minute
    are (`icc`); blue's 95th percentile of duration, None if it is not known. Nothing of it is `known` if CloudWatch did
    not answer.
    """

    known: bool = True
    requests: int = 0
    usual: float = 0.0
    recent: float = 0.0
    busiest: float = 0.0
    last_at: int = 0
    silence_seconds: int = 0
    icc: float = LEAST_ICC
    slow_ms: int | None = None

    @property
    def traffic(self) -> float:
        """The requests a minute that a deployment is to expect."""
        return max(self.recent, self.busiest)

    @property
    def average(self) -> float:
        """Requests a minute over all of the past."""
        return self.requests * MINUTE / SECONDS

    def explains(self, silence_seconds: float) -> bool:
        """So long without a request may be chance, or a pause as the alias has had two."""
        if silence_seconds <= LONGER * self.silence_seconds:
            return True
        return -self.usual * silence_seconds / MINUTE >= math.log(NO_CHANCE)


def learn(requests: Minutes, until: int, icc: float = LEAST_ICC, slow_ms: int | None = None) -> Past:
    """What the alias's minutes of the past, which ends at `until` (seconds since 1970), tell."""
    busy = sorted(minute for minute, count in requests.items() if count > 0)
    if not busy:
        return Past(slow_ms=slow_ms)
    busiest, last_at = max(requests.values()), busy[-1] + MINUTE
    pauses = sorted(after - before - MINUTE for before, after in pairwise(busy))
    silence = until - last_at if until - last_at > LATEST_SECONDS else 0
    return Past(
        requests=round(sum(requests.values())),
        usual=sum(requests.values()) * MINUTE / max(MINUTE, last_at - (until - SECONDS)),
        recent=sum(requests.get(until - MINUTE * ago, 0) for ago in range(1, RECENT + 1)) / RECENT,
        busiest=max(0.0, busiest - DEVIATIONS * math.sqrt(busiest)),
        last_at=last_at,
        silence_seconds=max(silence, pauses[-2] if len(pauses) > 1 else 0),
        icc=icc,
        slow_ms=slow_ms,
    )


def correlation(requests: Minutes, failed: Minutes) -> float:
    """
    How alike the requests of a minute fail, from the differences between the rates of successive minutes.

    Two minutes with m and n requests and the same expected rate p differ in the square by
    p (1 - p) (1/m + 1/n + icc (2 - 1/m - 1/n)) on average. Differences leave out what changes slowly, as by the hour.
    """
    of_all, failures = sum(requests.values()), sum(failed.values())
    if failures < FEWEST_FAILURES or failures >= of_all:
        return LEAST_ICC
    variance = failures / of_all * (1 - failures / of_all)
    beyond = most = 0.0
    for minute, count in requests.items():
        following = requests.get(minute + MINUTE, 0)
        if count < 1 or following < 1:
            continue
        by_chance = 1 / count + 1 / following
        weight = 1 / (by_chance + 2 * LEAST_ICC)
        difference = failed.get(minute, 0) / count - failed.get(minute + MINUTE, 0) / following
        beyond += weight * (difference**2 / variance - by_chance)
        most += weight * (2 - by_chance)
    return min(MOST_ICC, max(LEAST_ICC, beyond / most)) if most > 0 else LEAST_ICC
