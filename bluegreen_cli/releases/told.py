"""
What the ledger has of a release, and what it says: where the release is, what it waits for, what happened when.

Everything is read from the deployments table. A caller who may not read orders or approvals sees the rest.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from bluegreen import clock
from bluegreen.decisions.orders import Order, Standing, standing
from bluegreen.document import UNMOVED
from bluegreen.errors import AccessDenied
from bluegreen.ledger import approvals, orders, releases
from bluegreen.ledger.releases import COMMITTED, OPEN, OPENING, UNDOING, Member, Release, WaveVerdict
from bluegreen.releasing.words import of_wave
from bluegreen.text import duration, sentence
from bluegreen.verdict.words import odds
from bluegreen_cli import when
from bluegreen_cli.format import percent

T = TypeVar("T")

MOST_NAMED = 5
"""Functions that a line names."""

MOVED = ("shifted", "deployed")
"""States of a member whose green has a share."""


class Moment(NamedTuple):
    """When something happened (seconds since 1970), its kind in a word, and a sentence without its stop."""

    at: float
    what: str
    said: str


@dataclass(frozen=True)
class Told:
    """A release, its functions in the order of waves, its verdicts, and what people ordered and decided."""

    record: Release
    members: tuple[Member, ...]
    verdicts: tuple[WaveVerdict, ...]
    orders: tuple[Order, ...]
    approvals: tuple[dict[str, Any], ...]
    read_at: float

    @cached_property
    def counts(self) -> Counter[str]:
        """How many functions are in each state."""
        return Counter(each.state for each in self.members)

    @cached_property
    def failed(self) -> tuple[Member, ...]:
        """The functions with an error of their own."""
        return tuple(each for each in self.members if each.error)

    @property
    def ordered(self) -> Standing:
        """The orders that stand."""
        return standing(self.orders, self.read_at)

    @property
    def awaits(self) -> dict[str, Any] | None:
        """The approval that is waited for, as the API shows it; `step` is the wave, from 1. None if there is none."""
        if self.record.state != OPEN:
            return None
        return next((each for each in reversed(self.approvals) if not each.get("decision")), None)

    @property
    def ended_at(self) -> float:
        """When it ended, or was read."""
        return clock.moment(self.record.ended_at) if self.record.ended_at else self.read_at

    @property
    def seconds(self) -> float:
        """How long it took, or has run."""
        return self.ended_at - clock.moment(self.record.started_at)

    @property
    def share(self) -> float:
        """The greens' share of all aliases that are to move, as if each alias had the same traffic."""
        moving = [each for each in self.members if each.brings not in UNMOVED]
        return sum(share_of(each) for each in moving) / len(moving) if moving else 0.0

    @property
    def place(self) -> str:
        """`wave 2 of 4, step 1 of 2`, "" before the first shift."""
        record = self.record
        if record.step < 0 or not record.waves:
            return ""
        steps = len(record.schedule.steps)
        return f"{of_wave(record, record.wave)}, step {record.step + 1} of {steps}"

    @property
    def doing(self) -> str:
        """What goes on now, as the end of a sentence about the release."""
        record, all_ = self.record, len(self.members)
        match record.state:
            case state if state == OPENING:
                done = all_ - self.counts["new"]
                return f"checks and locks its functions: {done} of {all_} so far; nothing is changed"
            case state if state == OPEN and record.step < 0 and record.wave > 0:
                return f"is between waves: {of_wave(record, record.wave)} is not shifted yet"
            case state if state == OPEN and record.step < 0:
                done = all_ - self.counts["opened"] - self.counts["new"]
                if done < all_:
                    return f"makes and tests its greens: {done} of {all_} so far; no user has met one"
                waiting = f"{of_wave(record, 0)} is not shifted yet, and no user has met one"
                return f"has made and tested its greens; {waiting}"
            case state if state == OPEN:
                return f"is at {self.place}: greens have {percent(self.weight)}"
            case state if state == COMMITTED:
                return f"is committed, and closes its deployments: {self.counts['deployed']} of {all_} so far"
            case state if state == UNDOING:
                left = sum(each.state in MOVED and not each.returned for each in self.members)
                return f"goes back ({record.error}): {left} of {all_} functions still have green in their alias"
            case _:
                return f"has ended as {record.state}"

    @property
    def weight(self) -> float:
        """The share that the step gives the greens of the wave; 0 before the first shift."""
        record = self.record
        return record.schedule.steps[record.step].weight if 0 <= record.step < len(record.schedule.steps) else 0.0

    @property
    def looks_at(self) -> str | None:
        """When LookAtWave runs next, and reads orders and decisions; None while a handler works on the functions."""
        at = self.record.looks_at
        return at if at and self.record.state == OPEN and clock.moment(at) > self.read_at else None

    def waits_for(self) -> Iterator[str]:
        """Sentences: a person's pause or abort that stands, and an approval that is waited for."""
        ordered, name = self.ordered, self.record.id
        if ordered.aborted and self.record.state in (OPENING, OPEN):
            yield sentence(f"It is being aborted by {ordered.aborted.said}")
        elif ordered.paused and self.record.state == OPEN:
            until = when.at(clock.iso(ordered.paused.over_at))
            yield (
                f"It is paused until {until} by {ordered.paused.said}; then it is rolled back, unless "
                f"`bluegreen resume {name}` lets it go on."
            )
        if waits := self.awaits:
            yield (
                f"Wave {waits['step']} waits for a person's approval until {when.at(waits['ends_at'])}: "
                f"`bluegreen approve {name} --wave {waits['step']}` lets it go on, `bluegreen reject {name}` rolls "
                "every function back."
            )

    def moments(self) -> Iterator[Moment]:
        """What happened and when, as far as the ledger has the time of it; not in order."""
        record = self.record
        yield Moment(clock.moment(record.started_at), "started", f"by {record.started_by}")
        for (wave, step), shifted in self._shifts.items():
            weight = percent(shifted[0].shifts[step].weight)
            begun = min(each.shifts[step].at for each in shifted)
            members = self._to_shift(wave, step, shifted)
            number = f"{len(members)} function{'s get' if len(members) > 1 else ' gets'} {weight}"
            yield Moment(begun, "shift", f"{of_wave(record, wave)}: {number}: {named(members)}")
        for verdict in self.verdicts:
            if verdict.at:
                yield Moment(
                    clock.moment(verdict.at), "look", f"{of_wave(record, verdict.wave)}: {of_verdict(verdict)}"
                )
        for order in self.orders:
            yield Moment(order.at, f"order {order.order}", f"by {order.said}{of_order(order)}")
        for asked in self.approvals:
            until = when.utc(asked["ends_at"])
            yield Moment(
                clock.moment(asked["asked_at"]), "approval", f"wave {asked['step']} waits for a person until {until}"
            )
            if asked.get("decision"):
                reason = f": {asked['reason']}" if asked.get("reason") else ""
                said = f"wave {asked['step']} by {asked['by']}{reason}"
                yield Moment(clock.moment(asked["at"]), asked["decision"], said)
        if record.undoing_at:
            yield Moment(clock.moment(record.undoing_at), "goes back", f"{record.error}: {record.cause}")
        if record.ended_at:
            yield Moment(clock.moment(record.ended_at), "ended", f"{record.state}, after {duration(self.seconds)}")

    @property
    def _shifts(self) -> dict[tuple[int, int], list[Member]]:
        found: dict[tuple[int, int], list[Member]] = {}
        for each in self.members:
            for step in range(len(each.shifts)):
                found.setdefault((each.wave, step), []).append(each)
        return found

    def _to_shift(self, wave: int, step: int, shifted: list[Member]) -> list[Member]:
        """Those of the step that is under way get its share one after the other: all of them are meant."""
        record = self.record
        if record.state != OPEN or (wave, step) != (record.wave, record.step):
            return shifted
        return [
            each for each in self.members if each.wave == wave and each.brings not in UNMOVED and not each.error
        ] or shifted

    def to_json(self) -> dict[str, Any]:
        """As GET /releases/{id}, with every function."""
        return self.record.to_json() | {
            "verdicts": [each.model_dump(mode="json") for each in self.verdicts],
            "orders": [orders.shown(each) for each in self.orders],
            "approvals": list(self.approvals),
            "members": [each.to_json() for each in self.members],
        }


