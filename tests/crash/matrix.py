"""
The matrix: scenarios, the places in each, the cases that follow, and one run of a case.

    good      three shifts, Deployed                 bad       found out in the first bake, RolledBack
    late      found out once green has everybody     refused   the upload is no zip, Rejected
    stopped   a person stops it in its second bake, and recovery is told
    swept     the same, and recovery is not told but comes by itself
    heir      another deployment was stopped before and nobody recovered it; this one does
"""

import base64
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.crash import checks, kinds
from tests.crash.world import ALARM, RECOVERY, SWEEP_SECONDS, TRIGGER, AtState, Place, World, a_world
from tests.machine.deployer import BAD_UNDER_TRAFFIC, FUNCTION, GOOD, zip_of

LATE = "def handler(event, context): return {'statusCode': 200 // (not event.get('late'))}"
SETTINGS = {
    "traffic": {
        "steps": [{"weight": 0.1, "bake_seconds": 60}, {"weight": 0.5, "bake_seconds": 60}],
        "final_bake_seconds": 60,
    },
    "health": {"period_seconds": 30, "delay_seconds": 0, "alarms": [ALARM]},
}
MOST_SWEEPS = 14
HELP_COMES_AFTER_SWEEPS = 2
TASKS = frozenset(
    {
        *("OpenDeployment", "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"),
        *("CheckHealth", "CompleteDeployment", "RollBack", "RejectDeployment"),
    }
)
BEFORE_USERS = frozenset(
    {
        *(TRIGGER, "OpenDeployment", "AnythingToDeploy?", "NewCode?"),
        *("UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen"),
    }
)
"""Until users meet it, a bad green is a good one."""

CHANGES_NOTHING = frozenset({"SmokeTest", "SmokeTestGreen", "CheckHealth"})
LOOKING = frozenset({"Bake", "CheckHealth", "BakeOver?"})


@dataclass(frozen=True)
class Scenario:
    """What happens without a fault; `places` says which of its places are its own."""

    name: str
    source: str
    ends: str
    prepare: Callable[[World], None] = lambda world: None
    places: Callable[[Place], bool] = lambda place: True
    events: int = 1


def _users_turn_late(world: World) -> None:
    def turn(world: World) -> None:
        world.late = True

    world.at_states.append(AtState("ShiftAlias", 3, "left", turn, is_fault=False))


def _stopped_in_the_second_bake(world: World) -> None:
    world.at_states.append(AtState("Bake", 3, "entered", World.stop, is_fault=False))


def _somebody_died_before(world: World) -> None:
    with world.aside():
        request = {"function": FUNCTION, "artifact": world.deployer.upload(GOOD % 3, "dead.zip"), **SETTINGS}
        arn = world.aws.start(request, "dead")
        world.aws.after(40, lambda: world.aws.stop(arn))
        dead = world.aws.finish(arn)
        assert dead.ended == "ABORTED", dead
        assert world.route()[1], world.route()
    world.ledger.clear()
    world.heir = True


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("good", GOOD % 2, "Deployed"),
        Scenario("bad", BAD_UNDER_TRAFFIC, "RolledBack", places=lambda place: place.state not in BEFORE_USERS),
        Scenario(
            "late",
            LATE,
            "RolledBack",
            _users_turn_late,
            lambda place: (
                (place.state == "ShiftAlias" and place.nth >= 2)
                or (place.state == "CheckHealth" and place.nth >= 5)
                or place.state in ("RollBack", "RolledBack")
            ),
        ),
        Scenario("refused", "", "Rejected", places=lambda place: place.state != TRIGGER),
        Scenario("stopped", GOOD % 2, "ABORTED", _stopped_in_the_second_bake, lambda place: place.state == RECOVERY),
        Scenario("swept", GOOD % 2, "ABORTED", _stopped_in_the_second_bake, lambda place: place.state == RECOVERY, 0),
        Scenario("heir", GOOD % 2, "Deployed", _somebody_died_before, lambda place: place.state == "OpenDeployment"),
    )
}


@dataclass(frozen=True)
class Case:
    """A scenario and what goes wrong; `resume_at` is the call of recovery before which a parked handler goes on."""

    scenario: str
    faults: tuple[tuple[str, Place], ...] = ()
    resume_at: int | None = None

    def __str__(self) -> str:
        faults = " and ".join(f"{kind} @ {place}" for kind, place in self.faults) or "no fault"
        return f"{self.scenario}: {faults}" + (f", before recovery's call {self.resume_at}" if self.resume_at else "")


@dataclass
class Outcome:
    """What came of a run. `whole_after` is in control-plane calls from a stop to a whole alias, if it was split."""

    case: Case
    ended: str
    violations: list[str]
    served: int
    harmed: int
    seconds: float
    sweeps: int
    whole_after: int | None
    unmet: bool = False
    record: dict[str, str] | None = None
    told: list[str] = field(default_factory=list)


