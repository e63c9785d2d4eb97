"""
The product's own path, deployment by deployment: `watch.past`, `watch.look` and `conclude`, with CloudWatch replaced.

Where the arrays of `strategies.py` are the same mathematics, they come to the same: with the same dice every deployment
has the same weights at the same seconds, and ends in the same minute for the same reason.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from benchmarks.verdict.rules import Decision, End, Opening, Rule, Seen
from benchmarks.verdict.strategies import FINAL_BAKE, IN_A_HURRY, LOOK_SECOND, SHIFT_SECOND
from benchmarks.verdict.watching import LEARNT_UNTIL
from benchmarks.verdict.world import PAST_MINUTES, Bools, Floats, Past
from bluegreen.aws import metrics
from bluegreen.aws.metrics import Query, Series
from bluegreen.aws.sharing import Asked
from bluegreen.baking import watch
from bluegreen.baking.conclude import conclude
from bluegreen.decisions.adaptive import first_weight
from bluegreen.decisions.bake import Alarms, needs_probes
from bluegreen.decisions.shift import Shifted, next_weight
from bluegreen.document import Bake, Blue, Latest, Look, Plan
from bluegreen.request.artifact import Existing
from bluegreen.request.health import Health
from bluegreen.request.traffic import ADAPTIVE, Step, Steps, schedule
from bluegreen.target import Target
from shift_alias import _first_look as first_look

BEGAN = 1_800_000_000
"""The minute of the first shift, in seconds since 1970."""
BLUE, GREEN = "1", "2"
TARGET = Target(function="Shop", alias="PROD", region="eu-west-1", account="111122223333")


@dataclass
class CloudWatch:
    """What CloudWatch answers at a look, of one deployment."""

    past: Past
    run: int
    seen: Seen = field(default_factory=dict)
    number: int = 0

    def read_all(self, asked: Sequence[Asked[Query]]) -> list[dict[Query, Series]]:
        """In the place of `metrics.read_all`."""
        return [self._read(each) for each in asked]

    def _read(self, asked: Asked[Query]) -> dict[Query, Series]:
        starts = range(asked.since, asked.until, asked.period_seconds)
        of = {query: {start: self._figure(query, start) for start in starts} for query in asked.queries}
        return {
            query: {start: value for start, value in series.items() if value is not None}
            for query, series in of.items()
        }

    def _figure(self, query: Query, start: int) -> float | None:
        number, version = (start - BEGAN) // 60, dict(query.dimensions).get("ExecutedVersion")
        if number < LEARNT_UNTIL:
            return self._before(query, number - LEARNT_UNTIL + PAST_MINUTES)
        if number not in self.seen or query.metric not in ("Invocations", "Errors", "Duration"):
            return None
        minute, errors = self.seen[number], query.metric == "Errors"
        if version is None:
            everything = minute.green + minute.blue
            return None if errors else self._shown(everything, everything, minute.alias_at)
        of = {BLUE: "blue", GREEN: "green"}[version]
        if query.statistic.startswith("PR"):
            fast = 100 * (1 - getattr(minute, f"{of}_slow") / np.maximum(getattr(minute, of), 1))
            return self._shown(getattr(minute, of), fast, getattr(minute, f"{of}_at"))
        if query.metric == "Duration" and query.statistic == "Sum":
            return self._shown(minute.green, 60_000 * minute.busy, minute.green_at)
        counts = getattr(minute, f"{of}_bad" if errors and query.statistic == "Sum" else of)
        return self._shown(getattr(minute, of), counts, getattr(minute, f"{of}_errors_at" if errors else f"{of}_at"))

    def _before(self, query: Query, column: int) -> float | None:
        series = {"Invocations": self.past.requests, "Errors": self.past.bad}.get(query.metric)
        if series is None or column < 0 or not self.past.requests[self.run, column]:
            return None
        return float(series[self.run, column])

    def _shown(self, requests: Any, figures: Any, at: Any) -> float | None:
        there = requests[self.run] > 0 and at[self.run] <= self.number
        return float(figures[self.run]) if there else None


@dataclass
class Deployment:
    """One deployment of the product's, in the place of the state machine."""

    plan: Plan
    bake: Bake
    due: int
    end: End = End.UNDER_WAY

    def shift(self, at: int) -> None:
        """As ShiftAlias does, without an alias."""
        plan, shifts = self.plan, (*self.bake.shifts, Shifted(at=at, weight=self.bake.look.next_weight))
        pause = first_look(cast(Any, SimpleNamespace(plan=plan)), shifts)
        following = {"next_seconds": pause, "next_weight": next_weight(plan.schedule, len(shifts))}
        self.bake = Bake(shifts=shifts, revision="", look=self.bake.look.model_copy(update=following))
        self.due = at + pause

    def look(self, now: int, fails: bool, shift_at: int) -> None:
        """As CheckHealth and the states after it do, without alarms. A probe fails if every request of green's does."""
        seen = watch.look(self.plan, GREEN, self.bake.shifts, now, self.bake.look.memory)
        probes = self.plan.health.no_traffic == "probe" and needs_probes(seen.verdict)
        look = conclude(self.plan, self.bake, seen, Alarms(), watch.Probed(), now)
        self.bake = self.bake.model_copy(update={"look": look})
        self.due = round(look.due_at)
        if look.next == "roll_back":
            self.end = _why(look)
        elif probes and fails:
            self.end = End.PROBE_FAILED
        elif look.next == "complete":
            self.end = End.PROMOTED
        elif look.next == "shift":
            self.shift(shift_at)
            if self.bake.green_weight == 1:
                self.end = End.PROMOTED


