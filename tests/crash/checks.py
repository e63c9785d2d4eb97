"""The seven points that hold after every run, each violation as a sentence that begins with its number."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.crash import states
from tests.crash.world import World
from tests.crash.world.function import BLUE
from tests.crash.world.ledger import ANOTHER_DEPLOYMENT, SOMEONE_ELSE, Change, Ledger
from tests.crash.world.observer import Observer, Route
from tests.crash.world.others import THEIR_SETTINGS
from tests.crash.world.people import Taken
from tests.crash.world.table import CLOSED, Record
from tests.machine.deployer import FUNCTION
from tests.machine.walk import Run

A_WEEK = 604_800
MOST_EVENTS = 25_000


@dataclass(frozen=True)
class Seen:
    """A function after a run: its record, and who changed what of it."""

    name: str
    record: Record | None
    observer: Observer
    ledger: Ledger

    @property
    def blue(self) -> str:
        """The version that served before."""
        return self.record.plan.blue if self.record and self.record.plan else BLUE

    @classmethod
    def of(cls, world: World, name: str) -> "Seen":
        """A function of the world."""
        record = world.table.record_of(world.driver.deployment_of(name))
        return cls(name, record, world.observers[name], world.ledgers.of[name])


def violations(world: World, run: Run | None, *, heir: bool) -> Iterator[str]:
    """
    Of points 1 to 5, as far as they can be seen before the next deployment.

    The run of an `heir` undoes a deployment that was stopped before; those changes are not its own.
    """
    seen = Seen.of(world, FUNCTION)
    not_ours = {SOMEONE_ELSE, ANOTHER_DEPLOYMENT, *(states.UNDOES_THE_DEAD if heir else ())}
    if world.table.is_locked():
        yield "3: the lock is still held"
    yield from of_function(world, seen, not_ours)
    record = seen.record
    if run is not None and record is None and run.ended in states.LEAVES_A_RECORD:
        yield f"3: it ended {run.ended}, and there is no record"
    if run is not None and record and {record.state, run.ended} <= CLOSED and run.ended != record.state:
        yield f"3: it ended {run.ended}, and the record says {record.state}"
    yield from (f"2: {harm}" for harm in dict.fromkeys(world.users.harmed))
    if run is not None:
        yield from ended(run, states.ENDS | states.CUT_SHORT)


def of_function(world: World, seen: Seen, not_ours: set[str]) -> Iterator[str]:
    """Of points 1, 3 and 4, whatever the function was deployed by. `not_ours` are authors of others' changes."""
    yield from _alias(seen)
    yield from _record(world, seen, [each for each in seen.ledger.changes if each.by not in not_ours])
    yield from _overwritten(seen, not_ours - {ANOTHER_DEPLOYMENT})
    if seen.name in world.others.gave_settings and not THEIR_SETTINGS.items() <= seen.observer.settings().items():
        yield "4: the settings that someone else gave $LATEST are gone"


def _alias(seen: Seen) -> Iterator[str]:
    route, record = seen.observer.route(), seen.record
    if seen.ledger.left_by_others("alias") == route:
        return
    state = record.state if record else "no record"
    wanted = record.green if record and state == states.DEPLOYED else seen.blue
    if route != (wanted, ()):
        yield f"1: the alias is at {route}, and the record says {state} (blue {seen.blue})"


def _record(world: World, seen: Seen, ours: list[Change]) -> Iterator[str]:
    record = seen.record
    if record is None:
        if ours:
            yield "3: something was changed, and there is no record"
        return
    state = record.state
    if state not in CLOSED:
        yield f"3: the record is still {state}"
        return
    if state in (states.REJECTED, states.NOTHING_TO_DEPLOY) and ours:
        yield f"3: the record says {state}, and {ours[0]} happened"
    if state in (states.DEPLOYED, states.ROLLED_BACK) and seen.ledger.left_by_others("alias") is None:
        serving = _serving(seen.observer.route())
        if record.serving != serving:
            yield f"3: the record says that {record.serving} serves, and {serving} does"
    if state == states.DEPLOYED:
        assert record.plan is not None, record
        assert record.green is not None, record
        if seen.observer.digest_of(record.green) != record.plan.artifact:
            yield "3: what was deployed is not the artifact"
    if state == states.ROLLED_BACK and record.plan and seen.ledger.left_by_others("latest") is None:
        yield from _restored(world, seen, record)


def _restored(world: World, seen: Seen, record: Record) -> Iterator[str]:
    assert record.plan is not None, record
    restored = seen.observer.digest() == record.plan.latest
    says_not = record.latest in ("keeps_the_new", "not_tried_again")
    unseen = record.latest == "unseen" and any(
        each.place.operation == "GetFunction" for each in world.script.injections
    )
    if not restored and not unseen and not says_not:
        yield f"3: $LATEST is not what it was, and the record says: {record.latest}"
    if restored and says_not:
        yield f"3: $LATEST is what it was, and the record says: {record.latest}"


def _serving(route: Route) -> Any:
    """As the record says it: a version, or each version's share."""
    version, weights = route
    rest = round(1 - sum(weight for _, weight in weights), 6)
    return {version: rest, **dict(weights)} if weights else version


