"""The place through which every request to the server passes: it is noted, may meet a fault, and is then served."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions

from sandbox.layer import faults, invoke, pool
from sandbox.layer.calls import Call, journal
from sandbox.layer.control import Control
from sandbox.layer.faults import Fault

DROPPED = "sandbox.dropped"
REQUEST_IDS = (invoke.INVOCATION_ID.encode(), b"x-amzn-requestid", b"x-amz-request-id")
REFUSALS = {
    "throttle": ("TooManyRequestsException", 429, "Rate exceeded"),
    "error": ("ServiceException", 500, "An internal error occurred"),
    "deny": ("AccessDeniedException", 403, "User is not authorized to perform this action: refused on purpose"),
}
THROTTLED = {
    "dynamodb": "ThrottlingException",
    "s3": "SlowDown",
    "states": "ThrottlingException",
    "monitoring": "ThrottlingException",
    "events": "ThrottlingException",
    "sns": "ThrottledException",
}
FAILED = {
    "dynamodb": "InternalServerError",
    "s3": "InternalError",
    "states": "InternalServerError",
    "monitoring": "InternalServiceFault",
    "events": "InternalException",
    "sns": "InternalErrorException",
}


class Seam:
    """An ASGI application around MiniStack's."""

    def __init__(self, served: Any) -> None:
        self._served = served
        self._control = Control(journal, faults.in_force)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(("/_ministack/", "/_aws/")):
            await self._served(scope, receive, send)
            return
        body = await read(receive)
        if scope["path"].startswith("/_sandbox/"):
            await answer(send, *self._control.handle(scope["method"], scope["path"], scope["query_string"], body))
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        call = journal.enter(scope["method"], scope["path"], headers, query, body)
        fault = faults.in_force.meeting(call)
        call.fault = fault.fault if fault else None
        if fault is None:
            await self._serve(call, scope, body, receive, send)
        elif fault.fault == "delay":
            await asyncio.sleep(fault.seconds)
            await self._serve(call, scope, body, receive, send)
        elif fault.fault in REFUSALS:
            refusal = refused(call, fault, headers)
            call.status = refusal[0]
            await answer(send, *refusal)
        else:
            await self._break(call, fault, scope, body, receive)

    async def _serve(self, call: Call, scope: Any, body: bytes, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                message = {**message, "headers": as_invoked(message["headers"])}
            await send(message)

        await self._served(scope, replayed(body, receive), noting)

    async def _break(self, call: Call, fault: Fault, scope: Any, body: bytes, receive: Any) -> None:
        """Let the caller or its connection die, before the call takes effect or after."""
        if fault.fault.endswith("_after"):
            await self._served(scope, replayed(body, receive), ignore)
        if fault.fault.startswith("kill"):
            await asyncio.to_thread(pool.kill, call.access_key)
        call.status = 0
        scope["extensions"][DROPPED] = {}


def as_invoked(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer; that of an invocation has the invocation's request id for its own."""
    own = [value for name, value in headers if name == invoke.INVOCATION_ID.encode()]
    if not own:
        return headers
    kept = [(name, value) for name, value in headers if name not in REQUEST_IDS]
    return [*kept, *((name, own[0]) for name in REQUEST_IDS[1:])]


def send_error_response(original: Any) -> Any:
    """Hypercorn answers 500 for an application that sends nothing; a dropped connection just ends."""

    async def _send_error_response(self: Any, status_code: int) -> None:
        if DROPPED not in getattr(self, "scope", {}).get("extensions", {}):
            await original(self, status_code)

    return _send_error_response


def refused(call: Call, fault: Fault, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """The refusal in the words and the protocol of the service."""
    code, status, message = REFUSALS[fault.fault]
    special = {"throttle": THROTTLED, "error": FAILED}.get(fault.fault, {})
    code = fault.code or special.get(call.service, code)
    if call.service == "dynamodb" and status == 429:
        status = 400
    _, reply_headers, body = iam_actions.access_denied_response(
        call.service, "", "", "fault", error_code=code, message=message, headers=headers
    )
    return status, reply_headers, body


async def read(receive: Any) -> bytes:
    """The whole body of a request."""
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def replayed(body: bytes, receive: Any) -> Any:
    """The request's body once more, and then what else the client sends."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return again


async def answer(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a response."""
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def ignore(message: Any) -> None:
    """Send nothing."""
