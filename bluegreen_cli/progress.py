"""
How far a deployment is, from its execution's history.

The history is read leniently: the stack may be older or newer than this command, and until OpenDeployment has answered
the document is the request, which anybody may have written.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bluegreen.decisions.bake import Watched
from bluegreen.document import Failure
from bluegreen.request.traffic import Schedule
from bluegreen.text import LONGEST_CAUSE, duration, plain
from bluegreen_cli.format import percent

Event = dict[str, Any]

SENTENCES = {
    "OpenDeployment": "checks the request, notes what serves, takes the alias's lock",
    "RecoverPrevious": "undoes the deployment before, whose execution ended too early",
    "UpdateCode": "puts the new code into $LATEST",
    "MendLatest": "puts the code that serves into $LATEST",
    "SmokeTest": "calls $LATEST as a test user would",
    "PublishVersion": "publishes $LATEST as the green version",
    "SmokeTestGreen": "calls the green version as a test user would",
    "RunHook": "asks the hook whether the deployment may go on",
    "AwaitApproval": "waits for a person: `bluegreen approve` lets it go on, `bluegreen reject` rolls it back",
    "CompleteDeployment": "closes the record, frees the lock",
    "DeleteVersions": "deletes versions that are no longer of use",
    "RollBack": "gives blue the alias back",
    "RejectDeployment": "writes down why; nothing was touched",
}
"""What a Task state does, told when it begins. For ShiftAlias and CheckHealth their answers are told instead."""

GOING_BACK = ("RollBack", "RejectDeployment")

OVER = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
POLLING = "StillInProgress"
TIMED_OUT = "States.Timeout"
LONGEST_NAME = 128
"""Of a function or an alias, as an alias may have."""


@dataclass(frozen=True)
class Side:
    """One version's requests and the failed ones among them, as the last look counted them."""

    requests: int = 0
    failed: int = 0

    def __str__(self) -> str:
        rate = f" ({percent(self.failed / self.requests)})" if self.requests else ""
        return f"{self.failed:,} of {self.requests:,} failed{rate}"


