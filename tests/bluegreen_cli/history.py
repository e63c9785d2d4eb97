"""Execution histories, written by hand: the events that Step Functions would list, poll by poll."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bluegreen.decisions.shift import Shifted
from bluegreen.document import Bake, Counted, Deployment, Green, Look, Opening
from bluegreen.model import Section
from bluegreen.request.traffic import schedule
from bluegreen.target import Target
from bluegreen_cli.progress import Event
from tests.handlers.desk import TASKS, kept

BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CANARY = schedule("Canary10Percent5Minutes")
TARGET = Target(function="Shop", alias="PROD", region="us-east-1", account="123456789012")
REQUEST = {"function": "Shop", "traffic": {"steps": []}, "health": {"period_seconds": 60}}

DEPLOYMENT = Deployment(id="Shop-1", proof="proof", target=TARGET, blue="2", brings="new_code")
OPENED = Opening(deployment=DEPLOYMENT, bake=Bake(revision="0", look=Look(next_weight=0.1)))
GREEN = Green(version="3")
TO_A_TENTH = Shifted(at=BEGAN.timestamp(), weight=0.1)
TENTH = Bake(shifts=(TO_A_TENTH,), revision="1", look=Look(next_seconds=60, next_weight=1.0))
WHOLE = Bake(
    shifts=(TO_A_TENTH, Shifted(at=BEGAN.timestamp() + 300, weight=1.0)), revision="2", look=Look(next_weight=1.0)
)


def look(green: tuple[int, int], blue: tuple[int, int], reason: str = "not enough to tell yet") -> Look:
    """An answer of CheckHealth: both versions' failed requests, and all of them."""
    counted = {
        side: Counted(failed=failed, requests=requests)
        for side, (failed, requests) in {"green": green, "blue": blue}.items()
    }
    return Look(next_seconds=60, next_weight=1.0, verdict="not_enough", reason=reason, **counted)


def document(*, green: Green | None = None, bake: Bake = OPENED.bake, **more: Any) -> dict[str, Any]:
    """The document of a deployment that has come so far."""
    return OPENED.model_copy(update={"green": green, "bake": bake}).model_dump(mode="json") | more


class History:
    """Events with ids and times of their own, a second apart. Answers go where the state machine keeps them."""

    def __init__(self) -> None:
        self._last = 0
        self.document: dict[str, Any] = dict(REQUEST)

    def event(self, kind: str, **details: Any) -> Event:
        self._last += 1
        at = BEGAN + timedelta(seconds=self._last - 1)
        return {"id": self._last, "timestamp": at, "type": kind} | details

    def started(self) -> Event:
        return self.event("ExecutionStarted", executionStartedEventDetails={"input": json.dumps(self.document)})

    def entered(self, state: str, kind: str = "Task") -> Event:
        return self.event(f"{kind}StateEntered", stateEnteredEventDetails={"name": state})

    def exited(self, state: str, answer: Section | None = None) -> Event:
        section = answer.model_dump(mode="json") if answer else None
        self.document = kept(self.document, TASKS[state]["ResultPath"], section)
        output = json.dumps(self.document)
        return self.event("TaskStateExited", stateExitedEventDetails={"name": state, "output": output})

    def did(self, state: str, answer: Section | None = None) -> list[Event]:
        return [self.entered(state), self.exited(state, answer)]

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
            self.started(),
            *self.did("OpenDeployment", OPENED),
            *self.did("PublishVersion", GREEN),
            *self.did("ShiftAlias", TENTH),
        ]


class Script:
    """GetExecutionHistory as a play: each poll gets the events since the last one, or an error."""

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
