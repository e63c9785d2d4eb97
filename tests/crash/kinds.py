"""
Every kind of fault, and how it is put at a place.

A kind at a call meets the nth call of one operation by one handler; a kind at a state meets the nth time that the
execution is there. A passing fault meets one call: `within` boto3's own three attempts, or `beyond` them, so that the
machine must try again.
"""

import copy
import functools
from collections.abc import Callable
from typing import Any, Literal

import boto3

from tests.crash import states
from tests.crash.world import World
from tests.crash.world.places import AtState, InHandler, Injection, Place
from tests.crash.world.seams import READS
from tests.machine.deployer import BUCKET
from tests.machine.faults import Call, HandlerKilled, HandlerTimedOut, answer

Arm = Callable[[World, Place], None]
"""Puts a fault at a place."""

InWorld = Callable[[World, Call, Callable[[], Any]], Any]
"""Meets a call of this world: makes the attempt or does not, and returns the answer."""

WITHIN, BEYOND = 2, 8
SKEW_SECONDS = 300.0
ITEMS_OF_MAPS = "internal/releases/"

THROTTLED = {
    "lambda": "TooManyRequestsException",
    "s3": "SlowDown",
    "dynamodb": "ProvisionedThroughputExceededException",
    "states": "ThrottlingException",
    "monitoring": "Throttling",
    "sns": "ThrottledException",
    "events": "ThrottlingException",
}
BROKEN = {
    "lambda": "ServiceException",
    "s3": "InternalError",
    "dynamodb": "InternalServerError",
    "states": "InternalFailure",
    "monitoring": "InternalFailure",
    "sns": "InternalFailure",
    "events": "InternalException",
}
DENIED = {"s3": "AccessDenied", "sns": "AuthorizationError"}


def _answers(codes: dict[str, str], times: int | None, otherwise: str = "AccessDeniedException") -> Arm:
    def inject(world: World, call: Call, attempt: Callable[[], Any]) -> Any:
        return answer(codes.get(call.service, otherwise), call.url)

    return _at_call(inject, times, calls_for_help=times is None)


def _no_answer(when: Literal["before", "after"], times: int | None) -> Arm:
    def inject(world: World, call: Call, attempt: Callable[[], Any]) -> Any:
        if when == "after":
            attempt()
        return answer("ReadTimeout", call.url)

    return _at_call(inject, times)


def _ends(end: type[BaseException], when: Literal["before", "after"]) -> Arm:
    def inject(world: World, call: Call, attempt: Callable[[], Any]) -> Any:
        if when == "after":
            attempt()
        raise end

    return _at_call(inject)


def _meanwhile(do: Callable[[World], object]) -> Arm:
    def inject(world: World, call: Call, attempt: Callable[[], Any]) -> Any:
        do(world)
        return attempt()

    return _at_call(inject)


def _outlives(stopped: bool, resume: Callable[[World], None]) -> Arm:
    """The handler hangs at the call while the execution goes on, or ends, without it."""

    def inject(world: World, call: Call, attempt: Callable[[], Any]) -> Any:
        if stopped:
            world.operators.stop()
        resume(world)
        world.zombies.park()
        return attempt()

    def arm(world: World, place: Place) -> None:
        world.zombies.may_park.add(place.state)
        _at_call(inject)(world, place)

    return arm


def _at_call(inject: InWorld, times: int | None = 1, *, calls_for_help: bool = False) -> Arm:
    def arm(world: World, place: Place) -> None:
        met = functools.partial(inject, world)
        world.script.injections.append(Injection(place, met, times, calls_for_help=calls_for_help))

    return arm


def _after_states(world: World) -> None:
    world.script.states_ahead.start(2, world.zombies.resume)


def _after_the_next_shift(world: World) -> None:
    world.script.states_ahead.start(9, world.zombies.resume)


def _whenever(world: World) -> None:
    """The run resumes it."""


def _after_everything(world: World) -> None:
    world.zombies.resume_in_the_next = True


