"""
CheckHealth: look at both versions' metrics, and go on, bake on, or stop.

Safe to retry: a look reads the same minutes again and changes nothing. While no look is due, the handler reads only
the table: record, plan, orders and decisions. Where the next step needs a person's approval, the handler bakes on until
that is in the ledger. Until then a promote changes nothing, and looks are as far apart as during a bake.
"""

from bluegreen import clock, news
from bluegreen.aws import aliases
from bluegreen.baking import watch
from bluegreen.baking.alias import left_at, must_be
from bluegreen.baking.conclude import conclude
from bluegreen.baking.gates import gated, is_approved, must_not_be_rejected
from bluegreen.decisions import orders
from bluegreen.decisions.bake import needs_probes
from bluegreen.decisions.pace import EARLY_SECONDS, wait
from bluegreen.decisions.words import of_the_rest
from bluegreen.document import Look
from bluegreen.edge import step
from bluegreen.errors import GreenUnhealthy
from bluegreen.ledger import orders as ledger
from bluegreen.ledger.owner import of_deployment
from bluegreen.rings import Looking


@step
def handler(deployment: Looking) -> Look:
    plan, bake, green, now = deployment.plan, deployment.bake, deployment.green.version, clock.now()
    ordered = orders.standing(ledger.given(of_deployment(plan.id)), now)
    ordered.must_go_on(now)
    must_not_be_rejected(plan, bake.green_weight)
    resumed = bake.look.told_pause and not ordered.paused
    awaited, promoted = bake.look.awaits, ordered.promotes(bake.moved_at, bake.green_weight)
    goes_on = is_approved(plan.id, awaited) if awaited else promoted
    if now < bake.look.due_at - EARLY_SECONDS and not (goes_on or resumed):
        next_seconds = ordered.wait(now, wait(now, bake.look.due_at))
        return bake.look.model_copy(
            update=_told(deployment, ordered) | {"next": "bake_on", "next_seconds": next_seconds}
        )
    wanted = left_at(plan.blue.version, green, bake)
    must_be(deployment.record, wanted, aliases.read(plan.target, wanted))
    seen = watch.look(plan, green, bake.shifts, now, bake.look.memory)
    alarms = watch.alarms_now(plan, bake.look.pardoned)
    probes = needs_probes(seen.verdict) and plan.health.no_traffic == "probe"
    probed = watch.probe(plan, green) if probes else watch.Probed()
    look = conclude(plan, bake, seen, alarms, probed, now, ordered)
    if look.next == "roll_back":
        beside = of_the_rest(seen.verdict, plan.slow_ms)
        raise GreenUnhealthy(f"Version {green} is unhealthy: {look.reason}.{beside}", look.noted())
    gone_on = gated(deployment.record, plan, bake, look, deployment.must_be_here)
    return gone_on.model_copy(update=_told(deployment, ordered))


def _told(deployment: Looking, ordered: orders.Standing) -> dict[str, float]:
    """
    Tell people once of each pause. For the next run: when the pause that stands was ordered, 0 if none stands.

    Called when nothing is left that may fail: what the state's retry told again would be a second message.
    """
    pause, target = ordered.paused, deployment.target
    if pause is None:
        return {"told_pause": 0.0}
    if pause.at == deployment.bake.look.told_pause:
        return {"told_pause": pause.at}
    commands = tuple(
        f"bluegreen {order} {target.function} --alias {target.alias}" for order in ("resume", "promote", "abort")
    )
    reason = f"Green keeps its share: paused by {pause.said}."
    news.waits(deployment.record, "resume", reason, until=pause.over_at, commands=commands)
    return {"told_pause": pause.at}
