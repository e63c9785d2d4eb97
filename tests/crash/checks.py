"""The five points that hold after every run, each violation as a sentence that begins with its number."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.crash.world import ANOTHER, BLUE, RECOVERY, TRIGGER, Change, Route, World
from tests.machine.walk import Run

ENDS = {"Deployed", "NothingToDeploy", "Rejected", "RejectedWithoutRecord", "RolledBack", "RollbackFailed"}
THREE_DAYS = 259_200
MOST_EVENTS = 25_000
CLOSED = {"Deployed", "RolledBack", "Rejected", "NothingToDeploy"}
OTHERS = "somebody else"
UNSEEN_IN = {TRIGGER, "OpenDeployment", "CompleteDeployment", "Deployed", RECOVERY}
"""Before there is anything to compare $LATEST with, or after it was looked at for the last time."""

RECOVERERS = {"OpenDeployment", RECOVERY}
"""Who undoes a dead deployment before the one under test begins."""


def violations(world: World, run: Run | None, *, cut_short: bool, ledger: list[Change]) -> Iterator[str]:
    """Of points 1 to 5, as far as they can be seen before the next deployment."""
    record = world.record_of(world.arn)
    plan = json.loads(record["plan"]) if record and "plan" in record else None
    blue = plan["blue"]["version"] if plan else BLUE
    yield from _alias(world, record, blue, ledger)
    yield from (f"2: {harm}" for harm in dict.fromkeys(world.harmed))
    yield from _record(world, run, record, plan, ledger)
    yield from _overwritten(ledger, plan, {OTHERS, *(RECOVERERS if world.heir else ())}, _announced(record, blue))
    if "settings" in world.actor_notes and world.settings().get("THEIRS") != "yes":
        yield "4: the settings that somebody else gave $LATEST are gone"
    if run is not None:
        yield from _end(run, cut_short)


def theirs(ledger: list[Change], what: str) -> Any:
    """What somebody else put there last, None if nobody did or the deployer had a right to change it since."""
    mine = [change for change in ledger if change.what == what]
    return mine[-1].after if mine and mine[-1].by == OTHERS else None


def _alias(world: World, record: dict[str, str] | None, blue: str, ledger: list[Change]) -> Iterator[str]:
    route = world.route()
    if theirs(ledger, "alias") == route:
        return
    state = record["state"] if record else "no record"
    wanted = (record or {}).get("green") if state == "Deployed" else blue
    if route != (wanted, ()):
        yield f"1: the alias is at {route}, and the record says {state} (blue {blue})"


def _record(
    world: World, run: Run | None, record: dict[str, str] | None, plan: Any, ledger: list[Change]
) -> Iterator[str]:
    if world.deployer.items("lock#"):
        yield "3: the lock is still held"
    if record is None:
        if any(_ours(world, change) for change in ledger):
            yield "3: something was changed, and there is no record"
        if run is not None and run.ended in ("Deployed", "RolledBack", "RollbackFailed", "Rejected"):
            yield f"3: it ended {run.ended}, and there is no record"
        return
    state, cause = record["state"], record.get("cause", "")
    if state not in CLOSED:
        yield f"3: the record is still {state}"
        return
    if run is not None and run.ended in CLOSED and run.ended != state:
        yield f"3: it ended {run.ended}, and the record says {state}"
    ours = [change for change in ledger if _ours(world, change)]
    if state in ("Rejected", "NothingToDeploy") and ours:
        yield f"3: the record says {state}, and {ours[0]} happened"
    if state in ("Deployed", "RolledBack") and theirs(ledger, "alias") is None:
        serving = _spoken(world.route())
        if record.get("serving") != serving:
            yield f"3: the record says that {record.get('serving')} serves, and {serving} does"
    if state == "Deployed" and world.digest_of(record["green"]) != plan["artifact"]["sha256"]:
        yield "3: what was deployed is not the artifact"
    if state == "RolledBack" and plan and theirs(ledger, "latest") is None:
        restored = world.digest() == plan["latest"]["sha256"]
        unseen = "could not be seen" in cause and any(
            each.place.operation == "GetFunction" for each in world.injections
        )
        if not restored and not unseen and "$LATEST keeps the new code" not in cause:
            yield f"3: $LATEST is not what it was, and the record says: {cause}"
        if restored and "$LATEST keeps the new code" in cause:
            yield f"3: $LATEST is what it was, and the record says: {cause}"


def _ours(world: World, change: Change) -> bool:
    return change.by not in (OTHERS, ANOTHER) and not (world.heir and change.by in RECOVERERS)


def _spoken(route: Route) -> str:
    version, weights = route
    share = ", ".join(f"{weight:.4g} to {other}" for other, weight in weights)
    return f"{version} (and {share})" if weights else version


def _announced(record: dict[str, str] | None, blue: str) -> list[Route]:
    """Routes that the deployment wrote down as its own: nobody can tell who put one there."""
    if not record or "weights" not in record:
        return []
    green, weights = record["green"], json.loads(record["weights"])
    return [(green, ()) if weight == 1 else (blue, ((green, weight),)) for weight in weights]


def _overwritten(ledger: list[Change], plan: Any, before_us: set[str], announced: list[Route]) -> Iterator[str]:
    """The deployer changed what somebody else had put there, and had not been told to when it opened."""
    for what in ("alias", "latest"):
        mine = [change for change in ledger if change.what == what]
        for number, (theirs, ours) in enumerate(pairwise(mine)):
            if theirs.by != OTHERS or ours.by in (OTHERS, ANOTHER):
                continue
            found = (plan["blue"]["version"], ()) if plan and what == "alias" else plan and plan["latest"]["sha256"]
            if ours.before == found and all(earlier.by in before_us for earlier in mine[:number]):
                continue
            if ours.before in announced and not any(earlier.by == ours.by for earlier in mine[:number]):
                continue
            yield f"4: {ours.by} changed the {what} from {ours.before}, which somebody else had put there"


def unnoticed(world: World, state: str | None, where: list[str]) -> Iterator[str]:
    """Somebody else changed $LATEST in these states, and it is `Deployed` although a later state was to see that."""
    code = any((each.by, each.what) == (OTHERS, "latest") for each in world.ledger)
    changed = code or "settings" in world.actor_notes
    if state == "Deployed" and changed and not UNSEEN_IN.issuperset(where):
        yield f"4: somebody else changed $LATEST in {', '.join(where)}, and nobody noticed"


def _end(run: Run, cut_short: bool) -> Iterator[str]:
    if run.ended not in ENDS and not cut_short:
        yield f"5: it ended {run.ended} ({run.error}: {run.cause[:200]}) after {run.path[-1:]}"
    took = _moment(run.history[-1]) - _moment(run.history[0]) if run.history else 0.0
    if took > THREE_DAYS:
        yield f"5: it took {took:.0f} seconds"
    if len(run.history) >= MOST_EVENTS:
        yield f"5: it took {len(run.history)} events"


def _moment(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(str(event["timestamp"])).timestamp()
