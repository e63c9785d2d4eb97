"""
The matrix: scenarios, the places in each, the cases that follow, and one run of a case.

    good      four shifts, Deployed                 bad       found out in the first bake, RolledBack
    late      an alarm tells once green has all     refused   the upload is no zip, Rejected
    stopped   a person stops it in its second bake, and recovery is told
    swept     the same, and recovery is not told but comes by itself
    heir      another deployment was stopped before and not recovered; this one does it

and those in which people take part:

    gated       hooks, approvals before the first and a later step, old versions deleted, Deployed
    declined    a person declines the first shift          unanswered  nobody decides about a later step in time
    aborted     a person aborts in the second bake         called off  the same while an approval is waited for
    steered     paused, resumed, promoted twice, Deployed  forgotten   paused, and nobody resumes
    frozen      refused in a freeze                        overridden  the request says that it may be begun in one
"""

import base64
import functools
import hashlib
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3

from tests.crash import checks, kinds, states
from tests.crash.branches import Alone, Course, course_of
from tests.crash.world import World, a_world
from tests.crash.world.driver import LAMBDA_WAITS_SECONDS
from tests.crash.world.function import ALARM, OTHER, UPDATE_SECONDS
from tests.crash.world.places import AtState, Case, Place
from tests.crash.world.recovery import SWEEP_SECONDS
from tests.crash.world.seams import READS
from tests.crash.world.table import Record
from tests.machine.deployer import BAD_UNDER_TRAFFIC, FUNCTION, GOOD, alarm, zip_of
from tests.machine.walk import Run
from tests.permissions.seen import Seen

HOOK = "ShopHook"
LATE = "def handler(event, context): return {'statusCode': 200 // (not event.get('late'))}"
SETTINGS: dict[str, dict[str, Any]] = {
    "traffic": {
        "steps": [{"weight": 0.1, "bake_seconds": 60}, {"weight": 0.5, "bake_seconds": 60}],
        "final_bake_seconds": 60,
    },
    "health": {"period_seconds": 30, "delay_seconds": 0, "alarms": [ALARM]},
}
WITHOUT_CONTROL = SETTINGS | {"traffic": SETTINGS["traffic"] | {"keep_control": 0}}
"""Green has all traffic in the last bake: nothing is left to compare it with, and only the alarm acts."""
GATED = SETTINGS | {
    "traffic": {
        "steps": [{"weight": 0.1, "bake_seconds": 30}, {"weight": 0.5, "bake_seconds": 30, "approve": True}],
        "final_bake_seconds": 30,
    },
    "hooks": {"before_traffic": HOOK, "after_step": HOOK, "after_traffic": HOOK},
    "approval": {"required": True, "timeout_seconds": 600},
    "keep_versions": {"count": 1, "also_others": True},
}
"""Every gate before every shift, and an old version to delete. Each bake has one look, unless it waits."""

LATER = SETTINGS | {
    "traffic": {"steps": [{"weight": 0.1, "bake_seconds": 30}, {"weight": 0.5, "bake_seconds": 30, "approve": True}]},
    "approval": {"timeout_seconds": 60},
}
"""A later step waits for a person, and not for long."""

MOST_SWEEPS = 14
HELP_COMES_AFTER_SWEEPS = 2


@dataclass(frozen=True)
class Act:
    """What a person does when the execution enters a state for the nth time, or without one before the upload."""

    what: str
    state: str = ""
    nth: int = 1


@dataclass(frozen=True)
class Scenario:
    """
    What happens without a fault; `places` says which of its places are its own, and `people` who takes part.

    The deployment of an `heir` finds another one that was stopped, and undoes it. Of the `looks` of a bake only the
    first is a place: the others are the same again, a number in the document aside.
    """

    name: str
    source: str
    ends: str
    prepare: Callable[[World], None] = lambda world: None
    places: Callable[[Place], bool] = lambda place: True
    events: int = 1
    heir: bool = False
    looks: int = 2
    people: tuple[Act, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: SETTINGS)


def _users_turn_late(world: World) -> None:
    def turn() -> None:
        world.users.late = True
        with world.aws.acting(None, immune=True):
            alarm(ALARM, "ALARM")

    world.script.at_states.append(AtState(states.SHIFT, 3, "left", turn, is_fault=False))


def _stopped_in_the_second_bake(world: World) -> None:
    world.script.at_states.append(AtState(states.BAKE, 3, "entered", world.operators.stop, is_fault=False))


