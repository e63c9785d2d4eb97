"""What a release would do, take and cost, and every entry that AWS would have refused. Nothing is changed."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from bluegreen.decisions import release_pace
from bluegreen.decisions.pace import looks
from bluegreen.decisions.words import of_schedule, of_signals
from bluegreen.document import UNMOVED, Brings
from bluegreen.errors import DeploymentError, Frozen, InvalidRequest
from bluegreen.ledger import locks
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.plan import brings
from bluegreen.opening.preflight import PREFLIGHT
from bluegreen.request.artifact import Existing, InLatest
from bluegreen.request.release import CALLS_TO_OPEN, Member
from bluegreen.request.request import Request
from bluegreen.request.traffic import Schedule, Step
from bluegreen.target import Target
from bluegreen.text import duration, plain
from bluegreen.verdict.release import failures_needed, false_alarm_of_one, needed_for_one
from bluegreen.verdict.words import odds
from bluegreen_cli.before import Before
from bluegreen_cli.format import percent
from bluegreen_cli.problems import NOTHING_UPLOADED_OR_STARTED, Refused, of_error
from bluegreen_cli.releases.document import CHECK_IT, Read
from bluegreen_cli.releases.together import each_of
from bluegreen_cli.stack import Stack

DOLLARS_PER_TRANSITION = 0.025 / 1000
"""The list price of Step Functions Standard. Retries come on top."""

OPENED = ("OpenRelease", "WhatToRelease?", "OpenFunctions", "ConfirmOpen", "AnythingToStage?")
STAGED = ("StageFunctions", "ConfirmStaged", "WhatNext?")
SHIFT = ("ShiftWave", "WhatNext?")
LOOK = ("Bake", "LookAtWave", "WhatNext?")
COMPLETE = ("CompleteRelease", "WhatNext?")
RELEASED = ("Released",)
NOTHING_TO_DEPLOY = ("NothingToDeploy",)
MAP = ("EachFunction", "Done")
"""Of the machine of the functions, which is started twice."""
OPENED_EACH = ("Phase?", "OpenMember", "Noted")
NOTED = ("NoteStaged", "Noted")
STAGED_EACH: dict[Brings, tuple[str, ...]] = {
    "new_code": (
        *("Phase?", "WhatToStage?", "UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen"),
        *NOTED,
    ),
    "latest": ("Phase?", "WhatToStage?", "SmokeTest", "PublishVersion", "SmokeTestGreen", *NOTED),
    "version": ("Phase?", "WhatToStage?", "SmokeTestGreen", *NOTED),
    "mending": ("Phase?", "WhatToStage?", "MendLatest", *NOTED),
    "nothing": (),
}
"""The states of a function's child execution. One that has its code already has none."""

OPENING_CALLS: dict[Brings, int] = {
    **dict.fromkeys(("new_code", "latest", "version"), CALLS_TO_OPEN),
    **dict.fromkeys(UNMOVED, 2),
}
"""Of Lambda's control plane, by OpenMember. The callers of an alias that stays are not read."""
STAGING_CALLS: dict[Brings, int] = {"new_code": 2, "latest": 1, "version": 0, "mending": 1, "nothing": 0}
"""UpdateFunctionCode and PublishVersion."""

MOST_NAMED = 5
SAY_EVERY = 20
"""So many checks lie between two lines about them."""


@dataclass(frozen=True)
class Checked:
    """A function, what its artifact brings, and the warnings about it. `seen` says whether AWS was asked about it."""

    member: Member
    target: Target
    brings: Brings
    warnings: tuple[str, ...] = ()
    seen: bool = True


@dataclass(frozen=True)
class PlannedWave:
    """
    When a wave comes at the earliest, how long it takes, and its functions. Seconds count from the start.

    In a wave that does not move any alias the first look of each step goes on.
    """

    functions: tuple[str, ...]
    approve: bool
    before: str | None
    after: str | None
    after_seconds: int
    seconds: int
    moves: bool


@dataclass(frozen=True)
class Planned:
    """What a release comes to, if every green is healthy, and no state is retried. `calls` are paced ones."""

    origin: str
    checked: tuple[Checked, ...]
    rollback: str
    schedule: Schedule
    pace_seconds: int
    waves: tuple[PlannedWave, ...]
    opening_seconds: int
    staging_seconds: int
    seconds: int
    longest_seconds: int
    calls: int
    calls_per_second: float
    transitions: int
    needed_nats: float
    failures_needed: int | None
    watch: tuple[str, ...]

    @property
    def dollars(self) -> float:
        """The price of the state transitions."""
        return self.transitions * DOLLARS_PER_TRANSITION


