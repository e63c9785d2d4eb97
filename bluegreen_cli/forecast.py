"""
What a deployment is going to know of its green at the end, if the alias goes on as before and no request fails.

The verdict itself looks at such requests, one bucket after another, so that the forecast knows what a deployment would.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from bluegreen.decisions.adaptive import Sight, next_weight
from bluegreen.decisions.past import MINUTE, RECENT, SECONDS, Past
from bluegreen.decisions.shift import SILENCE_SECONDS
from bluegreen.request.health import Health
from bluegreen.request.traffic import Schedule
from bluegreen.verdict import Bucket, Counts, Sides
from bluegreen.verdict.judgement import Watch

ERRORS = "errors"
"""Every request counts for this signal."""


ENOUGH_REQUESTS = 30
"""In the last minutes, to go by those minutes alone: an alias may be young, or busy at some hours only."""


@dataclass(frozen=True)
class Forecast:
    """
    Green's requests that CloudWatch shows by the end, after `seconds` of bakes.

    A green whose rate of failures is `bound` above blue's is excluded then (1: nothing is).
    """

    seconds: int
    requests: int
    bound: float


def forecast(schedule: Schedule, health: Health, past: Past) -> Forecast:
    """Of a schedule with a bake, whose first weight is settled."""
    period = health.period_seconds
    per_minute, _ = before(past)
    watch, course = Watch(frozenset({ERRORS}), health.policy(past.icc)), _Course(per_minute * period / MINUTE, period)
    for weight in _weights(schedule, health, past, watch):
        course.bake(weight)
        for bucket in course.shown(health.delay_seconds):
            watch.add(bucket)
    verdict = watch.verdict()
    return Forecast(course.seconds, verdict.findings[0].green.requests, round(verdict.bound, 6))


def before(past: Past) -> tuple[float, int]:
    """The requests a minute that the forecast goes by, and the seconds of the past that they are the average of."""
    if past.recent * RECENT >= ENOUGH_REQUESTS:
        return past.recent, RECENT * MINUTE
    return past.average, SECONDS


def _weights(schedule: Schedule, health: Health, past: Past, watch: Watch) -> Iterator[float]:
    """Green's weight in each period, until it gets everything or the last bake is over."""
    period, weight = health.period_seconds, schedule.first_weight
    if not schedule.adaptive:
        until = [*accumulate(step.bake_seconds for step in schedule.steps)]
        for second in range(0, until[-1] - period + 1, period):
            yield schedule.steps[bisect(until, second)].weight
        return
    longest = min(schedule.longest_seconds, health.promote_by_seconds or schedule.longest_seconds)
    longest = longest if past.requests else min(longest, SILENCE_SECONDS)
    sight = Sight(past.traffic, weight, period, period + health.delay_seconds)
    for _ in range(longest // period):
        yield weight
        weight = next_weight(weight, watch.verdict(), sight)
        if weight == 1:
            return


class _Course:
    """The alias's requests, `requests` a period, divided by weights; fractions are carried over to the next period."""

    def __init__(self, requests: float, period_seconds: int) -> None:
        self.seconds = 0
        self._requests, self._period = requests, period_seconds
        self._of_green = self._of_blue = 0.0
        self._unseen: list[Bucket] = []

    def bake(self, weight: float) -> None:
        """One more period."""
        self._of_green += self._requests * weight
        self._of_blue += self._requests * (1 - weight)
        green, blue = int(self._of_green), int(self._of_blue)
        self._of_green, self._of_blue = self._of_green - green, self._of_blue - blue
        sides = {ERRORS: Sides(blue=Counts(blue), green=Counts(green))}
        self._unseen.append(Bucket(self.seconds, sides, weight, self._period))
        self.seconds += self._period

    def shown(self, delay_seconds: int) -> list[Bucket]:
        """Those that CloudWatch shows since it was asked last."""
        until = self.seconds - delay_seconds - self._period
        shown = [bucket for bucket in self._unseen if bucket.start <= until]
        self._unseen = self._unseen[len(shown) :]
        return shown