def _stopped_before(world: World) -> None:
    with world.uncounted.work():
        request = {"function": FUNCTION, "artifact": world.deployer.upload(GOOD % 3, "dead.zip"), **SETTINGS}
        arn = world.aws.start(request, "dead")
        world.aws.after(40, lambda: world.aws.stop(arn))
        dead = world.aws.finish(arn)
        assert dead.ended == states.STOPPED, dead
        assert world.observer.is_split(), world.observer.route()
    world.ledger.changes.clear()


def _with_hook_and_old_version(world: World) -> None:
    """The hook has opted in, nothing names version 3, and an alias of another tool's keeps the version OTHER."""
    world.aws.create_function(HOOK, "def handler(event, context): return {'status': 'Succeeded'}")
    lambda_ = boto3.client("lambda")
    lambda_.publish_version(FunctionName=FUNCTION)
    world.aws.clock.sleep(UPDATE_SECONDS)
    lambda_.create_alias(FunctionName=FUNCTION, Name="THEIRS", FunctionVersion=OTHER)


def _of_an_abort(place: Place) -> bool:
    return place.state in (states.API, states.RECOVERY, states.ROLL_BACK, states.ROLLED_BACK)


def _of_a_look(place: Place) -> bool:
    """The calls of the looks and of the API, and every state that comes after green is published."""
    if place.operation:
        return place.state in (states.API, states.CHECK_HEALTH)
    return place.state not in states.BEFORE_USERS


def _of_a_freeze(place: Place) -> bool:
    """What is asked of the table while the deployment is opened, and what is written there."""
    reads = place.operation in READS - {"Query"}
    return place.state in (states.API, states.OPEN, states.REJECT) and not reads


GATES_AND_TIDYING = frozenset({states.API, states.WHAT_NEXT, states.SHIFT, states.CHECK_HEALTH})
GATES_AND_TIDYING |= states.GATES | states.TIDIES

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("good", GOOD % 2, states.DEPLOYED),
        Scenario(
            "bad", BAD_UNDER_TRAFFIC, states.ROLLED_BACK, places=lambda place: place.state not in states.BEFORE_USERS
        ),
        Scenario(
            "late",
            LATE,
            states.ROLLED_BACK,
            _users_turn_late,
            lambda place: (
                (place.state == states.SHIFT and place.nth >= 2)
                or (place.state == states.CHECK_HEALTH and place.nth >= 5)
                or place.state in (states.ROLL_BACK, states.ROLLED_BACK)
            ),
            settings=WITHOUT_CONTROL,
        ),
        Scenario("refused", "", states.REJECTED, places=lambda place: place.state != states.TRIGGER),
        Scenario(
            "stopped",
            GOOD % 2,
            states.STOPPED,
            _stopped_in_the_second_bake,
            lambda place: place.state == states.RECOVERY,
        ),
        Scenario(
            "swept",
            GOOD % 2,
            states.STOPPED,
            _stopped_in_the_second_bake,
            lambda place: place.state == states.RECOVERY,
            events=0,
        ),
        Scenario(
            "heir",
            GOOD % 2,
            states.DEPLOYED,
            _stopped_before,
            lambda place: place.state in (states.OPEN, states.RECOVER_PREVIOUS),
            heir=True,
        ),
        Scenario(
            "gated",
            GOOD % 2,
            states.DEPLOYED,
            _with_hook_and_old_version,
            lambda place: place.state in GATES_AND_TIDYING,
            looks=1,
            people=(Act("approve", states.OPEN),),
            settings=GATED,
        ),
        Scenario(
            "declined",
            GOOD % 2,
            states.ROLLED_BACK,
            places=lambda place: place.state in (states.API, states.AWAIT_APPROVAL, states.ROLL_BACK),
            people=(Act("reject", states.OPEN),),
            settings=SETTINGS | {"approval": {"required": True}},
        ),
        Scenario("unanswered", GOOD % 2, states.ROLLED_BACK, places=_of_a_look, looks=1, settings=LATER),
        Scenario("aborted", GOOD % 2, states.ROLLED_BACK, places=_of_an_abort, people=(Act("abort", states.BAKE, 3),)),
        Scenario(
            "called off",
            GOOD % 2,
            states.ROLLED_BACK,
            places=_of_an_abort,
            people=(Act("abort a little later", states.AWAIT_APPROVAL),),
            settings=SETTINGS | {"approval": {"required": True}},
        ),
        Scenario(
            "steered",
            GOOD % 2,
            states.DEPLOYED,
            places=_of_a_look,
            looks=1,
            people=(
                *(Act("pause", states.BAKE), Act("resume", states.BAKE, 3)),
                *(Act("promote to the next step", states.BAKE, 4), Act("promote", states.SHIFT, 3)),
            ),
        ),
        Scenario(
            "forgotten", GOOD % 2, states.ROLLED_BACK, places=_of_a_look, people=(Act("pause and forget", states.BAKE),)
        ),
        Scenario(
            "frozen",
            GOOD % 2,
            states.REJECTED,
            places=_of_a_freeze,
            people=(Act("freeze"),),
        ),
        Scenario(
            "overridden",
            GOOD % 2,
            states.DEPLOYED,
            places=_of_a_freeze,
            people=(Act("freeze"),),
            settings=SETTINGS | {"override_freeze": "the shop is down"},
        ),
    )
}


