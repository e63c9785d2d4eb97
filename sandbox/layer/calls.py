"""What a request to the server is: who calls which operation of which service, and the how-manieth time."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, router

from sandbox.layer import operations, sessions

KEPT_CALLS = 20_000


@dataclass
class Call:
    """
    One AWS API call.

    `number` counts every call, `nth` those of this role to this operation, both from 1. `status` is what the
    caller got, 0 where its connection was dropped.
    """

    number: int
    role: str
    session: str
    service: str
    operation: str
    nth: int
    began: float
    access_key: str = field(repr=False)
    status: int | None = None
    fault: str | None = None

    def public(self) -> dict[str, Any]:
        """What the journal shows of it."""
        return {name: value for name, value in vars(self).items() if name != "access_key"}


class Journal:
    """The calls of the last while, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._counts: Counter[tuple[str, str, str, str]] = Counter()

    def enter(self, service: str, operation: str, headers: dict[str, str], query: dict[str, list[str]]) -> Call:
        """Note a request before it is served."""
        key = router.extract_access_key_id(headers, query) or ""
        return self.note(sessions.principal_of(key), service, operation, key)

    def note(self, who: sessions.Principal, service: str, operation: str, key: str = "") -> Call:
        """Note a call, or a delivery, which has no key."""
        with self._lock:
            self._counts[who.role, who.session, service, operation] += 1
            nth = self._counts[who.role, who.session, service, operation]
            call = Call(next(self._numbers), who.role, who.session, service, operation, nth, time.time(), key)
            self._calls.append(call)
        return call

    def since(self, number: int) -> list[Call]:
        """The calls with a greater number."""
        with self._lock:
            return [call for call in self._calls if call.number > number]

    def clear(self) -> None:
        """Forget all calls and count anew; numbers go on."""
        with self._lock:
            self._calls.clear()
            self._counts.clear()


def operation_of(
    method: str, path: str, headers: dict[str, str], query: dict[str, list[str]], body: bytes
) -> tuple[str, str]:
    """Service and operation as the API names them, for every protocol that AWS's SDKs speak."""
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    parameters = query | parse_qs(body.decode(errors="replace")) if form else query
    service = router.detect_service(method, path, headers, parameters)
    if target := headers.get("x-amz-target"):
        return service, target.rpartition(".")[2]
    if "Action" in parameters:
        return service, parameters["Action"][0]
    if "/operation/" in path:
        return service, path.rpartition("/operation/")[2]
    if service == "lambda":
        request = operations.named(method, path)
        return service, request.operation if request else method
    if service == "s3":
        return service, iam_actions._s3_action(method, path, query) or method
    return service, iam_actions._match_rest_action(service, method, path, query) or method


journal = Journal()
