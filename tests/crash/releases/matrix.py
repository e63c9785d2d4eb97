"""
The matrix of a release of five functions in two waves (two and three), each with two shifts.

    good        Released                                   refused    one artifact is not there, Rejected
    bad         one green fails users in the second wave   untested   one green fails its smoke test; both RolledBack
    tolerated   one fails in the first wave, is put back   kept       the second wave fails, the first one stays
    approved    a person approves the second wave, and old versions are deleted
    aborted     a person aborts in the second wave
    stopped     a person stops it in the second wave, and recovery is told
    swept       the same, and recovery is not told but comes by itself
    committed   it is stopped while its functions are completed, and recovery goes forward

Functions that do the same are the same places: of each phase the first, a middle and the last one are tried.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import Any, TypeVar

import boto3

from bluegreen.request.upload import place_by_request
from tests.crash import kinds
from tests.crash import states as of_one
from tests.crash.branches import Alone, Course, course_of
from tests.crash.matrix import Act, Outcome, digest, recovered
from tests.crash.releases import checks, states
from tests.crash.releases.world import ReleaseWorld
from tests.crash.world import a_world
from tests.crash.world.places import AtState, Case, Injection, Place
from tests.crash.world.seams import READS
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, BUCKET, FUNCTION, GOOD, zip_of
from tests.machine.faults import HandlerKilled
from tests.machine.shop import NAMES

Item = TypeVar("Item")
Which = Callable[[Place], bool]

DOCUMENT: dict[str, Any] = {
    "traffic": {
        "steps": [{"weight": 0.5, "bake_seconds": 60}],
        "final_bake_seconds": 60,
        "keep_control": 0,
    },
    "waves": [{"most": 2}, {}],
    "defaults": {"health": {"period_seconds": 30, "delay_seconds": 0}},
}
SECOND_WAVE = 3
"""The number of the visit of ShiftWave that gives the second wave its first share."""


@dataclass(frozen=True)
class Scenario:
    """
    What happens without a fault: `sources` are the codes that are not good, by function; "" is one that is not there.

    `places` says which of its places are its own, and `people` who takes part.
    """

    name: str
    ends: str
    sources: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[ReleaseWorld], None] = lambda world: None
    places: Which = lambda place: True
    people: tuple[Act, ...] = ()
    events: int = 1


def _in(*names: str) -> Which:
    return lambda place: place.state in names


def _stopped_in_the_second_wave(world: ReleaseWorld) -> None:
    world.script.at_states.append(AtState(states.BAKE, SECOND_WAVE, "entered", world.operators.stop, is_fault=False))


def _stopped_after_the_commit(world: ReleaseWorld) -> None:
    """CompleteRelease is killed while it completes its second function, and the execution is stopped."""

    def stopped_and_killed(*_: Any) -> None:
        world.operators.stop()
        raise HandlerKilled

    world.script.injections.append(Injection(Place(states.COMPLETE, "TransactWriteItems", 2), stopped_and_killed))


def _with_an_old_version(world: ReleaseWorld) -> None:
    """Of each function nothing names version 3."""
    for name in NAMES:
        boto3.client("lambda").publish_version(FunctionName=name)


PUTTING_BACK = _in(states.LOOK, states.ROLL_BACK, states.ALL_BACK, states.ROLLED_BACK)
RECOVERING = _in(of_one.RECOVERY, of_one.API, states.OPEN, states.ROLL_BACK, states.ALL_BACK, states.COMPLETE)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("good", states.RELEASED),
        Scenario(
            "refused",
            states.REJECTED,
            {"Prices": ""},
            places=_in(states.CONFIRM_OPEN, states.ROLL_BACK, states.ALL_BACK, states.REJECTED),
        ),
        Scenario("bad", states.ROLLED_BACK, {"Stock": BAD_UNDER_TRAFFIC}, places=PUTTING_BACK),
        Scenario(
            "untested",
            states.ROLLED_BACK,
            {"Prices": BROKEN},
            places=_in(states.NOTE_FAILURE, states.CONFIRM_STAGED, states.ROLL_BACK, states.ROLLED_BACK),
        ),
        Scenario(
            "tolerated",
            states.RELEASED,
            {FUNCTION: BAD_UNDER_TRAFFIC},
            {"tolerate": 1},
            places=_in(states.PUT_BACK, states.COMPLETE, states.RELEASED),
        ),
        Scenario(
            "kept",
            states.ROLLED_BACK,
            {"Tax": BAD_UNDER_TRAFFIC},
            {"keep_waves": True},
            places=_in(states.ROLL_BACK, states.ALL_BACK, states.ROLLED_BACK),
        ),
        Scenario(
            "approved",
            states.RELEASED,
            more={
                "waves": [{"most": 2}, {"approve": True}],
                "defaults": DOCUMENT["defaults"] | {"keep_versions": {"count": 1, "also_others": True}},
            },
            prepare=_with_an_old_version,
            places=_in(of_one.API, states.LOOK, states.COMPLETE, states.TIDY, states.DELETE_VERSIONS, states.RELEASED),
            people=(Act("approve", states.OPEN),),
        ),
        Scenario(
            "aborted",
            states.ROLLED_BACK,
            places=_in(of_one.API, of_one.RECOVERY, states.OPEN),
            people=(Act("abort", states.BAKE, SECOND_WAVE),),
        ),
        Scenario("stopped", states.ROLLED_BACK, prepare=_stopped_in_the_second_wave, places=RECOVERING),
        Scenario(
            "swept",
            states.ROLLED_BACK,
            prepare=_stopped_in_the_second_wave,
            places=_in(of_one.RECOVERY),
            events=0,
        ),
        Scenario("committed", states.RELEASED, prepare=_stopped_after_the_commit, places=RECOVERING),
    )
}

OF_READS = frozenset(
    {
        *("5xx, beyond them", "access denied, until a person helps", "handler killed before"),
        *("another actor: other version", "the sweep beside", "a person aborts"),
    }
)
"""What a read of a release may meet. It is one of many that the matrix of a deployment has in all kinds."""

ALIKE = frozenset({*kinds.ALIKE, "5xx, within boto3's retries", "timeout before effect"})
"""What boto3 or the edge make the same of as of another kind. They are tried in `good` only."""

OF_STATES = frozenset(
    {
        *("stopped in the state", "timed out in the state", "started again, same name"),
        *("recovery's event delivered, while it runs", "another actor: other version", "another actor: green"),
        *("another actor: $LATEST's code", "another actor: $LATEST's settings"),
        *("a person orders: abort", "a person orders: pause and resume", "a person orders: pause and forget"),
        "a person orders: promote",
    }
)
"""Of what may happen in a state of a deployment, what is another thing in a release."""


@cache
def fault_free(scenario: str) -> Course:
    """The scenario's run without a fault; of its calls and states those that are tried, its own ones only."""
    with _prepared(scenario) as world:
        world.driver.deploy()
        world.people.left = True
        _recovered(world)
        ended = world.table.release(world.driver.execution).get("state")
        assert ended == SCENARIOS[scenario].ends, f"{scenario}: {ended} {[run.cause for run in world.driver.runs]}"
        own = SCENARIOS[scenario].places
        visits, before = world.states.visits, world.states.calls_before
        by_state: dict[str, list[int]] = {}
        for number, visit in zip(before, visits, strict=True):
            by_state.setdefault(visit.state, []).append(number)
        calls = [each for each in _calls(world.calls.trace, by_state) if own(each)]
        chosen = {place for name in by_state for place in _some([each for each in visits if each.state == name])}
        visits = [each for each in visits if each in chosen and own(each)]
        return course_of(world, calls, visits, states.OF_A_FUNCTION)


