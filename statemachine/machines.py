"""The state machines, put together from fragments."""

from typing import Any

from statemachine import fragments, states
from statemachine.sdk import Graph

A_WEEK = 604_800
"""48 hours of bakes, 48 of approvals, 12 that a suspected green is held, 12 that people may pause it, and retries."""


def deploy_machine() -> dict[str, Any]:
    """One function from blue to green, or back."""
    back, rejected = fragments.roll_back(), fragments.reject()
    completed = fragments.complete(then=states.deployed(), or_else=back)
    shifted = fragments.shift(then=completed, or_else=back)
    new_code, latest, version = fragments.stage(then=shifted, or_else=back)
    mending = fragments.mend(then=completed, or_else=back)
    machine = Graph(
        fragments.prepare(new_code=new_code, latest=latest, version=version, mending=mending, or_else=rejected),
        comment="Takes a Lambda function from blue to green, or back. Written by `python -m statemachine`.",
        timeout_seconds=A_WEEK,
    )
    return in_reading_order(machine.to_dict())


def in_reading_order(machine: dict[str, Any]) -> dict[str, Any]:
    """Put each state's comment first and its transitions last; the states follow the main line, then its exits."""

    def rank(field: str) -> int:
        return {"Comment": 0, "Type": 1, "Next": 3, "Default": 3, "States": 4}.get(field, 2)

    def ordered(fields: dict[str, Any]) -> dict[str, Any]:
        return {field: fields[field] for field in sorted(fields, key=rank)}

    return ordered({**machine, "States": {name: ordered(state) for name, state in machine["States"].items()}})