def checked(read: Read, stack: Stack) -> Planned:
    """Check every function as OpenMember does, several at once. Raises Refused, with all that would be refused."""
    found: dict[int, Checked] = {}
    wrong: dict[int, DeploymentError] = {}

    def check(member: Member) -> None:
        try:
            found[member.number] = _check(read, member, stack)
        except DeploymentError as error:
            wrong[member.number] = error

    members = read.release.members
    for done in each_of(members, check):
        if done % SAY_EVERY == 0 or done == len(members):
            click.echo(f"checked {done} of {len(members)}", err=True)
    _raise(read, wrong)
    return planned(read, [found[each.number] for each in members], stack)


def _raise(read: Read, wrong: dict[int, DeploymentError]) -> None:
    """What the functions are refused for comes before what AWS did not answer."""
    said = [_named(read, number, str(error)) for number, error in sorted(wrong.items())]
    if any(isinstance(error, InvalidRequest | Frozen) for error in wrong.values()):
        those = f"{len(said)} function{'s' if len(said) > 1 else ''} of {plain(read.origin)}"
        advice = f"Each line says what to do. {CHECK_IT}"
        raise Refused(f"{those} cannot be deployed", NOTHING_UPLOADED_OR_STARTED, advice, said)
    for number, error in sorted(wrong.items()):
        function = read.targets[number].function
        problem = of_error(error, f"checking {function}", NOTHING_UPLOADED_OR_STARTED)
        problem.details = [plain(each) for each in said]
        raise problem


def _named(read: Read, number: int, said: str) -> str:
    """As the document's own mistakes are told: by the place in the list, from 0."""
    return f"functions.{number - 1} ({read.targets[number].function}): {said}"


def _check(read: Read, member: Member, stack: Stack) -> Checked:
    """Functions elsewhere are not seen: only the deployer may assume the roles of targets."""
    target = read.targets[member.number]
    if target.elsewhere:
        return Checked(member, target, _by_artifact(member.request), seen=False)
    situation = Before(_as_opened(read, member), target, stack, read.local.get(member.number))
    warnings = must_pass(BEFORE_THE_LOCK, situation)
    if lock := locks.held(target):
        whose = f"the release {lock.release}" if lock.release else lock.deployment
        watch = f"`bluegreen watch {lock.release or lock.deployment}`"
        raise InvalidRequest(f"{target} is being deployed to by {whose}; wait for it: {watch}")
    warnings += must_pass(WITH_THE_LOCK, situation)
    brought = brings(situation.artifact, situation.blue, situation.successor)
    if brought not in UNMOVED:
        warnings += must_pass(PREFLIGHT, situation)
    return Checked(member, target, brought, tuple(map(str, warnings)))


def _as_opened(read: Read, member: Member) -> Request:
    """The request with what is the release's, as OpenRelease hands it to OpenMember."""
    whole = read.release
    doubt = false_alarm_of_one(len(whole.members), whole.false_alarm)
    health = member.request.health.model_copy(update={"false_alarm": doubt})
    return member.request.model_copy(
        update={"traffic": whole.traffic, "health": health, "override_freeze": whole.override_freeze}
    )


def _by_artifact(request: Request) -> Brings:
    if isinstance(request.artifact, Existing):
        return "version"
    return "latest" if isinstance(request.artifact, InLatest) else "new_code"


def planned(read: Read, functions: Sequence[Checked], stack: Stack) -> Planned:
    """The plan of a document whose functions were checked."""
    release = read.release
    schedule = release.schedule(stack.default_traffic)
    pace = release_pace.pace_of(release, stack.default_traffic)
    by_number = {each.member.number: each for each in functions}
    opening = _paced(functions, release.calls_per_second, lambda each: OPENING_CALLS[each.brings])
    staging = _paced(functions, release.calls_per_second, lambda each: STAGING_CALLS[each.brings])
    at = opening + staging
    waves = []
    for wave in release.waves:
        of_wave = [by_number[number] for number in wave.numbers]
        moves = any(each.brings not in UNMOVED for each in of_wave)
        seconds = _paced(of_wave, release.calls_per_second, lambda each: _shifts(each, schedule))
        seconds += sum(looks(step.bake_seconds, pace)[-1] for step in schedule.steps) if moves else 0
        before, after = (hook.function if hook else None for hook in (wave.hooks.before, wave.hooks.after))
        names = tuple(each.target.said for each in of_wave)
        waves.append(PlannedWave(names, wave.approve, before, after, at, seconds, moves))
        at += seconds
    completing = _paced(functions, release.calls_per_second, lambda each: int(each.brings != "nothing"))
    anything = any(each.brings != "nothing" for each in functions)
    nats = needed_for_one(len(functions), release.false_alarm)
    return Planned(
        origin=read.origin,
        checked=tuple(functions),
        rollback=release.rollback,
        schedule=schedule,
        pace_seconds=pace,
        waves=tuple(waves) if anything else (),
        opening_seconds=opening,
        staging_seconds=staging,
        seconds=at + completing if anything else opening,
        longest_seconds=max(at + completing, release.longest_in_all(schedule)),
        calls=sum(_calls(each, schedule) for each in functions),
        calls_per_second=release.calls_per_second,
        transitions=_transitions(functions, waves, schedule, pace, release.calls_per_second),
        needed_nats=nats,
        failures_needed=_failures(schedule, nats),
        watch=tuple(_watch(read, schedule)),
    )


