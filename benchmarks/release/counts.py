"""
What a release uses, counted while the committed machines are walked in this process with the real handlers.

Nothing here is a formula: transitions are read from the histories of all executions, AWS's calls are seen below boto3
with the moment at which they were made, and items are weighed as they are written.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest import mock

from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from benchmarks.deployment import prices
from benchmarks.deployment.counts import metrics_asked_for, waited
from benchmarks.deployment.prices import Dollars
from benchmarks.release.capacity import weighed
from benchmarks.release.memory import Memory
from bluegreen.edge import logger
from tests.machine.deployer import ALIAS
from tests.machine.faults import Call
from tests.machine.shop import Shop, open_shop
from tests.machine.strict_lambda import weights_of
from tests.machine.walk import REGION, Moment, quiet

BAKE_SECONDS = 300
WAVE = 500
"""Functions of a wave at most."""
SHIFTS = 2
UPDATE_SECONDS = 2.0
METRICS_DELAY_SECONDS = 60.0
USERS_A_MINUTE = 60
USERS_CALLED_BEFORE_SECONDS = 4 * 3600
"""Longer than the past from which a deployment learns what to expect: else the first functions would have none."""
CALLS_PER_SECOND = 10
A_DAY = 24 * 3600.0
"""So long a walk may take: a thousand functions need some minutes of a machine that does nothing else."""

OTHERS = ("GetFunction", "Invoke", "GetPolicy")
"""Operations of Lambda that are not in the bucket of 15 requests a second."""

BACK = "UpdateAlias"

Said = Callable[[str], object]


@dataclass(frozen=True)
class Counts:
    """
    One release's use of AWS, with a canary of five minutes in one wave per 500 functions.

    `transitions` are those that AWS bills, of the release's execution and of all that it starts: states entered,
    `retries`, and one for each of the `children` of Distributed Maps. `events` are those of the longest history
    of the good release and the bad one.
    `control_plane` are calls in Lambda's bucket of 15 requests a second, of which `most_in_a_second` were made in the
    busiest second. `handlers` are invocations of the deployer's functions, which spent `waited_seconds` waiting for
    Lambda and for their turns. `payload_bytes` is the largest document of a state. `seconds` the release took, and
    `paced_seconds` are its calls at its pace and its bakes. After a bad verdict all users were back within
    `back_seconds`, and the release was over, with every `$LATEST` as it was, within `over_seconds`. `memory` has the
    bytes that an invocation allocated at most, by the state that it is made in.
    """

    functions: int
    transitions: int
    retries: int
    children: int
    events: int
    control_plane: int
    most_in_a_second: int
    get_function: int
    metric_calls: int
    metrics: int
    dynamodb: int
    read_units: float
    write_units: int
    handlers: int
    waited_seconds: float
    payload_bytes: int
    seconds: float
    paced_seconds: float
    back_seconds: float
    over_seconds: float
    memory: dict[str, int]

    @property
    def floor(self) -> int:
        """The fewest control-plane calls: GetAlias, UpdateFunctionCode, PublishVersion, and an UpdateAlias a shift."""
        return self.functions * (3 + SHIFTS)

    @property
    def dollars(self) -> Dollars:
        """At list prices."""
        return prices.price(self, prices.memory_gb())


def count(functions: int, said: Said = lambda _: None, memory: Memory | None = None) -> Counts:
    """A good release of so many functions, and the time that a bad one takes to be back. `said` hears how it goes."""
    calls: list[tuple[float, str, str]] = []
    names = tuple(f"Function{number:05}" for number in range(functions))
    with quiet(logger.name), _shop(names) as shop, _watched(shop, said, memory):
        document = _document(shop)
        begun = shop.aws.clock.now()
        with shop.aws.watched(_seeing(shop, calls)), metrics_asked_for() as metrics, weighed() as units:
            run = shop.run(document, "release")
        if run.ended != "Released":
            raise RuntimeError(f"the release of {functions} ended {run.ended}: {run.cause}")
        seconds = shop.aws.clock.now() - begun
        started = shop.children(run)
        histories = [run.history, *started]
    back = _back(names, said, memory)
    operations = Counter((service, operation) for _, service, operation in calls)
    of_lambda = {op: times for (service, op), times in operations.items() if service == "lambda"}
    moments = sorted(at for at, service, op in calls if service == "lambda" and op not in OTHERS)
    types = Counter(_type(event) for history in histories for event in history)
    entered = sum(number for name, number in types.items() if name.endswith("StateEntered"))
    invoked, attempts = types["LambdaFunctionScheduled"], types["LambdaFunctionScheduled"] + types["TaskScheduled"]
    retries, children = attempts - types["TaskStateEntered"], len(started) - types["TaskSubmitted"]
    return Counts(
        functions=functions,
        transitions=entered + retries + children,
        retries=retries,
        children=children,
        events=max(back.events, *map(len, histories)),
        control_plane=len(moments),
        most_in_a_second=_most_in_a_second(moments),
        get_function=of_lambda.get("GetFunction", 0),
        metric_calls=len(metrics),
        metrics=sum(metrics),
        dynamodb=sum(times for (service, _), times in operations.items() if service == "dynamodb"),
        read_units=units.read,
        write_units=units.written,
        handlers=invoked,
        waited_seconds=round(sum(map(waited, histories)), 3),
        payload_bytes=_largest(histories),
        seconds=round(seconds, 3),
        paced_seconds=len(moments) / CALLS_PER_SECOND + math.ceil(functions / WAVE) * BAKE_SECONDS,
        back_seconds=round(back.seconds, 3),
        over_seconds=round(back.over_seconds, 3),
        memory=memory.most if memory else {},
    )


class _Back(NamedTuple):
    """Seconds from the failing look to the last alias that is at blue alone again, and to the end."""

    seconds: float
    over_seconds: float
    events: int


def _back(names: tuple[str, ...], said: Said, memory: Memory | None) -> _Back:
    """Of a release with one bad green."""
    moments: dict[str, float] = {}
    with quiet(logger.name), _shop(names, bad=names[len(names) // 2]) as shop, _watched(shop, said, memory):
        document = _document(shop)

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
            ended = shop.aws.clock.now()
        if run.ended != "RolledBack":
            raise RuntimeError(f"the bad release of {len(names)} ended {run.ended}: {run.cause}")
    decided = moments["decided"]
    return _Back(moments["back"] - decided, ended - decided, len(run.history))


@contextmanager
def _shop(names: tuple[str, ...], *, bad: str = "") -> Iterator[Shop]:
    """A shop whose users are only counted, so that a thousand functions have some."""

    def a_minute() -> None:
        for name in names:
            alias = lambda_backends[DEFAULT_ACCOUNT_ID][REGION].get_alias(ALIAS, name)
            weights = weights_of(alias.routing_config)
            for version, share in ({alias.function_version: 1 - sum(weights.values())} | weights).items():
                requests = round(USERS_A_MINUTE * share)
                failed = requests if name == bad and version == "2" else 0
                shop.aws.metrics.count(name, ALIAS, version, invocations=requests, errors=failed, duration_ms=50)

    delays = {"update_seconds": UPDATE_SECONDS, "metrics_delay_seconds": METRICS_DELAY_SECONDS}
    with (
        mock.patch.dict(os.environ, CALLS_PER_SECOND=str(CALLS_PER_SECOND)),
        open_shop(names, **delays, patience_seconds=A_DAY) as shop,
    ):
        shop.aws.every(60, a_minute)
        shop.aws.clock.sleep(USERS_CALLED_BEFORE_SECONDS)
        yield shop


@contextmanager
def _watched(shop: Shop, said: Said, memory: Memory | None) -> Iterator[None]:
    begun = shop.aws.clock.now()

    def tell(_: str, state: str, __: Moment) -> None:
        said(f"{state}, after {(shop.aws.clock.now() - begun) / 60:.0f} minutes by its clock")

    with shop.aws.at_states(tell), shop.aws.at_states(memory.at_state) if memory else nullcontext():
        yield


def _document(shop: Shop) -> dict[str, Any]:
    made = shop.document(waves=[{"most": WAVE}], calls_per_second=CALLS_PER_SECOND)
    for entry in made["functions"]:
        entry["smoke_tests"] = "off"
    return shop.uploaded(made)


def _seeing(shop: Shop, calls: list[tuple[float, str, str]]) -> Any:
    def see(call: Call, attempt: Callable[[], Any]) -> Any:
        answer = attempt()  # which waits for its turn before it is sent
        if call.state and answer[0] is not None:  # one that has no turn in time is not sent
            calls.append((shop.aws.clock.now(), call.service, call.operation))
        return answer

    return see


def _type(event: dict[str, Any]) -> str:
    return str(getattr(event["type"], "value", event["type"]))


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
