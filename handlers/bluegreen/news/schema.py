"""
What other systems get to know of deployments and releases: the details of the events on EventBridge's default bus.

docs/events.schema.json is their JSON schema, written from here. Events may get further fields under the same number of
`schema`; a field that changes its meaning or goes away gets the next number.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from bluegreen import clock
from bluegreen.aws.executions import console_link
from bluegreen.decisions.route import Serving
from bluegreen.document import Plan
from bluegreen.ledger.record import Cause, Record
from bluegreen.ledger.releases import Member, Release
from bluegreen.model import Frozen, Text
from bluegreen.request.traffic import Weight

WaitsFor = Literal["approval", "resume", "operator"]
"""
approval   a person approves or rejects the next shift
resume     a person resumes a deployment that is paused
operator   AWS refuses what only an operator can mend; the deployment goes on by itself then
"""


class Event(Frozen):
    """What every event has."""

    DETAIL_TYPE: ClassVar[str]

    schema_: Literal[1] = Field(1, alias="schema", description="The version of this schema.")
    deployment: str = Field(description="The deployment's id, which is its execution's name.")
    function: str
    alias: str
    account: str = Field(description="The account of the function.")
    region: str = Field(description="The region of the function.")
    artifact: Text = Field(description="What is deployed: where it lies, or which version.")
    started_at: str = Field(description="ISO 8601, UTC.")
    started_by: Text = Field(description="Who started it; a claim unless started_by_proved is true.")
    started_by_proved: bool
    execution: str = Field(description="The ARN of the execution of Step Functions.")
    link: str = Field(description="Where a person looks at the execution.")


class Started(Event):
    """A deployment has the lock and a plan. A refused request and one with nothing to deploy never start."""

    DETAIL_TYPE: ClassVar[str] = "Deployment Started"

    blue: str = Field(description="The version that serves.")
    strategy: str = Field(description="The name of the traffic strategy.")
    changes: tuple[Text, ...] = Field(description="Names of the settings in which green will differ from blue.")
    warnings: tuple[Text, ...] = Field(description="What people should know beforehand.")


class Waits(Event):
    """A deployment goes on only after a person did something."""

    DETAIL_TYPE: ClassVar[str] = "Deployment Waits"

    waits_for: WaitsFor
    reason: Cause = Field(description="Why, as people read it.")
    until: str | None = Field(description="When the waiting ends by itself (ISO 8601, UTC); null if it does not.")
    commands: tuple[str, ...] = Field(description="What a person can run now.")


class Shifted(Event):
    """Green got another share of the alias."""

    DETAIL_TYPE: ClassVar[str] = "Deployment Shifted"

    blue: str
    green: str
    weight: Weight = Field(description="Green's share of the alias, from 0 to 1.")
    shift: int = Field(ge=1, description="The number of the shift; the first is 1.")


class Ended(Event):
    """A deployment or a refused request came to its end. The same end may be sent more than once."""

    DETAIL_TYPE: ClassVar[str] = "Deployment Ended"

    state: str = Field(
        description="Deployed, NothingToDeploy, Rejected, RolledBack or RollbackFailed: the end of the state machine."
    )
    ended_at: str | None = Field(description="ISO 8601, UTC.")
    blue: str | None
    green: str | None
    serving: Serving | None = Field(
        description="Who serves: a version, or each version's share. Null if the deployment does not know or none does."
    )
    error: Text | None = Field(description="The name of the first error; null after a success.")
    cause: Cause | None = Field(description="Why, as people read it.")


class ReleaseEvent(Frozen):
    """What every event of a release has. The deployments of its functions send no events."""

    DETAIL_TYPE: ClassVar[str]

    schema_: Literal[1] = Field(1, alias="schema", description="The version of this schema.")
    release: str = Field(description="The release's id.")
    functions: int = Field(description="How many functions it has; 0 if its document was refused.")
    waves: int = Field(description="How many waves it has.")
    started_at: str = Field(description="ISO 8601, UTC.")
    started_by: Text = Field(description="Who started it; a claim unless started_by_proved is true.")
    started_by_proved: bool
    execution: str = Field(description="The ARN of the execution that works on it now.")
    link: str = Field(description="Where a person looks at the execution.")


class ReleaseStarted(ReleaseEvent):
    """Every function is checked and locked. A refused release and one with nothing to deploy never start."""

    DETAIL_TYPE: ClassVar[str] = "Release Started"

    strategy: str = Field(description="The name of the traffic strategy.")


class ReleaseWaits(ReleaseEvent):
    """A release goes on only after a person did something."""

    DETAIL_TYPE: ClassVar[str] = "Release Waits"

    waits_for: WaitsFor
    reason: Cause = Field(description="Why, as people read it.")
    until: str | None = Field(description="When the waiting ends by itself (ISO 8601, UTC); null if it does not.")
    commands: tuple[str, ...] = Field(description="What a person can run now.")
    wave: int = Field(ge=1, description="The wave that waits, or that the release came to; the first is 1.")


class ReleaseShifted(ReleaseEvent):
    """Every green of a wave that goes on got another share of its alias."""

    DETAIL_TYPE: ClassVar[str] = "Release Shifted"

    wave: int = Field(ge=1, description="The number of the wave; the first is 1.")
    weight: Weight = Field(description="The greens' share of their aliases, from 0 to 1.")
    shift: int = Field(ge=1, description="The number of the wave's shift; the first is 1.")
    shifted: int = Field(description="How many functions of the wave have the share.")


class ReleaseEnded(ReleaseEvent):
    """A release or a refused document came to its end. The same end may be sent more than once."""

    DETAIL_TYPE: ClassVar[str] = "Release Ended"

    state: str = Field(
        description="Released, NothingToDeploy, Rejected, RolledBack or RollbackFailed: how its record ended."
    )
    ended_at: str | None = Field(description="ISO 8601, UTC.")
    deployed: int = Field(description="How many functions serve their new version.")
    back: int = Field(description="How many are back at the version before.")
    stuck: int = Field(description="How many could not be put back.")
    failed: tuple[Text, ...] = Field(description="Functions that failed, 50 at most.")
    failed_count: int = Field(description="How many failed.")
    error: Text | None = Field(description="The name of the first error; null after a success.")
    cause: Cause | None = Field(description="Why, as people read it.")


KINDS: tuple[type[Event], ...] = (Started, Waits, Shifted, Ended)
KINDS_OF_A_RELEASE: tuple[type[ReleaseEvent], ...] = (ReleaseStarted, ReleaseWaits, ReleaseShifted, ReleaseEnded)


def started(record: Record, plan: Plan) -> Started:
    """With the plan that the deployment has from now on."""
    return Started(
        **_of(record),
        blue=plan.blue.version,
        strategy=plan.schedule.name,
        changes=plan.changes,
        warnings=record.warnings,
    )


def waits(record: Record, waits_for: WaitsFor, reason: str, until: float | None, commands: tuple[str, ...]) -> Waits:
    """`until` is in seconds since 1970."""
    ends = None if until is None else clock.iso(until)
    return Waits(**_of(record), waits_for=waits_for, reason=reason, until=ends, commands=commands)


def shifted(record: Record, green: str, weight: Weight, shift: int) -> Shifted:
    """After the alias was moved."""
    return Shifted(**_of(record), blue=record.blue or "", green=green, weight=weight, shift=shift)


def ended(record: Record) -> Ended:
    """As the record says."""
    same = ("state", "ended_at", "blue", "green", "serving", "error", "cause")
    return Ended(**_of(record), **{name: getattr(record, name) for name in same})


def release_started(release: Release) -> ReleaseStarted:
    """Once every function is open."""
    return ReleaseStarted(**_of_release(release), strategy=release.schedule.name)


def release_waits(
    release: Release, wave: int, waits_for: WaitsFor, reason: str, until: str | None, commands: tuple[str, ...]
) -> ReleaseWaits:
    """`wave` counts from 0."""
    what = {"waits_for": waits_for, "reason": reason, "until": until, "commands": commands}
    return ReleaseWaits(**_of_release(release), **what, wave=wave + 1)


def release_shifted(release: Release, wave: int, step: int, shifted: int) -> ReleaseShifted:
    """Once so many functions of the wave have the share of that step. Both count from 0."""
    weight = release.schedule.steps[step].weight
    return ReleaseShifted(**_of_release(release), wave=wave + 1, weight=weight, shift=step + 1, shifted=shifted)


def release_ended(release: Release, members: Sequence[Member]) -> ReleaseEnded:
    """As the record says."""
    counts = {state: sum(each.state == state for each in members) for state in ("deployed", "back", "stuck")}
    same = ("state", "ended_at", "failed", "failed_count", "error", "cause")
    return ReleaseEnded(**_of_release(release), **counts, **{name: getattr(release, name) for name in same})


def schema() -> dict[str, Any]:
    """The details of every event, each under its detail-type. A reader lets further fields pass."""
    kinds: list[type[Event | ReleaseEvent]] = [*KINDS, *KINDS_OF_A_RELEASE]
    definitions = {kind.DETAIL_TYPE: kind.model_json_schema(mode="serialization") for kind in kinds}
    for definition in definitions.values():
        del definition["additionalProperties"]
        for field in definition["properties"].values():
            field.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of Lambda Blue/Green",
        "description": "The detail of an event with the source bluegreen, by its detail-type.",
        "$defs": definitions,
    }


def _of(record: Record) -> dict[str, Any]:
    """What every event has."""
    return {
        "deployment": record.id,
        "function": record.target.function,
        "alias": record.target.alias,
        "account": record.target.account,
        "region": record.target.region,
        "artifact": record.artifact,
        "started_at": record.started_at,
        "started_by": record.started_by,
        "started_by_proved": record.started_by_proved,
        "execution": record.execution,
        "link": console_link(record.execution),
    }


def _of_release(release: Release) -> dict[str, Any]:
    """What every event of a release has."""
    same = ("functions", "started_at", "started_by", "started_by_proved", "execution")
    return {name: getattr(release, name) for name in same} | {
        "release": release.id,
        "waves": len(release.waves),
        "link": console_link(release.execution),
    }
