"""
What goes wrong at AWS: put below boto3 and above the emulator, so that no code of ours is patched.

A fault meets every attempt of boto3, which may therefore get over it by its own retries.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from tests.machine.iam import is_machine, refusal, refusal_once_missing
from tests.machine.wire import account_of, key_of

When = Literal["before", "after"]

NO_ANSWER = {
    "ConnectTimeout": ConnectTimeoutError,
    "ReadTimeout": ReadTimeoutError,
    "ConnectionClosed": ConnectionClosedError,
    "EndpointUnreachable": EndpointConnectionError,
}
"""Codes of what the network does; every other code is an answer of AWS."""

HTTP_STATUS = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "PreconditionFailedException": 412,
    "ResourceConflictException": 409,
    "ResourceNotFoundException": 404,
    "ServiceException": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "TooManyRequestsException": 429,
}


@dataclass(frozen=True)
class Call:
    """
    An attempt of a handler to call AWS: boto3's name for the service, the operation, and whose handler it is.

    `account` is that of the credentials.
    """

    service: str
    operation: str
    state: str | None
    url: str
    account: str


Watcher = Callable[[Call, Callable[[], Any]], Any]
"""Sees every attempt that a fault may meet; makes it or does not, and gives the answer."""


class HandlerKilled(BaseException):
    """The handler's process ends here; nothing of it runs any more."""


class HandlerTimedOut(BaseException):
    """The handler's time is up here."""


ENDS_THE_HANDLER = {"HandlerKilled": HandlerKilled, "HandlerTimedOut": HandlerTimedOut}

PACE = "Pace"
"""
What a fault and a watcher know the pace's own calls of the table by: an UpdateItem of an item of the pace.

They come with calls of Lambda, and as often as the clock has it. So no fault at the ledger's calls counts them.
"""

DENIED = {"s3": "AccessDenied", "sns": "AuthorizationError"}
"""What these services answer in place of AccessDeniedException."""

_thread = threading.local()
"""On whose behalf a thread calls AWS."""


@contextmanager
def acting(state: str | None, *, immune: bool = False) -> Iterator[None]:
    """The block's calls are those of this state's handler, or, without a name, of a caller whom no fault meets."""
    before = getattr(_thread, "acting", (None, False))
    _thread.acting = (state, immune)
    try:
        yield
    finally:
        _thread.acting = before


def acting_now() -> str | None:
    """The handler that the thread's calls are of."""
    state, _ = getattr(_thread, "acting", (None, False))
    return state


def denied(service: str, operation: str, url: str, body: Any, key: str = "") -> str | None:
    """AWS's sentence for a call that the thread's handler may not make, signed with that key; None for one it may."""
    return refusal(service, operation, _asker(), url, body, key)


@contextmanager
def acting_as_machine(env: Any) -> Iterator[None]:
    """The block's calls are Step Functions', for the machine that this environment runs; no fault meets them."""
    with acting(role_of_machine(env), immune=True):
        yield


def role_of_machine(env: Any) -> str:
    """The name of the role as which the machine runs."""
    return str(env.aws_execution_details.role_arn).rpartition("/")[2]


def _asker() -> str | None:
    """Whose role IAM looks at: a handler's or a machine's, and nobody's for other callers whom no fault meets."""
    state, immune = getattr(_thread, "acting", (None, False))
    return None if immune and not is_machine(state) else state


@dataclass
class Fault:
    """One kind of thing that goes wrong at one place; `met` counts how often it did."""

    operation: str
    code: str
    times: int | None
    skip: int
    when: When
    state: str | None
    met: int = 0
    passed: int = 0

    def is_met(self, operation: str, acting: str | None) -> bool:
        """Whether this call is one that it meets; counts it."""
        if operation != self.operation or (self.state is not None and acting != self.state):
            return False
        if self.passed < self.skip:
            self.passed += 1
            return False
        if self.times is not None and self.met >= self.times:
            return False
        self.met += 1
        return True


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._in_force: list[Fault] = []
        self._lock = threading.Lock()
        self._watcher: Watcher | None = None

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """For as long as the block lasts, every attempt of a handler passes by the watcher."""
        assert self._watcher is None, "there is one watcher at a time"
        self._watcher = watcher
        try:
            yield
        finally:
            self._watcher = None

    @contextmanager
    def in_force(self, fault: Fault) -> Iterator[Fault]:
        """For as long as the block lasts."""
        self._in_force.append(fault)
        try:
            yield fault
        finally:
            self._in_force.remove(fault)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Every attempt of every boto3 client passes here."""
        send = Endpoint._do_get_response  # type: ignore[attr-defined]

        def met(endpoint: Any, request: Any, operation: Any, context: Any) -> Any:
            state, immune = getattr(_thread, "acting", (None, False))
            name = PACE if operation.name == "UpdateItem" and _is_of_the_pace(request.body) else operation.name

            def attempt() -> Any:
                fault = self.find(name)
                if fault is not None and fault.when == "before":
                    return answer(fault.code, request.url)
                service = endpoint._endpoint_prefix
                key = key_of(request)
                if why := denied(service, operation.name, request.url, request.body, key):
                    return answer(DENIED.get(service, "AccessDeniedException"), request.url, why)
                answered = send(endpoint, request, operation, context)
                if fault is not None:
                    return answer(fault.code, request.url)
                if _is_missing(answered) and (
                    why := refusal_once_missing(service, operation.name, _asker(), request.url, key)
                ):
                    return answer("AccessDenied", request.url, why)
                return answered

            if immune or self._watcher is None:
                return attempt()
            call = Call(endpoint._endpoint_prefix, name, state, request.url, account_of(request))
            return self._watcher(call, attempt)

        with mock.patch.object(Endpoint, "_do_get_response", met):
            yield

    def find(self, operation: str) -> Fault | None:
        """The fault that meets this call, if one does."""
        state, immune = getattr(_thread, "acting", (None, False))
        if immune:
            return None
        with self._lock:
            return next((fault for fault in self._in_force if fault.is_met(operation, state)), None)


def _is_of_the_pace(body: str | bytes) -> bool:
    return (b'"pace#' if isinstance(body, bytes) else '"pace#') in body  # type: ignore[operator]


def _is_missing(answered: Any) -> bool:
    success, _ = answered
    return success is not None and success[1]["ResponseMetadata"]["HTTPStatusCode"] == 404


def answer(code: str, url: str, message: str = "") -> tuple[Any, Any]:
    """What botocore makes of a reply, without the reply: the same for every protocol that AWS speaks."""
    if code in ENDS_THE_HANDLER:
        raise ENDS_THE_HANDLER[code]
    if code in NO_ANSWER:
        return None, NO_ANSWER[code](endpoint_url=url, error=code)
    status = HTTP_STATUS.get(code, 400)
    parsed = {
        "Error": {"Code": code, "Message": message or f"{code}, as the test wants it"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "fault"},
    }
    return (AWSResponse(url, status, HTTPHeaders(), MockRawResponse(b"")), parsed), None
