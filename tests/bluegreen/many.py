"""Many functions that are deployed and called at once, and what CloudWatch does not answer about them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bluegreen.aws.client import client
from bluegreen.baking import watch
from bluegreen.baking.watch import Asking
from bluegreen.decisions.figures import Memory, Seen
from bluegreen.decisions.shift import Shifted
from bluegreen.target import Target
from tests.bluegreen.aws.answers import asked
from tests.bluegreen.examples import plan
from tests.machine.deployer import TARGET, Deployer, installed
from tests.machine.faults import Call, Fault, answer
from tests.machine.log_groups import LogGroup, log_group

MINUTE = 60
SHARED = "shop"
"""A log group that several functions write to."""


@dataclass(frozen=True)
class Minute:
    """Requests of blue and of green, and of green's the failed ones and the refused ones."""

    blue: int
    green: int
    bad: int
    throttled: int


@dataclass(frozen=True)
class Function:
    """
    How one is deployed and called, the same minutes again and again.

    `broken` is the metric of green of which CloudWatch says `status`, "" for none.
    """

    health: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    shifted_after: int = 0
    weights: tuple[float, ...] = (0.1,)
    minutes: tuple[Minute, ...] = (Minute(90, 10, 0, 0),)
    broken: str = ""
    status: str = ""
    region: str = TARGET.region
    green: str = "2"


BAD = (Minute(90, 10, 10, 0),)
"""All of green's requests fail."""

minutes = st.builds(
    lambda blue, green, bad, throttled: Minute(blue, green, min(bad, green), throttled),
    st.integers(0, 400),
    st.integers(0, 60),
    st.sampled_from([0, 0, 0, 1, 5, 60]),
    st.sampled_from([0, 0, 0, 7]),
)
health = st.fixed_dictionaries(
    {},
    optional={
        "period_seconds": st.sampled_from([30, 60, 120]),
        "delay_seconds": st.sampled_from([0, 60, 120, 300]),
        "slow_ms": st.sampled_from([2, 250, None]),
        "http": st.just(True),
        "logs": st.sampled_from([{"bad": "ERROR"}, {"bad": "ERROR", "requests": "END"}]),
    },
)
functions = st.builds(
    Function,
    health=health,
    group=st.sampled_from(["", "", SHARED]),
    shifted_after=st.integers(0, 400),
    weights=st.sampled_from([(0.1,), (0.1, 0.5), (0.1, 0.5, 1.0)]),
    minutes=st.lists(minutes, min_size=1, max_size=8).map(tuple),
    broken=st.sampled_from(["", "", "", "Errors", "Throttles", "Duration"]),
    status=st.sampled_from(["PartialData", "InternalError"]),
    region=st.sampled_from([TARGET.region, TARGET.region, "eu-west-1"]),
    green=st.sampled_from(["2", "2", "3"]),
)


