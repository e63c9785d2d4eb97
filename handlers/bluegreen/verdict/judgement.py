"""What the watch concludes from all it has seen so far."""

import base64
import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from bluegreen.verdict.counts import Bucket, Counts, Sides
from bluegreen.verdict.evidence import NoWorse, Worse, log_sum
from bluegreen.verdict.policy import Policy
from bluegreen.verdict.restraint import Environments
from bluegreen.verdict.words import compared, odds, points

Kind = Literal["worse", "fine", "not_enough", "cannot_measure"]

NOTHING = Sides()


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One signal: its counts, the log of its evidence that green is worse, and `bound`, the most by which green's
    rate can exceed blue's. `excess` bad requests of green are more than the least difference that is looked for. A
    signal that does not `act` is in a dry run.
    """

    signal: str
    acts: bool
    share: float
    green: Counts
    blue: Counts
    log_evidence: float
    bound: float
    margin: float
    excess: float = 0.0

    @property
    def leans(self) -> bool:
        """The counts alone speak against green, however few they are."""
        return self.excess > 0

    @property
    def comparable(self) -> bool:
        """Both versions had requests."""
        return self.green.requests > 0 and self.blue.requests > 0

    def sentence(self) -> str:
        """The counts and how they are to be read."""
        counts = compared(self.signal, self.green, self.blue)
        if not self.comparable:
            return counts
        return f"{counts}: odds {odds(self.log_evidence)} that green is worse, by {points(self.bound)} at most"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    One of four kinds, with its reason in a sentence and its numbers.

    `log_evidence` is the log of the evidence that green is worse, over all acting signals, and `log_evidence_peak` the
    most it ever was, which is what decides. `log_confirmed` is `log_evidence` without what green's first failing bucket
    gained, as long as that may have been a cold start: a release reckons with it. `bound` is the most by which any
    acting signal of green can exceed blue's (1 before anything is known). `weight_seen` is the largest weight at which
    green was seen with traffic, `seconds_at_weight_seen` for how long; it is an estimate where the weight changed
    within a bucket. In `covered` of the `buckets` green had a share from the beginning: before the first of them
    nothing can be seen of it.
    """

    kind: Kind
    reason: str
    findings: tuple[Finding, ...] = ()
    log_evidence: float = 0.0
    log_evidence_peak: float = 0.0
    log_confirmed: float = 0.0
    bound: float = 1.0
    weight_seen: float = 0.0
    seconds_at_weight_seen: int = 0
    buckets: int = 0
    covered: int = 0

    @classmethod
    def cannot_measure(cls, reason: str) -> "Verdict":
        """The verdict when CloudWatch did not answer, or answered nothing where there should be something."""
        return cls("cannot_measure", reason)

    @property
    def leans(self) -> bool:
        """The counts of some acting signal speak against green, proof or not."""
        return any(finding.acts and finding.leans for finding in self.findings)

    @property
    def odds(self) -> float:
        """The evidence as odds to one that green is worse, 1e300 at most."""
        return math.exp(max(-690.0, min(690.0, self.log_evidence_peak)))

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON knows it."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}


STANDARD = Policy()


def judge(buckets: Iterable[Bucket], policy: Policy = STANDARD) -> Verdict:
    """
    What all buckets together say of green; their order does not count.

    Call it at every look with every bucket of the deployment: late and revised ones are welcome, and however
    many looks there are, a green no worse than tolerated is called worse with probability `false_alarm` at most.
    """
    seen = sorted({bucket.start: bucket for bucket in buckets}.values(), key=lambda bucket: bucket.start)
    watch = Watch(frozenset(name for bucket in seen for name in bucket.signals), policy)
    for bucket in seen:
        watch.add(bucket)
    return watch.verdict()


