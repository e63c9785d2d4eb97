"""The rules of others. They see every minute in time, and shift at any second of a minute."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.verdict.rules import Decision, End, Opening, Rule, Seen, visible
from benchmarks.verdict.world import Bools, Floats, Ints, Minute

CANARY = 0.1


class Peer:
    """What all of them have in common."""

    def __init__(self, opening: Opening) -> None:
        self.scenario, self.second = opening.scenario, opening.first_second

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        self.second = self.second[left]

    def decision(self, weight: Floats | float, back: Bools | bool) -> Decision:
        """Back where the rule says so; a green with all of the alias is promoted."""
        weights = np.broadcast_to(np.asarray(weight, float), self.second.shape)
        end = np.where(back, End.WORSE, np.where(weights >= 1, End.PROMOTED, End.UNDER_WAY))
        return Decision(np.where(back, 0.0, weights), self.second, end.astype(np.int64))


class AnyError(Peer):
    """aws-lambda-deploy: a tenth more every minute; any error of green in the newest minute aborts, no data passes."""

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """At every minute."""
        newest = visible(seen, number, self.scenario)
        back = newest[-1].green_bad > 0 if newest else False
        return self.decision(min(1.0, (number + 1) / 10), back)


Alarm = Callable[[Sequence[Minute]], Bools]
"""Of the newest minutes, as many as there are datapoints: whether the alarm is red."""


class CodeDeploy(Peer):
    """A canary: a tenth, all after some minutes, back when the alarm on the alias goes off before."""

    def __init__(self, opening: Opening, *, alarm: Alarm, datapoints: int = 1, minutes: int = 5) -> None:
        super().__init__(opening)
        self._alarm, self._datapoints, self._minutes = alarm, datapoints, minutes

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """At every minute."""
        newest = visible(seen, number, self.scenario, self._datapoints)
        back = self._alarm(newest) if len(newest) == self._datapoints else False
        return self.decision(1.0 if number >= self._minutes else CANARY, back)


def any_error(newest: Sequence[Minute]) -> Bools:
    """Errors of the alias, a sum of at least 1."""
    red: Bools = newest[-1].green_bad + newest[-1].blue_bad >= 1
    return red


def error_rate(newest: Sequence[Minute], above: float = 0.01) -> Bools:
    """The error rate of the alias, blue and green together, above a threshold in all of the minutes."""
    over = [each.green_bad + each.blue_bad > above * (each.green + each.blue) for each in newest]
    red: Bools = np.logical_and.reduce(over)
    return red


class Flagger(Peer):
    """
    A check a minute of green's success rate, a tenth more after each that passes, up to a half and then all; back after
    so many failed ones. A check without data neither passes nor fails.
    """

    def __init__(self, opening: Opening, *, failures: int, success: float = 0.99) -> None:
        super().__init__(opening)
        self._failures, self._success = failures, success
        self._failed = np.zeros(len(self.second), np.int64)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        super().keep(left)
        self._failed = self._failed[left]

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """At every minute."""
        if number == 0:
            return self.decision(CANARY, back=False)
        newest = visible(seen, number, self.scenario)
        if not newest:
            return self.decision(weight, back=False)
        green, good = newest[-1].green, newest[-1].green - newest[-1].green_bad
        fails = (green > 0) & (good < self._success * green)
        self._failed += fails
        more = np.where(weight > 0.45, 1.0, weight + CANARY)
        return self.decision(np.where((green > 0) & ~fails, more, weight), self._failed >= self._failures)


class Kayenta(Peer):
    """10 % for half an hour, Mann-Whitney on the error rates of all minutes after each ten."""

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """At every minute."""
        back = np.zeros(len(self.second), bool)
        if number and number % 10 == 0:
            minutes = visible(seen, number, self.scenario, newest=number)
            green = np.array([rates(each.green_bad, each.green) for each in minutes])
            blue = np.array([rates(each.blue_bad, each.blue) for each in minutes])
            back = np.array([mann_whitney(green[:, run], blue[:, run]) < 0.01 for run in range(len(back))])
        return self.decision(1.0 if number >= 30 else CANARY, back)


def rates(bad: Ints, requests: Ints) -> Floats:
    """Error rates; nan where there were no requests."""
    with np.errstate(invalid="ignore"):
        return bad / requests


def mann_whitney(green: Floats, blue: Floats) -> float:
    """The probability of ranks as high as green's by chance (normal approximation, corrected for ties)."""
    green, blue = green[~np.isnan(green)], blue[~np.isnan(blue)]
    m, n = len(green), len(blue)
    if not m or not n:
        return 1.0
    _, place, tied = np.unique(np.concatenate([green, blue]), return_inverse=True, return_counts=True)
    ranks = np.cumsum(tied) - (tied - 1) / 2
    u = ranks[place[:m]].sum() - m * (m + 1) / 2
    variance = m * n / 12 * (m + n + 1 - (tied**3 - tied).sum() / ((m + n) * (m + n - 1)))
    if variance <= 0:
        return 1.0
    return 0.5 * math.erfc((u - m * n / 2 - 0.5) / math.sqrt(2 * variance))


ANY_ERROR_5 = "CodeDeploy 10 %/5 min, any error"
ANY_ERROR_10 = "CodeDeploy 10 %/10 min, any error"
RATE_5 = "CodeDeploy 10 %/5 min, rate > 1 %"
RATE_10 = "CodeDeploy 10 %/10 min, rate > 1 %"
FLAGGER = "Flagger 99 %, 5 checks"
PEERS: dict[str, Rule] = {
    "aws-lambda-deploy, any error": AnyError,
    ANY_ERROR_5: partial(CodeDeploy, alarm=any_error),
    RATE_5: partial(CodeDeploy, alarm=error_rate),
    "CodeDeploy 10 %/5 min, rate > 1 %, 3 of 3": partial(CodeDeploy, alarm=error_rate, datapoints=3),
    ANY_ERROR_10: partial(CodeDeploy, alarm=any_error, minutes=10),
    RATE_10: partial(CodeDeploy, alarm=error_rate, minutes=10),
    "Flagger 99 %, 1 check": partial(Flagger, failures=1),
    FLAGGER: partial(Flagger, failures=5),
    "Kayenta, Mann-Whitney": Kayenta,
}