def _why(look: Look) -> End:
    if look.verdict == "worse":
        return End.WORSE
    return End.UNMEASURED if look.verdict == "cannot_measure" else End.SUSPECTED


@contextmanager
def instead_of_cloudwatch(answers: Callable[..., list[dict[Query, Series]]]) -> Iterator[None]:
    """`metrics.read_all` is this, by which every look and every past is read."""
    real, metrics.read_all = metrics.read_all, answers  # type: ignore[assignment]
    try:
        yield
    finally:
        metrics.read_all = real


class Product:
    """Many deployments of the product's."""

    def __init__(self, opening: Opening, *, traffic: str | Steps, health: Health) -> None:
        self._fails, self._adaptive = opening.scenario.green == 1, traffic == ADAPTIVE
        if opening.scenario.probe:
            health = health.model_copy(update={"no_traffic": "probe"})
        runs = range(len(opening.first_second))
        self._cloudwatch = [CloudWatch(opening.past, run) for run in runs]
        self._deployments = [self._open(run, traffic, health, int(opening.first_second[run])) for run in runs]
        self._second = np.full(len(runs), float(SHIFT_SECOND)) if self._adaptive else opening.first_second

    def _open(self, run: int, traffic: str | Steps, health: Health, first_second: int) -> Deployment:
        with instead_of_cloudwatch(self._cloudwatch[run].read_all):
            past = watch.past(TARGET, BLUE, health, BEGAN)
        planned = schedule(traffic, health.max_bake_seconds, health.sight_seconds)
        if planned.adaptive:
            first = first_weight(past.traffic, hurried=health.promote_by_seconds is not None)
            planned = planned.model_copy(update={"first_weight": first})
        plan = Plan(
            id="bench",
            target=TARGET,
            artifact=Existing(version=GREEN),
            schedule=planned,
            smoke_tests=(),
            health=health,
            blue=Blue(version=BLUE, sha256="", revision=""),
            latest=Latest(sha256="", settings={}, revision=""),
            past=past,
            brings="version",
        )
        look = Look(next_weight=next_weight(planned, 0))
        return Deployment(plan, Bake(revision="", look=look), due=BEGAN + first_second)

    def keep(self, left: Bools) -> None:
        """Forget the deployments that are over."""
        self._second = self._second[left]
        self._deployments = [each for each, stays in zip(self._deployments, left, strict=True) if stays]
        self._cloudwatch = [each for each, stays in zip(self._cloudwatch, left, strict=True) if stays]
        for run, each in enumerate(self._cloudwatch):
            each.run, each.past = run, Past(each.past.requests[left], each.past.bad[left])

    def look(self, number: int, weight: Floats, seen: Seen) -> Decision:
        """Every deployment that is due in this minute."""
        minute = BEGAN + 60 * number
        second = self._second.copy()
        for run, (deployment, cloudwatch) in enumerate(zip(self._deployments, self._cloudwatch, strict=True)):
            cloudwatch.seen, cloudwatch.number = seen, number
            if deployment.due >= minute + 60:
                continue
            if number == 0:
                deployment.shift(deployment.due)
            else:
                now = deployment.due + (LOOK_SECOND if self._adaptive else 0)
                shift_at = now + (SHIFT_SECOND - LOOK_SECOND if self._adaptive else 0)
                with instead_of_cloudwatch(cloudwatch.read_all):
                    deployment.look(now, self._fails, shift_at)
            if deployment.bake.shifts[-1].at >= minute:
                second[run] = deployment.bake.shifts[-1].at - minute
        ends = np.array([deployment.end for deployment in self._deployments], np.int64)
        weights = np.array([deployment.bake.green_weight for deployment in self._deployments])
        goes_back = ~np.isin(ends, (End.UNDER_WAY, End.PROMOTED))
        return Decision(np.where(goes_back, 0.0, np.where(ends == End.PROMOTED, 1.0, weights)), second, ends)


PRODUCT: dict[str, Rule] = {
    ADAPTIVE: partial(Product, traffic=ADAPTIVE, health=Health()),
    IN_A_HURRY: partial(Product, traffic=ADAPTIVE, health=Health(promote_by_seconds=600)),
    **{
        name: partial(Product, traffic=name, health=Health())
        for name in (
            "Canary10Percent5Minutes",
            "Canary10Percent10Minutes",
            "Canary10Percent30Minutes",
            "Linear10PercentEvery1Minute",
        )
    },
    FINAL_BAKE: partial(
        Product,
        traffic=Steps(steps=(Step(weight=0.1, bake_seconds=300),), final_bake_seconds=600),
        health=Health(),
    ),
    f"{ADAPTIVE}, slow_ms": partial(Product, traffic=ADAPTIVE, health=Health(slow_ms=1000)),
    "Canary10Percent10Minutes, slow_ms": partial(
        Product, traffic="Canary10Percent10Minutes", health=Health(slow_ms=1000)
    ),
}
"""The strategies of `strategies.py`, by the same names."""