@dataclass(frozen=True)
class Progress:
    """
    A deployment, as far as its events tell it.

    `request` is the execution's input, and `document` goes from state to state. `schedule` is the plan's; `warnings`,
    `started_by` and `started_by_proved` are the record's. They are empty until
    the ledger was read. `trouble` is the error for which the present state is retried. `end` is the end state that the
    execution reached. `status` is "" while the execution runs, and then Step Functions' word for how it ended.
    """

    last_event: int = 0
    at: datetime | None = None
    began: datetime | None = None
    state: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    warnings: tuple[str, ...] = ()
    started_by: str = ""
    started_by_proved: bool = False
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
    def function(self) -> str:
        """The function, as OpenDeployment or else the request names it; "" before that is known."""
        return self._named("function")

    @property
    def alias(self) -> str:
        """The alias, as OpenDeployment or else the request names it; "" before that is known."""
        return self._named("alias")

    @property
    def name(self) -> str:
        """The alias as people write it, "" before it is known."""
        return f"{self.function}:{self.alias}" if self.function and self.alias else ""

    @property
    def blue(self) -> str:
        """The version that served at the beginning, "" before that is known."""
        return plain(self.section("deployment").get("blue", ""), LONGEST_NAME)

    @property
    def green(self) -> str:
        """The version that replaces blue, "" before it exists."""
        return plain(self.section("green").get("version", ""), LONGEST_NAME)

    @property
    def shifts(self) -> list[dict[str, float]]:
        """Every shift so far: `at` in seconds since 1970, and green's `weight` from then on."""
        found = self.section("bake").get("shifts")
        several = found if isinstance(found, list) else []
        return [each for each in several if isinstance(each, dict) and all(map(_is_number, each.values()))]

    @property
    def green_weight(self) -> float:
        """Green's share of the alias, as far as this deployment has moved it."""
        return float(self.shifts[-1].get("weight", 0)) if self.shifts else 0.0

    @property
    def moved_at(self) -> float:
        """When the alias had the last shift's weight, in seconds since 1970; 0 before the first."""
        found = self.section("bake").get("answered_at")
        begun = self.shifts[-1].get("at", 0.0) if self.shifts else 0.0
        return float(found) if isinstance(found, int | float) else begun

    @property
    def look(self) -> dict[str, Any]:
        """The findings of the last look, {} before the first."""
        found = self.section("bake").get("look")
        return found if isinstance(found, dict) and found.get("verdict") else {}

    @property
    def reason(self) -> str:
        """The findings of the last look, in a sentence; "" before the first."""
        return plain(self.look.get("reason", ""))

    @property
    def signals(self) -> str:
        """What the last look watched and what it did not; "" before the first, or if the stack does not say it."""
        return plain(self.look.get("signals", ""))

    @property
    def awaits(self) -> int:
        """The number of the step that waits for an approval, 0 if none does."""
        if self.over or self.going_back:
            return 0
        if self.state == "AwaitApproval":
            return 1
        found = self.look.get("awaits")
        return found if isinstance(found, int) else 0

    @property
    def trouble_said(self) -> str:
        """The error for which the present state is retried, in words."""
        trouble = self.trouble
        if trouble is None:
            return ""
        if self.state == "AwaitApproval" and trouble.error == TIMED_OUT:
            return "no person approved the step in time"
        told = "waits" if trouble.error == POLLING else trouble.error
        return f"{told}: {trouble.sentence}"

    @property
    def untested(self) -> str:
        """Why no smoke test speaks for green; "" if one does."""
        return plain(self.section("tested").get("untested", ""))

    @property
    def watched(self) -> Watched | None:
        """What is known of green under traffic; None before the first look, or if the stack says it otherwise."""
        try:
            return Watched.model_validate(self.look["watched"])
        except (KeyError, ValueError):
            return None

    @property
    def sides(self) -> dict[str, Side]:
        """The counts of the last look for `blue` and `green`, {} before the first."""
        return {side: _side(self.look.get(side)) for side in ("blue", "green")} if self.look else {}

    @property
    def going_back(self) -> bool:
        """The rollback or the rejection has begun."""
        return "failure" in self.document or self.state in GOING_BACK

    def section(self, name: str) -> dict[str, Any]:
        """A section of the document, {} before it is there."""
        found = self.document.get(name)
        return found if isinstance(found, dict) else {}

    def seconds_left(self, now: float) -> float | None:
        """The bakes still to come. None if their seconds are unknown, as under Adaptive."""
        steps = self.schedule.steps if self.schedule else ()
        if self.over or self.going_back or not steps:
            return None
        bakes = [float(step.bake_seconds) for step in steps]
        if not self.shifts:
            return sum(bakes)
        done = min(len(self.shifts), len(bakes))
        this: float = max(0.0, self.shifts[-1].get("at", 0) + bakes[done - 1] - now)
        return this + sum(bakes[done:])

    def after(self, events: Iterable[Event]) -> "Progress":
        """With more events. Events that are known already change nothing."""
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

    def _named(self, field_: str) -> str:
        target = self.section("deployment").get("target")
        found = target.get(field_) if isinstance(target, dict) else self.request.get(field_)
        return plain(found, LONGEST_NAME) if isinstance(found, str) else ""

    def _after(self, event: Event) -> "Progress":
        kind = str(event["type"])
        if kind in OVER:
            why = event.get(f"e{kind[1:]}EventDetails", {})
            return replace(self, status=OVER[kind], error=plain(why.get("error", "")), cause=why.get("cause", ""))
        if "executionStartedEventDetails" in event:
            asked = _json(event["executionStartedEventDetails"].get("input"))
            return replace(self, request=asked, document=asked)
        if "stateEnteredEventDetails" in event:
            name = event["stateEnteredEventDetails"]["name"]
            end = name if kind in ("SucceedStateEntered", "FailStateEntered") else ""
            return replace(self, state=name, trouble=None, end=end)
        if "stateExitedEventDetails" in event:
            return replace(self, document=_json(event["stateExitedEventDetails"].get("output")) or self.document)
        trouble = _trouble(event)
        return replace(self, trouble=trouble) if trouble else self


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _side(counts: Any) -> Side:
    found = counts if isinstance(counts, dict) else {}
    requests, failed = (found.get(name) for name in ("requests", "failed"))
    return Side(*(count if isinstance(count, int) else 0 for count in (requests, failed)))


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
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def told(before: Progress, events: Iterable[Event]) -> list[tuple[datetime, str]]:
    """A line, with its time, for each of these events that people want to know."""
    lines: list[tuple[datetime, str]] = []
    for event in sorted(events, key=lambda event: int(event["id"])):
        after = before.after([event])
        lines += [(event["timestamp"], line) for line in _told(before, after)]
        before = after
    return lines


def _told(before: Progress, after: Progress) -> list[str]:
    lines = []
    if after.trouble and after.trouble != before.trouble:
        lines.append(_line(after.state, after.trouble_said))
    if after.state != before.state and after.state in SENTENCES:
        lines.append(_line(after.state, SENTENCES[after.state]))
    if after.shifts and after.shifts != before.shifts:
        lines.append(_line("ShiftAlias", of_shift(after)))
    if after.signals and after.signals != before.signals:
        lines.append(_line("CheckHealth", after.signals))
    if after.reason and after.reason != before.reason:
        lines.append(_line("CheckHealth", after.reason))
    return lines


def of_shift(progress: Progress) -> str:
    """Each version's share, the step's number, its bake, and the time left."""
    weight, number = progress.green_weight, len(progress.shifts)
    steps = progress.schedule.steps if progress.schedule else ()
    bake = steps[number - 1].bake_seconds if number <= len(steps) else 0
    step = f"step {number} of {len(steps)}" if steps else ""
    gets = f"version {progress.green} gets {percent(weight)}"
    keeps = f"version {progress.blue} keeps {percent(1 - weight)}" if weight < 1 else ""
    left = progress.seconds_left(progress.shifts[-1].get("at", 0))
    baked = f"baked for {duration(bake)}" if bake else ""
    whole = f"about {duration(left)} left" if left and left != bake else ""
    return "; ".join(part for part in (", ".join(filter(None, (gets, keeps))), step, baked, whole) if part)


def _line(state: str, text: str) -> str:
    return f"{state:<18} {plain(' '.join(text.split()), LONGEST_CAUSE)}"