PASSING = {
    "throttled, within boto3's retries": _answers(THROTTLED, WITHIN),
    "throttled, beyond them": _answers(THROTTLED, BEYOND),
    "5xx, within boto3's retries": _answers(BROKEN, WITHIN),
    "5xx, beyond them": _answers(BROKEN, BEYOND),
    "access denied, once": _answers(DENIED, 1),
    "access denied, until a person helps": _answers(DENIED, None),
    "timeout before effect": _no_answer("before", 1),
    "timeout before effect, beyond boto3's retries": _no_answer("before", BEYOND),
    "timeout after effect": _no_answer("after", 1),
    "timeout after effect, beyond boto3's retries": _no_answer("after", BEYOND),
    "handler killed before": _ends(HandlerKilled, "before"),
    "handler killed after": _ends(HandlerKilled, "after"),
    "handler out of time before": _ends(HandlerTimedOut, "before"),
    "handler out of time after": _ends(HandlerTimedOut, "after"),
}
"""What any call may meet."""

ONLY_OF_CHANGES = frozenset(
    {
        *("timeout after effect", "timeout after effect, beyond boto3's retries"),
        *("handler out of time before", "handler out of time after"),
        *("throttled, within boto3's retries", "5xx, within boto3's retries", "timeout before effect"),
    }
)
"""
A read has no effect after which a timeout could come; a handler out of time is one that was killed, by name; and of a
read that boto3 itself makes once more nothing is to be seen.
"""

ALIKE = {kind: PASSING[kind] for kind in PASSING if kind.startswith(("throttled", "handler out of time"))}
"""An AWS that throttles is one that answers 5xx, by another code; the other is a handler that was killed, by name."""

ACTORS = ["other version", "blue", "other weights", "green", "$LATEST's code", "$LATEST's settings"]
ACTORS_BETWEEN = ["other version", "$LATEST's code"]
LAMBDAS = frozenset({"GetAlias", "UpdateAlias", "GetFunction", "UpdateFunctionCode", "PublishVersion", "Invoke"})
"""By these the deployer sees others; between two of them it is all the same when these act, so two kinds suffice."""


def _acts(what: str) -> Callable[[World], None]:
    return lambda world: world.others.act(what)


OTHERS = {f"another actor: {what}": _meanwhile(_acts(what)) for what in ACTORS} | {
    "the sweep beside": _meanwhile(lambda world: world.recovery.sweep_beside()),
    "stopped, the handler goes on": _meanwhile(lambda world: world.operators.stop()),
    "stopped, the handler goes on after recovery": _outlives(True, _whenever),
    "stopped, the handler goes on during the next deployment": _outlives(True, _after_everything),
    "lost, the handler goes on beside its retry": _outlives(False, _after_states),
    "lost, the handler goes on a shift later": _outlives(False, _after_the_next_shift),
    "lost, the handler goes on after the end": _outlives(False, _whenever),
}
"""What any call of the machine's own handlers may meet."""

ABORTED = {"a person aborts": _meanwhile(lambda world: world.people.act_beside("abort"))}
"""What any call may meet by which the deployer learns or changes how things stand."""

SEEN_BY_AN_ABORT = LAMBDAS | {"GetItem"}
"""Between two other reads it is all the same when the abort comes."""


def _of_metrics(change: Callable[[dict[str, Any]], None], times: int | None) -> Arm:
    def inject(world: World, call: Call, attempt: Callable[[], Any]) -> Any:
        (response, parsed), error = attempt()
        parsed = copy.deepcopy(parsed)
        for result in parsed["MetricDataResults"]:
            change(result)
        return (response, parsed), error

    return _at_call(inject, times)