def _paced(functions: Sequence[Checked], rate: float, calls: Any) -> int:
    """Seconds of so many calls for each; every account and region has its own turns."""
    each_has: Counter[tuple[str, str]] = Counter()
    for each in functions:
        each_has[each.target.account, each.target.region] += calls(each)
    return math.ceil(max(each_has.values(), default=0) / rate)


def _shifts(each: Checked, schedule: Schedule) -> int:
    return 0 if each.brings in UNMOVED else len(schedule.steps)


def _calls(each: Checked, schedule: Schedule) -> int:
    """CompleteRelease reads the alias once more."""
    kind = each.brings
    return OPENING_CALLS[kind] + STAGING_CALLS[kind] + _shifts(each, schedule) + int(kind != "nothing")


def _transitions(
    functions: Sequence[Checked], waves: Sequence[PlannedWave], schedule: Schedule, pace: int, rate: float
) -> int:
    """AWS bills the start of each child as one. An approval is counted with the one look that finds it made."""
    opened = len(OPENED) + len(MAP) + (1 + len(OPENED_EACH)) * len(functions)
    if all(each.brings == "nothing" for each in functions):
        return opened + len(NOTHING_TO_DEPLOY)
    staged = len(STAGED) + len(MAP)
    staged += sum(1 + len(STAGED_EACH[each.brings]) for each in functions if each.brings != "nothing")
    shifted = 0
    for wave in waves:
        times = release_pace.times_shifted(len(wave.functions), rate, pace)
        shifted += len(SHIFT) * len(schedule.steps) * times
        shifted += len(LOOK) * sum(_looks(len(wave.functions), rate, pace, step, wave.moves) for step in schedule.steps)
        shifted += len(LOOK) * wave.approve
    return opened + staged + shifted + len(COMPLETE) * _slices(len(functions), rate) + len(RELEASED)


def _looks(functions: int, rate: float, pace: int, step: Step, moves: bool) -> int:
    """How often LookAtWave runs in a step. Where no alias moves, it has nothing to look at."""
    return release_pace.looks_at_wave(functions, rate, pace, step) if moves else 1


def _slices(calls: int, rate: float) -> int:
    return max(1, math.ceil(calls / (release_pace.SLICE_SECONDS * rate)))


def _failures(schedule: Schedule, nats: float) -> int | None:
    """At the first share. None without a bake, and where more than a thousand would be needed."""
    weight = schedule.steps[0].weight
    if not schedule.watched or weight >= 1:
        return None
    try:
        return failures_needed(nats, weight)
    except ValueError:
        return None


def _watch(read: Read, schedule: Schedule) -> Iterator[str]:
    if not schedule.watched:
        yield "no green is watched under traffic: the strategy has no bake"
        return
    slowest = max((each.request.health for each in read.release.members), key=lambda health: health.sight_seconds)
    yield of_signals(slowest)
    if said := of_schedule(schedule, slowest.sight_seconds):
        yield said


def say(plan: Planned, as_json: bool) -> None:
    """The plan on stdout."""
    if as_json:
        click.echo(json.dumps(to_json(plan), indent=2))
        return
    for line in lines(plan):
        click.echo(line)


