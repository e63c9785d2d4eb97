"""Callers that keep asking a function through its alias, and count what became of every request."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

DEPARTMENTS = ("Engineering", "Sales", "Support")

MOST_REQUESTS = 1_000_000

Judge = Callable[[dict[str, Any], str, Any], bool]
"""What was asked, which version ran, and what came back: whether that is what it had to be."""


@dataclass
class Tally:
    """
    What callers got: per version that ran, how many right answers and how many errors that it returned.

    `lost` has the requests that no version answered, or that got what was not their answer.
    """

    served: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """All of them."""
        return self.served.total() + self.failed.total() + len(self.lost)

    def harmed(self, bad_version: str | None) -> int:
        """The requests that went wrong, without those that met the bad version and got its own error."""
        return len(self.lost) + sum(count for version, count in self.failed.items() if version != bad_version)


def question(number: int) -> dict[str, Any]:
    """An employee like no other."""
    return {
        "employee": f"employee-{number}",
        "salary": 40_000 + 10 * number,
        "years": number % 23,
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
    }


def is_answer_to(asked: dict[str, Any], version: str, reply: Any) -> bool:
    """A bonus for the employee that was asked about."""
    try:
        body = json.loads(reply["body"])
        return bool(reply["statusCode"] == 200 and body["employee"] == asked["employee"] and body["bonus"] >= 0)
    except (KeyError, TypeError, ValueError):
        return False


def is_any(asked: dict[str, Any], version: str, reply: Any) -> bool:
    """An error that the version returned is its own."""
    return True


class Callers:
    """
    A context in which `callers` threads ask the alias `per_second` times a second together, up to `most` times.

    Every request has a payload of its own, none is retried, and each counts for what was `during(...)` when it began.
    """

    def __init__(
        self,
        client: Any,
        function: str,
        alias: str,
        *,
        callers: int = 6,
        per_second: float = 60,
        most: int = MOST_REQUESTS,
        asks: Callable[[int], dict[str, Any]] = question,
        is_answer: Judge = is_answer_to,
        is_own_error: Judge = is_any,
    ) -> None:
        self._client = client
        self._function, self._alias = function, alias
        self._callers, self._per_second = callers, per_second
        self._asks, self._is_answer, self._is_own_error = asks, is_answer, is_own_error
        self._numbers = iter(range(1, most + 1))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._tally = Tally()
        self._threads = [threading.Thread(target=self._call_until_stopped, daemon=True) for _ in range(callers)]

    def __str__(self) -> str:
        return f"{self._callers} callers, together {self._per_second:g} times a second,"

    def during(self) -> Tally:
        """From now on requests are counted here."""
        self._tally = Tally()
        return self._tally

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call_until_stopped(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._callers / self._per_second, time.monotonic())
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            self._call(self._tally, self._asks(number))

    def _call(self, tally: Tally, asked: dict[str, Any]) -> None:
        try:
            answer = self._client.invoke(
                FunctionName=self._function, Qualifier=self._alias, Payload=json.dumps(asked).encode()
            )
            reply = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:
            with self._lock:
                tally.lost.append(f"{type(error).__name__}: {error}")
            return
        version, failed = answer["ExecutedVersion"], "FunctionError" in answer
        is_right, right = (self._is_own_error, tally.failed) if failed else (self._is_answer, tally.served)
        with self._lock:
            if is_right(asked, version, reply):
                right[version] += 1
            else:
                tally.lost.append(f"asked {asked}, got {reply} from version {version}")
