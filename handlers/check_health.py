"""
CheckHealth: look at both versions' metrics, and go on, bake on, or stop.

Safe to retry: a look reads everything since the first shift again and changes nothing.
"""

from bluegreen import clock
from bluegreen.aws import aliases
from bluegreen.deployment import Looked, Shifted
from bluegreen.errors import GreenUnhealthy
from bluegreen.shifting import expected, must_be
from bluegreen.step import step
from bluegreen.watch import look


@step
def handler(deployment: Shifted) -> Looked:
    plan, green, traffic = deployment.plan, deployment.green.version, deployment.traffic
    must_be(plan, expected(plan, green, traffic), aliases.read(plan.function, plan.alias))
    now = clock.now()
    verdict = look(plan, green, traffic, now)
    if verdict.kind == "worse":
        raise GreenUnhealthy(
            f"Version {green} is worse than version {plan.blue.version}: {verdict.reason}.", verdict.as_dict()
        )
    return Looked(
        bake_over=now >= traffic.shifted_at + traffic.bake_seconds,
        verdict=verdict.kind,
        reason=verdict.reason,
        look=deployment.health.look + 1 if deployment.health else 1,
        evidence=verdict.as_dict(),
    )