@dataclass
class Outcome:
    """
    What came of a run. `whole_after` is in control-plane calls from a stop to a whole alias, if it was split.

    `asked` is what the roles' calls asked of IAM, and `seconds` are of CPU, from the first fault on.
    """

    case: Case
    ended: str
    violations: list[str]
    served: int
    harmed: int
    sweeps: int
    whole_after: int | None
    seconds: float = 0.0
    unmet: bool = False
    record: Record | None = None
    told: list[str] = field(default_factory=list)
    asked: frozenset[Seen] = frozenset()


@cache
def fault_free(scenario: str) -> Course:
    """The scenario's run without a fault; of its calls and states its own ones only."""
    with _prepared(scenario) as world:
        run = _deploy(world, scenario)
        assert run is not None
        assert run.ended == SCENARIOS[scenario].ends, f"{scenario}: {run.ended} {run.cause}"
        world.people.left = True
        recovered(world, run.ended)
        own, looks = SCENARIOS[scenario].places, SCENARIOS[scenario].looks
        calls, visits = (
            [place for place in places if own(place) and not _looks_again(place, looks)]
            for places in (_without_polls(world.calls.trace), world.states.visits)
        )
        return course_of(world, calls, visits)


def _without_polls(trace: list[Place]) -> list[Place]:
    """Of the same call again and again, the first and the last: those between wait for the same thing."""
    kind = [(place.state, place.operation) for place in trace]
    return [
        place
        for number, place in enumerate(trace)
        if not 0 < number < len(trace) - 1 or not kind[number - 1] == kind[number] == kind[number + 1]
    ]


def _looks_again(place: Place, looks: int) -> bool:
    """Whether it is no first look of a bake. The machine comes to its choice once before there is any."""
    number = place.nth - (place.state == states.WHAT_NEXT)
    return place.state in states.LOOKING and number > 0 and (number - 1) % looks > 0


def cases(scenarios: Collection[str] = SCENARIOS.keys()) -> Iterator[Case]:
    """Every kind of fault at every place of these scenarios."""
    for name in scenarios:
        calls, visits, _ = fault_free(name)
        yield Case(name)
        yield from (Case(name, ((kind, kinds.EVERYWHERE),)) for kind in kinds.RUNS)
        for place in calls:
            yield from (Case(name, ((kind, place),)) for kind in kinds.at_call(place) if _differs(kind, name, place))
        for place in visits:
            yield from (Case(name, ((kind, place),)) for kind in kinds.at_state(place) if _applies(kind, name, place))
            yield from (Case(name, ((f"{kind}, event lost", place),)) for kind in kinds.EVENT_LOST)
    outlives = "stopped, the handler goes on after recovery"
    for place in fault_free("good").calls if "good" in scenarios else ():
        if place.state in (states.UPDATE_CODE, states.PUBLISH, states.COMPLETE) or (
            place.state == states.SHIFT and place.nth == 2
        ):
            yield from (Case("good", ((outlives, place),), number) for number in range(1, 21))


def _applies(kind: str, scenario: str, place: Place) -> bool:
    """An older upload is rightly deployed before the newer one has a plan, and where that is no zip."""
    before_the_plan = place.state in (states.OPEN, states.RECOVER_PREVIOUS)
    return kind != kinds.OLDER or (scenario != "refused" and not before_the_plan)


