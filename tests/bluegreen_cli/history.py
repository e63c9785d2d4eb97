"""Execution histories, written by hand: what Step Functions would tell, poll by poll."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bluegreen_cli.progress import Event

BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CANARY = {
    "name": "Canary10Percent5Minutes",
    "steps": [{"weight": 0.1, "bake_seconds": 300}, {"weight": 1.0, "bake_seconds": 0}],
}
PLAN = {"function": "Shop", "alias": "PROD", "blue": {"version": "2"}, "schedule": CANARY}
GREEN = {"version": "3"}
TENTH = {
    "step": 1,
    "of_steps": 2,
    "green_weight": 0.1,
    "bake_seconds": 300,
    "look_seconds": 60,
    "shifted_at": BEGAN.timestamp(),
}
WHOLE = TENTH | {"step": 2, "green_weight": 1.0, "bake_seconds": 0, "look_seconds": 0}


def look(green: tuple[int, int], blue: tuple[int, int], reason: str = "not enough to tell yet") -> dict[str, Any]:
    """A section of CheckHealth: failed and requests of both."""
    sides = {"green": green, "blue": blue}
    errors = {side: {"bad": bad, "requests": requests} for side, (bad, requests) in sides.items()}
    evidence = {"findings": [{"signal": "throttles"}, {"signal": "errors", **errors}]}
    return {"verdict": "not_enough", "reason": reason, "evidence": evidence}


class History:
    """Events with ids and times of their own, a second apart."""

    def __init__(self) -> None:
        self._last = 0
        self.document: dict[str, Any] = {"function": "Shop", "traffic": {"steps": []}, "health": {"period_seconds": 60}}

    def event(self, kind: str, **details: Any) -> Event:
        self._last += 1
        at = BEGAN + timedelta(seconds=self._last - 1)
        return {"id": self._last, "timestamp": at, "type": kind} | details

    def entered(self, state: str, kind: str = "Task") -> Event:
        return self.event(f"{kind}StateEntered", stateEnteredEventDetails={"name": state})

    def exited(self, state: str, **learned: Any) -> Event:
        self.document |= learned
        output = json.dumps(self.document)
        return self.event("TaskStateExited", stateExitedEventDetails={"name": state, "output": output})

    def did(self, state: str, **learned: Any) -> list[Event]:
        return [self.entered(state), self.exited(state, **learned)]

    def failed(self, error: str, message: str) -> Event:
        cause = json.dumps({"errorMessage": message, "errorType": error})
        return self.event("LambdaFunctionFailed", lambdaFunctionFailedEventDetails={"error": error, "cause": cause})

    def succeeded(self, end: str) -> list[Event]:
        return [self.entered(end, "Succeed"), self.event("ExecutionSucceeded")]

    def ended_badly(self, end: str, error: str, cause: str) -> list[Event]:
        why = {"error": error, "cause": cause}
        return [self.entered(end, "Fail"), self.event("ExecutionFailed", executionFailedEventDetails=why)]

    def to_the_first_shift(self) -> list[Event]:
        return [
            self.event("ExecutionStarted"),
            *self.did("OpenDeployment", plan=PLAN),
            *self.did("PublishVersion", green=GREEN),
            *self.did("ShiftAlias", shift=TENTH),
        ]


class Script:
    """GetExecutionHistory as a play: each time somebody asks, what happened since, or an error."""

    def __init__(self, *acts: list[Event] | Exception, page: int = 100) -> None:
        self._acts = list(acts)
        self._page = page
        self._told: list[Event] = []
        self._rest: list[Event] = []

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "nextToken" not in asked:
            act = self._acts.pop(0) if self._acts else []
            if isinstance(act, Exception):
                raise act
            self._told += act
            self._rest = self._told[::-1] if asked["reverseOrder"] else self._told[:]
        page, self._rest = self._rest[: self._page], self._rest[self._page :]
        return {"events": page} | ({"nextToken": "more"} if self._rest else {})


def flat(*parts: Event | Iterable[Event]) -> list[Event]:
    found: list[Event] = []
    for part in parts:
        found += [part] if isinstance(part, dict) else part
    return found
