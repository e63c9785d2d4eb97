"""How green's share of the alias grows: strategies and steps, resolved to a schedule."""

import difflib
import re
from collections.abc import Collection
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    field_validator,
    model_validator,
)

from bluegreen.model import Frozen
from bluegreen.request.numbers import Real, Whole

Weight = Annotated[Real, Field(ge=0.001, le=1)]
"""Of an alias."""
DECIMALS = 3
"""Of a weight; Lambda is not known to keep more."""
LONGEST_BAKE_SECONDS = 48 * 3600
"""All bakes of a deployment together, as CodeDeploy limits them."""
Seconds = Annotated[Whole, Field(ge=0, le=LONGEST_BAKE_SECONDS)]

MOST_STEPS = 500

ALMOST_ALL = 0.9
"""The last weight with which blue still serves enough to compare with, whatever the traffic."""

ALL_AT_ONCE = "AllAtOnce"
ADAPTIVE = "Adaptive"
ADAPTIVE_SECONDS = 3600
"""How long `Adaptive` may take, unless the request says otherwise."""


class Step(Frozen):
    """Green's share, how long it is watched there, and whether a person must approve before green gets it."""

    weight: Weight = Field(description="Green's share of the alias. It has three decimals at most.")
    bake_seconds: Seconds = Field(description="How long green is watched with this share.")
    approve: StrictBool = Field(False, description="A person must approve before green gets this share.")


class Steps(Frozen):
    """A free list of steps; one of weight 1.0 is implied at its end."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MOST_STEPS)] = Field(
        description="The steps, each with a larger weight than the one before."
    )
    final_bake_seconds: Seconds = Field(0, description="How long green is watched at the end.")
    keep_control: Annotated[Real, Field(ge=0, le=0.5)] = Field(
        0.05,
        description="The share that blue keeps during a bake at the end, so that green is compared with it to the "
        "last. With 0 green is compared with nothing then.",
    )

    @model_validator(mode="after")
    def weights_climb(self) -> Self:
        """Refuse what would take traffic away from green, what no alias can say, and what would bake for ever."""
        for number, (before, after) in enumerate(pairwise(self.steps), start=2):
            if after.weight <= before.weight:
                raise ValueError(
                    f"weights must climb: step {number} has {after.weight} after {before.weight}; "
                    "write each weight larger than the one before"
                )
        for number, step in enumerate(self.steps, start=1):
            if step.weight != round(step.weight, DECIMALS):
                raise ValueError(
                    f"step {number} has the weight {step.weight}, and an alias keeps three decimals; "
                    f"write {round(step.weight, DECIMALS):g}"
                )
        if self.steps[-1].weight == 1 and self.final_bake_seconds:
            raise ValueError(
                "the last step has weight 1.0, so its bake_seconds is the final bake; leave out final_bake_seconds"
            )
        total = sum(step.bake_seconds for step in self.steps) + self.final_bake_seconds
        if total > LONGEST_BAKE_SECONDS:
            raise ValueError(f"the bakes take {total} seconds together; {LONGEST_BAKE_SECONDS} (48 hours) is the most")
        return self

    @field_validator("keep_control")
    @classmethod
    def an_alias_can_say_it(cls, share: float) -> float:
        """Refuse what would be rounded to another share."""
        if share != round(share, DECIMALS):
            raise ValueError(f"an alias keeps three decimals; write {round(share, DECIMALS):g}")
        return share

    def to_the_end(self) -> tuple[Step, ...]:
        """The steps with the last ones, in which green gets everything."""
        *before, last = self.steps
        if last.weight < 1:
            before, last = [*before, last], Step(weight=1, bake_seconds=self.final_bake_seconds)
        nearly = round(1 - self.keep_control, DECIMALS)
        if not last.bake_seconds or nearly == 1:
            return (*before, last)
        if before and before[-1].weight >= nearly:
            held = before.pop()
            baked = held.model_copy(update={"bake_seconds": held.bake_seconds + last.bake_seconds})
            return (*before, baked, Step(weight=1, bake_seconds=0, approve=last.approve))
        return (*before, last.model_copy(update={"weight": nearly}), Step(weight=1, bake_seconds=0))


class Schedule(Frozen):
    """
    A strategy, resolved: every step up to the whole alias.

    `longest_seconds` is how long a bake may be drawn out for want of evidence. `Adaptive` has no steps, since its
    weights follow the evidence: it has its first weight, and all the way up is one bake. `held_seconds` is how much
    longer than asked for a bake is, so that green is seen before the schedule is over. With `approve_first` a person
    must approve the first shift; each approval is waited for up to `approval_seconds`.
    """

    name: str
    steps: tuple[Step, ...] = ()
    first_weight: Weight = 1.0
    longest_seconds: Seconds = 0
    held_seconds: Seconds = 0
    approve_first: bool = False
    approval_seconds: int = 0

    def approvals(self, before: float, after: float) -> tuple[int, ...]:
        """The numbers, from 1, of the steps that ask for an approval and that a shift between these weights takes."""
        first = (1,) if self.approve_first and before == 0 else ()
        asking = (
            number for number, step in enumerate(self.steps, start=1) if step.approve and before < step.weight <= after
        )
        return tuple(dict.fromkeys((*first, *asking)))

    @property
    def longest_in_all(self) -> int:
        """Seconds that all bakes together may take."""
        if self.adaptive:
            return self.longest_seconds
        return sum(max(step.bake_seconds, self.longest_seconds) for step in self.steps if step.bake_seconds)

    @property
    def longest_approvals(self) -> int:
        """Seconds that all approvals together may be waited for."""
        return len(self.approvals(0.0, 1.0)) * self.approval_seconds

    @property
    def held_step(self) -> int:
        """The place of the bake that is drawn out for `held_seconds`: the last one in which blue has a fair share."""
        return max(0, sum(step.weight <= ALMOST_ALL for step in self.steps) - 1)

    @property
    def watched(self) -> bool:
        """Green is looked at under traffic: there is a bake."""
        return self.adaptive or any(step.bake_seconds for step in self.steps)

    @property
    def adaptive(self) -> bool:
        """The next weight depends on the last look."""
        return not self.steps


def _canary(minutes: int) -> tuple[Step, ...]:
    return (Step(weight=0.1, bake_seconds=60 * minutes), Step(weight=1, bake_seconds=0))


def _linear(minutes: int) -> tuple[Step, ...]:
    tenths = (Step(weight=tenth / 10, bake_seconds=60 * minutes) for tenth in range(1, 10))
    return (*tenths, Step(weight=1, bake_seconds=0))


STRATEGIES: dict[str, tuple[Step, ...]] = {
    ALL_AT_ONCE: (Step(weight=1, bake_seconds=0),),
    "Canary10Percent5Minutes": _canary(5),
    "Canary10Percent10Minutes": _canary(10),
    "Canary10Percent15Minutes": _canary(15),
    "Canary10Percent30Minutes": _canary(30),
    "Linear10PercentEvery1Minute": _linear(1),
    "Linear10PercentEvery2Minutes": _linear(2),
    "Linear10PercentEvery3Minutes": _linear(3),
    "Linear10PercentEvery10Minutes": _linear(10),
}
"""CodeDeploy's predefined Lambda configurations, by the names SAM uses for them."""


