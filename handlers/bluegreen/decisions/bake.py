"""What a look at the metrics comes to: bake on, go on, or roll back."""

from typing import Literal

from bluegreen.model import Frozen
from bluegreen.request.health import Health
from bluegreen.verdict import Verdict


def settled_until(now: float, health: Health) -> int:
    """The end of the last bucket that is complete and published, in seconds since 1970."""
    return int((now - health.delay_seconds) // health.period_seconds) * health.period_seconds


def bucket_of(moment: float, health: Health) -> int:
    """The start of the bucket that a moment falls into."""
    return int(moment // health.period_seconds) * health.period_seconds


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


Next = Literal["bake_on", "go_on", "roll_back"]


class Decision(Frozen):
    """What to do after a look, and why in a sentence."""

    next: Next
    reason: str


def decide(
    health: Health,
    verdict: Verdict,
    alarms: Alarms,
    *,
    baked_seconds: float,
    bake_seconds: int,
    unmeasured: int,
    probed: bool,
) -> Decision:
    """
    What a look comes to.

    `baked_seconds` of the `bake_seconds` are over; `unmeasured` looks in a row, with this one, had no metrics;
    `probed` says that green has answered probes.
    """
    if verdict.kind == "worse":
        return Decision(next="roll_back", reason=verdict.reason)
    if alarms.acting:
        return Decision(next="roll_back", reason=f"the alarm {', '.join(alarms.acting)} went off during the deployment")
    if bake_seconds == 0:
        return Decision(next="go_on", reason=verdict.reason)
    if verdict.kind == "cannot_measure":
        return _unmeasured(health, verdict, unmeasured)
    if baked_seconds < bake_seconds:
        return Decision(next="bake_on", reason=f"{verdict.reason}{_in_doubt(alarms)}")
    if verdict.kind == "fine" and not _in_doubt(alarms):
        return Decision(next="go_on", reason=verdict.reason)
    if is_silent(verdict):
        return _no_traffic(health, verdict, baked_seconds, probed)
    if health.max_bake_seconds and baked_seconds < health.max_bake_seconds:
        return Decision(next="bake_on", reason=f"{verdict.reason}{_in_doubt(alarms)}; baking on")
    against = "what speaks against green proves nothing" if verdict.leans else "nothing speaks against green"
    reason = f"{verdict.reason}{_in_doubt(alarms)}; the bake is over and {against}"
    return Decision(next="go_on", reason=reason)


def is_silent(verdict: Verdict) -> bool:
    """There were settled buckets, and green had no request in any of them."""
    return verdict.buckets > 0 and not any(finding.green.requests for finding in verdict.findings)


def _in_doubt(alarms: Alarms) -> str:
    return f"; the alarm {', '.join(alarms.unknown)} has no data" if alarms.unknown else ""


def _unmeasured(health: Health, verdict: Verdict, unmeasured: int) -> Decision:
    if unmeasured <= health.unmeasured_looks:
        reason = f"{verdict.reason}; look {unmeasured} of {health.unmeasured_looks} that may fail"
        return Decision(next="bake_on", reason=reason)
    if health.cannot_measure == "proceed":
        return Decision(next="go_on", reason=f"{verdict.reason}; going on unseen, as the request says")
    return Decision(next="roll_back", reason=f"{verdict.reason}, {unmeasured} times in a row")


def _no_traffic(health: Health, verdict: Verdict, baked_seconds: float, probed: bool) -> Decision:
    if health.no_traffic == "roll_back":
        return Decision(next="roll_back", reason=f"{verdict.reason}, and the request says to roll back then")
    if health.no_traffic == "wait":
        if baked_seconds >= (health.max_bake_seconds or 0):
            return Decision(next="roll_back", reason=f"{verdict.reason}, {baked_seconds:.0f} seconds long")
        return Decision(next="bake_on", reason=f"{verdict.reason}; waiting for some")
    if health.no_traffic == "probe":
        how = "; it answered no probe wrongly" if probed else "; it answered no probe"
    else:
        how = ", and the request says to go on then"
    return Decision(next="go_on", reason=f"{verdict.reason}{how}")
