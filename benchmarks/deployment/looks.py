"""
A look at many functions of a release, beside a look at one: it reads the evidence, looks, concludes, and keeps that.

In process, with CloudWatch and S3 in the place of botocore's connections. So requests are signed and answers parsed.
What these two take is not counted.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import time
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bluegreen.aws.client import client
from bluegreen.baking import watch
from bluegreen.baking.conclude import conclude
from bluegreen.baking.watch import Asking, Probed
from bluegreen.decisions.bake import Alarms
from bluegreen.decisions.past import Past
from bluegreen.decisions.shift import Shifted
from bluegreen.document import Bake, Blue, Latest, Look, Plan
from bluegreen.ledger import evidence
from bluegreen.ledger.evidence import Kept
from bluegreen.request.artifact import Existing
from bluegreen.request.health import Health
from bluegreen.request.traffic import schedule
from bluegreen.target import Target

FUNCTIONS = (1, 100, 500)
BEGAN = 1_800_000_000
"""The first shift, in seconds since 1970."""
SHIFTS_A_SECOND = 10
FIRST_LOOK, LOOKS = 3, 30
"""Of the minutes since the first shift: the first with a look, and the last."""
MEASURED = 10
"""So many of the last looks are measured: by then the oldest buckets are folded."""
SETTINGS = {
    "ARTIFACT_BUCKET": "artifacts",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
KILOBYTE = 1024


@dataclass(frozen=True)
class Looks:
    """
    A look at so many functions at once.

    Its calls of GetMetricData, their queries, CPU in milliseconds, the most memory that Python held beside what was
    there before, and the bytes of the evidence, as it lies in S3 and as JSON.
    """

    functions: int
    calls: int
    queries: int
    milliseconds: float
    memory: int
    stored: int
    unzipped: int


@dataclass
class Services:
    """CloudWatch and S3: what they were asked, what they keep, and the CPU seconds that they took themselves."""

    calls: int = 0
    queries: int = 0
    stored: bytes = b""
    seconds: float = 0.0

    def metrics(self, request: Any, **_: Any) -> AWSResponse:
        """GetMetricData, with every figure that it is asked for."""
        began = time.process_time()
        asked = json.loads(request.body)
        self.calls += 1
        self.queries += len(asked["MetricDataQueries"])
        results = []
        for query in asked["MetricDataQueries"]:
            starts = range(asked["StartTime"], asked["EndTime"], query["MetricStat"]["Period"])
            values = [_figure(query["MetricStat"], start) for start in starts]
            results.append(
                {"Id": query["Id"], "Label": "", "Timestamps": [*starts], "Values": values, "StatusCode": "Complete"}
            )
        found = _answer(request, json.dumps({"MetricDataResults": results, "Messages": []}).encode())
        self.seconds += time.process_time() - began
        return found

    def keep(self, params: dict[str, Any], **_: Any) -> None:
        """What PutObject is to store, before it is made ready for the way."""
        self.stored = params["Body"]

    def put(self, request: Any, **_: Any) -> AWSResponse:
        """PutObject."""
        return _answer(request, b"")

    def get(self, request: Any, **_: Any) -> AWSResponse:
        """GetObject, of the one object."""
        if not self.stored:
            return _answer(request, b"<Error><Code>NoSuchKey</Code></Error>", 404)
        return _answer(request, self.stored)


class _Raw:
    """What botocore reads a body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, size: int | None = None) -> bytes:
        taken = self._body if size is None else self._body[:size]
        self._body = self._body[len(taken) :]
        return taken


def _answer(request: Any, body: bytes, status: int = 200) -> AWSResponse:
    headers = HTTPHeaders()
    headers["Content-Length"] = str(len(body))
    return AWSResponse(request.url, status, headers, _Raw(body))


