"""
Rules of rollback: ours, and those of the peers.

A rule is a function `decide(minute, weight, seen)` that is asked at the start of every minute and answers green's
weight from now on: 1.0 promotes green for good, None rolls back. `seen` has the visible minutes as
`bluegreen.verdict.Bucket`s, oldest first, with the signal "errors"; `weight` is 0 at minute 0. That is all a rule of
your own has to be: `python -m benchmarks.verdict --rule yours:decide` puts it into every table.
"""

import importlib
import math
from collections.abc import Callable, Sequence

from bluegreen.decisions.adaptive import first_weight, next_weight
from bluegreen.verdict import Bucket, Sides
from bluegreen.verdict.judgement import Watch

Decide = Callable[[int, float, Sequence[Bucket]], float | None]
"""One deployment's rule: minute, weight and what is visible -> weight, or None to roll back."""
Start = Callable[[float, int], Decide]
"""Begins a deployment: requests per minute and the delay in minutes -> its rule."""

ERRORS = frozenset({"errors"})
CANARY = 0.1


def errors(bucket: Bucket) -> Sides:
    """The signal that every rule here looks at."""
    return bucket.signals["errors"]


def adaptive(per_minute: float, delay: int) -> Decide:
    """Lambda Blue/Green: the verdict at every look, with the Adaptive weight."""
    watch, taken = Watch(ERRORS), 0

    def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
        nonlocal taken
        if minute == 0:
            return first_weight(per_minute, delay_seconds=60 * delay)
        if taken == len(seen):
            return weight
        for bucket in seen[taken:]:
            watch.add(bucket)
        taken = len(seen)
        verdict = watch.verdict()
        if verdict.kind == "worse":
            return None
        return next_weight(weight, verdict, per_minute, delay_seconds=60 * delay)

    return decide


def evidence_at_a_tenth(per_minute: float, delay: int) -> Decide:
    """Lambda Blue/Green at a fixed 10 %: ten minutes at least, then until green is fine."""
    watch, taken = Watch(ERRORS), 0

    def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
        nonlocal taken
        for bucket in seen[taken:]:
            watch.add(bucket)
        taken = len(seen)
        verdict = watch.verdict()
        if verdict.kind == "worse":
            return None
        return 1.0 if minute >= 10 and verdict.kind == "fine" else CANARY

    return decide


def any_error(per_minute: float, delay: int) -> Decide:
    """aws-lambda-deploy: a tenth more every minute, any error of green in the newest minute aborts, no data passes."""

    def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
        if seen and errors(seen[-1]).green.bad:
            return None
        return min(1.0, (minute + 1) / 10)

    return decide


def codedeploy(alarm: Callable[[Sequence[Bucket]], bool], minutes: int = 5) -> Start:
    """CodeDeploy's canary: a tenth, all after some minutes, back when the alarm on the alias goes off before."""

    def start(per_minute: float, delay: int) -> Decide:
        def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
            if alarm(seen):
                return None
            return 1.0 if minute >= minutes else CANARY

        return decide

    return start


def any_error_of_the_alias(seen: Sequence[Bucket]) -> bool:
    """Errors of the alias, sum of at least 1, 1 datapoint of 1."""
    return bool(seen) and errors(seen[-1]).green.bad + errors(seen[-1]).blue.bad >= 1


def error_rate_of_the_alias(datapoints: int, above: float = 0.01) -> Callable[[Sequence[Bucket]], bool]:
    """Error rate of the alias, blue and green together, above a threshold in so many minutes running."""

    def alarm(seen: Sequence[Bucket]) -> bool:
        newest = [errors(bucket) for bucket in seen[-datapoints:]]
        return len(newest) == datapoints and all(
            sides.green.bad + sides.blue.bad > above * (sides.green.requests + sides.blue.requests) for sides in newest
        )

    return alarm


def success_checks(failures: int, success: float = 0.99) -> Start:
    """
    Flagger's analysis: a check a minute of green's success rate, a tenth more after each that passes, up to a half
    and then all; back after so many failed ones. A check without data neither passes nor fails.
    """

    def start(per_minute: float, delay: int) -> Decide:
        failed = taken = 0

        def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
            nonlocal failed, taken
            if minute == 0:
                return CANARY
            if taken == len(seen) or not errors(seen[-1]).green.requests:
                return weight
            taken = len(seen)
            green = errors(seen[-1]).green
            if green.requests - green.bad < success * green.requests:
                failed += 1
                return None if failed >= failures else weight
            return 1.0 if weight > 0.45 else weight + CANARY

        return decide

    return start


def rank_test(per_minute: float, delay: int) -> Decide:
    """Kayenta's judge: 10 % for half an hour, Mann-Whitney on the error rates of all minutes after each ten."""

    def decide(minute: int, weight: float, seen: Sequence[Bucket]) -> float | None:
        if minute and minute % 10 == 0 and mann_whitney(*rates(seen)) < 0.01:
            return None
        return 1.0 if minute >= 30 else CANARY

    return decide


def rates(seen: Sequence[Bucket]) -> tuple[list[float], list[float]]:
    """Error rates a minute, of green and of blue, of the minutes they had requests in."""
    sides = [errors(bucket) for bucket in seen]
    green = [each.green.bad / each.green.requests for each in sides if each.green.requests]
    return green, [each.blue.bad / each.blue.requests for each in sides if each.blue.requests]


def mann_whitney(green: list[float], blue: list[float]) -> float:
    """The probability of ranks as high as green's by chance (normal approximation, corrected for ties)."""
    if not green or not blue:
        return 1.0
    ordered = sorted(green + blue)
    ranks: dict[float, float] = {}
    ties = 0.0
    position = 0
    while position < len(ordered):
        end = position
        while end < len(ordered) and ordered[end] == ordered[position]:
            end += 1
        ranks[ordered[position]] = (position + 1 + end) / 2
        ties += (end - position) ** 3 - (end - position)
        position = end
    m, n = len(green), len(blue)
    u = sum(ranks[rate] for rate in green) - m * (m + 1) / 2
    variance = m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1)))
    if variance <= 0:
        return 1.0
    return 0.5 * math.erfc((u - m * n / 2 - 0.5) / math.sqrt(2 * variance))


ADAPTIVE = "bluegreen, Adaptive"
AT_A_TENTH = "bluegreen, 10 %"
ALARM = "alarm: any error, 1 of 1"
OURS = (ADAPTIVE, AT_A_TENTH)
RULES: dict[str, Start] = {
    ADAPTIVE: adaptive,
    AT_A_TENTH: evidence_at_a_tenth,
    "any error in the last minute": any_error,
    ALARM: codedeploy(any_error_of_the_alias),
    "alarm: rate > 1 %, 1 of 1": codedeploy(error_rate_of_the_alias(1)),
    "alarm: rate > 1 %, 3 of 3": codedeploy(error_rate_of_the_alias(3)),
    "success < 99 %, 1 check": success_checks(1),
    "success < 99 %, 5 checks": success_checks(5),
    "Mann-Whitney": rank_test,
}


def from_user(name: str) -> Start:
    """The rule `module:function` of a user's."""
    module, separator, function = name.partition(":")
    if not separator:
        raise SystemExit(f"{name!r} names no rule; write module:function")
    decide: Decide = getattr(importlib.import_module(module), function)
    return lambda per_minute, delay: decide