@cache
def fault_free(scenario: str) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """The calls and the states of the scenario's run without a fault, its own ones only."""
    with _prepared(Case(scenario)) as world:
        run = world.deploy()
        assert run is not None
        assert run.ended == SCENARIOS[scenario].ends, f"{scenario}: {run.ended} {run.cause}"
        _recovered(world, run.ended)
        own = SCENARIOS[scenario].places
        calls = [place for place in _without_polls(world.trace) if own(place) and not _looks_again(place)]
        return tuple(calls), tuple(place for place in world.visits if own(place) and not _looks_again(place))


def _without_polls(trace: list[Place]) -> list[Place]:
    """Of the same call again and again, the first and the last: those between wait for the same thing."""
    kind = [(place.state, place.operation) for place in trace]
    return [
        place
        for number, place in enumerate(trace)
        if not 0 < number < len(trace) - 1 or not kind[number - 1] == kind[number] == kind[number + 1]
    ]


def _looks_again(place: Place) -> bool:
    """The second look of a bake is the first one again, a number in the document aside."""
    return place.state in LOOKING and place.nth % 2 == 0


def cases() -> Iterator[Case]:
    """Every kind of fault at every place of every scenario."""
    for name in SCENARIOS:
        calls, states = fault_free(name)
        yield Case(name)
        yield from (Case(name, ((kind, kinds.EVERYWHERE),)) for kind in kinds.RUNS)
        for place in calls:
            yield from (Case(name, ((kind, place),)) for kind in kinds.at_call(place) if _differs(kind, place))
        for place in states:
            yield from (
                Case(name, ((kind, place),)) for kind in kinds.at_state(place, TASKS) if _applies(kind, name, place)
            )
            yield from (Case(name, ((f"{kind}, event lost", place),)) for kind in kinds.EVENT_LOST)
    outlives = "stopped, the handler goes on after recovery"
    for place in fault_free("good")[0]:
        if place.state in ("UpdateCode", "PublishVersion", "CompleteDeployment") or (
            place.state == "ShiftAlias" and place.nth == 2
        ):
            yield from (Case("good", ((outlives, place),), number) for number in range(1, 21))


def _applies(kind: str, scenario: str, place: Place) -> bool:
    """An older upload is rightly deployed before the newer one is known, and where that is no zip."""
    return kind != kinds.OLDER or (scenario != "refused" and place.state != "OpenDeployment")


def _differs(kind: str, place: Place) -> bool:
    """A handler that changes nothing and outlives its execution only notes its step: once for each operation."""
    return "goes on" not in kind or place.state not in CHANGES_NOTHING or place.nth == 1


def pairs(number: int, seed: int) -> Iterator[Case]:
    """Two faults in one run, at random."""
    dice = random.Random(seed)
    single = [
        case
        for case in cases()
        if len(case.faults) == 1 and case.resume_at is None and case.faults[0][0] != kinds.OLDER
    ]
    by_scenario = {name: [case for case in single if case.scenario == name] for name in SCENARIOS}
    for _ in range(number):
        name = dice.choice(["good", "good", "bad", "bad", "late", "refused", "stopped", "swept", "heir"])
        one, other = dice.sample(by_scenario[name], 2)
        yield Case(name, one.faults + other.faults)


@contextmanager
def _prepared(case: Case) -> Iterator[World]:
    scenario = SCENARIOS[case.scenario]
    with a_world() as world:
        world.bad = {digest(BAD_UNDER_TRAFFIC), digest(LATE)}
        scenario.prepare(world)
        world.upload(scenario.source, SETTINGS)
        world.events = scenario.events
        for kind, place in case.faults:
            kinds.arm(world, kind, place)
            if kind.endswith("event lost"):
                world.events = 0
        world.resume_at_recovery_call = case.resume_at
        yield world


def digest(source: str) -> str:
    """As Lambda writes it."""
    return base64.b64encode(hashlib.sha256(zip_of(source)).digest()).decode()


def _recovered(world: World, ended: str) -> int:
    """Recovery has its turn: the event, if the execution ended badly, and the sweep until nothing is left to do."""
    if ended not in ("Deployed", "NothingToDeploy"):
        for _ in range(world.events):
            for patience in (60, 120, 0):
                if world.recover(world.status_event()):
                    break
                world.aws.clock.sleep(patience)
    sweeps = 0
    while sweeps < MOST_SWEEPS:
        world.aws.clock.sleep(SWEEP_SECONDS)
        sweeps += 1
        if sweeps > HELP_COMES_AFTER_SWEEPS:
            for injection in world.injections:
                injection.times = injection.times or 0
        if world.recover({}) and world.is_calm() and sweeps > 1:
            break
    return sweeps


