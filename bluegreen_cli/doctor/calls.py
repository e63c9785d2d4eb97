"""Calls of the doctor's function, as its users would make them, and what became of each."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

SERVED, FAILED, THROTTLED, REFUSED, UNANSWERED = "served", "failed", "throttled", "refused", "unanswered"
"""Outcomes: a reply; an error of the function; a 429 of Lambda; any other error of Lambda; no answer."""


@dataclass(frozen=True)
class Call:
    """
    One, by the clock of this machine in seconds since 1970.

    `version` is the one that ran, as Lambda says, "" if none did. `why` is the error.
    """

    alias: str
    outcome: str
    version: str
    began: float
    ended: float
    why: str = ""


def make(caller: Any, function: str, alias: str, payload: dict[str, Any]) -> Call:
    """Call once."""
    began = time.time()

    def became(outcome: str, version: str = "", why: object = "") -> Call:
        return Call(alias, outcome, version, began, time.time(), str(why))

    try:
        answer = caller.invoke(FunctionName=function, Qualifier=alias, Payload=json.dumps(payload).encode())
        answer["Payload"].read()
    except ClientError as error:
        throttled = error.response.get("Error", {}).get("Code") == "TooManyRequestsException"
        return became(THROTTLED if throttled else REFUSED, why=error)
    except BotoCoreError as error:
        return became(UNANSWERED, why=error)
    version = answer.get("ExecutedVersion", "")
    if "FunctionError" in answer:
        return became(FAILED, version, answer["FunctionError"])
    return became(SERVED, version)


class Stream:
    """A context in which a thread calls the alias again and again."""

    def __init__(self, caller: Any, function: str, alias: str, between: float) -> None:
        self.calls: list[Call] = []
        self._caller, self._function, self._alias, self._between = caller, function, alias, between
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._call_until_stopped, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _call_until_stopped(self) -> None:
        while not self._stop.wait(self._between):
            self.calls.append(make(self._caller, self._function, self._alias, {"doctor": len(self.calls)}))


def outcomes(calls: Iterable[Call]) -> Counter[str]:
    """The number of calls by outcome."""
    return Counter(call.outcome for call in calls)
