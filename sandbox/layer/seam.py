"""Every request to the server passes here: the door lets it in, it is noted, may meet a fault, and is then served."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from ministack.core import iam_actions

from sandbox.layer import door, faults, invoke, pool
from sandbox.layer.calls import Call, journal, operation_of
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
        if scope["type"] == "lifespan":
            await self._served(scope, receive, send)
            return
        request = door.Request(scope)
        if why := door.refused(request, int(os.environ["GATEWAY_PORT"])):
            await turn_away(scope, send, why)
            return
        send, body = without_cross_origin(send), await read(receive)
        if request.is_of_the_server:
            await self._serve_itself(request, body, receive, send)
            return
        service, operation = operation_of(request.method, request.path, request.headers, request.query, body)
        if refusal := door.without_credentials(request, body, service, operation):
            await answer(send, *refusal)
            return
        if request.path.startswith(door.OWN):
            await self._served(scope, replayed(body, receive), send)
            return
        headers = request.headers
        call = journal.enter(service, operation, headers, request.query)
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

    async def _serve_itself(self, request: door.Request, body: bytes, receive: Any, send: Any) -> None:
        """One of the server's own paths, for who has the root's secret."""
        if not door.has_the_secret(request):
            await turn_away(request.scope, send, f"the header {door.SECRET} has to have the root's secret")
        elif request.path.startswith("/_sandbox/"):
            query = request.scope["query_string"]
            await answer(send, *self._control.handle(request.method, request.path, query, body))
        else:
            await self._served(request.scope, replayed(body, receive), send)

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


async def turn_away(scope: Any, send: Any, why: str) -> None:
    """Refuse a request, or the opening of a WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": why})
        return
    said = {"__type": "AccessDeniedException", "message": why}
    await answer(send, 403, {"Content-Type": "application/json"}, json.dumps(said).encode())


def without_cross_origin(send: Any) -> Any:
    """MiniStack lets pages of every origin read its answers; here none may."""

    async def strict(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value) for name, value in message["headers"] if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return strict


async def ignore(message: Any) -> None:
    """Send nothing."""
