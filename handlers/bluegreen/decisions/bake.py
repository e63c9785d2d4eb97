"""What a look at the metrics comes to: bake on, go on, or roll back."""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from bluegreen.model import Frozen, Text
from bluegreen.request.health import Health
from bluegreen.verdict import Verdict

OF_LAMBDA = ("errors", "throttles", "slow")
"""The signals whose requests Lambda counts, by alias and version."""


def settled_until(now: float, health: Health) -> int:
    """The end of the last bucket that is complete and published, in seconds since 1970."""
    return int((now - health.delay_seconds) // health.period_seconds) * health.period_seconds


def bucket_of(moment: float, health: Health) -> int:
    """The start of the bucket that a moment falls into."""
    return int(moment // health.period_seconds) * health.period_seconds


def figures_at(shifted_at: float, now: float, health: Health) -> float:
    """
    When green's first figures are due.

    Those of the bucket of the first shift come first. Green may have had no request in the rest of it.
    """
    first = bucket_of(shifted_at, health) + health.period_seconds + health.delay_seconds
    return first if now < first else first + health.period_seconds


class Alarms(Frozen):
    """
    The alarms that the user named: `red` are in ALARM, `unknown` are in INSUFFICIENT_DATA, `pardoned` have been in
    ALARM since before the deployment.
    """

    red: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    pardoned: tuple[str, ...] = ()

    @property
    def acting(self) -> tuple[str, ...]:
        """Those that went off during the deployment."""
        return tuple(name for name in self.red if name not in self.pardoned)


SUSPECTED_ODDS = 10
"""
So many to 1 that green is worse, when it would get everything. `python -m benchmarks.verdict` measures how often an
identical green stands so: in 1 case of 100 at most, together with those that were found worse before.
"""
HELD_SECONDS = 12 * 3600
"""How long a suspected green is held at most."""
PATIENCE_SECONDS = 180
"""So much longer than others a bucket may take until its parts agree: CloudWatch may show one metric after another."""

Next = Literal["bake_on", "go_on", "roll_back"]

Because = Literal[
    "worse",
    "alarm",
    "promoted",
    "paused",
    "no_bake",
    "unmeasured",
    "unmeasured_too_often",
    "baking",
    "pending",
    "late",
    "fine",
    "no_traffic",
    "no_traffic_too_long",
    "in_doubt",
    "suspected",
    "over",
]
"""The reason for a decision. `words.py` makes a sentence of it."""


class Decision(Frozen):
    """What to do after a look, and why."""

    next: Next
    because: Because


@dataclass(frozen=True)
class Standing:
    """
    How a bake stands at a look.

    `given` are the settings of `health` that the request has itself. `baked_seconds` of the `bake_seconds` are over;
    after the `last` bake green gets everything. `unmeasured` looks in a row, with this one, had no metrics. Some of the
    figures are `pending`, and the newest came `late_seconds` later than they should. `probed` says that green has
    answered probes. With `watched` the schedule has a bake at all. The alias's throttled requests that count for
    neither version are `unattributed`. The logs of the last `unread` buckets were not read.

    Green's first figures are due at `figures_at` (ISO 8601, UTC; "" if that is not known). `paused` and `promoted` name
    the person who ordered that, and why; "" without such an order.
    """

    health: Health
    verdict: Verdict
    alarms: Alarms
    baked_seconds: float
    bake_seconds: int
    given: tuple[str, ...] = ()
    last: bool = True
    unmeasured: int = 0
    pending: bool = False
    late_seconds: int = 0
    probed: bool = False
    watched: bool = True
    unattributed: int = 0
    unread: int = 0
    figures_at: str = ""
    paused: str = ""
    promoted: str = ""


def decide(now: Standing) -> Decision:
    """
    What a look comes to.

    A person who promotes green overrules everything but the proof that it is worse and alarms. A pause only holds green
    back: what would undo the deployment still does.
    """
    if now.verdict.kind == "worse":
        return Decision(next="roll_back", because="worse")
    if now.alarms.acting:
        return Decision(next="roll_back", because="alarm")
    if now.promoted:
        return Decision(next="go_on", because="promoted")
    found = _by_the_watch(now)
    return Decision(next="bake_on", because="paused") if now.paused and found.next == "go_on" else found


def _by_the_watch(now: Standing) -> Decision:
    health, verdict, baked = now.health, now.verdict, now.baked_seconds
    if now.bake_seconds == 0:
        return Decision(next="go_on", because="no_bake")
    if verdict.kind == "cannot_measure":
        return _unmeasured(health, now.unmeasured)
    if baked < now.bake_seconds:
        return Decision(next="bake_on", because="baking")
    if now.last and baked < now.bake_seconds + now.late_seconds:
        return Decision(next="bake_on", because="late")
    if now.pending and baked < now.bake_seconds + PATIENCE_SECONDS:
        return Decision(next="bake_on", because="pending")
    over = _when_over(now)
    return _suspected(now) if over.next == "go_on" and now.last and is_suspected(verdict) else over


def _when_over(now: Standing) -> Decision:
    health, verdict, baked = now.health, now.verdict, now.baked_seconds
    if verdict.kind == "fine" and not now.alarms.unknown:
        return Decision(next="go_on", because="fine")
    if is_silent(verdict):
        return _no_traffic(health, baked)
    if health.max_bake_seconds and baked < health.max_bake_seconds:
        return Decision(next="bake_on", because="in_doubt")
    return Decision(next="go_on", because="over")


def is_suspected(verdict: Verdict) -> bool:
    """The odds that green is worse are no proof, and too high to give it everything."""
    return verdict.log_evidence >= math.log(SUSPECTED_ODDS)


def _suspected(now: Standing) -> Decision:
    match now.health.when_suspected:
        case "promote":
            return Decision(next="go_on", because="suspected")
        case "hold" if now.baked_seconds < now.bake_seconds + HELD_SECONDS:
            return Decision(next="bake_on", because="suspected")
        case _:
            return Decision(next="roll_back", because="suspected")


def is_silent(verdict: Verdict) -> bool:
    """
    Green had a share for at least one whole settled bucket, and no request at all.

    Before such a bucket, or if a series is missing, an absence of requests says nothing about green.
    """
    return verdict.kind not in ("cannot_measure", "worse") and verdict.covered > 0 and not has_requests(verdict)


FEW_REQUESTS = 30


def needs_probes(verdict: Verdict) -> bool:
    """Green had a share for a whole settled bucket, and too few requests to be judged by them."""
    few = all(finding.green.requests < FEW_REQUESTS for finding in verdict.findings)
    return verdict.kind != "cannot_measure" and verdict.covered > 0 and few


def has_requests(verdict: Verdict) -> bool:
    """Green's, as Lambda counts them. What the function writes also counts smoke tests and probes, and items."""
    return _requests(verdict) > 0


def _unmeasured(health: Health, unmeasured: int) -> Decision:
    if unmeasured <= health.unmeasured_looks:
        return Decision(next="bake_on", because="unmeasured")
    goes_on = health.cannot_measure == "proceed"
    return Decision(next="go_on" if goes_on else "roll_back", because="unmeasured_too_often")


def _no_traffic(health: Health, baked_seconds: float) -> Decision:
    if health.no_traffic == "roll_back":
        return Decision(next="roll_back", because="no_traffic")
    if health.no_traffic == "wait":
        if baked_seconds >= (health.max_bake_seconds or 0):
            return Decision(next="roll_back", because="no_traffic_too_long")
        return Decision(next="bake_on", because="no_traffic")
    return Decision(next="go_on", because="no_traffic")


WatchKind = Literal["judged", "nobody_called", "not_seen", "not_measured", "not_watched"]

Given = Literal["over_suspicion", "by_the_clock", "by_a_person"]
"""Why green got everything, where the evidence alone would not have given it."""

MOST_ODDS = 1e9
"""Higher ones say nothing more."""


class Judged(Frozen):
    """
    What the last look that could measure says of the signal of which least is known.

    Of blue's and green's `requests` so many were `bad`. That green's rate exceeds blue's by `bound` is excluded (1:
    nothing is). `fine`: the bounds of all acting signals are within their margins. `odds` to 1 are those that green is
    worse, over all of them. For custom metrics `signal` is the metric's name.
    """

    model_config = ConfigDict(extra="ignore")

    signal: str
    green: int
    green_bad: int
    blue: int
    blue_bad: int
    bound: float
    odds: float
    fine: bool


class Watched(Frozen):
    """
    What a deployment knows of its green under traffic, `seconds` after the first shift.

    `judged`: its requests were compared with blue's, with what `finding`. `nobody_called`: it had none. `not_seen`: the
    watch was over before a figure of it came. `not_measured`: CloudWatch did not answer, or does not show its requests.
    `not_watched`: the strategy has no bake. `given` is why green got everything in spite of that, and `given_by` the
    person who ordered it.

    The record keeps it, and a record may be of another stack version: unknown attributes are passed over.
    """

    model_config = ConfigDict(extra="ignore")

    kind: WatchKind
    seconds: int
    requests: int = 0
    finding: Judged | None = None
    given: Given | None = None
    given_by: Text | None = None


def watched(
    now: Standing, decision: Decision, seconds: float, before: Watched | None, given: Given | None = None
) -> Watched:
    """
    With this look and the decision after it. One that cannot measure and is tolerated leaves what was known `before`.

    `given` is by which other rule green gets everything now. Once it was given, a later look has no say in that.
    """
    by: str | None = now.promoted if given == "by_a_person" else None
    if decision.because == "suspected" and decision.next == "go_on":
        given = "over_suspicion"
    elif before and not given:
        given, by = before.given, before.given_by
    verdict, kind = now.verdict, _kind(now)
    if kind == "not_measured" and before and now.unmeasured <= now.health.unmeasured_looks:
        return before.model_copy(update={"seconds": round(seconds), "given": given, "given_by": by})
    return Watched(
        kind=kind,
        seconds=round(seconds),
        requests=_requests(verdict),
        finding=_judged(verdict) if kind == "judged" else None,
        given=given,
        given_by=by,
    )


def _kind(now: Standing) -> WatchKind:
    if not now.watched:
        return "not_watched"
    if now.verdict.kind == "cannot_measure":
        return "not_measured"
    if now.verdict.kind == "worse" or has_requests(now.verdict):
        return "judged"
    return "nobody_called" if is_silent(now.verdict) else "not_seen"


def _requests(verdict: Verdict) -> int:
    return max((each.green.requests for each in verdict.findings if each.signal in OF_LAMBDA), default=0)


def _judged(verdict: Verdict) -> Judged | None:
    """None if all signals are in a dry run."""
    acting = [finding for finding in verdict.findings if finding.acts]
    if not acting:
        return None
    widest = max(acting, key=lambda finding: (finding.bound / finding.margin, finding.share))
    return Judged(
        signal=widest.signal,
        green=widest.green.requests,
        green_bad=widest.green.bad,
        blue=widest.blue.requests,
        blue_bad=widest.blue.bad,
        bound=round(widest.bound, 6),
        odds=round(math.exp(min(math.log(MOST_ODDS), verdict.log_evidence)), 3),
        fine=verdict.kind == "fine",
    )
