"""What a shift has to pass: the hook that runs at this moment, the approval that it needs, and what either says."""

from typing import Literal

from bluegreen.decisions.replies import Reply, name_of_error
from bluegreen.model import Frozen, Text
from bluegreen.request.gates import Hooks
from bluegreen.request.traffic import Schedule
from bluegreen.text import by_type, plain

GRACE_SECONDS = 60
"""The state AwaitApproval waits so much longer than people may decide, so that it never ends before them."""

LATE_SECONDS = 30
"""A decision that ServeApi takes in time may be written so much later: its function runs no longer."""

LONGEST_REASON = 500
"""Characters of what a hook or a person says."""

Gate = Literal["hook", "approve", "shift", "complete"]

APPROVED, REJECTED = "approved", "rejected"


class Decision(Frozen):
    """What a person decided about a step of the schedule; steps count from 1. `at` is ISO 8601, UTC."""

    step: int
    decision: Literal["approved", "rejected"]
    by: Text
    at: str
    reason: Text = ""

    def __str__(self) -> str:
        """As a part of a sentence."""
        return f"{self.decision} by {self.by} at {self.at}{f': {self.reason}' if self.reason else ''}"


def moment_of(weight: float) -> str:
    """The hook's name while green has this share of the alias."""
    if weight == 0:
        return "before_traffic"
    return "after_traffic" if weight == 1 else "after_step"


def opening_gate(schedule: Schedule, hooks: Hooks, first_weight: float) -> Gate:
    """What follows once green is published and tested."""
    return "hook" if hooks.before_traffic else after_hook(schedule, 0.0, first_weight)


def after_hook(schedule: Schedule, weight: float, next_weight: float) -> Gate:
    """What follows the hook of this moment. Of a later step people have decided before its hook runs."""
    if weight == 1:
        return "complete"
    return "approve" if weight == 0 and schedule.approvals(weight, next_weight) else "shift"


def objection(reply: Reply) -> str:
    """Why the deployment must not go on, by a hook's answer; "" if it may."""
    if not reply.answered:
        return str(reply.error_message)
    if reply.error:
        return f"it raised {name_of_error(reply.error)}"
    said = reply.payload
    status = said.get("status") if isinstance(said, dict) else None
    if said is None or status == "Succeeded":
        return ""
    if isinstance(said, dict) and status == "Failed":
        reason = said.get("reason")
        return plain(reason, LONGEST_REASON) if isinstance(reason, str) and reason else "it gave no reason"
    came = f"an object with the status {by_type(status)}" if isinstance(said, dict) else by_type(said)
    return f'it answered {came}; a hook answers null, {{"status": "Succeeded"}} or {{"status": "Failed", "reason": …}}'


def waiting_words(step: int, weight: float) -> str:
    """For people who are to decide: what about."""
    return f"Step {step}, which gives green {100 * weight:.3g} % of the alias, waits for a person's approval."


def deciding_commands(deployment: str, step: int) -> tuple[str, ...]:
    """What these people can run: to look at it, to let it go on, to roll it back."""
    return (
        f"bluegreen watch {deployment}",
        f"bluegreen approve {deployment} --step {step}",
        f"bluegreen reject {deployment} --step {step} --reason WHY",
    )