def run(case: Case) -> Outcome:
    """One run of a case, and everything that is wrong after it."""
    begun = time.process_time()
    with _prepared(case) as world:
        execution = world.deploy()
        ended = execution.ended if execution else "not started"
        world.quiet = True
        sweeps = _recovered(world, ended) if execution else 0
        if not world.resume_in_next and world.resume():
            sweeps += _recovered(world, "Deployed")
        world.quiet = False
        told = world.deployer.notified()
        cut_short = ended in ("ABORTED", "TIMED_OUT")
        ledger = list(world.ledger)
        found = list(checks.violations(world, execution, cut_short=cut_short, ledger=ledger))
        record = world.record_of(world.arn)
        if record and record["state"] in ("Deployed", "RolledBack", "Rejected") and not told:
            found.append(f"told: nobody was told that it is {record['state']}")
        found += [
            f"3: an older upload's late event ended {late.ended}"
            for late in world.late_runs
            if late.ended != "Rejected"
        ]
        where = [place.state for kind, place in case.faults if kind.startswith("another actor: $LATEST")]
        found += checks.unnoticed(world, record["state"] if record else None, where)
        unmet = not all(world.met())
        found += _next(world, ledger)
        return Outcome(
            case=case,
            ended=ended,
            violations=found,
            served=sum(world.served.values()),
            harmed=len(world.harmed),
            seconds=time.process_time() - begun,
            sweeps=sweeps,
            whole_after=world.whole_after_calls,
            unmet=unmet,
            record={name: value for name, value in record.items() if name != "plan"} if record else None,
            told=told,
        )


def _next(world: World, ledger: list[Any]) -> Iterator[str]:
    """The next deployment of that function succeeds without anybody's help."""
    zombies = world.resume_in_next
    if world.route()[1] and checks.theirs(ledger, "alias") == world.route():
        refused = world.redeploy(GOOD % 5, "AllAtOnce")
        if refused.ended != "Rejected" or "split already" not in refused.cause:
            yield f"4: somebody else left the alias split, and the next deployment ended {refused.ended}"
        world.act("blue")

    def in_the_middle(state: str, moment: str) -> None:
        if zombies and (state, moment) == ("ShiftAlias", "left"):
            world.resume()

    with world.in_the_next_deployment(in_the_middle):
        traffic = {"steps": [{"weight": 0.5, "bake_seconds": 30}]} if zombies else "AllAtOnce"
        source = GOOD % 5
        after = world.redeploy(source, traffic)
    green = after.document.get("green", {}).get("version")
    if after.ended != "Deployed":
        yield f"3: the next deployment ended {after.ended} ({after.error}: {after.cause[:300]})"
    elif world.route() != (green, ()) or world.digest_of(green) != digest(source):
        yield f"3: the next deployment is Deployed, and the alias is at {world.route()}"
    elif world.digest() != digest(source):
        yield "3: the next deployment is Deployed, and $LATEST is something else"
    if zombies:
        _recovered(world, "Deployed")
    if not world.is_calm():
        yield "3: a lock is held or a record is open after the next deployment"
    yield from (f"2: {harm} (next deployment)" for harm in dict.fromkeys(world.harmed))


KEY_PLACES = [
    ("good", Place("UpdateCode", "UpdateFunctionCode", 1)),
    ("good", Place("ShiftAlias", "UpdateAlias", 2)),
    ("good", Place("CompleteDeployment", "UpdateItem", 1)),
    ("bad", Place("RollBack", "UpdateAlias", 1)),
    ("good", Place("PublishVersion", "PublishVersion", 1)),
    ("good", Place("OpenDeployment", "TransactWriteItems", 1)),
    ("stopped", Place("RecoverDeployments", "UpdateAlias", 1)),
    ("heir", Place("OpenDeployment", "UpdateAlias", 1)),
]
"""The calls that change something."""

KEY_STATES = [Place("ShiftAlias", "", 2), Place("UpdateCode", "", 1), Place("CompleteDeployment", "", 1)]


def quick() -> Iterator[Case]:
    """The fixed subset that `make test` runs: every kind, at a few of the places that change something."""
    yield from map(Case, SCENARIOS)
    yield from (Case("good", ((kind, kinds.EVERYWHERE),)) for kind in kinds.RUNS)
    for number, kind in enumerate(kinds.PASSING):
        for scenario, place in (KEY_PLACES[number % 8], KEY_PLACES[(number + 3) % 8]):
            yield Case(scenario, ((kind, place),))
    for number, kind in enumerate(kinds.OTHERS):
        for scenario, place in (KEY_PLACES[number % 6], KEY_PLACES[(number + 3) % 6]):
            yield Case(scenario, ((kind, place),))
    for number, kind in enumerate(kinds.METRICS):
        yield Case("bad" if number % 2 else "good", ((kind, Place("CheckHealth", "GetMetricData", 1)),))
    for number, kind in enumerate((*kinds.STATES, *kinds.TASKS)):
        yield Case("good", ((kind, KEY_STATES[number % 3]),))
    yield from (Case("good", ((f"{kind}, event lost", KEY_STATES[0]),)) for kind in kinds.EVENT_LOST)
    for at_call, at_state in zip(kinds.HANGING_AT_CALLS, kinds.HANGING_AT_STATES, strict=True):
        yield Case("good", ((at_call, Place("OpenDeployment", "GetAlias", 1)),))
        yield Case("good", ((at_state, Place("SmokeTestGreen", "", 1)),))
    yield Case("good", ((kinds.OLDER, Place("Deployed", "", 1)),))
