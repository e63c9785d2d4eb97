"""
How far a deployment is, from its execution's history.

Read leniently: the stack may be older or newer than this command.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bluegreen.document import Failure
from bluegreen_cli.format import duration, percent

Event = dict[str, Any]

SENTENCES = {
    "OpenDeployment": "checks the request, notes what serves, takes the alias's lock",
    "UpdateCode": "puts the new code into $LATEST",
    "SmokeTest": "asks $LATEST what a test user would",
    "PublishVersion": "publishes $LATEST as the green version",
    "ReuseVersion": "takes the version that exists as green",
    "SmokeTestGreen": "asks the green version the same",
    "CompleteDeployment": "closes the record, frees the lock",
    "RollBack": "gives blue the alias back",
    "RejectDeployment": "writes down why; nothing was touched",
}
"""What a state does; ShiftAlias and CheckHealth are told by what they learned, the others by their names."""

TOLD_BY_RESULT = {"ShiftAlias", "CheckHealth"}
OVER = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
POLLING = "StillInProgress"


@dataclass(frozen=True)
class Side:
    """What the watch counted of one version."""

    requests: int = 0
    failed: int = 0

    def __str__(self) -> str:
        rate = f" ({percent(self.failed / self.requests)})" if self.requests else ""
        return f"{self.failed:,} of {self.requests:,} failed{rate}"


@dataclass(frozen=True)
class Progress:
    """
    A deployment as its events told it so far.

    `end` is the end state it reached, `status` Step Functions' word for how the execution is over, "" while it is not.
    """

    last_event: int = 0
    at: datetime | None = None
    began: datetime | None = None
    state: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    trouble: Failure | None = None
    end: str = ""
    status: str = ""
    error: str = ""
    cause: str = ""

    @property
    def over(self) -> bool:
        """The execution has ended."""
        return bool(self.status)

    @property
    def name(self) -> str:
        """The alias as people write it, "" as long as it is not known."""
        plan = self.section("plan")
        return f"{plan['function']}:{plan['alias']}" if "function" in plan and "alias" in plan else ""

    @property
    def blue(self) -> str:
        """The version that served at the beginning, "" before that is known."""
        return str(self.section("plan").get("blue", {}).get("version", ""))

    @property
    def green(self) -> str:
        """The version that is to serve, "" before it exists."""
        return str(self.section("green").get("version", ""))

    @property
    def green_weight(self) -> float:
        """Green's share of the alias, as far as this deployment has moved it."""
        return float(self.section("shift").get("green_weight", 0))

    @property
    def reason(self) -> str:
        """What the last look found."""
        return str(self.section("look").get("reason", ""))

    @property
    def sides(self) -> dict[str, Side]:
        """What the last look counted, `blue` and `green`; {} before the first."""
        findings = self.section("look").get("evidence", {}).get("findings", ())
        errors = next((each for each in findings if each.get("signal") == "errors"), None)
        if errors is None:
            return {}
        counted = {side: errors.get(side, {}) for side in ("blue", "green")}
        return {side: Side(counts.get("requests", 0), counts.get("bad", 0)) for side, counts in counted.items()}

    @property
    def going_back(self) -> bool:
        """The rollback has begun, or the refusal."""
        return "failure" in self.document or self.state in ("RollBack", "RejectDeployment")

    def section(self, name: str) -> dict[str, Any]:
        """What a state learned, {} before it did."""
        found = self.document.get(name)
        return found if isinstance(found, dict) else {}

    def seconds_left(self, now: float) -> float | None:
        """All bakes that are still to come; None when that cannot be known."""
        steps = self.section("plan").get("schedule", {}).get("steps", ())
        if self.over or self.going_back or not steps:
            return None
        shift = self.section("shift")
        bakes = [float(step.get("bake_seconds", 0)) for step in steps]
        if not shift:
            return sum(bakes)
        this: float = max(0.0, shift.get("shifted_at", 0) + shift.get("bake_seconds", 0) - now)
        return this + sum(bakes[shift.get("step", 0) :])

    def after(self, events: Iterable[Event]) -> "Progress":
        """With more of the history; what is known already is passed over."""
        progress = self
        for event in sorted(events, key=lambda event: int(event["id"])):
            if event["id"] > progress.last_event:
                progress = replace(
                    progress._after(event),
                    last_event=event["id"],
                    at=event["timestamp"],
                    began=progress.began or event["timestamp"],
                )
        return progress

    def _after(self, event: Event) -> "Progress":
        kind = str(event["type"])
        if kind in OVER:
            why = event.get(f"e{kind[1:]}EventDetails", {})
            return replace(self, status=OVER[kind], error=why.get("error", ""), cause=why.get("cause", ""))
        if "executionStartedEventDetails" in event:
            return replace(self, document=_json(event["executionStartedEventDetails"].get("input")))
        if "stateEnteredEventDetails" in event:
            name = event["stateEnteredEventDetails"]["name"]
            end = name if kind in ("SucceedStateEntered", "FailStateEntered") else ""
            return replace(self, state=name, trouble=None, end=end)
        if "stateExitedEventDetails" in event:
            return replace(self, document=_json(event["stateExitedEventDetails"].get("output")) or self.document)
        trouble = _trouble(event)
        return replace(self, trouble=trouble) if trouble else self


def _trouble(event: Event) -> Failure | None:
    for field_ in ("lambdaFunctionFailed", "lambdaFunctionTimedOut", "taskFailed", "taskTimedOut"):
        details = event.get(f"{field_}EventDetails")
        if details is not None:
            return Failure.model_validate(
                {"Error": details.get("error") or "States.TaskFailed", "Cause": details.get("cause") or ""}
            )
    return None


def _json(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def told(before: Progress, events: Iterable[Event]) -> list[tuple[datetime, str]]:
    """A line for everything in these events that a person wants to know, with its time."""
    lines: list[tuple[datetime, str]] = []
    for event in sorted(events, key=lambda event: int(event["id"])):
        after = before.after([event])
        lines += [(event["timestamp"], line) for line in _told(before, after)]
        before = after
    return lines


def _told(before: Progress, after: Progress) -> list[str]:
    lines = []
    if after.trouble and after.trouble != before.trouble:
        lines.append(_line(after.state, _of_trouble(after.trouble)))
    if after.state != before.state and after.state in SENTENCES:
        lines.append(_line(after.state, SENTENCES[after.state]))
    if after.section("shift") != before.section("shift"):
        lines.append(_line("ShiftAlias", of_shift(after)))
    if after.reason and after.reason != before.reason:
        lines.append(_line("CheckHealth", after.reason))
    return lines


def of_shift(progress: Progress) -> str:
    """Who has which share, and how long it stays so."""
    shift = progress.section("shift")
    weight, bake = progress.green_weight, shift.get("bake_seconds", 0)
    step = f"step {shift.get('step')} of {shift['of_steps']}" if shift.get("of_steps") else ""
    who = f"version {progress.green} gets {percent(weight)}"
    keeps = f"version {progress.blue} keeps {percent(1 - weight)}" if weight < 1 else ""
    left = progress.seconds_left(shift.get("shifted_at", 0))
    baked = f"baked for {duration(bake)}" if bake else ""
    whole = f"about {duration(left)} left" if left and left != bake else ""
    return "; ".join(part for part in (", ".join(filter(None, (who, keeps))), step, baked, whole) if part)


def _of_trouble(trouble: Failure) -> str:
    if trouble.error == POLLING:
        return f"waits: {trouble.sentence}"
    return f"{trouble.error}: {trouble.sentence}"


def _line(state: str, text: str) -> str:
    return f"{state:<18} {' '.join(text.split())}"