def _partial(result: dict[str, Any]) -> None:
    result["StatusCode"] = "PartialData"
    _halve(result, len(result["Values"]) // 2)


def _late(result: dict[str, Any]) -> None:
    _halve(result, max(0, len(result["Values"]) - 1))


def _missing(result: dict[str, Any]) -> None:
    _halve(result, 0)


def _halve(result: dict[str, Any], keep: int) -> None:
    result["Values"], result["Timestamps"] = result["Values"][:keep], result["Timestamps"][:keep]


METRICS = {
    f"metrics {name}{', ever after' if times is None else ''}": _of_metrics(change, times)
    for name, change in (("late", _late), ("partial", _partial), ("missing", _missing))
    for times in (1, None)
}
"""What a look at the metrics may meet."""


def _at_state(do: Callable[[World], object]) -> Arm:
    def arm(world: World, place: Place) -> None:
        world.script.at_states.append(AtState(place.state, place.nth, "entered", functools.partial(do, world)))

    return arm


def _state_error(error: str, when: Literal["before", "after"], times: int | None) -> Arm:
    def arm(world: World, place: Place) -> None:
        world.script.in_handlers.append(InHandler(place.state, error, when, place.nth, times))

    return arm


def _skewed(seconds: float) -> Arm:
    def arm(world: World, place: Place) -> None:
        world.script.in_handlers.append(InHandler(place.state, nth=place.nth, times=1, skew_seconds=seconds))

    return arm


OLDER = "an older upload's event comes late"
FOREIGN = "someone else answers the task token"

ORDERS = ("abort", "pause and resume", "pause and forget", "promote", "promote to the next step", "freeze")
IN_SCENARIOS = frozenset({f"a person orders: {what}" for what in ("pause and resume", "promote to the next step")})
"""A scenario without a fault has these orders, too."""


def _orders(what: str) -> Callable[[World], None]:
    return lambda world: world.people.act_beside(what)


STATES = {
    "stopped in the state": _at_state(lambda world: world.operators.stop()),
    "timed out in the state": _at_state(lambda world: world.operators.let_time_out()),
    "started again, same name": _at_state(lambda world: world.operators.start_again()),
    "started again, other name": _at_state(lambda world: world.operators.start_again("another")),
    "upload's event delivered twice": _at_state(lambda world: world.driver.upload_again()),
    OLDER: _at_state(lambda world: world.driver.older_upload()),
    "recovery's event delivered, while it runs": _at_state(lambda world: world.recovery.hear_beside()),
}
STATES |= {f"another actor: {what}": _at_state(_acts(what)) for what in ACTORS}
STATES |= {f"a person orders: {what}": _at_state(_orders(what)) for what in ORDERS}
"""What may happen while an execution is in a state."""


def _hanging_sweep(call: int, states_later: int) -> Callable[[World], None]:
    def do(world: World) -> None:
        world.recovery.sweep_and_hang(call)
        world.script.states_ahead.start(states_later, world.operators.stop)

    return do


SWEEPS_CALLS = (2, 3)
"""Of a sweep that finds an execution which still runs: before it asks for that, and after."""

HANGING_AT_STATES = {
    f"stopped while a sweep hangs before its call {call}": _at_state(_hanging_sweep(call, 2)) for call in SWEEPS_CALLS
}
"""What a sweep that is slower than two states has seen of them is no longer true."""

HANGING_AT_CALLS = {
    f"stopped in the first bake while a sweep hangs before its call {call}": _meanwhile(_hanging_sweep(call, 8))
    for call in SWEEPS_CALLS
}
"""And one that began while the deployment was being opened has seen a record without a plan."""

EVENT_LOST = ("stopped in the state", "timed out in the state")
"""Kinds that are run once more with the event of the execution's end lost."""

TASKS = {
    "state fails before its work": _state_error("AnUnknownError", "before", 1),
    "state fails after its work": _state_error("AnUnknownError", "after", 1),
    "Lambda lost before its work": _state_error("Lambda.ServiceException", "before", 3),
    "Lambda lost after its work": _state_error("Lambda.ServiceException", "after", 3),
    "clock five minutes fast": _skewed(SKEW_SECONDS),
    "clock five minutes slow": _skewed(-SKEW_SECONDS),
}
"""What may happen to a Task state."""


def _always_skewed(seconds: float, alternating: bool) -> Arm:
    def arm(world: World, place: Place) -> None:
        world.script.in_handlers.append(InHandler("*", times=None, skew_seconds=seconds, alternating=alternating))

    return arm


def _twice(world: World, place: Place) -> None:
    world.recovery.events = 2


def _lost(world: World, place: Place) -> None:
    world.recovery.events = 0


TOKENS = {FOREIGN: _at_state(lambda world: world.people.answer_the_token())}
"""What may happen only to a state that waits for people."""

RUNS = {
    "every clock five minutes fast": _always_skewed(SKEW_SECONDS, False),
    "every clock five minutes slow": _always_skewed(-SKEW_SECONDS, False),
    "clocks five minutes fast and slow in turn": _always_skewed(SKEW_SECONDS, True),
    "recovery's event delivered twice": _twice,
    "recovery's event lost": _lost,
}
"""What may hold for a whole run."""

BESIDE = {"recovery beside recovery": _meanwhile(lambda world: world.recovery.hear_beside())}
"""What only recovery may meet."""

EVERYWHERE = Place("*", "", 1)


def at_call(place: Place) -> dict[str, Arm]:
    """What this call may meet."""
    changes = place.operation not in READS
    kinds = {name: kind for name, kind in PASSING.items() if changes or name not in ONLY_OF_CHANGES}
    actors = ACTORS if place.operation in LAMBDAS else ACTORS_BETWEEN
    beside = {name: kind for name, kind in OTHERS.items() if not name.startswith("another actor")}
    if place.state == states.RECOVERY:
        kinds |= BESIDE
    if place.state in (states.RECOVERY, states.API):
        beside = {name: kind for name, kind in beside.items() if name == "the sweep beside"}
    elif place.state != states.TRIGGER and (changes or place.operation in SEEN_BY_AN_ABORT):
        kinds |= ABORTED
    if place.state != states.TRIGGER:
        kinds |= beside | {f"another actor: {what}": OTHERS[f"another actor: {what}"] for what in actors}
    if place.state == states.OPEN:
        kinds |= HANGING_AT_CALLS
    if place.operation == "GetMetricData":
        kinds |= METRICS
    return kinds


def at_state(place: Place) -> dict[str, Arm]:
    """What this state may meet."""
    of_task = TASKS if place.state in states.TASKS else {}
    return STATES | HANGING_AT_STATES | of_task | (TOKENS if place.state == states.AWAIT_APPROVAL else {})


def _part_is_stopped(world: World) -> None:
    world.operators.stop_part(world.states.execution)


def _items_are_gone(world: World) -> None:
    s3 = boto3.client("s3")
    with world.uncounted.work(), world.aws.acting(None, immune=True):
        for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=ITEMS_OF_MAPS).get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=each["Key"])