def read(release: str) -> Told | None:
    """None if there is no such release, or if it has not begun yet. Raises ValueError for one of another version."""
    record = releases.find(release)
    if record is None:
        return None
    return _around(record, releases.members(release))


def again(before: Told) -> Told:
    """The same release as it is now. Only the functions of waves on which it works are read."""
    record = releases.find(before.record.id) or before.record
    shifting = all(each.state == OPEN and each.step >= 0 for each in (before.record, record))
    if not shifting:
        return _around(record, releases.members(record.id))
    waves = range(before.record.wave, record.wave + 1)
    fresh = {each.number: each for wave in waves for each in releases.members(record.id, wave)}
    return _around(record, [fresh.get(each.number, each) for each in before.members])


def _around(record: Release, members: Sequence[Member]) -> Told:
    return Told(
        record=record,
        members=tuple(members),
        verdicts=tuple(releases.verdicts(record.id)),
        orders=_allowed(lambda: orders.given(record.owner)),
        approvals=_allowed(lambda: tuple(approvals.shown(record.owner))),
        read_at=clock.now(),
    )


def _allowed(read_: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
    """() for a caller who may not: a policy of the account's own may allow records alone."""
    try:
        return read_()
    except AccessDenied:
        return ()


def share_of(member: Member) -> float:
    """Green's share of the alias as it is now."""
    return 0.0 if member.returned or member.state in ("back", "refused") else member.weight


def named(members: Sequence[Member]) -> str:
    """The first ones, and how many more there are."""
    shown = [each.target.said for each in members[:MOST_NAMED]]
    more = len(members) - len(shown)
    return f"{', '.join(shown)}{f' and {more} more' if more else ''}"


def of_verdict(verdict: WaveVerdict) -> str:
    """What the looks at all functions together came to."""
    if not verdict.logs:
        return "nothing could be measured"
    carry = f"; most of it comes from {', '.join(verdict.worst)}" if verdict.worst else ""
    seen = f"{len(verdict.logs)} function{'s' if len(verdict.logs) > 1 else ''} judged"
    return f"{seen}; the odds that a green is worse were at most {odds(verdict.peak)}{carry}"


def of_failure(member: Member) -> str:
    """Which function failed, and why."""
    return sentence(f"{member.target.said}: {member.error}: {member.cause}")


def of_order(order: Order) -> str:
    """For how long a pause is."""
    return f" for {duration(order.seconds)} at most" if order.order == "pause" else ""
