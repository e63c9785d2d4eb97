"""
RunHook: ask a function of the user's whether the deployment may go on.

Which hook runs follows from green's share: before traffic, after a step, or after all traffic. Safe to retry as far as
the hook is: a retry invokes it again.
"""

from typing import Any

from bluegreen import clock
from bluegreen.aws import functions
from bluegreen.decisions.gates import GRACE_SECONDS, after_hook, moment_of, objection
from bluegreen.document import Hooked
from bluegreen.edge import step
from bluegreen.errors import AwsRefused, HookFailed
from bluegreen.rings import Hooking
from bluegreen.text import sentence


@step
def handler(deployment: Hooking) -> Hooked:
    plan, bake, look = deployment.plan, deployment.bake, deployment.bake.look
    moment = moment_of(bake.green_weight)
    hook = plan.hooks.given[moment]
    begun = clock.now()
    try:
        reply = functions.ask_hook(plan.target, hook, _event(deployment, moment))
    except AwsRefused as error:
        raise HookFailed(f"The hook {moment}, {hook.function}, could not be invoked: {error}") from error
    noted = {"moment": moment, "hook": hook.function, "seconds": round(clock.now() - begun, 1)}
    if wrong := objection(reply):
        raise HookFailed(f"The hook {moment}, {hook.function}, stops the deployment: {sentence(wrong)}", noted)
    following = after_hook(plan.schedule, bake.green_weight, look.next_weight)
    seconds = plan.schedule.approval_seconds + GRACE_SECONDS if following == "approve" else look.next_seconds
    return Hooked.model_validate(
        look.model_dump() | {"next": following, "next_seconds": seconds, "evidence": noted},
    )


def _event(deployment: Hooking, moment: str) -> dict[str, Any]:
    """What the hook gets."""
    plan, bake = deployment.plan, deployment.bake
    seen = {"verdict", "reason", "blue", "green"}
    return {
        "moment": moment,
        "deployment": plan.id,
        "function": plan.target.function,
        "alias": plan.target.alias,
        "blue": plan.blue.version,
        "green": deployment.green.version,
        "step": len(bake.shifts),
        "weight": bake.green_weight,
        "look": bake.look.model_dump(include=seen) if bake.shifts else None,
    }