def _announced(record: Record | None, blue: str) -> list[Route]:
    """The deployment wrote down that it would set these routes: if one stands there, it may be the deployment's."""
    if record is None or not record.weights:
        return []
    green = record.green
    assert green is not None, record
    return [(green, ()) if weight == 1 else (blue, ((green, weight),)) for weight in record.weights]


def _overwritten(seen: Seen, before_us: set[str]) -> Iterator[str]:
    """The deployer changed what someone else had put there, and had not been told to when it opened."""
    ledger, record = seen.ledger, seen.record
    plan, announced = record.plan if record else None, _announced(record, seen.blue)
    opened_at = {"alias": (plan.blue, ()), "latest": plan.latest} if plan else {}
    for what in ("alias", "latest"):
        changes = ledger.of(what)
        for number, (theirs, ours) in enumerate(pairwise(changes)):
            if theirs.by != SOMEONE_ELSE or ours.by in (SOMEONE_ELSE, ANOTHER_DEPLOYMENT):
                continue
            earlier = {change.by for change in changes[:number]}
            if ours.before == opened_at.get(what) and earlier <= before_us:
                continue
            if ours.before in announced and ours.by not in earlier:
                continue
            yield f"4: {ours.by} changed the {what} from {ours.before}, which someone else had put there"


def unnoticed(world: World, record: Record | None, where: list[str]) -> Iterator[str]:
    """Someone else changed $LATEST in these states, and the record of the completed deployment does not note it."""
    code = any(change.by == SOMEONE_ELSE for change in world.ledger.of("latest"))
    changed = code or bool(world.others.gave_settings)
    if record is None or record.state != states.DEPLOYED or not changed:
        return
    if states.NOTES_NO_CHANGE_OF_LATEST.issuperset(where):
        return
    if THEIR_SETTINGS.items() <= world.observer.settings(record.green).items():
        yield "4: the settings that someone else gave $LATEST were deployed untested"
    if record.latest != "changed_by_others":
        yield f"4: someone else changed $LATEST in {', '.join(where)}, and the record says: {record.latest}"


def disobeyed(world: World, settings: Mapping[str, Any]) -> Iterator[str]:
    """Of points 6 and 7: an order that was taken is carried out, and no shift is made without its approval."""
    record = world.table.record_of(world.driver.execution)
    ends = record.state if record else "no record"
    for each in world.people.taken:
        if each.ended:
            continue
        if (each.what == "abort" or each.what.startswith("reject")) and ends == states.DEPLOYED:
            yield f"6: {each.what} was taken, and it ended {ends}"
    yield from _shifts_in_spite_of_a_pause(world)
    yield from _shifts_in_spite_of_a_promote(world)
    if record and record.plan and world.people.has("freeze before it began") and not record.override:
        yield f"6: a freeze was in force, and it was begun without a reason against that, and ended {ends}"
    steps = settings["traffic"]["steps"]
    asks = {number: step["weight"] for number, step in enumerate(steps, start=1) if step.get("approve")}
    asks |= {1: steps[0]["weight"]} if settings.get("approval", {}).get("required") else {}
    for change in world.ledger.of("alias"):
        if change.by in (SOMEONE_ELSE, ANOTHER_DEPLOYMENT) or change.by in states.UNDOES_THE_DEAD:
            continue
        before, after = _share(change.before, record), _share(change.after, record)
        for step, weight in asks.items():
            if before < weight <= after and step not in change.approved:
                yield f"7: {change.by} took step {step}, {after:.0%} of green, which nobody had approved"


def _share(route: Route, record: Record | None) -> float:
    """Green's share of the users."""
    version, weights = route
    green = record.green if record else None
    return 1.0 if green and version == green else dict(weights).get(green or "", 0.0)


def _until(world: World, order: Taken, *others: str) -> list[Change]:
    """How ShiftAlias changed the alias from this order to the next of those that take it back."""
    following = [each.after for each in world.people.taken if each.after >= order.after and each.what in others]
    changes = world.ledger.changes[order.after : min(following, default=None)]
    return [each for each in changes if (each.by, each.what) == (states.SHIFT, "alias")]


def _shifts_in_spite_of_a_pause(world: World) -> Iterator[str]:
    """A look may have decided on one shift before the pause came."""
    for order in world.people.has("pause"):
        if len(shifts := _until(world, order, "resume", "promote", "promote next")) > 1:
            yield f"6: a pause was taken, and then came {len(shifts)} shifts: {shifts}"


def _shifts_in_spite_of_a_promote(world: World) -> Iterator[str]:
    """A look may have decided on one shift before the promote came; the next one is to everything."""
    for order in world.people.has("promote"):
        if len(shifts := [each for each in _until(world, order, "promote next") if each.after[1]]) > 1:
            yield f"6: a promote was taken, and then came {len(shifts)} shifts to a share: {shifts}"


def ended(run: Run, ends: frozenset[str]) -> Iterator[str]:
    """Of point 5: an execution ends as it may, in time."""
    if run.ended not in ends:
        yield f"5: it ended {run.ended} ({run.error}: {run.cause[:200]}) after {run.path[-1:]}"
    took = _moment(run.history[-1]) - _moment(run.history[0]) if run.history else 0.0
    if took > A_WEEK:
        yield f"5: it took {took:.0f} seconds"
    if len(run.history) >= MOST_EVENTS:
        yield f"5: it took {len(run.history)} events"


def _moment(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(str(event["timestamp"])).timestamp()
