"""
CheckHealth: look at both versions' metrics, and go on, bake on, or stop.

Safe to retry: a look reads the same minutes again and changes nothing.
"""

from bluegreen import clock
from bluegreen.aws import aliases
from bluegreen.baking import watch
from bluegreen.baking.alias import left_at, must_be
from bluegreen.baking.conclude import conclude
from bluegreen.decisions.bake import needs_probes
from bluegreen.document import Look
from bluegreen.edge import step
from bluegreen.errors import GreenUnhealthy
from bluegreen.rings import Looking


@step
def handler(deployment: Looking) -> Look:
    plan, bake, green = deployment.plan, deployment.bake, deployment.green.version
    wanted = left_at(plan.blue.version, green, bake)
    must_be(plan.target, wanted, aliases.read(plan.target, wanted))
    now = clock.now()
    seen = watch.look(plan, green, bake.shifts, now, bake.look.memory)
    alarms = watch.alarms_now(plan, bake.look.pardoned)
    probes = needs_probes(seen.verdict) and plan.health.no_traffic == "probe"
    probed = watch.probe(plan, green) if probes else watch.Probed()
    look = conclude(plan, bake, seen, alarms, probed, now)
    if look.next == "roll_back":
        raise GreenUnhealthy(f"Version {green} is unhealthy: {look.reason}.", look.noted())
    return look
