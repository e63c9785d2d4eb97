"""The Invoke operation, and the moment at which code runs."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from sandbox.layer import logs, metrics, pool, routing, updates

Response = tuple[int, dict[str, str], bytes]


def invoke(original: Any) -> Any:
    """The operation: by name, alias or version; waited for, as an event, or dry."""

    async def _invoke(
        name: str, event: Any, headers: dict[str, str], path_qualifier: str | None = None, query_params: Any = None
    ) -> Response:
        func = lambda_svc._functions.get(name)
        qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query_params)
        found = routing.route(func, qualifier)
        if found is None:
            return not_found(name, qualifier)
        if found.record["config"].get("State") == "Pending":
            message = "The operation cannot be performed at this time. The function is currently in the following state"
            refusal: Response = error_response_json("ResourceConflictException", f"{message}: Pending", 409)
            return refusal
        answered = {"Content-Type": "application/json", "X-Amz-Executed-Version": found.version}
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return 204, answered, b""
        if kind == "Event":
            lambda_svc.invoke_async_with_retry(found.record, event)
            return 202, answered, b""
        run = lambda_svc._execute_function_with_config_scope
        result = await run_reentrant(run, found.record, event, thread_name="invoke")
        return response(result, answered, tail=headers.get("x-amz-log-type", "").lower() == "tail")

    return _invoke


def response(result: dict[str, Any], headers: dict[str, str], tail: bool) -> Response:
    """What the API answers to an invocation that came to this."""
    body = json.dumps(result.get("body")).encode()
    if result.get("throttle"):
        retry = {"Retry-After": "1", "x-amzn-errortype": "TooManyRequestsException"}
        return 429, headers | retry, body
    if result.get("error"):
        headers["X-Amz-Function-Error"] = "Unhandled"
    if tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(result["report"].encode()[-4096:]).decode()
    return 200, headers, body


def not_found(name: str, qualifier: str | None) -> Response:
    """The refusal for a function, version or alias that is not there."""
    arn = lambda_svc._func_arn(name) + (f":{qualifier}" if qualifier else "")
    refusal: Response = error_response_json("ResourceNotFoundException", f"Function not found: {arn}", 404)
    return refusal


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
        if not archive:
            error = {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": "the function has no code"}
            return {"body": error, "error": True, "report": ""}
        started = time.time()
        with pool.leased(config, archive) as worker:
            arn, timeout = config["FunctionArn"], float(config.get("Timeout", 3))
            outcome = worker.invoke(event, request_id, arn, trace_id(config), timeout)
        took = time.time() - started
        report = logs.write(config, worker.log_stream, request_id, took, outcome.log, outcome.error)
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
    """The limit is the function's; its aliases and versions share it."""

    def _reserved_concurrency(func: dict[str, Any], config: dict[str, Any]) -> int | None:
        base = lambda_svc._functions.get(config["FunctionName"])
        return None if base is None or base.get("concurrency") is None else int(base["concurrency"])

    return _reserved_concurrency


def silence(original: Any) -> Any:
    """Count nothing here: invocations are counted where they run, with every dimension."""
    return lambda *args, **kwargs: None