def _figure(asked: dict[str, Any], start: int) -> float:
    """Of a minute of an alias: around 60 requests, of which green has around a tenth, and one in a hundred fails."""
    metric, statistic = asked["Metric"]["MetricName"], asked["Stat"]
    of = {each["Name"]: each["Value"] for each in asked["Metric"]["Dimensions"]}
    dice = zlib.crc32(f"{of['FunctionName']} {start}".encode())
    requests = {"1": 50 + dice % 10, "2": 2 + dice // 10 % 9}
    version = of.get("ExecutedVersion", "")
    had = requests.get(version, sum(requests.values()))
    if metric == "Throttles":
        return 0.0
    if metric == "Errors" and statistic == "Sum":
        return float(dice // 100 % 100 < had)
    if statistic.startswith("PR"):
        return 100 - 100 * min(had, dice // 1000 % 4) / had
    return 40.0 * had if (metric, statistic) == ("Duration", "Sum") else float(had)


@contextmanager
def served(target: Target) -> Iterator[Services]:
    """The two services, for the product's own clients."""
    services = Services()
    with mock.patch.dict(os.environ, SETTINGS):
        replaced: list[tuple[Any, str, Any]] = [
            (client("cloudwatch", target).meta.events, "before-send.cloudwatch.GetMetricData", services.metrics),
            (client("s3").meta.events, "before-parameter-build.s3.PutObject", services.keep),
            (client("s3").meta.events, "before-send.s3.PutObject", services.put),
            (client("s3").meta.events, "before-send.s3.GetObject", services.get),
        ]
        for events, event, answer in replaced:
            events.register(event, answer)
        try:
            yield services
        finally:
            for events, event, answer in replaced:
                events.unregister(event, answer)


def measure(sizes: Sequence[int] = FUNCTIONS) -> list[Looks]:
    """Each after the other."""
    return [_measured(size) for size in sizes]


@dataclass
class _Release:
    """Functions that were shifted one after the other, by the same canary."""

    size: int
    asking: list[Asking] = field(init=False)

    def __post_init__(self) -> None:
        self.asking = [
            Asking(_plan(number), "2", (Shifted(at=BEGAN + number / SHIFTS_A_SECOND, weight=0.1),))
            for number in range(self.size)
        ]

    def look(self, now: float) -> None:
        """What the state of a release does in one invocation, but for the alarms."""
        kept = evidence.read("spring", 1, 0)
        first = Kept(shifts=1, look=Look(next_weight=0.1))
        before = [kept.get(each.plan.id, first).look for each in self.asking]
        asking = [each._replace(memory=look.memory) for each, look in zip(self.asking, before, strict=True)]
        looks = {}
        for each, look, seen in zip(asking, before, watch.look_at_all(asking, now), strict=True):
            bake = Bake(shifts=each.shifts, revision="r1", look=look)
            looks[each.plan.id] = Kept(shifts=1, look=conclude(each.plan, bake, seen, Alarms(), Probed(), now))
        evidence.keep("spring", 1, 0, looks)


def _plan(number: int) -> Plan:
    return Plan(
        id=f"spring.{number + 1}",
        target=Target(function=f"Function{number:04}", alias="PROD", region="eu-west-1", account="111122223333"),
        artifact=Existing(version="2"),
        schedule=schedule("Canary10Percent30Minutes"),
        smoke_tests=(),
        health=Health(),
        blue=Blue(version="1", sha256="", revision="r1"),
        latest=Latest(sha256="", settings={}, revision="r2"),
        past=Past(requests=10_800, usual=60.0, recent=60.0, busiest=60.0, last_at=BEGAN, slow_ms=80),
        brings="version",
    )


def _measured(size: int) -> Looks:
    release = _Release(size)
    milliseconds = []
    with served(release.asking[0].plan.target) as services:
        for minute in range(FIRST_LOOK, LOOKS + 1):
            services.calls, services.queries, services.seconds = 0, 0, 0.0
            began = time.process_time()
            release.look(BEGAN + 60 * minute + 90)
            milliseconds.append(1000 * (time.process_time() - began - services.seconds))
        calls, queries = services.calls, services.queries
        tracemalloc.start()
        try:
            release.look(BEGAN + 60 * (LOOKS + 1) + 90)
            _, memory = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return Looks(
            functions=size,
            calls=calls,
            queries=queries,
            milliseconds=statistics.median(milliseconds[-MEASURED:]),
            memory=memory,
            stored=len(services.stored),
            unzipped=len(gzip.decompress(services.stored)),
        )
