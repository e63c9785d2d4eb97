"""
The verdict of a release: is some green of it worse? One promise for all its functions together.

    release = Together(of=len(functions), false_alarm=0.01)
    release = release.after(together({name: verdict.log_confirmed, ...}, release.of))     at each look
    release.worse                                                                        all go back

Half of the stake is on single bad functions, half on faults that several functions share. docs/verdict.md has the
theorem; `python -m benchmarks.verdict.release` measures it.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bluegreen.verdict.counts import Bucket, Counts, Sides
from bluegreen.verdict.evidence import NEVER, log_sum
from bluegreen.verdict.judgement import judge

HALF = math.log(0.5)
MOST_OF_IT = 0.75
LEAST_FALSE_ALARM = 1e-9
"""As small as `health.false_alarm` may be."""
USUAL_WEIGHT = 0.1
MOST_FAILURES = 1000
"""So many failures of green and no success are more than any release asks for."""


@dataclass(frozen=True, slots=True)
class Together:
    """
    A release of so many functions, before or after a look. `peak` is the most that the log of its evidence ever was.

    If each green answers as its blue would, `worse` becomes true with probability `false_alarm` at most, however many
    functions and looks there are. `of` is fixed when the release opens: the promise does not hold for a mean over the
    functions shifted so far. Raises ValueError for a release of no function, and for a probability that is none.
    """

    of: int
    false_alarm: float
    peak: float = 0.0

    def __post_init__(self) -> None:
        if self.of < 1 or not 0 < self.false_alarm < 1:
            raise ValueError(f"{self.of} functions and a false_alarm of {self.false_alarm} make no promise")

    def after(self, log_evidence: float) -> "Together":
        """With the evidence of one more look (`together`)."""
        return replace(self, peak=max(self.peak, log_evidence))

    @property
    def worse(self) -> bool:
        """The evidence is enough, or once was."""
        return self.peak >= -math.log(self.false_alarm)


Logs = Mapping[str, float] | Sequence[float]
"""
`Verdict.log_confirmed` of each function shifted so far, as its last look that could measure found it. A function that
was put back or is fully shifted keeps its last one. One that was not shifted yet has 0, or is left out.
"""


def together(logs: Logs, of: int, tolerate: int = 0) -> float:
    """
    The log of the evidence that a green of the release of so many functions is worse; of a single one its own.

    With `tolerate` it is the evidence that more than so many greens are: the highest logs count for 0 at most. Then no
    choice of so many bad functions breaks the promise for the others. Raises ValueError for more logs than functions.
    """
    values = sorted(logs.values() if isinstance(logs, Mapping) else logs)
    if of < 1 or len(values) > of:
        raise ValueError(f"a release of {of} functions has no evidence on {len(values)}")
    sound = max(0, len(values) - tolerate)
    counted = [*values[:sound], *(min(0.0, log) for log in values[sound:])]
    if of == 1:
        return sum(counted)
    return HALF + log_sum((_of_one(counted, of), _shared(counted, of)))


def _of_one(logs: Sequence[float], of: int) -> float:
    """The mean: a fair bet however the functions depend on each other."""
    unseen = of - len(logs)
    return log_sum((*logs, math.log(unseen) if unseen else NEVER)) - math.log(of)


def _shared(logs: Sequence[float], of: int) -> float:
    """
    The bets that all functions are bad, or each with probability 1/2, 1/4, ... down to about one of them.

    Each is a product over the functions.
    """
    seen = [log for log in logs if log]
    bets = [sum(_bad_with(2.0**-power, log) for log in seen) for power in range(of.bit_length())]
    return log_sum(bets) - math.log(len(bets))


def _bad_with(probability: float, log: float) -> float:
    """Log of the bet that the function is bad with this probability: 1 - probability + probability * exp(log)."""
    if probability == 1:
        return log
    if log > 0:
        return log + math.log(probability + (1 - probability) * math.exp(-log))
    return math.log1p(probability * math.expm1(log))


def needed_for_one(of: int, false_alarm: float) -> float:
    """
    The log of its evidence at which one bad function rolls back a release of so many, in nats.

    It is also the level at which a function is bad by itself, if the release tolerates that.
    """
    return math.log((2 * of if of > 1 else 1) / false_alarm)


def false_alarm_of_one(of: int, false_alarm: float) -> float:
    """
    The `health.false_alarm` with which each function of a release is judged by itself.

    A sound one is found bad, or the release `worse`, with probability `false_alarm` at most.
    """
    return max(math.exp(-needed_for_one(of, false_alarm)), LEAST_FALSE_ALARM)


def worst(logs: Mapping[str, float], of: int) -> tuple[str, ...]:
    """
    The functions that carry the evidence, the worst first: the fewest that have three quarters of its log.

    Empty if there is none. Leave out functions that were put back.
    """
    enough = MOST_OF_IT * together(logs, of)
    if enough <= 0:
        return ()
    names = _worst_first(logs)

    def have_enough(number: int) -> bool:
        some = set(names[:number])
        return together([log if name in some else min(0.0, log) for name, log in logs.items()], of) >= enough

    return tuple(names[: bisect_left(range(len(names)), True, key=have_enough)])


def _worst_first(logs: Mapping[str, float]) -> list[str]:
    return sorted(logs, key=lambda name: (-logs[name], name))


def failures_needed(nats: float, weight: float = USUAL_WEIGHT) -> int:
    """
    How many requests of a green at that weight must fail, and none succeed, next to a spotless blue, for so much
    evidence. All come within a minute, as outright failures do.
    """
    for failed in range(1, MOST_FAILURES + 1):
        sides = Sides(green=Counts(failed, failed), blue=Counts(round(failed * (1 - weight) / weight), 0))
        if judge([Bucket(0, {"errors": sides}, weight)]).log_evidence >= nats:
            return failed
    raise ValueError(f"{nats:g} nats are more than {MOST_FAILURES:,} failed requests tell")
