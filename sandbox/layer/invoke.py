"""
The Invoke operation, and the moment at which code runs.

An invocation's request id is that of its answer, and all tries of an event have one.
"""

from __future__ import annotations

import base64
import contextvars
import json
import re
import secrets
import time
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.services import lambda_svc

from sandbox.layer import logs, metrics, pool, provisioned, routing, updates
from sandbox.layer.answers import Response, conflict, not_found

LARGEST_ANSWER = 6_291_556
INVOCATION_ID = "x-invocation-id"
ESCAPES = re.compile(r"python3\.(\d|10|11)$")
TOO_LARGE = {
    "errorMessage": f"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}
_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")


def begin_event() -> str:
    """The request id that every try of an event has, from here on in this context."""
    made: str = lambda_svc.new_uuid()
    _request_id.set(made)
    return made


def invoke(original: Any) -> Any:
    """The operation: by name, alias or version; waited for, as an event, or dry."""

    async def _invoke(
        name: str, event: Any, headers: dict[str, str], path_qualifier: str | None = None, query_params: Any = None
    ) -> Response:
        func = lambda_svc._functions.get(name)
        qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query_params)
        found = routing.route(func, qualifier)
        if found is None:
            return not_found(name, qualifier or "$LATEST")
        if found.record["config"].get("State") == "Pending":
            message = "The operation cannot be performed at this time. The function is currently in the following state"
            return conflict(f"{message}: Pending")
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return 204, {}, b""
        if kind == "Event":
            lambda_svc.invoke_async_with_retry(found.record, event)
            return 202, {}, b""
        request_id = lambda_svc.new_uuid()
        answered = {
            "Content-Type": "application/json",
            "X-Amz-Executed-Version": found.version,
            INVOCATION_ID: request_id,
        }
        _request_id.set(request_id)
        run = lambda_svc._execute_function_with_config_scope
        result = await run_reentrant(run, found.record, event, thread_name="invoke")
        runtime = found.record["config"].get("Runtime", "")
        return response(result, answered, runtime, tail=headers.get("x-amz-log-type", "").lower() == "tail")

    return _invoke


def response(result: dict[str, Any], headers: dict[str, str], runtime: str, tail: bool) -> Response:
    """What the API answers to an invocation that came to this."""
    if result.get("throttle"):
        retry = {"Content-Type": "application/json", "x-amzn-errortype": "TooManyRequestsException"}
        reason = result.get("reason", "ReservedFunctionConcurrentInvocationLimitExceeded")
        return 429, retry, json.dumps({"Reason": reason, "Type": "User", "message": "Rate Exceeded."}).encode()
    body = payload(result.get("body"), runtime)
    if len(body) > LARGEST_ANSWER:
        result, body = {**result, "error": True}, payload(TOO_LARGE, runtime)
    if result.get("error"):
        headers["X-Amz-Function-Error"] = "Unhandled"
    if tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(result["report"].encode()[-4096:]).decode()
    return 200, headers, body


def payload(body: Any, runtime: str) -> bytes:
    """The text that the runtime sends: Python's leaves blanks, and up to 3.11 it escapes what is not ASCII."""
    separators = (", ", ": ") if runtime.startswith("python") else (",", ":")
    text = json.dumps(body, separators=separators, ensure_ascii=ESCAPES.match(runtime) is not None)
    return text.encode(errors="backslashreplace")


def execute_function(original: Any) -> Any:
    """Every invocation passes here: it is counted, and an update does not change it midway."""

    def _execute_function(func: dict[str, Any], event: Any) -> dict[str, Any]:
        config = func.get("config") or func
        if lambda_svc._function_config_scope_mismatch(config):
            return dict(original(func, event))
        started = time.time()
        result: dict[str, Any] = original(updates.as_served(func), event)
        metrics.record_invocation(config, started, time.time() - started, result)
        return result

    return _execute_function


def execute_function_warm(original: Any) -> Any:
    """Run the code in an environment of its own, and tell the caller what it told."""

    def _execute_function_warm(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        config, archive = func["config"], func.get("code_zip")
        request_id = _request_id.get() or request_id
        if not archive:
            error = {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": "the function has no code"}
            return {"body": error, "error": True, "report": ""}
        started = time.time()
        with pool.leased(config, archive) as worker:
            arn, timeout = config["FunctionArn"], float(config.get("Timeout", 3))
            outcome = worker.invoke(event, request_id, arn, trace_id(config), timeout)
        took = time.time() - started
        report = logs.write(config, worker, request_id, took, outcome.log, outcome.error)
        return {
            "body": outcome.result if outcome.error is None else outcome.error,
            "error": outcome.error is not None,
            "report": report,
        }

    return _execute_function_warm


def trace_id(config: dict[str, Any]) -> str:
    """The X-Ray header of a new trace, sampled where the function asks for tracing."""
    sampled = (config.get("TracingConfig") or {}).get("Mode") == "Active"
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled={int(sampled)}"


def reserved_concurrency(original: Any) -> Any:
    """The limit is the function's; its versions share what is not provisioned for one of them."""

    def _reserved_concurrency(func: dict[str, Any], config: dict[str, Any]) -> int | None:
        base = lambda_svc._functions.get(config["FunctionName"])
        if base is None or base.get("concurrency") is None:
            return None
        return int(base["concurrency"]) - (0 if provisioned.covers(base, config) else provisioned.total(base))

    return _reserved_concurrency


def silence(original: Any) -> Any:
    """Count nothing here: invocations are counted where they run, with every dimension."""
    return lambda *args, **kwargs: None