class World:
    """Functions that are called, and the looks at them."""

    def __init__(self, deployer: Deployer, deployed: list[Function], groups: dict[str, LogGroup]) -> None:
        self._aws, self._deployed, self._groups = deployer.aws, deployed, groups
        self.began = deployer.aws.clock.now()
        self.memories = [Memory()] * len(deployed)

    def pass_minutes(self, first: int, last: int) -> None:
        """Everybody is called in each of them."""
        for minute in range(first, last):
            for number, each in enumerate(self._deployed):
                self._call(number, each, each.minutes[minute % len(each.minutes)])
            self._aws.clock.sleep(MINUTE)

    def _call(self, number: int, each: Function, minute: Minute) -> None:
        target, now = self.target(number), self._aws.clock.now()
        count = self._aws.metrics.count
        count(target.function, target.alias, "1", invocations=minute.blue, duration_ms=1)
        green = {"invocations": minute.green, "errors": minute.bad, "throttles": minute.throttled}
        count(target.function, target.alias, each.green, duration_ms=300, **green)
        if each.health.get("http"):
            for version, requests, bad in (("1", minute.blue, 0), (each.green, minute.green, minute.bad)):
                write(target, version, now, Replies=requests, ServerErrors=bad)
        if each.health.get("logs"):
            group = self._groups[self.group(number)]
            for version, requests, bad in (("1", minute.blue, 0), (each.green, minute.green, minute.bad)):
                stream = f"2026/01/05/{target.function if each.group else ''}[{version}]0a"
                group.write(now, stream, "ERROR", times=bad)
                group.write(now, stream, "END", times=requests)

    def target(self, number: int) -> Target:
        return TARGET.model_copy(update={"function": f"F{number}", "region": self._deployed[number].region})

    def group(self, number: int) -> str:
        return self._deployed[number].group or f"/aws/lambda/F{number}"

    def asking(self, number: int) -> Asking:
        each, target = self._deployed[number], self.target(number)
        blue = {"version": "1", "sha256": "the digest of blue", "revision": "r1", "log_group": self.group(number)}
        written = plan(target=target, health=each.health, blue=blue, log_group=self.group(number))
        shifts = tuple(
            Shifted(at=self.began + each.shifted_after + 180 * step, weight=weight)
            for step, weight in enumerate(each.weights)
        )
        return Asking(written, each.green, shifts, self.memories[number])

    def mend(self) -> None:
        """CloudWatch has everything from now on."""
        self._deployed[:] = [replace(each, broken="") for each in self._deployed]

    def fails(self, operation: str, code: str, **how: Any) -> AbstractContextManager[Fault]:
        """Calls of AWS."""
        return self._aws.fails(operation, code, **how)

    @contextmanager
    def unsearchable(self, group: str) -> Iterator[None]:
        """A log that AWS does not search."""

        def refuse(call: Call, make: Callable[[], Any]) -> Any:
            return answer("AccessDeniedException", call.url) if is_asked(call) else make()

        with asked(client("logs", TARGET), "FilterLogEvents") as searches:

            def is_asked(call: Call) -> bool:
                return call.operation == "FilterLogEvents" and searches[-1]["logGroupName"] == group

            with self._aws.watched(refuse):
                yield

    def look_at_each(self, now: float) -> list[Seen]:
        """One after the other."""
        return [watch.look(each.plan, each.green, each.shifts, now, each.memory) for each in self.all()]

    def all(self) -> list[Asking]:
        return [self.asking(number) for number in range(len(self._deployed))]


def write(target: Target, version: str, now: float, **metrics: int) -> None:
    """By the function, in the embedded metric format."""
    client("cloudwatch", target).put_metric_data(
        Namespace="BlueGreen/Functions",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [
                    {"Name": "FunctionName", "Value": target.function},
                    {"Name": "Version", "Value": version},
                ],
                "Timestamp": datetime.fromtimestamp(now, UTC),
                "Value": value,
            }
            for name, value in metrics.items()
        ],
    )


@contextmanager
def world(deployed: Sequence[Function]) -> Iterator[World]:
    with installed() as deployer, ExitStack() as stack:
        names = {
            each.group or f"/aws/lambda/F{number}" for number, each in enumerate(deployed) if "logs" in each.health
        }
        groups = {name: stack.enter_context(log_group(name)) for name in names}
        deployed = list(deployed)
        for region in {each.region for each in deployed}:
            stack.enter_context(broken(region, deployed))
        yield World(deployer, deployed, groups)


@contextmanager
def broken(region: str, deployed: Sequence[Function]) -> Iterator[None]:
    """CloudWatch answers the queries of these functions in part or not at all. It answers all others in full."""
    cloudwatch: Any = client("cloudwatch", TARGET.model_copy(update={"region": region}))
    with asked(cloudwatch, "GetMetricData") as calls:

        def spoil(parsed: dict[str, Any], **_: Any) -> None:
            broken = {(f"F{number}", each.green, each.broken): each.status for number, each in enumerate(deployed)}
            queries = {query["Id"]: query["MetricStat"]["Metric"] for query in calls[-1]["MetricDataQueries"]}
            for result in parsed.get("MetricDataResults", []):
                metric = queries[result["Id"]]
                of = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
                key = (of.get("FunctionName", ""), of.get("ExecutedVersion", ""), metric["MetricName"])
                if status := broken.get(key):
                    result["StatusCode"] = status

        cloudwatch.meta.events.register("after-call.cloudwatch.GetMetricData", spoil)
        try:
            yield
        finally:
            cloudwatch.meta.events.unregister("after-call.cloudwatch.GetMetricData", spoil)
