"""
What a deployment uses, counted while the committed machine is walked in this process with the real handlers.

Nothing here is a formula: transitions, invocations and waits are read from the execution's history, AWS's calls are
seen below boto3, and items of the table are weighed as they were written.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest import mock

import boto3
from botocore.client import BaseClient

import serve_api
from bluegreen.edge import logger
from tests.machine.deployer import FUNCTION, GOOD, TABLE, Deployer, installed
from tests.machine.faults import PACE, Call
from tests.machine.walk import quiet

TWO_DAYS = "10 % for 48 hours"
TRAFFIC = ("AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute", "Adaptive", TWO_DAYS)
STEPS = {TWO_DAYS: {"steps": [{"weight": 0.1, "bake_seconds": 48 * 3600}]}}
"""What a request says where the name is not a strategy's."""
DEPLOYMENT = "2f6c1c1e-6d0b-4f7c-9b53-0d5d6f1f7a10"
USERS_PER_SECOND = 2
USERS_PER_TEN_MINUTES = 2
"""During a bake of two days, so that it can be counted within a minute."""
UPDATE_SECONDS = 2.0
USERS_CALLED_BEFORE_SECONDS = 900
"""A deployment learns from the traffic before it what it is to expect."""
METRICS_DELAY_SECONDS = 60.0
BYTES_PER_WRITE_UNIT = 1024
SERVICES = {"monitoring": "cloudwatch"}
"""Where boto3's name for an endpoint is not the service's."""


@dataclass(frozen=True)
class Counts:
    """
    One deployment's use of AWS.

    `handlers` are invocations of the deployer's functions, those by the API and by its orders too. `invokes` are those
    that these make of the user's functions,
    `waited_seconds` what the handlers spent waiting for Lambda. `shifts` is N, the number of steps of the traffic.
    `control_plane` are calls in Lambda's bucket of 15 requests a second (all but GetFunction and Invoke), `pace` are
    the calls of DynamoDB by which those and GetFunction take their turns. `events` are those of the execution's
    history, which has `history_bytes`.
    """

    traffic: str
    path: list[str]
    shifts: int
    looks: int
    retries: int
    transitions: int
    handlers: int
    invokes: int
    waited_seconds: float
    calls: dict[str, int]
    control_plane: int
    get_function: int
    pace: int
    events: int
    history_bytes: int
    metrics: int
    read_units: int
    write_units: int


def count(
    traffic: str, /, *, prepare: Callable[[Deployer], object] | None = None, ends: str = "Deployed", **request: Any
) -> Counts:
    """
    Deploy once, with users who call twice a second.

    `prepare` makes what the request needs and says what people do while DEPLOYMENT runs. The request may have more
    fields, and the steps of its traffic in place of the name. The units of DynamoDB leave out what orders, approvals
    and freezes write.
    """
    calls: Counter[tuple[str, str]] = Counter()
    ordered: list[str] = []

    def see(call: Call, attempt: Callable[[], Any]) -> Any:
        if call.state:
            calls[SERVICES.get(call.service, call.service), call.operation] += 1
        if (call.state, call.operation) == ("ServeApi", "Invoke"):
            ordered.append(call.url)
        return attempt()

    with (
        quiet(logger.name),
        installed(update_seconds=UPDATE_SECONDS, metrics_delay_seconds=METRICS_DELAY_SECONDS) as deployer,
    ):
        deployer.users_call(USERS_PER_SECOND if traffic not in STEPS else USERS_PER_TEN_MINUTES / 600)
        deployer.aws.clock.sleep(USERS_CALLED_BEFORE_SECONDS)
        artifact = deployer.upload(GOOD % 2)
        if prepare:
            prepare(deployer)
        with deployer.aws.watched(see), metrics_asked_for() as metrics, _asked_of_the_api() as api:
            asked = {"function": FUNCTION, "artifact": artifact, "traffic": STEPS.get(traffic, traffic)} | request
            run = deployer.run(asked, DEPLOYMENT)
        if run.ended != ends:
            raise RuntimeError(f"{traffic} ended {run.ended}: {run.cause}")
        writes = _write_units(calls)
    events = Counter(str(getattr(event["type"], "value", event["type"])) for event in run.history)
    by_machine = events["LambdaFunctionScheduled"] + events["TaskScheduled"]
    retries = by_machine - events["TaskStateEntered"]
    by_service: Counter[str] = Counter()
    for (service, _), times in calls.items():
        by_service[service] += times
    return Counts(
        traffic=traffic,
        path=run.path,
        shifts=run.path.count("ShiftAlias"),
        looks=run.path.count("CheckHealth"),
        retries=retries,
        transitions=len(run.path) + retries,
        handlers=by_machine + api.call_count + len(ordered),
        invokes=calls["lambda", "Invoke"] - len(ordered),
        waited_seconds=waited(run.history),
        calls=dict(sorted(by_service.items())),
        control_plane=by_service["lambda"] - calls["lambda", "Invoke"] - calls["lambda", "GetFunction"],
        get_function=calls["lambda", "GetFunction"],
        pace=calls["dynamodb", PACE],
        events=len(run.history),
        history_bytes=len(json.dumps(run.history, default=str)),
        metrics=sum(metrics),
        read_units=calls["dynamodb", "GetItem"] + 2 * calls["dynamodb", "Query"],
        write_units=writes,
    )


def _asked_of_the_api() -> Any:
    """Counts the requests that ServeApi serves."""
    return mock.patch.object(serve_api, "handler", wraps=serve_api.handler)


@contextmanager
def metrics_asked_for() -> Iterator[list[int]]:
    """How many each GetMetricData asks for, which is what CloudWatch bills."""
    asked: list[int] = []
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def seen(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "GetMetricData":
            asked.append(len(parameters["MetricDataQueries"]))
        return make(client, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", seen):
        yield asked


def waited(history: list[dict[str, Any]]) -> float:
    """Seconds within handlers. The clock stands still while a handler computes, so what passes is its waiting."""
    started, seconds = 0.0, 0.0
    for event in history:
        kind = str(getattr(event["type"], "value", event["type"]))
        moment = datetime.fromisoformat(str(event["timestamp"])).timestamp()
        if kind == "LambdaFunctionStarted":
            started = moment
        elif kind in ("LambdaFunctionSucceeded", "LambdaFunctionFailed", "LambdaFunctionTimedOut"):
            seconds += moment - started
    return round(seconds, 3)


def _write_units(calls: Counter[tuple[str, str]]) -> int:
    """
    On-demand units: one for each begun KB, as much again for each index that has the item, twice within a transaction.

    Steps are written once. The record is put in a transaction and then updated, each time at its final size at most.
    """
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    items = [item for page in pages for item in page["Items"]]
    steps = sum(_units(item) for item in items if item["pk"]["S"].startswith("steps#"))
    (record,) = (_units(item) for item in items if item["sk"]["S"] == "record")
    in_index, in_transaction, lock = 2, 2, 1
    plan = sum(_units(item) for item in items if item["sk"]["S"] in ("plan", "newest", "now"))
    put = ((record + lock) * in_index * calls["dynamodb", "TransactWriteItems"] + plan) * in_transaction
    updated = record * in_index * calls["dynamodb", "UpdateItem"]
    freed = lock * in_index * calls["dynamodb", "DeleteItem"]
    return steps + put + updated + freed + calls["dynamodb", PACE]


def _units(item: dict[str, Any]) -> int:
    return math.ceil(len(json.dumps(item)) / BYTES_PER_WRITE_UNIT)
