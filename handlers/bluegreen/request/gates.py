"""What stands between a deployment and its next shift: hooks, which are functions, and people's approvals."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints

from bluegreen.model import Frozen
from bluegreen.request.names import FUNCTION
from bluegreen.request.numbers import Whole
from bluegreen.request.traffic import Schedule

MOMENTS = ("before_traffic", "after_step", "after_traffic")

LONGEST_APPROVALS_SECONDS = 48 * 3600
"""All approvals of a deployment together."""

HOOK = f"^{FUNCTION}(:[A-Za-z0-9_-]{{1,128}})?$"


def _by_name(hook: Any) -> Any:
    return {"function": hook} if isinstance(hook, str) else hook


class Hook(Frozen):
    """A function that is asked whether the deployment may go on: its name, perhaps with an alias or a version."""

    function: Annotated[str, StringConstraints(pattern=HOOK)] = Field(
        description="The name of a function with the tag, also with an alias or a version."
    )
    timeout_seconds: Annotated[Whole, Field(ge=1, le=240)] = Field(
        60, description="How long the hook may take to answer; after that the deployment is rolled back."
    )

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.partition(":")[0]

    @property
    def qualifier(self) -> str:
        """What of it is invoked; "" for $LATEST."""
        return self.function.partition(":")[2]


HowHook = Annotated[
    Hook, BeforeValidator(_by_name, json_schema_input_type=Hook | Annotated[str, StringConstraints(pattern=HOOK)])
]


class Hooks(Frozen):
    """Functions that are asked whether the deployment may go on, by the moment."""

    before_traffic: HowHook | None = Field(None, description="It is asked before green's first share.")
    after_step: HowHook | None = Field(
        None, description="It is asked after each step's bake if a shift follows. Adaptive has no steps."
    )
    after_traffic: HowHook | None = Field(None, description="It is asked once green has everything.")

    @property
    def given(self) -> dict[str, Hook]:
        """By moment, in the order in which they run."""
        return {moment: hook for moment in MOMENTS if (hook := getattr(self, moment)) is not None}


class Approval(Frozen):
    """Whether a person must approve, for how long the deployment waits, and who may not."""

    required: StrictBool = Field(
        False, description="A person must approve before green's first share. A step asks for itself with approve."
    )
    timeout_seconds: Annotated[Whole, Field(ge=60, le=LONGEST_APPROVALS_SECONDS)] = Field(
        86_400, description="How long the deployment waits for each approval; then it is rolled back."
    )
    other_than_starter: StrictBool = Field(
        False,
        description="The principal that started the deployment may not approve it. The deployment must be started over "
        "the HTTP API then.",
    )


def with_approvals(plan: Schedule, approval: Approval) -> Schedule:
    """The schedule with what the request says of approvals."""
    asks = {"approve_first": approval.required, "approval_seconds": approval.timeout_seconds}
    return plan.model_copy(update=asks)


def unfit_gates(plan: Schedule, hooks: Hooks, approval: Approval) -> tuple[str, str] | None:
    """The field and what is wrong, if hooks or approvals do not go with the schedule."""
    if plan.adaptive and hooks.after_step:
        return (
            "hooks.after_step",
            f"{plan.name} has no steps: its weights follow the evidence; leave it out, or write traffic with steps",
        )
    asked, most = len(plan.approvals(0.0, 1.0)), LONGEST_APPROVALS_SECONDS
    if approval != Approval() and not asked:
        return (
            "approval",
            'no step asks for an approval; add "required": true to approval, or "approve": true to a step of traffic',
        )
    if plan.longest_approvals > most:
        return (
            "approval.timeout_seconds",
            f"{asked} approvals of {plan.approval_seconds} seconds may take {plan.longest_approvals} together, "
            f"and {most} (48 hours) is the most; write {most // asked} or less",
        )
    return None