_NAMES = (*STRATEGIES, ADAPTIVE)


def known(name: str, names: Collection[str] = _NAMES) -> str:
    """The name, if it is one of these strategies; ValueError says which there are otherwise."""
    if name in names:
        return name
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise ValueError(f"{name!r} is not a strategy; {hint}write one of {', '.join(names)}, or an object with steps")


def schedule(traffic: str | Steps, max_bake_seconds: int | None = None, sight_seconds: int = 0) -> Schedule:
    """
    What a strategy's name or a list of steps comes to.

    Green can be seen `sight_seconds` after the first shift. A schedule that would be over before is held in its last
    step with blue, so that green does not get everything unseen; only AllAtOnce means that.
    """
    longest = max_bake_seconds or 0
    if isinstance(traffic, Steps):
        return _held(Schedule(name="Steps", steps=traffic.to_the_end(), longest_seconds=longest), sight_seconds)
    if traffic == ADAPTIVE:
        return Schedule(name=ADAPTIVE, longest_seconds=longest or ADAPTIVE_SECONDS)
    named = Schedule(name=traffic, steps=STRATEGIES[traffic], longest_seconds=longest)
    return named if traffic == ALL_AT_ONCE else _held(named, sight_seconds)


def _held(plan: Schedule, sight_seconds: int) -> Schedule:
    missing = sight_seconds - sum(step.bake_seconds for step in plan.steps)
    if missing <= 0:
        return plan
    steps = list(plan.steps)
    held = steps[plan.held_step]
    steps[plan.held_step] = held.model_copy(update={"bake_seconds": held.bake_seconds + missing})
    return plan.model_copy(update={"steps": tuple(steps), "held_seconds": missing})


def _kind_of_traffic(value: Any) -> str:
    return "strategy" if isinstance(value, str) else "steps"


CODEDEPLOYS = "CodeDeployDefault.Lambda"
"""Before the name of a strategy as CodeDeploy has it."""


def _one_of(names: Collection[str]) -> Any:
    """These names for readers of JSON Schema, also as CodeDeploy has them."""
    return (
        Annotated[str, Field(json_schema_extra={"enum": [*names]})]
        | Annotated[str, Field(pattern=rf"^{re.escape(CODEDEPLOYS)}({'|'.join(names)})$")]
    )


Strategy = Annotated[
    str,
    BeforeValidator(lambda name: known(name.removeprefix(CODEDEPLOYS)), json_schema_input_type=_one_of(_NAMES)),
]
HowTraffic = Annotated[
    Annotated[Strategy, Tag("strategy")] | Annotated[Steps, Tag("steps")], Discriminator(_kind_of_traffic)
]


def together(name: str) -> str:
    """The name, if it is a strategy by which several functions can be shifted together; ValueError otherwise."""
    if name == ADAPTIVE:
        raise ValueError(
            f"{ADAPTIVE} follows each function's own evidence, and a release shifts a wave together; write a canary, "
            "as Canary10Percent5Minutes, or steps"
        )
    return known(name, STRATEGIES)


def _asks_nobody(steps: Steps) -> Steps:
    for number, step in enumerate(steps.steps, start=1):
        if step.approve:
            raise ValueError(
                f"step {number} asks for an approval, and in a release people approve waves; leave `approve` out "
                'here, and write "approve": true in a wave of `waves`'
            )
    return steps


StrategyTogether = Annotated[
    str,
    BeforeValidator(lambda name: together(name.removeprefix(CODEDEPLOYS)), json_schema_input_type=_one_of(STRATEGIES)),
]
TrafficTogether = Annotated[
    Annotated[StrategyTogether, Tag("strategy")] | Annotated[Steps, AfterValidator(_asks_nobody), Tag("steps")],
    Discriminator(_kind_of_traffic),
]
"""Of a release."""