def _differs(kind: str, scenario: str, place: Place) -> bool:
    """
    A handler that changes nothing and outlives its execution only notes its step: once for each operation.

    Where people take part, others act in the states alone, a handler outlives its execution where it writes, and of
    kinds that our handlers treat alike there is one.
    """
    people = bool(SCENARIOS[scenario].people)
    if people and (kind.startswith("another actor") or kind in kinds.HANGING_AT_CALLS | kinds.ALIKE):
        return False
    if "goes on" not in kind:
        return True
    if people and place.operation in READS:
        return False
    return place.state not in states.CHANGES_NOTHING or place.nth == 1


def pairs(number: int, seed: int) -> Iterator[Case]:
    """Two faults in one run, at random."""
    if number == 0:
        return
    dice = random.Random(seed)
    single = [
        case
        for case in cases()
        if len(case.faults) == 1 and case.resume_at is None and case.faults[0][0] != kinds.OLDER
    ]
    by_scenario = {name: [case for case in single if case.scenario == name] for name in SCENARIOS}
    for _ in range(number):
        name = dice.choice(["good", "bad", *SCENARIOS])
        one, other = dice.sample(by_scenario[name], 2)
        yield Case(name, one.faults + other.faults)


@contextmanager
def _prepared(name: str) -> Iterator[World]:
    scenario = SCENARIOS[name]
    with a_world() as world:
        world.users.known_bad = {digest(BAD_UNDER_TRAFFIC), digest(LATE)}
        scenario.prepare(world)
        for act in scenario.people:
            if act.state:
                do = functools.partial(world.people.act, act.what)
                world.script.at_states.append(AtState(act.state, act.nth, "entered", do, is_fault=False))
        world.uploads.put(scenario.source, scenario.settings)
        world.recovery.events = scenario.events
        yield world


def _deploy(world: World, scenario: str) -> Run | None:
    """What people do before the upload, and the deployment under test."""
    for act in SCENARIOS[scenario].people:
        if not act.state:
            world.people.act(act.what)
    return world.driver.deploy()


def digest(source: str) -> str:
    """As Lambda writes it."""
    return base64.b64encode(hashlib.sha256(zip_of(source)).digest()).decode()


def recovered(world: World, ended: str) -> int:
    """Recovery has its turn: the event, if the execution ended badly, and the sweep until nothing is left to do."""
    if ended not in states.GOOD_ENDS:
        for _ in range(world.recovery.events):
            for seconds in LAMBDA_WAITS_SECONDS:
                if world.recovery.hear():
                    break
                world.aws.clock.sleep(seconds)
    sweeps = 0
    while sweeps < MOST_SWEEPS:
        world.aws.clock.sleep(SWEEP_SECONDS)
        sweeps += 1
        if sweeps > HELP_COMES_AFTER_SWEEPS:
            world.script.end_what_lasts()
        if world.recovery.sweep() and world.table.is_calm() and sweeps > 1:
            break
    return sweeps


def run(case: Case) -> Outcome:
    """One run of a case, and everything that is wrong after it."""
    return play(Alone(case))


def play(branch: Alone) -> Outcome:
    """Play the case of this process; answers what came of it, and everything that is wrong then."""
    with _prepared(branch.case.scenario) as world:
        branch.begin(world)
        execution = _deploy(world, branch.case.scenario)
        ended = execution.ended if execution else "not started"
        world.users.quiet = world.people.left = True
        sweeps = recovered(world, ended) if execution else 0
        if not world.zombies.resume_in_the_next and world.zombies.resume():
            sweeps += recovered(world, states.DEPLOYED)
        world.users.quiet = False
        told = world.deployer.notified()
        scenario = SCENARIOS[branch.case.scenario]
        found = list(checks.violations(world, execution, heir=scenario.heir))
        found += checks.disobeyed(world, scenario.settings)
        record = world.table.record_of(world.driver.execution)
        if record and record.state in states.TOLD_OF and not told:
            found.append(f"told: no notification says that it is {record.state}")
        found += [
            f"3: an older upload's late event ended {late.ended}"
            for late in world.driver.late_runs
            if late.ended != states.REJECTED
        ]
        where = [place.state for kind, place in branch.case.faults if kind.startswith("another actor: $LATEST")]
        found += checks.unnoticed(world, record, where)
        unmet = not all(world.script.met())
        found += _next(world)
        return Outcome(
            case=branch.case,
            ended=ended,
            violations=found,
            served=world.users.served.total(),
            harmed=len(world.users.harmed),
            sweeps=sweeps,
            whole_after=world.stopwatch.whole_after,
            unmet=unmet,
            record=record,
            told=told,
        )


