"""
What the ledger has of a deployment, as a report needs it: its shifts, its looks, and what came between two looks.

The audit is read leniently, since another stack version may have written it: an entry that cannot be read as a look is
left out.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bluegreen import clock
from bluegreen.decisions.bake import bucket_of
from bluegreen.decisions.orders import Order
from bluegreen.decisions.shift import Shifted
from bluegreen.document import Plan
from bluegreen.ledger import approvals, deployments, orders
from bluegreen.ledger.audit import Step
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import Record
from bluegreen.model import Text
from bluegreen.request.health import Health
from bluegreen_cli import evidence

MOST_LOG_ODDS = math.log(1e9)

SLACK = 1e-6
"""Of a length that is compared with the part of another one."""

SHIFTS = TypeAdapter(tuple[Shifted, ...])


class Read(BaseModel):
    """A part of the evidence; what is unknown of it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Counts(Read):
    """Requests of a version since the first shift, and bad ones among them."""

    requests: int = 0
    bad: int = 0

    def since(self, before: "Counts") -> "Counts":
        """What came after `before`. CloudWatch may have revised that."""
        return Counts(requests=max(0, self.requests - before.requests), bad=max(0, self.bad - before.bad))

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(requests=self.requests + other.requests, bad=self.bad + other.bad)

    @property
    def rate(self) -> float | None:
        """The part that was bad; None without requests."""
        return min(1.0, self.bad / self.requests) if self.requests else None


class Finding(Read):
    """What a look knows of a signal. One that does not `act` is in a dry run."""

    signal: Text
    acts: bool = True
    green: Counts = Counts()
    blue: Counts = Counts()
    log_evidence: float = 0.0
    bound: float = 1.0


class Found(Read):
    """The verdict of a look."""

    kind: str
    findings: tuple[Finding, ...] = ()
    log_evidence: float = 0.0
    log_evidence_peak: float = 0.0
    buckets: int = 0

    @property
    def log_odds(self) -> float:
        """That green is worse. What decides is the most that they ever were."""
        odds = self.log_evidence_peak if self.kind == "worse" else self.log_evidence
        return 0.0 if math.isnan(odds) else max(-MOST_LOG_ODDS, min(MOST_LOG_ODDS, odds))


class Evidence(Read):
    """What CheckHealth notes of a look."""

    next: str
    reason: Text
    signals: Text = ""
    evidence: Found


@dataclass(frozen=True)
class Look:
    """A look at both versions, `at` seconds since 1970. It knew the requests until `seen_until`."""

    at: float
    said: Evidence
    seen_until: float

    @property
    def found(self) -> Found:
        """Its verdict."""
        return self.said.evidence

    @property
    def sees_green(self) -> bool:
        """It knew of a request of green's."""
        return any(each.green.requests for each in self.found.findings)

    def finding(self, signal: str) -> Finding | None:
        """What it knew of a signal; None if that was not measured."""
        return next((each for each in self.found.findings if each.signal == signal), None)


@dataclass(frozen=True)
class Stretch:
    """What came between two looks, in seconds since 1970."""

    begin: float
    end: float
    green: Counts
    blue: Counts

    def __add__(self, later: "Stretch") -> "Stretch":
        return Stretch(self.begin, later.end, self.green + later.green, self.blue + later.blue)


@dataclass(frozen=True)
class Told:
    """Everything that the ledger has of a deployment, at the moment `read_at` (seconds since 1970)."""

    record: Record
    plan: Plan | None
    steps: tuple[Step, ...]
    orders: tuple[Order, ...]
    approvals: tuple[dict[str, str], ...]
    read_at: float

    @property
    def health(self) -> Health:
        """How green was watched."""
        return self.plan.health if self.plan else Health()

    @property
    def began_at(self) -> float:
        """Seconds since 1970."""
        return clock.moment(self.record.started_at)

    @property
    def ended_at(self) -> float:
        """Its end; for one that runs, the moment of the report."""
        return clock.moment(self.record.ended_at) if self.record.ended_at else self.read_at

    @cached_property
    def shifts(self) -> tuple[Shifted, ...]:
        """Every shift, by the newest step that names them all."""
        return next((found for step in reversed(self.steps) if (found := shifts_of(step))), ())

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """Those that found something, or that nothing could be measured."""
        return tuple(look for step in self.steps if (look := self.look_of(step)))

    def look_of(self, step: Step) -> Look | None:
        """None for a step that is no look, as a run of CheckHealth that only read orders."""
        if step.state != "CheckHealth" or not self.shifts:
            return None
        try:
            said = Evidence.model_validate(step.evidence)
        except ValidationError:
            return None
        begin = bucket_of(self.shifts[0].at, self.health)
        return Look(clock.moment(step.at), said, begin + said.evidence.buckets * self.health.period_seconds)

    def signals(self) -> list[str]:
        """The names of what was measured."""
        return list(dict.fromkeys(each.signal for look in self.looks for each in look.found.findings))

    def stretches(self, signal: str) -> Iterator[Stretch]:
        """What came of a signal from look to look, the oldest first; nothing is left out between them."""
        begin, green, blue = 0.0, Counts(), Counts()
        for look in self.looks:
            found = look.finding(signal)
            if found is None or look.seen_until <= begin:
                continue
            start = begin or (bucket_of(self.shifts[0].at, self.health))
            if look.seen_until > start:
                yield Stretch(start, look.seen_until, found.green.since(green), found.blue.since(blue))
            begin, green, blue = look.seen_until, found.green, found.blue


def shifts_of(step: Step) -> tuple[Shifted, ...]:
    """The shifts that a step of ShiftAlias names, its own one last."""
    try:
        return SHIFTS.validate_python(step.evidence.get("shifts") or ())
    except ValidationError:
        return ()


def merged(stretches: Sequence[Stretch], most: int) -> list[Stretch]:
    """
    About so many at most, of about the same length: neighbours are added up, so no request is left out.

    A stretch that is longer stays as it is.
    """
    found: list[Stretch] = []
    least = (stretches[-1].end - stretches[0].begin) / most if stretches else 0.0
    for each in stretches:
        if found and found[-1].end - found[-1].begin < least * (1 - SLACK):
            found[-1] += each
        else:
            found.append(each)
    return found


def read(deployment: str) -> Told | None:
    """None if there is no such deployment. Raises ValueError for a record of another stack version."""
    record = deployments.find(deployment)
    if record is None:
        return None
    return Told(
        record=record,
        plan=deployments.plan_of(deployment),
        steps=tuple(evidence.steps(of_deployment(deployment))),
        orders=orders.given(of_deployment(deployment)),
        approvals=tuple(approvals.shown(of_deployment(deployment))),
        read_at=clock.now(),
    )
