"""
From the figures of a look to what is seen of both versions.

CloudWatch's figures come late, in any order, and sometimes not at all. So a bucket counts when its parts agree, an
alias without any requests is silent only where its past explains that, and a version that shows none although the alias
had many is hidden. What is older than a few buckets is folded into a memory, so that a look costs the same at any age.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bluegreen.decisions.bake import PATIENCE_SECONDS
from bluegreen.decisions.past import LATEST_SECONDS, MINUTE, Past
from bluegreen.decisions.silence import SIDES, Hidden, Side, Unshown, hidden
from bluegreen.decisions.words import of_hidden, of_silence
from bluegreen.model import Frozen
from bluegreen.verdict import Bucket, Policy, Verdict
from bluegreen.verdict.judgement import Watch

RECENT_BUCKETS = 5
"""The present traffic is the mean of so many; older buckets are folded."""


@dataclass(frozen=True, slots=True)
class Measured:
    """
    A settled bucket, and what shows whether all of it is there.

    The alias had `requests`, `throttled` ones among them. Of each version `ran` are the invocations and the throttled
    requests, and `counted` are those for which CloudWatch says, too, whether they failed. `weight` is the least that a
    version had in the bucket.
    """

    bucket: Bucket
    requests: int
    throttled: int
    ran: Mapping[Side, int]
    counted: Mapping[Side, int]
    weight: Mapping[Side, float]

    @property
    def end(self) -> int:
        """In seconds since 1970."""
        return self.bucket.start + self.bucket.period_seconds

    @property
    def shows_any(self) -> bool:
        """Some request."""
        return bool(self.requests or any(self.ran.values()) or any(self.counted.values()))

    @property
    def agrees(self) -> bool:
        """
        Every request of the alias is one of a version, the other way round too, and it is known whether it failed.

        Lambda counts by version while an alias has weights. In the bucket of the first shift the alias has more. Where
        the versions have more than the alias, its figures are late, and those of a version may be as well.
        """
        return self.ran == self.counted and not self.unattributed and sum(self.ran.values()) <= self.requests

    @property
    def unattributed(self) -> bool:
        """The alias had requests that are neither version's, in a bucket of which Lambda counts all by version."""
        return self.bucket.covered and self.requests - self.throttled > sum(self.ran.values())

    @property
    def comparable(self) -> bool:
        """A version without figures had no requests."""
        return all(self.counted.values()) or (self.agrees and self.bucket.covered)


class Memory(Frozen):
    """
    What the looks so far came to.

    All buckets before `until` (seconds since 1970) are folded in `watch` and the other figures. `newest` is the end of
    the newest bucket that showed a request, `settled` of the newest that could show any. `missed` says that the last
    look could not measure, since no figures came.
    """

    until: int = 0
    newest: int = 0
    settled: int = 0
    missed: bool = False
    watch: str = ""
    green: Unshown = Unshown()
    blue: Unshown = Unshown()
    requests: int = 0
    throttled: int = 0


NOTHING_YET = Memory()


@dataclass(frozen=True)
class Seen:
    """
    What a look found.

    The alias has `requests_per_minute`, or had them in its busiest minute. With a version that is `hidden` the verdict
    is that it cannot be measured. The alias's throttled requests that count for neither version are `unattributed`. It
    is `silent` if it had no request since the first shift. Some buckets are still `pending`: their parts do not agree
    yet. The newest figures came `late_seconds` later than they should; a look `waits` for them if green was seen
    before. The logs of the last `unread` buckets were not read. `memory` is for the next look.
    """

    verdict: Verdict
    memory: Memory = NOTHING_YET
    requests_per_minute: float = 0.0
    hidden: Hidden | None = None
    unattributed: int = 0
    silent: bool = False
    pending: bool = False
    late_seconds: int = 0
    waits: bool = False
    unread: int = 0


class Tally:
    """What the buckets come to, one after the other."""

    def __init__(self, signals: frozenset[str], policy: Policy, memory: Memory) -> None:
        self.watch = Watch.unfolded(signals, policy, memory.watch) if memory.watch else Watch(signals, policy)
        self.unshown: dict[Side, Unshown] = {"green": memory.green, "blue": memory.blue}
        self.requests, self.throttled = memory.requests, memory.throttled

    def add(self, found: Measured) -> None:
        """Take in one more."""
        self.watch.add(found.bucket if found.comparable else replace(found.bucket, signals={}))
        for side in SIDES:
            shown, weight, missing = found.counted[side], found.weight[side], found.ran[side] > 0 or found.unattributed
            self.unshown[side] = self.unshown[side].after(
                found.requests, found.throttled, shown, weight, missing=missing
            )
        self.requests += found.requests
        self.throttled += found.throttled

    def memory(self, until: int) -> Memory:
        """Everything, for the next look."""
        green, blue = self.unshown["green"], self.unshown["blue"]
        return Memory(
            until=until,
            watch=self.watch.folded(),
            green=green,
            blue=blue,
            requests=self.requests,
            throttled=self.throttled,
        )