def lines(plan: Planned) -> Iterator[str]:
    """For people."""
    functions = len(plan.checked)
    brought = Counter(each.brings for each in plan.checked)
    if not plan.waves:
        all_ = f"all {functions} functions of {plain(plan.origin)}"
        yield f"Nothing to deploy: {all_} serve this code and these settings."
        return
    waves = f"{len(plan.waves)} wave{'s' if len(plan.waves) > 1 else ''}"
    yield f"{plain(plan.origin)}: {_number(functions)} in {waves}, by {plan.schedule.name}:"
    yield f"  {', '.join(f'{count} {BROUGHT[kind]}' for kind, count in sorted(brought.items()))}"
    if targets := _targets(plan):
        yield f"  targets: {_some(targets)}; a failure puts back {PUT_BACK[plan.rollback]}"
    yield from (f"  warning: {each.target.said}: {warning}" for each in plan.checked for warning in each.warnings)
    if unseen := [each for each in plan.checked if not each.seen]:
        names = _some([each.target.said for each in unseen])
        yield f"  not checked: {names}; only the deployer may assume their roles"
    yield (
        f"  first every function is checked and locked, for about {duration(plan.opening_seconds)}; then every green "
        f"is made and tested, for about {duration(plan.staging_seconds)} and as long as Lambda needs"
    )
    for place, wave in enumerate(plan.waves, start=1):
        yield f"  wave {place} of {len(plan.waves)}: {_of_wave(wave)}"
    yield from (f"  {each}" for each in plan.watch)
    yield f"  {needed(plan)}"
    each = " in each account and region" if targets else ""
    yield f"  {plan.calls:,} calls of Lambda's control plane, {plan.calls_per_second:g} a second at most{each}"
    yield (
        f"  in all about {duration(plan.seconds)}, and with drawn-out bakes and approvals up to "
        f"{duration(plan.longest_seconds)}; {plan.transitions:,} state transitions, ${plan.dollars:.5f}"
    )


BROUGHT: dict[str, str] = {
    "latest": "get what $LATEST has",
    "mending": "only have $LATEST mended",
    "new_code": "get new code",
    "nothing": "have this code already",
    "version": "get a published version",
}
PUT_BACK = {"all": "all functions", "target": "those of its own target"}


def _targets(plan: Planned) -> list[str]:
    """Each with its place and how many functions it has; none if all functions are beside the stack."""
    of_each = Counter((each.target.place, each.target.account, each.target.region) for each in plan.checked)
    if not any(place for place, _, _ in of_each):
        return []
    return [
        f"{place} ({account}, {region}; {_number(count)})" if place else f"here ({_number(count)})"
        for (place, account, region), count in of_each.items()
    ]


def _number(functions: int) -> str:
    return f"{functions} function{'s' if functions > 1 else ''}"


def needed(plan: Planned) -> str:
    """What one bad function among all must show before the release goes back."""
    number, at = len(plan.checked), percent(plan.schedule.steps[0].weight)
    level = f"one bad green of {number} rolls the release back at odds of {odds(plan.needed_nats + 1e-9)}"
    if plan.failures_needed is None:
        return level
    return (
        f"{level}: {plan.failures_needed} failed requests at {at} in a minute in which none succeeds and none of "
        "blue's fails"
    )


def _of_wave(wave: PlannedWave) -> str:
    parts = [f"{_number(len(wave.functions))} after {duration(wave.after_seconds)}"]
    parts += ["once a person approved it"] if wave.approve else []
    parts += [f"once the hook {wave.before} let it"] if wave.before else []
    parts += [f"for {duration(wave.seconds)}"]
    parts += [f"then the hook {wave.after} is asked"] if wave.after else []
    return f"{', '.join(parts)}: {_some(wave.functions)}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return f"{', '.join(names[:MOST_NAMED])}{f' and {more} more' if more > 0 else ''}"


def to_json(plan: Planned) -> dict[str, Any]:
    """For programs that read stdout."""
    return {
        "functions": [
            {
                **each.target.shown,
                **({"target": each.target.place} if each.target.place else {}),
                "wave": each.member.wave + 1,
                "brings": each.brings,
                "checked": each.seen,
                "warnings": list(each.warnings),
            }
            for each in plan.checked
        ],
        "anything_to_deploy": bool(plan.waves),
        "traffic": plan.schedule.name,
        "waves": [asdict(each) for each in plan.waves],
        "look_seconds": plan.pace_seconds,
        "opening_seconds": plan.opening_seconds,
        "staging_seconds": plan.staging_seconds,
        "seconds": plan.seconds,
        "longest_seconds": plan.longest_seconds,
        "calls": plan.calls,
        "calls_per_second": plan.calls_per_second,
        "transitions": plan.transitions,
        "dollars": round(plan.dollars, 6),
        "needed_odds": math.exp(plan.needed_nats),
        "failures_needed": plan.failures_needed,
    }
