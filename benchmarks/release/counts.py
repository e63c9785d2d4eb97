"""
What a release uses, counted while the committed machines are walked in this process with the real handlers.

Nothing here is a formula: transitions are read from the histories of both machines, AWS's calls are seen below boto3
with the moment at which they were made, and objects and items are weighed as they were written.
"""

from __future__ import annotations

import math
import os
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

from bluegreen.edge import logger
from tests.machine.deployer import ALIAS
from tests.machine.faults import Call
from tests.machine.shop import Shop, open_shop
from tests.machine.walk import quiet

BAKE_SECONDS = 300
UPDATE_SECONDS = 2.0
METRICS_DELAY_SECONDS = 60.0
USERS_A_MINUTE = 60
OTHERS = ("GetFunction", "Invoke", "GetPolicy")
"""Operations of Lambda that are not in the bucket of 15 requests a second."""

BACK = "UpdateAlias"


@dataclass(frozen=True)
class Counts:
    """
    One release's use of AWS, with a canary of five minutes in one wave per 1,000 functions.

    `transitions` are those of the release's execution and of all children. `events` are those of the longest history,
    the release's. `control_plane` are calls in Lambda's bucket of 15 requests a second, of which `most_in_a_second`
    were made in the busiest second. `payload_bytes` is the largest document of a state. `seconds` the release took, and
    `paced_seconds` are its calls at its pace and its bakes. After a bad verdict all users were back within
    `back_seconds`.
    """

    functions: int
    transitions: int
    events: int
    control_plane: int
    most_in_a_second: int
    get_function: int
    metric_calls: int
    metrics: int
    dynamodb: int
    payload_bytes: int
    seconds: float
    paced_seconds: float
    back_seconds: float
    peak_mb: int

    @property
    def floor(self) -> int:
        """The fewest control-plane calls: GetAlias, UpdateFunctionCode, PublishVersion, and an UpdateAlias a shift."""
        return self.functions * (3 + 2)

    @property
    def dollars(self) -> float:
        """Step Functions at 25 dollars a million transitions, CloudWatch at 10 a million metrics."""
        return self.transitions * 25e-6 + self.metrics * 1e-5


def count(functions: int, calls_per_second: int = 10) -> Counts:
    """A good release of so many functions, and the time that a bad one takes to be back."""
    calls: list[tuple[float, str, str]] = []
    asked: list[int] = []
    names = tuple(f"Function{number:05}" for number in range(functions))
    with quiet(logger.name), _shop(names) as shop:
        document = _document(shop, calls_per_second)
        begun = shop.aws.clock.now()
        with shop.aws.watched(_seeing(shop, calls, asked)):
            run = shop.run(document, "release")
        if run.ended != "Released":
            raise RuntimeError(f"the release of {functions} ended {run.ended}: {run.cause}")
        seconds = shop.aws.clock.now() - begun
        histories = [run.history, *shop.children(run)]
    operations = Counter((service, operation) for _, service, operation in calls)
    of_lambda = {op: times for (service, op), times in operations.items() if service == "lambda"}
    moments = sorted(at for at, service, op in calls if service == "lambda" and op not in OTHERS)
    in_bucket = len(moments)
    waves = math.ceil(functions / 1000)
    return Counts(
        functions=functions,
        transitions=sum(map(_transitions, histories)),
        events=len(run.history),
        control_plane=in_bucket,
        most_in_a_second=_most_in_a_second(moments),
        get_function=of_lambda.get("GetFunction", 0),
        metric_calls=operations["monitoring", "GetMetricData"] + operations["cloudwatch", "GetMetricData"],
        metrics=sum(asked),
        dynamodb=sum(times for (service, _), times in operations.items() if service == "dynamodb"),
        payload_bytes=_largest(histories),
        seconds=seconds,
        paced_seconds=in_bucket / calls_per_second + waves * BAKE_SECONDS,
        back_seconds=_seconds_until_back(names, calls_per_second),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def _seconds_until_back(names: tuple[str, ...], calls_per_second: int) -> float:
    """From the failing look to the last alias that is at blue alone again."""
    moments: dict[str, float] = {}
    with quiet(logger.name), _shop(names, bad=names[len(names) // 2]) as shop:
        document = _document(shop, calls_per_second)

        def entered(_: str, state: str, moment: str) -> None:
            if state == "RollBackRelease" and moment == "entered":
                moments.setdefault("decided", shop.aws.clock.now())

        def seen(call: Call, attempt: Callable[[], Any]) -> Any:
            answer = attempt()
            if call.state == "RollBackRelease" and call.operation == BACK:
                moments["back"] = shop.aws.clock.now()
            return answer

        with shop.aws.at_states(entered), shop.aws.watched(seen):
            run = shop.run(document, "release")
        if run.ended != "RolledBack":
            raise RuntimeError(f"the bad release of {len(names)} ended {run.ended}: {run.cause}")
    return moments["back"] - moments["decided"]


def _shop(names: tuple[str, ...], bad: str = "") -> Any:
    return _Counting(names, bad)


class _Counting:
    """A shop whose users are only counted, so that a thousand functions have some."""

    def __init__(self, names: tuple[str, ...], bad: str) -> None:
        self._names, self._bad = names, bad
        self._paced = mock.patch.dict(os.environ, {"CALLS_PER_SECOND": "10"})
        self._open = open_shop(names, update_seconds=UPDATE_SECONDS, metrics_delay_seconds=METRICS_DELAY_SECONDS)

    def __enter__(self) -> Shop:
        self._paced.start()
        shop = self._open.__enter__()
        shop.aws.every(60, lambda: self._a_minute(shop))
        return shop

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)
        self._paced.stop()

    def _a_minute(self, shop: Shop) -> None:
        for name in self._names:
            main, weights = shop.alias(name)
            for version, share in ({main: 1 - sum(weights.values())} | weights).items():
                requests = round(USERS_A_MINUTE * share)
                failed = requests if name == self._bad and version == "2" else 0
                shop.aws.metrics.count(name, ALIAS, version, invocations=requests, errors=failed, duration_ms=50)


def _document(shop: Shop, calls_per_second: int) -> dict[str, Any]:
    made = shop.document(waves=[{}], calls_per_second=calls_per_second)
    for entry in made["functions"]:
        entry["smoke_tests"] = "off"
    return shop.uploaded(made)


def _seeing(shop: Shop, calls: list[tuple[float, str, str]], asked: list[int]) -> Any:
    def see(call: Call, attempt: Callable[[], Any]) -> Any:
        answer = attempt()  # which waits for its turn before it is sent
        if call.state and answer[0] is not None:  # one that has no turn in time is not sent
            calls.append((shop.aws.clock.now(), call.service, call.operation))
        return answer

    return see


def _transitions(history: list[dict[str, Any]]) -> int:
    return sum("stateEnteredEventDetails" in event for event in history)


def _largest(histories: list[list[dict[str, Any]]]) -> int:
    documents = (event.get("stateEnteredEventDetails", {}).get("input", "") for each in histories for event in each)
    return max(len(text) for text in documents)


def _most_in_a_second(moments: list[float]) -> int:
    most, first = 0, 0
    for last, at in enumerate(moments):
        while moments[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most
