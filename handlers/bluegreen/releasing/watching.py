"""A look at a wave: every function that was shifted, one after the other, and all of them together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bluegreen import clock
from bluegreen.baking import watch
from bluegreen.baking.conclude import conclude
from bluegreen.baking.watch import Asking, Probed
from bluegreen.decisions.bake import needs_probes
from bluegreen.decisions.orders import Standing
from bluegreen.document import Bake, Look, Plan
from bluegreen.errors import GreenUnhealthy, ReleaseUnhealthy
from bluegreen.ledger import deployments, evidence, releases
from bluegreen.ledger.releases import Member, Release, WaveVerdict
from bluegreen.releasing.document import Go
from bluegreen.verdict.release import of_sums, summed
from bluegreen.verdict.words import odds

AT_ONCE = 500
"""Functions of one call of GetMetricData and of one object of evidence."""


@dataclass(frozen=True)
class Looked:
    """
    What a look came to: the functions that failed, and until when the others bake on (seconds since 1970, 0: no more).
    """

    failed: tuple[Member, ...]
    bakes_on_until: float
    reason: str
    verdict: WaveVerdict

    def noted(self) -> dict[str, Any]:
        """For the audit of the release."""
        return {"verdict": self.verdict.model_dump(), "failed": [each.name for each in self.failed]}


def look(release: Release, go: Go, ordered: Standing, now: float) -> Looked:
    """
    Look at the wave's functions that have a share. Raises ReleaseUnhealthy if all together are found worse.

    A function that fails is written down as failed.
    """
    members = [each for each in releases.members(release.id, go.wave) if each.shifts and not each.error]
    looks: dict[int, Look] = {}
    failed: list[Member] = []
    logs: dict[str, float] = {}
    for chunk, start in enumerate(range(0, len(members), AT_ONCE)):
        judged, worse = _look_at(release, go, chunk, members[start : start + AT_ONCE], ordered, now, logs)
        looks |= judged
        failed += worse
    verdict = _together(release, go, logs, now)
    releases.learn_verdict(release.id, verdict)
    if verdict.peak >= -math.log(release.false_alarm) and not failed:
        raise ReleaseUnhealthy(
            f"The greens of the release are worse, by all of their evidence together: odds {odds(verdict.peak)}. "
            f"{verdict.worst} carries most of it."
        )
    baking = [each for each in looks.values() if each.next == "bake_on"]
    until = max(min(each.due_at for each in baking), now + _least(release, go, now)) if baking else 0.0
    reason = f"{len(looks) - len(baking)} of {len(looks)} functions have baked"
    return Looked(tuple(failed), until, reason, verdict)


def _look_at(
    release: Release,
    go: Go,
    chunk: int,
    members: Sequence[Member],
    ordered: Standing,
    now: float,
    logs: dict[str, float],
) -> tuple[dict[int, Look], list[Member]]:
    plans = deployments.plans_of([each.deployment for each in members])
    before = evidence.read(release.id, go.wave, chunk)
    bakes = {each.number: _bake(each, before.get(each.deployment)) for each in members}
    asking = [
        Asking(plans[each.deployment], each.green, each.shifts, bakes[each.number].look.memory) for each in members
    ]
    seen = watch.look_at_all(asking, now)
    alarms = watch.alarms_of_all(
        [(each.plan, bakes[m.number].look.pardoned) for each, m in zip(asking, members, strict=True)]
    )
    looks: dict[int, Look] = {}
    failed: list[Member] = []
    for member, asked, one, red in zip(members, asking, seen, alarms, strict=True):
        logs[member.name] = one.verdict.log_evidence
        try:
            probed = _probed(asked.plan, member, one)
            found = conclude(asked.plan, bakes[member.number], one, red, probed, now, ordered)
            if found.next == "roll_back":
                raise GreenUnhealthy(f"Version {member.green} is unhealthy: {found.reason}.")
        except GreenUnhealthy as error:
            failed.append(
                releases.learn(release.id, member, error=type(error).__name__, cause=str(error), verdict="worse")
            )
            continue
        looks[member.number] = found
        if found.verdict != member.verdict:
            releases.learn(release.id, member, verdict=found.verdict)
    named = {each.deployment: looks[each.number] for each in members if each.number in looks}
    evidence.keep(release.id, go.wave, chunk, named)
    return looks, failed


def _probed(plan: Plan, member: Member, seen: watch.Seen) -> Probed:
    probes = needs_probes(seen.verdict) and plan.health.no_traffic == "probe"
    return watch.probe(plan, member.green) if probes else Probed()


def _bake(member: Member, look: Look | None) -> Bake:
    return Bake(shifts=member.shifts, revision=member.revision, look=look or Look(next_weight=member.weight))


def _least(release: Release, go: Go, now: float) -> float:
    """Seconds until the next look at least: what one execution can afford."""
    return min(release.pace_seconds, max(1, release.schedule.steps[go.step].bake_seconds))


def _together(release: Release, go: Go, logs: dict[str, float], now: float) -> WaveVerdict:
    """The release's evidence with that of the waves before, which had their last look."""
    known = [each for each in releases.verdicts(release.id) if each.wave != go.wave]
    earlier = [each.peak for each in releases.verdicts(release.id)]
    log_sum, log_product = summed(logs.values())
    sums = [(each.functions, each.log_sum, each.log_product) for each in known]
    evidence_now = of_sums([*sums, (len(logs), log_sum, log_product)], of=release.functions)
    worst = max(logs, key=lambda name: logs[name], default="")
    return WaveVerdict(
        wave=go.wave,
        functions=len(logs),
        log_sum=log_sum,
        log_product=log_product,
        peak=max([evidence_now, *earlier]),
        worst=worst,
        at=clock.iso(now),
    )