def _some(of: Sequence[Item]) -> list[Item]:
    """The first, a middle and the last."""
    return [of[number] for number in sorted({0, len(of) // 2, len(of) - 1})] if of else []


def _calls(trace: list[Place], visits: Mapping[str, list[int]]) -> Iterator[Place]:
    for name in dict.fromkeys(place.state for place in trace):
        if name in states.OF_A_FUNCTION or name not in visits:
            yield from _of_each_function([place for place in trace if place.state == name])
            continue
        ends = [*visits[name][1:], len(trace)]
        for start, end in _some(list(zip(visits[name], ends, strict=True))):
            yield from _first_middle_last([place for place in trace[start:end] if place.state == name])


def _first_middle_last(places: list[Place]) -> Iterator[Place]:
    for operation in dict.fromkeys(place.operation for place in places):
        yield from _some([place for place in places if place.operation == operation])


def _of_each_function(places: list[Place]) -> Iterator[Place]:
    """All of the first function, and what a middle one and the last one write."""
    for operation in dict.fromkeys(place.operation for place in places):
        same = [place for place in places if place.operation == operation]
        yield from same[: ceil(len(same) / len(NAMES))]
        if operation not in READS and len(same) > 1:
            yield from dict.fromkeys((same[len(same) // 2], same[-1]))


def cases(scenarios: Collection[str] = SCENARIOS.keys()) -> Iterator[Case]:
    """Every kind of fault at every place of these scenarios."""
    for name in scenarios:
        calls, visits, _ = fault_free(name)
        yield Case(name)
        yield from (Case(name, ((kind, kinds.EVERYWHERE),)) for kind in kinds.RUNS)
        for place in calls:
            yield from (Case(name, ((kind, place),)) for kind in at_call(place) if name == "good" or kind not in ALIKE)
        for place in visits:
            yield from (Case(name, ((kind, place),)) for kind in at_state(place))
            if place.state not in states.OF_A_FUNCTION:
                yield from (Case(name, ((f"{kind}, event lost", place),)) for kind in kinds.EVENT_LOST)


def at_call(place: Place) -> list[str]:
    """What this call may meet."""
    found = [*kinds.at_call(place), *kinds.AWAY_AT_CALLS]
    found += kinds.MUCH_LATER if place.state in states.TASKS - {states.ROLL_BACK} else []
    return [kind for kind in found if place.operation not in READS or kind in OF_READS]


def at_state(place: Place) -> list[str]:
    """What this state may meet."""
    found = [kind for kind in kinds.STATES if kind in OF_STATES] + [*kinds.AWAY, *kinds.HANGING_AT_STATES]
    found += list(kinds.TASKS) if place.state in states.TASKS - states.WAITS_FOR_FUNCTIONS else []
    found += list(kinds.PARTS) if place.state in states.OF_A_FUNCTION else []
    return found + (list(kinds.ITEMS) if place.state in states.WAITS_FOR_FUNCTIONS else [])


@contextmanager
def _prepared(name: str) -> Iterator[ReleaseWorld]:
    scenario = SCENARIOS[name]
    with a_world(ReleaseWorld) as world:
        assert isinstance(world, ReleaseWorld)
        world.users.known_bad = {digest(BAD_UNDER_TRAFFIC)}
        for act in scenario.people:
            do = functools.partial(world.people.act, act.what)
            world.script.at_states.append(AtState(act.state, act.nth, "entered", do, is_fault=False))
        scenario.prepare(world)
        world.driver.document = DOCUMENT | {"functions": list(_functions(scenario))} | dict(scenario.more)
        world.recovery.events = scenario.events
        yield world


def _functions(scenario: Scenario) -> Iterator[dict[str, Any]]:
    s3 = boto3.client("s3")
    for name in NAMES:
        key, source = place_by_request(name, "new.zip"), scenario.sources.get(name, GOOD % 2)
        artifact = {"bucket": BUCKET, "key": key}
        if source:
            artifact["version_id"] = s3.put_object(Bucket=BUCKET, Key=key, Body=zip_of(source))["VersionId"]
        yield {"function": name, "artifact": artifact}


def _recovered(world: ReleaseWorld) -> int:
    return recovered(world, world.driver.runs[-1].ended)


def run(case: Case) -> Outcome:
    """One run of a case, and everything that is wrong after it."""
    return play(Alone(case))


def play(branch: Alone) -> Outcome:
    """Play the case of this process; answers what came of it, and everything that is wrong then."""
    with _prepared(branch.case.scenario) as world:
        branch.begin(world)
        world.driver.deploy()
        world.users.quiet = world.people.left = True
        sweeps = _recovered(world)
        if not world.zombies.resume_in_the_next and world.zombies.resume():
            world.driver.follow()
            sweeps += recovered(world, of_one.DEPLOYED)
        world.users.quiet = False
        found = list(checks.violations(world))
        unmet = not all(world.script.met())
        record = world.table.release(world.driver.execution)
        found += _next(world)
        return Outcome(
            case=branch.case,
            ended=record.get("state", world.driver.runs[-1].ended),
            violations=found,
            served=world.users.served.total(),
            harmed=len(world.users.harmed),
            sweeps=sweeps,
            whole_after=world.stopwatch.whole_after,
            unmet=unmet,
        )


def _next(world: ReleaseWorld) -> Iterator[str]:
    """The next deployment of one of the functions succeeds without help."""
    name, zombies = world.driver.about, world.zombies.resume_in_the_next
    if world.observers[name].is_split():
        return
    after = world.driver.redeploy(GOOD % 5, "AllAtOnce")
    green = (after.document.get("green") or {}).get("version")
    if after.ended != of_one.DEPLOYED:
        yield f"3: the next deployment of {name} ended {after.ended} ({after.error}: {after.cause[:300]})"
    if zombies:
        world.zombies.resume()
        world.driver.follow()
        recovered(world, of_one.DEPLOYED)
    if after.ended == of_one.DEPLOYED and world.observers[name].route() != (green, ()):
        yield f"3: the next deployment of {name} is Deployed, and the alias is at {world.observers[name].route()}"
    if not world.table.is_calm():
        yield "3: a lock is held or a record is open after the next deployment"
    yield from (f"2: {harm} (next deployment)" for harm in dict.fromkeys(world.users.harmed))


FOUND = (
    Case(
        "good",
        (("stopped, the handler goes on after recovery", Place(states.OPEN_MEMBER, "TransactWriteItems", 1)),),
    ),
    Case("good", (("lost, the handler goes on 60 states later", Place(states.OPEN_MEMBER, "UpdateItem", 5)),)),
    Case("good", (("stopped, the handler goes on after recovery", Place(states.OPEN_MEMBER, "UpdateItem", 1)),)),
    Case("kept", (("lost, the handler goes on a shift later", Place(states.SHIFT, "UpdateItem", 3)),)),
    Case("good", (("the table is away for ninety minutes", Place(states.COMPLETE, "TransactWriteItems", 2)),)),
    Case("kept", (("the table is away for ten minutes", Place(states.ROLL_BACK, "", 1)),)),
    Case("refused", (("the table is away for ninety minutes", Place(states.ROLL_BACK, "Publish", 1)),)),
)
"""What left a mixture of versions or a lock when this matrix first ran."""

IN_SHORT = (
    Case("good", (("handler killed after", Place(states.UPDATE_CODE, "UpdateFunctionCode", 3)),)),
    Case("good", (("stopped, the handler goes on after recovery", Place(states.SHIFT, "UpdateAlias", 7)),)),
    Case("good", (("timeout after effect, beyond boto3's retries", Place(states.COMPLETE, "UpdateItem", 6)),)),
    Case("good", (("timed out in the state", Place(states.SHIFT, "", 3)),)),
    Case("good", (("the map's items are gone", Place(states.STAGE_FUNCTIONS, "", 1)),)),
    Case("good", (("the part's execution is stopped", Place(states.UPDATE_CODE, "", 3)),)),
    Case("good", (("another actor: green", Place(states.SHIFT, "UpdateAlias", 10)),)),
    Case("bad", (("access denied, until a person helps", Place(states.ROLL_BACK, "UpdateAlias", 2)),)),
    Case("tolerated", (("handler killed after", Place(states.PUT_BACK, "UpdateAlias", 1)),)),
    Case("stopped", (("the sweep beside", Place(states.ROLL_BACK, "TransactWriteItems", 1)),)),
    Case("committed", (("stopped, the handler goes on", Place(states.OPEN, "UpdateItem", 1)),)),
)


def quick() -> Iterator[Case]:
    """The fixed subset that `make test` runs: what was found, some other changes, and the other scenarios."""
    cases = (*FOUND, *IN_SHORT)
    yield from cases
    yield from (Case(name) for name in SCENARIOS if name not in {case.scenario for case in cases})
