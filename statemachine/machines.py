"""The state machines, put together from fragments."""

from typing import Any

from statemachine import fragments, release_fragments, release_states, states
from statemachine.sdk import Graph

A_WEEK = 604_800
"""48 hours of bakes, 48 of approvals, 12 that a suspected green is held, 12 that people may pause it, and retries."""


A_DAY = 86_400
"""10,000 functions of which each takes half an hour, a hundred at a time, take no more than 14 hours."""


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


def release_machine() -> dict[str, Any]:
    """Many functions from blue to green, all or nothing."""
    back = release_states.ROLL_BACK_RELEASE.state()
    what_next, complete = release_fragments.shifted(or_else=back)
    release_fragments.rolled_back(back, complete=complete)
    staged = release_fragments.staged(then=what_next, or_else=back)
    machine = Graph(
        release_fragments.opened(then=staged, complete=complete, or_else=back),
        comment="Takes many Lambda functions from blue to green, or all back. Written by `python -m statemachine`.",
        timeout_seconds=A_WEEK,
    )
    return in_reading_order(machine.to_dict())


def functions_machine() -> dict[str, Any]:
    """What a release does for each of its functions before any user meets a green."""
    machine = Graph(
        release_fragments.each_function(),
        comment="Opens the functions of a release, or stages them. Written by `python -m statemachine`.",
        timeout_seconds=A_DAY,
    )
    described = in_reading_order(machine.to_dict())
    processor = described["States"]["EachFunction"]["ItemProcessor"]
    described["States"]["EachFunction"]["ItemProcessor"] = in_reading_order(processor)
    return described


def in_reading_order(machine: dict[str, Any]) -> dict[str, Any]:
    """Put each state's comment first and its transitions last; the states follow the main line, then its exits."""

    def rank(field: str) -> int:
        return {"Comment": 0, "Type": 1, "Next": 3, "Default": 3, "States": 4}.get(field, 2)

    def ordered(fields: dict[str, Any]) -> dict[str, Any]:
        return {field: fields[field] for field in sorted(fields, key=rank)}

    return ordered({**machine, "States": {name: ordered(state) for name, state in machine["States"].items()}})
