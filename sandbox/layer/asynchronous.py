"""
Asynchronous invocation: its settings by qualifier, its tries, and the records of what came of it.

Every try of an event has the same request id. A record goes to the destination as the function's own role sends it; a
dead-letter target gets the event itself.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from ministack.services import lambda_svc

from sandbox.layer import invoke, sessions
from sandbox.layer.answers import Response, missing

log = logging.getLogger("sandbox.asynchronous")
RETRIES = 2
OLDEST_SECONDS = 21_600
SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def put(name: str, qualifier: str | None, data: dict[str, Any]) -> Response:
    """Set what is given and nothing else."""
    return store(name, qualifier, {key: data[key] for key in SETTINGS if data.get(key) is not None})


def update(name: str, qualifier: str | None, data: dict[str, Any]) -> Response:
    """Set what is given and keep the rest."""
    kept = settings_of(lambda_svc._functions.get(name), qualifier)
    if kept is None:
        return none_there(name, qualifier)
    return store(name, qualifier, {key: value for key, value in {**kept, **data}.items() if key in SETTINGS})


def store(name: str, qualifier: str | None, chosen: dict[str, Any]) -> Response:
    """Keep the settings of the qualifier."""
    func = lambda_svc._functions.get(name)
    if func is None or not lambda_svc._function_qualifier_exists(func, qualifier):
        return missing(f"The function {arn_of(name, qualifier)} doesn't exist.")
    destinations = {"OnSuccess": {}, "OnFailure": {}, **chosen.pop("DestinationConfig", {})}
    if refusal := lambda_svc._validate_destination_config(destinations):
        refused: Response = refusal
        return refused
    kept = {"FunctionArn": arn_of(name, qualifier), "LastModified": time.time(), **chosen}
    kept["DestinationConfig"] = destinations
    func["event_invoke_configs"][qualifier or "$LATEST"] = kept
    told: Response = lambda_svc.json_response(kept)
    return told


def get(name: str, qualifier: str | None) -> Response:
    """The settings of the qualifier."""
    found = settings_of(lambda_svc._functions.get(name), qualifier)
    if found is None:
        return none_there(name, qualifier)
    told: Response = lambda_svc.json_response(found)
    return told


def delete(name: str, qualifier: str | None) -> Response:
    """Forget them."""
    func = lambda_svc._functions.get(name)
    if func is None or settings_of(func, qualifier) is None:
        return none_there(name, qualifier)
    del func["event_invoke_configs"][qualifier or "$LATEST"]
    return 204, {}, b""


def listed(name: str) -> Response:
    """Those of every qualifier."""
    func = lambda_svc._functions.get(name) or {}
    found = list(func.get("event_invoke_configs", {}).values())
    told: Response = lambda_svc.json_response({"FunctionEventInvokeConfigs": found})
    return told


def settings_of(func: dict[str, Any] | None, qualifier: str | None) -> dict[str, Any] | None:
    """What is set for the qualifier."""
    kept: dict[str, Any] | None = (func or {}).get("event_invoke_configs", {}).get(qualifier or "$LATEST")
    return kept


def none_there(name: str, qualifier: str | None) -> Response:
    """The refusal where nothing is set."""
    return missing(f"The function {arn_of(name, qualifier)} doesn't have an EventInvokeConfig")


def arn_of(name: str, qualifier: str | None) -> str:
    """The ARN with its qualifier, which is `$LATEST` where none was named."""
    return f"{lambda_svc._func_arn(name)}:{qualifier or '$LATEST'}"


def invoke_async_with_retry(original: Any) -> Any:
    """Try in a thread, so that nobody waits."""

    def _invoke_async_with_retry(func: dict[str, Any], event: Any) -> None:
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(tries, func, event), daemon=True).start()

    return _invoke_async_with_retry


def tries(func: dict[str, Any], event: Any) -> None:
    """Invoke until it works, the tries are used up or the event is too old, and send the record of it."""
    config = func["config"]
    qualifier = (config["FunctionArn"].split(":")[7:] or [None])[0]
    base = lambda_svc._functions.get(config["FunctionName"]) or func
    chosen = settings_of(base, qualifier) or {}
    request_id = invoke.begin_event()
    started, count, result, condition = time.time(), 0, {}, "ZeroReservedConcurrency"
    oldest = chosen.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)
    pause = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    while base.get("concurrency") != 0:
        result = lambda_svc._execute_function_with_config_scope(func, event)
        count += not result.get("throttle")
        condition = "Success" if not result.get("error") else "RetriesExhausted"
        if condition == "Success" or count > chosen.get("MaximumRetryAttempts", RETRIES):
            break
        if time.time() + pause - started > oldest:
            condition = "EventAgeExceeded"
            break
        time.sleep(pause)
        pause = min(2 * pause, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
    record = record_of(config, qualifier, request_id, condition, count, event, result)
    outcome = "OnSuccess" if condition == "Success" else "OnFailure"
    if target := chosen.get("DestinationConfig", {}).get(outcome, {}).get("Destination"):
        send(config, target, record)
    if condition != "Success" and (target := (config.get("DeadLetterConfig") or {}).get("TargetArn")):
        send(config, target, event)


def record_of(
    config: dict[str, Any],
    qualifier: str | None,
    request_id: str,
    condition: str,
    count: int,
    event: Any,
    result: dict[str, Any],
) -> dict[str, Any]:
    """The record of an event, as a destination gets it."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn_of(config["FunctionName"], qualifier),
            "condition": condition,
            "approximateInvokeCount": count,
        },
        "requestPayload": event,
    }
    if count:
        error = {"functionError": "Unhandled"} if result.get("error") else {}
        record["responseContext"] = {"statusCode": 200, "executedVersion": config["Version"], **error}
        record["responsePayload"] = result.get("body")
    return record


def send(config: dict[str, Any], target: str, what: Any) -> None:
    """Hand it to a queue, a topic, a bus or a function, as the function's role may."""
    service, region = target.split(":")[2], target.split(":")[3]
    text = json.dumps(what)

    def client(name: str) -> Any:
        return sessions.client_of(name, region, config["Role"], config["FunctionName"])

    try:
        if service == "sqs":
            account, name = target.split(":")[4:6]
            client("sqs").send_message(QueueUrl=f"{sessions.endpoint()}/{account}/{name}", MessageBody=text)
        elif service == "sns":
            client("sns").publish(TopicArn=target, Message=text)
        elif service == "lambda":
            client("lambda").invoke(FunctionName=target, InvocationType="Event", Payload=text)
        elif service == "events":
            kind = "Success" if what["requestContext"]["condition"] == "Success" else "Failure"
            detail_type = f"Lambda Function Invocation Result - {kind}"
            entry = {"Source": "lambda", "DetailType": detail_type, "Detail": text, "EventBusName": target}
            client("events").put_events(Entries=[entry])
    except Exception:
        log.exception("%s: what came of an event could not be sent to %s", config["FunctionArn"], target)
