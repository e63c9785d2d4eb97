"""
CheckHealth: look at both versions' metrics, and go on, bake on, or stop.

Safe to retry: a look reads everything since the first shift again and changes nothing.
"""

from bluegreen import clock
from bluegreen.aws import aliases
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.baking import watch
from bluegreen.baking.alias import expected, latest_must_be_ours, must_be
from bluegreen.decisions.adaptive import ALMOST_ALL, next_weight
from bluegreen.decisions.bake import Alarms, decide, is_silent
from bluegreen.document import Baking, Look
from bluegreen.edge import step
from bluegreen.errors import GreenUnhealthy


@step
def handler(deployment: Baking) -> Look:
    plan, green, shift = deployment.plan, deployment.green.version, deployment.shift
    before = deployment.look or Look.before_any(plan)
    must_be(plan, expected(plan, green, shift), aliases.read(plan.function, plan.alias))
    latest_must_be_ours(plan)
    now = clock.now()
    seen = watch.look(plan, green, shift, now)
    alarms = watch.alarms_now(plan, before.pardoned)
    silent = is_silent(seen.verdict)
    probed = watch.probe(plan, green) if silent and plan.health.no_traffic == "probe" else watch.Probed()
    probes = before.probes + probed.answered
    unmeasured = before.unmeasured + 1 if seen.verdict.kind == "cannot_measure" else 0
    decision = decide(
        plan.health,
        seen.verdict,
        alarms,
        baked_seconds=now - shift.watched_since,
        bake_seconds=min(shift.bake_seconds, shift.silence_seconds) if silent else shift.bake_seconds,
        unmeasured=unmeasured,
        probed=probes > 0,
    )
    weight = _next_weight(deployment, seen, alarms) if decision.next == "bake_on" else 1.0
    look = Look(
        number=before.number + 1,
        bake_over=decision.next == "go_on" or weight != shift.green_weight,
        verdict=seen.verdict.kind,
        reason=f"{decision.reason}{_back(shift.green_weight, weight)}{_unanswered(probed)}",
        next_weight=weight,
        unmeasured=unmeasured,
        probes=probes,
        pardoned=alarms.pardoned,
        alarms=alarms.red,
        evidence=seen.verdict.as_dict(),
    )
    if decision.next == "roll_back":
        raise GreenUnhealthy(f"Version {green} is unhealthy: {decision.reason}.", look.model_dump(mode="json"))
    return look


def _next_weight(deployment: Baking, seen: watch.Seen, alarms: Alarms) -> float:
    """
    Under `Adaptive` what the evidence allows, be it more or less; under any other strategy the weight there is.

    An alarm without data is not health, so green does not get the last of it then.
    """
    health, weight = deployment.plan.health, deployment.shift.green_weight
    if not deployment.plan.schedule.adaptive:
        return weight
    most = max(weight, ALMOST_ALL) if alarms.unknown else 1.0
    allowed = next_weight(
        weight,
        seen.verdict,
        seen.requests_per_minute,
        period_seconds=health.period_seconds,
        delay_seconds=health.delay_seconds,
    )
    return min(most, allowed.green_weight)


def _back(now: float, then: float) -> str:
    return f"; green goes back from {now:.3g} to {then:.3g} until that is cleared up" if then < now else ""


def _unanswered(probed: watch.Probed) -> str:
    if not probed.unanswered:
        return ""
    return (
        f"; the probe {probed.unanswered!r} got no answer within {PROBE_SECONDS} seconds, nor the right one from blue"
    )
