"""What a look has to pass before a shift: a person's approval, then the hook. ShiftAlias checks the approval, too."""

import math
from collections.abc import Callable
from typing import NamedTuple

from bluegreen import clock, news
from bluegreen.decisions import orders
from bluegreen.decisions.gates import LATE_SECONDS, REJECTED, Decision, deciding_commands, moment_of, waiting_words
from bluegreen.decisions.pace import pace_of, seconds_to_next_look, wait
from bluegreen.decisions.shift import next_weight
from bluegreen.document import Bake, Look, Plan
from bluegreen.errors import ApprovalRefused, ApprovalTimedOut, DeploymentError, NotApproved
from bluegreen.ledger import approvals, deployments
from bluegreen.ledger import orders as ledger
from bluegreen.ledger.approvals import Asked
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import OPEN, Record
from bluegreen.text import duration


def gated(record: Record, plan: Plan, bake: Bake, look: Look, must_be_here: Callable[[], None]) -> Look:
    """
    The look, or the same with another `next`.

    A step that waits for approval bakes on, so looks go on and a worse green is rolled back. Raises ApprovalRefused and
    ApprovalTimedOut. `must_be_here` is called before the time for an approval may begin.
    """
    if look.next == "shift" and (step := unapproved(plan, bake.green_weight, look.next_weight)):
        must_be_here()
        waiting = wait_for_approval(record, plan, step, look.next_weight)
        now = clock.now()
        waited = now - clock.moment(waiting.asked_at)
        until, pace = plan.schedule.approval_seconds + LATE_SECONDS, pace_of(plan.schedule, plan.health.period_seconds)
        pause = min(seconds_to_next_look(waited, until, pace), max(1, math.ceil(until - waited)))
        reason = f"{look.reason}; step {step} waits for a person's approval until {waiting.ends_at}"
        due = {"next_seconds": wait(now, now + pause), "due_at": now + pause}
        return look.model_copy(update=due | {"next": "bake_on", "reason": reason, "awaits": step})
    if look.next in ("shift", "complete") and moment_of(bake.green_weight) in plan.hooks.given:
        return look.model_copy(update={"next": "hook"})
    return look


def wait_for_approval(record: Record, plan: Plan, step: int, weight: float, task_token: str = "") -> Asked:
    """
    Write down that the step waits, and tell people of it, at least once.

    Raises ApprovalTimedOut once no decision can come any more.
    """
    seconds = plan.schedule.approval_seconds
    waiting = approvals.ask(of_deployment(plan.id), step, seconds, task_token)
    if approvals.decided(of_deployment(plan.id), step):
        return waiting
    if waiting.is_over(clock.now() - LATE_SECONDS):
        raise ApprovalTimedOut(
            f"No person approved step {step} within {duration(seconds)}, until {waiting.ends_at}. `approval` in the "
            "request says how long a deployment waits."
        )
    return waiting if waiting.told_at else _told(record, waiting, weight)


class Waits(NamedTuple):
    """Whether a deployment waits for a person now, and whether people know of each step that does."""

    now: bool
    told: bool


def what_waits(deployment: str) -> Waits:
    """
    Look whether the deployment is paused or has a step to be decided; tell people of steps that they never heard of.

    For the sweep of RecoverDeployments: AwaitApproval does not run again before its time is over.
    """
    try:
        record, now = deployments.find(deployment), clock.now()
        if record is None or record.state != OPEN:
            return Waits(now=False, told=True)
        waiting = [
            each
            for each in approvals.asked(of_deployment(deployment))
            if not each.is_over(now) and not approvals.decided(of_deployment(deployment), each.step)
        ]
        paused = orders.standing(ledger.given(of_deployment(deployment)), now).paused
        return Waits(
            now=bool(waiting or paused), told=_all_told(record, [each for each in waiting if not each.told_at])
        )
    except DeploymentError:
        return Waits(now=False, told=False)


def _all_told(record: Record, untold: list[Asked]) -> bool:
    plan = deployments.plan_of(record.id) if untold else None
    if plan is None:
        return not untold
    return all([_told(record, each, next_weight(plan.schedule, each.step - 1)).told_at for each in untold])


def _told(record: Record, waiting: Asked, weight: float) -> Asked:
    """The step with `told_at`, if people could be told that it waits."""
    until, commands = clock.moment(waiting.ends_at), deciding_commands(record.id, waiting.step)
    if not news.waits(record, "approval", waiting_words(waiting.step, weight), until=until, commands=commands):
        return waiting
    approvals.learn_told(record.owner, waiting.step)
    return waiting.model_copy(update={"told_at": clock.iso(clock.now())})


def unapproved(plan: Plan, before: float, after: float) -> int:
    """The first step that a shift between these weights takes without an approval; 0 if there is none."""
    return next((step for step in plan.schedule.approvals(before, after) if not is_approved(plan.id, step)), 0)


def is_approved(deployment: str, step: int) -> bool:
    """By the ledger. Raises ApprovalRefused if a person refused it."""
    decision = approvals.decided(of_deployment(deployment), step)
    if decision and decision.decision == REJECTED:
        raise ApprovalRefused(f"Step {step} was {decision}.")
    return decision is not None


def must_not_be_rejected(plan: Plan, before: float) -> None:
    """
    Raises ApprovalRefused if a person refused a step that is still to come.

    CheckHealth asks at each run: a pause or a doubt may keep the looks from asking for the approval again.
    """
    for step in plan.schedule.approvals(before, 1.0):
        is_approved(plan.id, step)


def must_be_approved(plan: Plan, before: float, after: float) -> tuple[Decision, ...]:
    """The approvals of a shift between these weights. Raises NotApproved without one, and ApprovalRefused."""
    if step := unapproved(plan, before, after):
        raise NotApproved(
            f"Step {step} needs a person's approval, and the table has none; {plan.target} was left as it is. "
            f"Approve with `bluegreen approve {plan.id}` while the deployment waits for it."
        )
    found = (approvals.decided(of_deployment(plan.id), step) for step in plan.schedule.approvals(before, after))
    return tuple(each for each in found if each)