def _next(world: World) -> Iterator[str]:
    """The next deployment of that function succeeds without help."""
    zombies = world.zombies.resume_in_the_next
    world.people.lift_the_freeze()
    if world.observer.is_split() and world.ledger.left_by_others("alias") == world.observer.route():
        refused = world.driver.redeploy(GOOD % 5, "AllAtOnce")
        if refused.ended != states.REJECTED or "split already" not in refused.cause:
            ended = f"{refused.ended} ({refused.error}: {refused.cause[:300]})"
            yield f"4: someone else left the alias split, and the next deployment ended {ended}"
        world.others.act("blue")

    def in_the_middle(state: str, moment: str) -> None:
        if zombies and (state, moment) == (states.SHIFT, "left"):
            world.zombies.resume()

    with world.states.in_the_next_deployment(in_the_middle):
        traffic = {"steps": [{"weight": 0.5, "bake_seconds": 30}]} if zombies else "AllAtOnce"
        source = GOOD % 5
        after = world.driver.redeploy(source, traffic)
    green = (after.document.get("green") or {}).get("version")
    if after.ended != states.DEPLOYED:
        yield f"3: the next deployment ended {after.ended} ({after.error}: {after.cause[:300]})"
    elif world.observer.route() != (green, ()) or world.observer.digest_of(green) != digest(source):
        yield f"3: the next deployment is Deployed, and the alias is at {world.observer.route()}"
    elif world.observer.digest() != digest(source):
        yield "3: the next deployment is Deployed, and $LATEST is something else"
    if zombies:
        recovered(world, states.DEPLOYED)
    if not world.table.is_calm():
        yield "3: a lock is held or a record is open after the next deployment"
    yield from (f"2: {harm} (next deployment)" for harm in dict.fromkeys(world.users.harmed))


KEY_PLACES = [
    ("good", Place(states.UPDATE_CODE, "UpdateFunctionCode", 1)),
    ("good", Place(states.SHIFT, "UpdateAlias", 2)),
    ("good", Place(states.COMPLETE, "UpdateItem", 1)),
    ("bad", Place(states.ROLL_BACK, "UpdateAlias", 1)),
    ("good", Place(states.PUBLISH, "PublishVersion", 1)),
    ("good", Place(states.OPEN, "TransactWriteItems", 1)),
    ("stopped", Place(states.RECOVERY, "UpdateAlias", 1)),
    ("heir", Place(states.RECOVER_PREVIOUS, "UpdateAlias", 1)),
]
"""The calls that change something."""

KEY_STATES = [Place(states.SHIFT, "", 2), Place(states.UPDATE_CODE, "", 1), Place(states.COMPLETE, "", 1)]


def quick() -> Iterator[Case]:
    """The fixed subset that `make test` runs: every kind, each at one of the places that change something."""
    yield from map(Case, SCENARIOS)
    yield from (Case("good", ((kind, kinds.EVERYWHERE),)) for kind in kinds.RUNS)
    for number, kind in enumerate(kinds.PASSING):
        scenario, place = KEY_PLACES[number % 8]
        yield Case(scenario, ((kind, place),))
    for number, kind in enumerate(kinds.OTHERS):
        scenario, place = KEY_PLACES[number % 6]
        yield Case(scenario, ((kind, place),))
    for number, kind in enumerate(kinds.METRICS):
        yield Case("bad" if number % 2 else "good", ((kind, Place(states.CHECK_HEALTH, "GetMetricData", 1)),))
    of_states = [kind for kind in (*kinds.STATES, *kinds.TASKS) if kind not in kinds.IN_SCENARIOS]
    for number, kind in enumerate(of_states):
        yield Case("good", ((kind, KEY_STATES[number % 3]),))
    yield from (Case("good", ((f"{kind}, event lost", KEY_STATES[0]),)) for kind in kinds.EVENT_LOST)
    for at_call, at_state in zip(kinds.HANGING_AT_CALLS, kinds.HANGING_AT_STATES, strict=True):
        yield Case("good", ((at_call, Place(states.OPEN, "GetAlias", 1)),))
        yield Case("good", ((at_state, Place(states.SMOKE_TEST_GREEN, "", 1)),))
    yield Case("good", ((kinds.OLDER, Place(states.DEPLOYED, "", 1)),))
