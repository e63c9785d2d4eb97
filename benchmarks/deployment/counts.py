"""
What a deployment uses, counted while the committed machine is walked in this process with the real handlers.

Nothing here is a formula: transitions, invocations and waits are read from the execution's history, AWS's calls are
seen below boto3, and items of the table are weighed as they were written.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest import mock

import boto3
from botocore.client import BaseClient

from tests.machine.deployer import TABLE, installed
from tests.machine.faults import Call

TRAFFIC = ("AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute")
USERS_PER_SECOND = 2
UPDATE_SECONDS = 2.0
METRICS_DELAY_SECONDS = 60.0
BYTES_PER_WRITE_UNIT = 1024
SERVICES = {"monitoring": "cloudwatch"}
"""Where boto3's name for an endpoint is not the service's."""


@dataclass(frozen=True)
class Counts:
    """
    One deployment's use of AWS.

    `handlers` are invocations of the deployer's functions, `invokes` those that these make of the user's,
    `waited_seconds` what the handlers spent waiting for Lambda. `shifts` is N, the number of steps of the traffic.
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
    metrics: int
    read_units: int
    write_units: int


def count(traffic: str) -> Counts:
    """Deploy once, with users who call twice a second."""
    calls: Counter[tuple[str, str]] = Counter()

    def see(call: Call, attempt: Callable[[], Any]) -> Any:
        if call.state:
            calls[SERVICES.get(call.service, call.service), call.operation] += 1
        return attempt()

    with (
        mock.patch.dict(os.environ, {"POWERTOOLS_LOG_LEVEL": "CRITICAL"}),
        installed(update_seconds=UPDATE_SECONDS, metrics_delay_seconds=METRICS_DELAY_SECONDS) as deployer,
    ):
        deployer.users_call(USERS_PER_SECOND)
        with deployer.aws.watched(see), _metrics_asked_for() as metrics:
            run = deployer.deploy(traffic=traffic)
        if run.ended != "Deployed":
            raise RuntimeError(f"{traffic} ended {run.ended}: {run.cause}")
        writes = _write_units(calls)
    events = Counter(str(getattr(event["type"], "value", event["type"])) for event in run.history)
    retries = events["LambdaFunctionScheduled"] - events["TaskStateEntered"]
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
        handlers=events["LambdaFunctionScheduled"],
        invokes=calls["lambda", "Invoke"],
        waited_seconds=_waited(run.history),
        calls=dict(sorted(by_service.items())),
        metrics=sum(metrics),
        read_units=calls["dynamodb", "GetItem"],
        write_units=writes,
    )


@contextmanager
def _metrics_asked_for() -> Iterator[list[int]]:
    """How many each GetMetricData asks for, which is what CloudWatch bills."""
    asked: list[int] = []
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def seen(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "GetMetricData":
            asked.append(len(parameters["MetricDataQueries"]))
        return make(client, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", seen):
        yield asked


def _waited(history: list[dict[str, Any]]) -> float:
    """The clock stands still while a handler computes, so what passes is its waiting."""
    started, waited = 0.0, 0.0
    for event in history:
        kind = str(getattr(event["type"], "value", event["type"]))
        moment = datetime.fromisoformat(str(event["timestamp"])).timestamp()
        if kind == "LambdaFunctionStarted":
            started = moment
        elif kind in ("LambdaFunctionSucceeded", "LambdaFunctionFailed", "LambdaFunctionTimedOut"):
            waited += moment - started
    return round(waited, 3)


def _write_units(calls: Counter[tuple[str, str]]) -> int:
    """
    On-demand units: one for each begun KB, as much again for each index that has the item, twice within a transaction.

    Steps are written once. The record is put in a transaction and then updated, each time at its final size at most.
    """
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    items = [item for page in pages for item in page["Items"]]
    steps = sum(_units(item) for item in items if item["sk"]["S"].startswith("step#"))
    (record,) = (_units(item) for item in items if item["sk"]["S"] == "record")
    in_index, in_transaction, lock = 2, 2, 1
    put = (record + lock) * in_index * in_transaction * calls["dynamodb", "TransactWriteItems"]
    updated = record * in_index * calls["dynamodb", "UpdateItem"]
    return steps + put + updated + lock * in_index * calls["dynamodb", "DeleteItem"]


def _units(item: dict[str, Any]) -> int:
    return math.ceil(len(json.dumps(item)) / BYTES_PER_WRITE_UNIT)