def _table_is_away(seconds: float) -> Callable[[World], None]:
    def do(world: World) -> None:
        until = world.aws.clock.now() + seconds
        world.script.table_is_away = lambda: world.aws.clock.now() < until

    return do


AWAY_SECONDS = {"the table is away for ten minutes": 600.0, "the table is away for ninety minutes": 5400.0}
AWAY = {name: _at_state(_table_is_away(seconds)) for name, seconds in AWAY_SECONDS.items()}
AWAY_AT_CALLS = {name: _meanwhile(_table_is_away(seconds)) for name, seconds in AWAY_SECONDS.items()}
"""What every state and every change of a release may meet."""


def _states_later(number: int) -> Callable[[World], None]:
    return lambda world: world.script.states_ahead.start(number, world.zombies.resume)


MUCH_LATER = {
    f"lost, the handler goes on {number} states later": _outlives(False, _states_later(number))
    for number in (30, 60, 90)
}
"""What a change of a release may meet: the attempt was overtaken by later phases."""

PARTS = {"the part's execution is stopped": _at_state(_part_is_stopped)}
"""What an execution may meet that a release waits for."""

ITEMS = {"the map's items are gone": _at_state(_items_are_gone)}
"""What a state may meet that works on each function."""

KINDS: dict[str, Arm] = PASSING | OTHERS | ABORTED | HANGING_AT_CALLS | METRICS | RUNS | BESIDE
KINDS |= AWAY_AT_CALLS | MUCH_LATER
"""By name, those at calls and of whole runs."""

STATE_KINDS: dict[str, Arm] = STATES | HANGING_AT_STATES | TASKS | TOKENS | AWAY | PARTS | ITEMS


def arm(world: World, kind: str, place: Place) -> None:
    """Put a fault of this kind at this place."""
    kind = kind.removesuffix(", event lost")
    (KINDS if place.operation or place == EVERYWHERE else STATE_KINDS)[kind](world, place)
