"""What the watch concludes from all it has seen so far."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any, Literal

from bluegreen.verdict.counts import Bucket, Counts, Sides
from bluegreen.verdict.evidence import NoWorse, Worse, log_sum
from bluegreen.verdict.policy import Policy
from bluegreen.verdict.words import compared, odds, points

Kind = Literal["worse", "fine", "not_enough", "cannot_measure"]


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One signal: its counts, the log of its evidence that green is worse, and `bound`, the most by which green's
    rate can exceed blue's. A signal that does not `act` is in a dry run.
    """

    signal: str
    acts: bool
    share: float
    green: Counts
    blue: Counts
    log_evidence: float
    bound: float
    margin: float

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
    most it ever was, which is what decides. `bound` is the most by which any acting signal of green can exceed
    blue's (1 before anything is known). `weight_seen` is the largest weight at which green was seen with
    traffic, `seconds_at_weight_seen` for how long.
    """

    kind: Kind
    reason: str
    findings: tuple[Finding, ...] = ()
    log_evidence: float = 0.0
    log_evidence_peak: float = 0.0
    bound: float = 1.0
    weight_seen: float = 0.0
    seconds_at_weight_seen: int = 0
    buckets: int = 0

    @classmethod
    def cannot_measure(cls, reason: str) -> "Verdict":
        """The verdict when CloudWatch did not answer, or answered nothing where there should be something."""
        return cls("cannot_measure", reason)

    @property
    def odds(self) -> float:
        """The evidence as odds to one that green is worse, 1e300 at most."""
        return math.exp(max(-690.0, min(690.0, self.log_evidence_peak)))

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON knows it."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}


def judge(buckets: Iterable[Bucket], policy: Policy = Policy()) -> Verdict:  # noqa: B008
    """
    What all buckets together say of green, in whatever order they come.

    Call it at every look with every bucket of the deployment: late and revised ones are welcome, and however
    many looks there are, a green no worse than tolerated is called worse with probability `false_alarm` at most.
    """
    seen = sorted({bucket.start: bucket for bucket in buckets}.values(), key=lambda bucket: bucket.start)
    signals = frozenset(name for bucket in seen for name in bucket.signals)
    shares = policy.budget(signals)
    worse = {name: Worse(policy.tolerated(name), policy.icc) for name in sorted(signals)}
    no_worse = {name: NoWorse(policy.icc) for name in worse}
    total = peak = 0.0
    nothing = Sides()
    for bucket in seen:
        for name in worse:
            sides = bucket.signals.get(name, nothing)
            worse[name].add(sides, bucket)
            no_worse[name].add(sides, bucket)
        if shares:
            total = log_sum(math.log(share) + worse[name].log_value for name, share in shares.items())
            peak = max(peak, total)
    findings = tuple(
        _finding(name, shares.get(name), seen, worse[name].log_value, no_worse[name].bound(policy.doubt), policy)
        for name in worse
    )
    weight_seen, seconds = _seen_at(seen)
    acting = tuple(finding for finding in findings if finding.acts)
    kind, reason = _conclude(acting, peak, -math.log(policy.false_alarm))
    return Verdict(
        kind=kind,
        reason=reason,
        findings=findings,
        log_evidence=total,
        log_evidence_peak=peak,
        bound=max((finding.bound for finding in acting), default=1.0),
        weight_seen=weight_seen,
        seconds_at_weight_seen=seconds,
        buckets=len(seen),
    )


def _finding(
    name: str, share: float | None, buckets: list[Bucket], log_evidence: float, bound: float, policy: Policy
) -> Finding:
    sides = reduce(Sides.__add__, (bucket.signals[name] for bucket in buckets if name in bucket.signals), Sides())
    return Finding(
        signal=name,
        acts=share is not None,
        share=share or 0.0,
        green=sides.green,
        blue=sides.blue,
        log_evidence=log_evidence,
        bound=bound,
        margin=policy.tolerated(name).margin,
    )


def _conclude(acting: tuple[Finding, ...], log_peak: float, log_enough: float) -> tuple[Kind, str]:
    if not acting or not any(finding.green.requests for finding in acting):
        return "not_enough", "green has had no requests yet"
    if not any(finding.blue.requests for finding in acting):
        return "not_enough", "blue had no requests, so there is nothing to compare green with"
    leading = max(acting, key=lambda finding: finding.log_evidence + math.log(finding.share))
    counts = compared(leading.signal, leading.green, leading.blue)
    if log_peak >= log_enough:
        return "worse", f"{counts}: odds {odds(log_peak)} that green is worse"
    widest = max(acting, key=lambda finding: finding.bound / finding.margin)
    limits = f"green is worse by {points(widest.bound)} at most"
    if all(finding.bound <= finding.margin for finding in acting):
        return "fine", f"{compared(widest.signal, widest.green, widest.blue)}: {limits}"
    return "not_enough", f"{counts}: not enough to tell yet ({limits}; {points(widest.margin)} would be fine)"


def _seen_at(buckets: list[Bucket]) -> tuple[float, int]:
    """The largest weight that green had traffic at, and for how long."""
    served = [
        (bucket.green_weight, bucket.period_seconds)
        for bucket in buckets
        if bucket.green_weight and any(sides.green.requests for sides in bucket.signals.values())
    ]
    largest = max((weight for weight, _ in served), default=0.0)
    return largest, sum(seconds for weight, seconds in served if weight == largest)
