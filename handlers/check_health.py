"""
CheckHealth: look at both versions' metrics, and go on, bake on, or stop.

Safe to retry: a look reads everything since the first shift again and changes nothing.
"""

from bluegreen import clock
from bluegreen.aws import aliases
from bluegreen.deployment import Baking, Look
from bluegreen.errors import GreenUnhealthy
from bluegreen.shifting import expected, must_be
from bluegreen.step import step
from bluegreen.watch import look


@step
def handler(deployment: Baking) -> Look:
    plan, green, shift = deployment.plan, deployment.green.version, deployment.shift
    must_be(plan, expected(plan, green, shift), aliases.read(plan.function, plan.alias))
    now = clock.now()
    verdict = look(plan, green, shift, now)
    if verdict.kind == "worse":
        raise GreenUnhealthy(
            f"Version {green} is worse than version {plan.blue.version}: {verdict.reason}.", verdict.as_dict()
        )
    return Look(
        bake_over=now >= shift.shifted_at + shift.bake_seconds,
        verdict=verdict.kind,
        reason=verdict.reason,
        number=deployment.look.number + 1 if deployment.look else 1,
        evidence=verdict.as_dict(),
    )