class Watch:
    """The evidence on a fixed set of signals, bucket by bucket, oldest first: `judge` one look after another."""

    def __init__(self, signals: frozenset[str], policy: Policy = STANDARD) -> None:
        self._policy = policy
        self._shares = policy.budget(signals)
        self._worse = {name: Worse(policy.tolerated(name), policy.icc) for name in sorted(signals)}
        self._no_worse = {name: NoWorse(policy.icc) for name in self._worse}
        self._totals = {name: NOTHING for name in self._worse}
        self._environments = Environments()
        self._log_evidence = self._log_peak = 0.0
        self._weight_seen = 0.0
        self._seconds_at = self._buckets = self._covered = 0

    def add(self, bucket: Bucket) -> None:
        """Take in the next bucket."""
        of_green = max((sides.green.requests for sides in bucket.signals.values()), default=0)
        cold = self._environments.started(bucket.busy, of_green)
        for name, worse in self._worse.items():
            sides = bucket.signals.get(name, NOTHING)
            if self._policy.tolerated(name).cold_starts:
                sides = Sides(blue=sides.blue, green=sides.green.without(cold))
            worse.add(sides, bucket)
            self._no_worse[name].add(sides, bucket)
            self._totals[name] += sides
        self._log_evidence = self._over_signals({name: each.log_value for name, each in self._worse.items()})
        self._log_peak = max(self._log_peak, self._log_evidence)
        served = _served_at(bucket)
        if served > self._weight_seen:
            self._weight_seen, self._seconds_at = served, 0
        if served and served == self._weight_seen:
            self._seconds_at += bucket.period_seconds
        self._buckets += 1
        self._covered += bucket.covered

    @property
    def worse(self) -> bool:
        """The evidence is enough, or once was."""
        return self._log_peak >= -math.log(self._policy.false_alarm)

    def verdict(self) -> Verdict:
        """What the buckets so far say of green."""
        findings = tuple(self._finding(name) for name in self._worse)
        acting = tuple(finding for finding in findings if finding.acts)
        kind, reason = _conclude(acting, self.worse, self._log_peak, self._covered)
        return Verdict(
            kind=kind,
            reason=reason,
            findings=findings,
            log_evidence=self._log_evidence,
            log_evidence_peak=self._log_peak,
            log_confirmed=self._over_signals({name: each.log_confirmed for name, each in self._worse.items()}),
            bound=max((finding.bound for finding in acting), default=1.0),
            weight_seen=self._weight_seen,
            seconds_at_weight_seen=self._seconds_at,
            buckets=self._buckets,
            covered=self._covered,
        )

    def folded(self) -> str:
        """All that is known of the buckets so far, bit for bit; `Watch.unfolded` goes on from there."""
        numbers = [self._environments.most, self._log_evidence, self._log_peak, self._weight_seen]
        numbers += [self._seconds_at, self._buckets, self._covered]
        for name, worse in self._worse.items():
            blue, green = self._totals[name].blue, self._totals[name].green
            numbers += [blue.requests, blue.bad, green.requests, green.bad]
            numbers += [*worse.numbers(), *self._no_worse[name].numbers()]
        return base64.b64encode(array("d", numbers).tobytes()).decode()

    @classmethod
    def unfolded(cls, signals: frozenset[str], policy: Policy, text: str) -> "Watch":
        """The watch that was folded to this text. Raises ValueError if it was one of other signals."""
        watch = cls(signals, policy)
        numbers = iter(array("d", base64.b64decode(text, validate=True)))
        watch._environments = Environments(next(numbers))
        watch._log_evidence, watch._log_peak, watch._weight_seen = islice(numbers, 3)
        watch._seconds_at, watch._buckets, watch._covered = map(int, islice(numbers, 3))
        for name, worse in watch._worse.items():
            of_blue, of_green = (Counts(*map(int, islice(numbers, 2))) for _ in range(2))
            watch._totals[name] = Sides(blue=of_blue, green=of_green)
            worse.restore(numbers)
            watch._no_worse[name].restore(numbers)
        if next(numbers, None) is not None:
            raise ValueError(f"this is what a watch of other signals than {', '.join(sorted(signals))} came to")
        return watch

    def _over_signals(self, logs: Mapping[str, float]) -> float:
        if not self._shares:
            return 0.0
        return log_sum(math.log(share) + logs[name] for name, share in self._shares.items())

    def _finding(self, name: str) -> Finding:
        return Finding(
            signal=name,
            acts=name in self._shares,
            share=self._shares.get(name, 0.0),
            green=self._totals[name].green,
            blue=self._totals[name].blue,
            log_evidence=self._worse[name].log_value,
            bound=self._no_worse[name].bound(self._policy.doubt),
            margin=self._policy.tolerated(name).margin,
            excess=self._worse[name].excess,
        )


def _conclude(acting: tuple[Finding, ...], worse: bool, log_peak: float, covered: int) -> tuple[Kind, str]:
    if not acting or not any(finding.green.requests for finding in acting):
        return "not_enough", "green has had no requests" if covered else "green is not seen yet"
    if not any(finding.blue.requests for finding in acting):
        return "not_enough", "blue had no requests, so there is nothing to compare green with"
    leading = max(acting, key=lambda finding: finding.log_evidence + math.log(finding.share))
    counts = compared(leading.signal, leading.green, leading.blue)
    if worse:
        return "worse", f"{counts}: odds {odds(log_peak)} that green is worse"
    widest = max(acting, key=lambda finding: finding.bound / finding.margin)
    limits = f"green is worse by {points(widest.bound)} at most"
    if all(finding.bound <= finding.margin for finding in acting):
        return "fine", f"{compared(widest.signal, widest.green, widest.blue)}: {limits}"
    return "not_enough", f"{counts}: not enough to tell yet ({limits}; {points(widest.margin)} would be fine)"


def _served_at(bucket: Bucket) -> float:
    """The weight at which green had traffic from the bucket's beginning; where none lasted, its share, up to a half."""
    busiest = max(bucket.signals.values(), key=lambda sides: sides.green.requests, default=NOTHING)
    if not busiest.green.requests or not bucket.covered:
        return 0.0
    lasting = bucket.lasting_weight if bucket.changed else bucket.green_weight
    if lasting is not None:
        return lasting
    return min(0.5, busiest.green.requests / (busiest.green.requests + busiest.blue.requests))
