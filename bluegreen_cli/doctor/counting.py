"""What CloudWatch counts of calls: by which dimensions, with and without weights, with throttles, and how late."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bluegreen import clock
from bluegreen.aws import metrics
from bluegreen.aws.metrics import Query, Series
from bluegreen.request.health import Health
from bluegreen.target import Target
from bluegreen_cli.doctor import calls
from bluegreen_cli.doctor.calls import Call
from bluegreen_cli.doctor.patient import SPLIT, WHOLE, Patient

EVERY_FAILING = 4
"""One of this many calls fails."""
LEAST_CALLS = 40
"""Calls of each alias, at least: enough to judge whether a weight of a half is kept."""
THROTTLED_CALLS = 5
"""Of each alias."""
COUNTED = ("Invocations", "Errors", "Throttles")
ERROR_SAMPLES = "SampleCount of Errors"
"""Kept beside the sums, for the versions behind SPLIT."""
LONGER_THAN_ANY_MS = 900_000


@dataclass(frozen=True)
class Late:
    """
    How long after a minute a count of an alias was its last one, in seconds: at least, and at most.

    Counted from the minute's end, or from the end of the last call that began in it or before.
    """

    alias: str
    at_least: float
    at_most: float


@dataclass(frozen=True)
class Counted:
    """
    The doctor's calls, and CloudWatch's sums of them at the last look.

    `sums` are by alias, version ("" for the alias's own) and metric or ERROR_SAMPLES; None for a series without a
    point. `fast` is the
    percentage of invocations that CloudWatch calls faster than the longest possible one. `versions` are the two behind
    SPLIT; the first is the one behind WHOLE. `written` are by version the replies and server errors that the function
    wrote as metrics.
    """

    calls: tuple[Call, ...]
    versions: tuple[str, str]
    sums: dict[tuple[str, str, str], int | None]
    fast: tuple[float, ...]
    late: tuple[Late, ...]
    written: dict[str, tuple[int | None, int | None]]

    def of(self, alias: str, version: str, metric: str) -> int | None:
        """CloudWatch's sum."""
        return self.sums[alias, version, metric]

    def made(self, alias: str, version: str = "") -> list[Call]:
        """The calls of an alias; with `version`, only those that this version answered."""
        return [call for call in self.calls if call.alias == alias and version in ("", call.version)]


class Count:
    """Calls of both aliases, and looks at their metrics from the first call on."""

    def __init__(self, patient: Patient) -> None:
        self._patient, self._pace = patient, patient.pace
        self._queries = _queries(patient)
        self._written = _written(patient)
        self._fast = metrics.of_alias(_alias(patient, WHOLE), "Duration", f"PR(:{LONGER_THAN_ANY_MS})")
        self._since = int(time.time()) // self._pace.minute * self._pace.minute - self._pace.minute
        self._made: list[Call] = []
        self._looks: list[_Look] = []

    def call(self) -> "Count":
        """Call both aliases in turns, so that one call in four fails; then again with a reserved concurrency of 0."""
        until = time.monotonic() + self._pace.calling
        while time.monotonic() < until or len(self._made) < 2 * LEAST_CALLS:
            fails = (len(self._made) // 2) % EVERY_FAILING == 0
            self._call_both({"doctor": len(self._made)} | ({"fail": True} if fails else {}))
            if not self._looks or time.time() > self._looks[-1].asked + self._pace.between_looks:
                self._look()
        self._be_throttled()
        return self

    def read(self) -> Counted:
        """Read the sums until two reads in a row match the calls, or until the time for that is over."""
        end = time.time() + self._pace.patience_for_metrics
        while True:
            self._look()
            there = [self._is_all_there(look) for look in self._looks[-2:]]
            if all(there) or (time.time() > end and not there[-1]):
                break
            clock.sleep(self._pace.between_looks)
        last = self._looks[-1]
        return Counted(
            calls=tuple(self._made),
            versions=(self._patient.first, self._patient.second),
            sums={key: _sum(series) for key, series in last.series.items()},
            fast=last.fast,
            late=tuple(_lateness(self._looks, self._made, self._pace.minute)),
            written=last.written,
        )

    def _is_all_there(self, look: "_Look") -> bool:
        """The minute of the last call is over, and both aliases' requests and throttled ones are counted."""
        minute = self._pace.minute
        return look.asked > int(self._made[-1].began) // minute * minute + minute and all(
            (_sum(look.series[alias, "", metric]) or 0) >= len(made)
            for alias in (WHOLE, SPLIT)
            for metric, made in self._counted_as(alias).items()
        )

    def _counted_as(self, alias: str) -> dict[str, list[Call]]:
        """The calls that an alias's metrics must count, at least. A call without an answer may have run or not."""
        made = [call for call in self._made if call.alias == alias]
        return {
            "Invocations": [call for call in made if call.outcome in (calls.SERVED, calls.FAILED)],
            "Throttles": [call for call in made if call.outcome == calls.THROTTLED],
        }

    def _call_both(self, payload: dict[str, int]) -> list[Call]:
        patient = self._patient
        both = [calls.make(patient.services.caller, patient.name, alias, payload) for alias in (WHOLE, SPLIT)]
        self._made += both
        clock.sleep(self._pace.between_calls)
        return both

    def _be_throttled(self) -> None:
        api, name = self._patient.services.functions, self._patient.name
        api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        try:
            until = time.monotonic() + self._pace.patience_for_settings
            while _throttles(self._made) < 2 * THROTTLED_CALLS and time.monotonic() < until:
                self._call_both({})
        finally:
            api.delete_function_concurrency(FunctionName=name)
        until = time.monotonic() + self._pace.patience_for_settings
        while _throttles(self._call_both({})) and time.monotonic() < until:
            continue

    def _look(self) -> None:
        asked, minute = time.time(), self._pace.minute
        until = int(asked) // minute * minute + minute
        queries = [*self._queries.values(), self._fast, *(each for pair in self._written.values() for each in pair)]
        found = metrics.read(self._patient.target, queries, self._since, until, minute)
        series = {key: found[query] for key, query in self._queries.items()}
        written = {
            version: (_sum(found[replies]), _sum(found[errors])) for version, (replies, errors) in self._written.items()
        }
        self._looks.append(_Look(asked, time.time(), series, tuple(found[self._fast].values()), written))


@dataclass(frozen=True)
class _Look:
    """One read of CloudWatch: when it was asked, when it answered, and what it answered."""

    asked: float
    answered: float
    series: dict[tuple[str, str, str], Series]
    fast: tuple[float, ...]
    written: dict[str, tuple[int | None, int | None]]


def _throttles(made: list[Call]) -> int:
    return calls.outcomes(made)[calls.THROTTLED]


def _queries(patient: Patient) -> dict[tuple[str, str, str], Query]:
    found = {}
    for alias in (WHOLE, SPLIT):
        target = _alias(patient, alias)
        for metric in COUNTED:
            found[alias, "", metric] = metrics.of_alias(target, metric)
            for version in (patient.first, patient.second):
                found[alias, version, metric] = metrics.of_version(target, version, metric)
    for version in (patient.first, patient.second):
        samples = metrics.of_version(_alias(patient, SPLIT), version, "Errors", "SampleCount")
        found[SPLIT, version, ERROR_SAMPLES] = samples
    return found


def _written(patient: Patient) -> dict[str, tuple[Query, Query]]:
    [http] = Health(http=True).pairs(patient.name)
    return {
        version: (metrics.of_pair(http, version, http.requests), metrics.of_pair(http, version, http.bad))
        for version in (patient.first, patient.second)
    }


def _alias(patient: Patient, name: str) -> Target:
    return patient.target.model_copy(update={"alias": name})


def _sum(series: Series) -> int | None:
    return round(sum(series.values())) if series else None


def _lateness(looks: list[_Look], made: list[Call], minute: int) -> Iterator[Late]:
    """The lateness of each minute that was read before it was complete. A minute that was not says nothing."""
    for alias in (WHOLE, SPLIT):
        key = alias, "", "Invocations"
        for start, count in sorted(looks[-1].series[key].items()):
            ended = [call.ended for call in made if call.alias == alias and call.began < start + minute]
            over = max([start + minute, *ended])
            before = [look.asked for look in looks if look.series[key].get(start) != count]
            since = min(look.answered for look in looks if look.asked > max(before, default=0))
            if before:
                yield Late(alias, max(0.0, before[-1] - over), max(0.0, since - over))