def see(
    found: Sequence[Measured],
    settled_until: int,
    past: Past,
    signals: frozenset[str],
    policy: Policy,
    memory: Memory,
    called_at: int = 0,
    silent_seconds: int = 0,
) -> Seen:
    """
    What the memory and the buckets after it say, oldest first, which reach up to `settled_until` (seconds since 1970).

    If the alias's silence is not explained by its past, the newest figures are late: they count for nothing, and a look
    to which they brought none cannot measure. A look before another bucket is settled finds what the last one found.
    A silence of LATEST_SECONDS is the alias's own, whatever its past: its users are gone. That counts only if figures
    have come since the first shift, or if the alias had been silent as long at that shift (`silent_seconds`). Before
    the silence is that long, looks that cannot measure are no reason to go back if green was seen before (`waits`).
    Between the past and the first shift the alias was last called before `called_at` (seconds since 1970, 0 if it was
    not).
    """
    newest = max((each.end for each in found if each.shows_any), default=memory.newest)
    quiet = settled_until - max(newest, past.last_at, called_at)
    its_own = quiet >= LATEST_SECONDS and (newest or silent_seconds >= LATEST_SECONDS)
    late = bool(found) and not past.explains(quiet) and not its_own
    there = [each for each in found if each.end <= newest or not late]
    pending = [each for each in there if not each.agrees and settled_until - each.end < PATIENCE_SECONDS]
    tally, after = Tally(signals, policy, memory), memory
    folds = _folds(there, settled_until)
    for each in there:
        if each in pending:
            continue
        tally.add(each)
        if each.end == folds:
            after = tally.memory(folds)
    verdict = tally.watch.verdict()
    missing = hidden(tally.unshown) if verdict.kind != "worse" else None
    missed = late and newest <= memory.newest if settled_until > memory.settled else memory.missed
    if missing:
        verdict = replace(verdict, kind="cannot_measure", reason=of_hidden(missing))
    elif missed and verdict.kind != "worse":
        verdict = replace(verdict, kind="cannot_measure", reason=of_silence(quiet, past.usual))
    return Seen(
        verdict=verdict,
        memory=after.model_copy(update={"newest": newest, "settled": settled_until, "missed": missed}),
        requests_per_minute=max(past.busiest, _per_minute(there)),
        hidden=missing,
        unattributed=_unattributed(tally, verdict),
        silent=not tally.requests,
        pending=bool(pending),
        late_seconds=quiet if late else 0,
        waits=missed and not missing and any(each.green.requests for each in verdict.findings),
        unread=sum("logs" not in each.bucket.signals for each in there) if "logs" in signals else 0,
    )


def _folds(there: Sequence[Measured], settled_until: int) -> int:
    """
    Up to where buckets are folded, in seconds since 1970; 0 for none of them.

    The newest are not: they may be revised or pending. Nor are those of a silence that is not older than
    LATEST_SECONDS, since late figures may still fill them.
    """
    if len(there) <= RECENT_BUCKETS:
        return 0
    newest = max((each.end for each in there if each.shows_any), default=0)
    old = [
        each.end
        for each in there[:-RECENT_BUCKETS]
        if settled_until - each.end >= PATIENCE_SECONDS
        and (each.end <= newest or settled_until - each.end >= LATEST_SECONDS)
    ]
    return max(old, default=0)


def _per_minute(there: Sequence[Measured]) -> float:
    """Of those that the alias let in."""
    recent = there[-RECENT_BUCKETS:]
    seconds = sum(each.bucket.period_seconds for each in recent)
    return MINUTE * sum(each.requests - each.throttled for each in recent) / seconds if recent else 0.0


def _unattributed(tally: Tally, verdict: Verdict) -> int:
    """Throttled requests of the alias, if CloudWatch shows no throttled one of either version."""
    shown = sum(each.green.bad + each.blue.bad for each in verdict.findings if each.signal == "throttles")
    return 0 if shown else tally.throttled
