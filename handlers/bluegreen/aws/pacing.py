"""
The pace: callers of Lambda in an account and region take turns, so that together they stay below Lambda's limit.

It lies under every attempt of boto3 to call Lambda, its own retries included. Each limit has an item of the table,
`pace#<account>:<region>`, in which one conditional update takes a turn. The caller then sleeps until its turn begins.

| calls | Lambda's limit a second | turns a second | while a deployment is undone |
|---|--:|--:|--:|
| GetFunction | 100 | 50 | 90 |
| Invoke, GetPolicy | of their own | not paced | not paced |
| all others | 15 | CALLS_PER_SECOND | 14 |

The limits are in https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests; none can be
raised. A deployment calls GetPolicy once among ten others, so it never comes to its own 15 a second.

A table that does not answer stops nothing: the caller goes on, and spaces its own calls. Without CALLS_PER_SECOND, as
in the command line, nothing is paced.
"""

import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bluegreen import clock
from bluegreen.decisions.turns import (
    CUT_MS,
    FORGOTTEN_MS,
    GRACE_MS,
    HOLD_MS,
    QUEUE_MS,
    SETTLED_MS,
    UNDOING_A_SECOND,
    WRONG_MS,
    Lane,
    Standing,
    halved,
)
from bluegreen.errors import AwsUnavailable
from bluegreen.text import plain

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

PATIENCE_SECONDS = 20
"""How long a call waits for its turn where nothing says how much time there is."""

LEAST_MS = 2_000
"""A call may wait so long even where less time is left: by then a rollback of two calls is over."""

MOST_TURNS = 10
"""So many turns are taken with one write."""

LONGEST_TEXT = 300
"""Characters of an error in the log."""

AWAY_SECONDS = 10
"""After the table did not answer, a process does not ask it again for so long."""

MOST_TRIES = 20
"""Writes by which a caller tries to take a turn while others change the item."""

THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded"})
"""Lambda's codes for too many calls."""


@dataclass(frozen=True)
class Limit:
    """A limit of Lambda's, its item, and how many calls a second we make of it."""

    item: str
    most: int
    undoing: int
    ordinary: int = 0


CONTROL_PLANE = Limit("control-plane", most=15, undoing=UNDOING_A_SECOND)
"""Its ordinary rate is the stack's."""

GET_FUNCTION = Limit("get-function", most=100, undoing=90, ordinary=50)

LIMITS: dict[str, Limit | None] = {
    "GetFunction": GET_FUNCTION,
    "GetPolicy": None,
    "Invoke": None,
    "InvokeAsync": None,
    "InvokeWithResponseStream": None,
}
"""By operation; CONTROL_PLANE is that of every other."""


@dataclass
class _Taken:
    """Turns that were taken with one write: their beginnings, how early and how late each may be used."""

    key: str
    lane: Lane
    begins: list[int]
    interval: int
    early: int
    cut: int
    seen_at: int


@dataclass
class _Expected:
    """The calls that a block expects to make of each limit, and the turns that it has taken for them."""

    calls: int
    made: dict[str, int] = field(default_factory=dict)
    taken: dict[str, _Taken] = field(default_factory=dict)


_undoing: ContextVar[bool] = ContextVar("undoing", default=False)
_rate: ContextVar[float | None] = ContextVar("rate", default=None)
_until: ContextVar[float | None] = ContextVar("until", default=None)
_expected: ContextVar[_Expected | None] = ContextVar("expected", default=None)

_known: dict[str, Standing] = {}
"""The items as this process saw them last: a guess, which each write has as its condition."""

_alone: dict[str, int] = {}
"""When this process may call next, by itself, while the table does not answer."""

_away: dict[str, float] = {}
"""Until when the table is not asked."""

_lock = threading.Lock()
"""Guards these three, and the turns of a block that several threads use. No thread sleeps or calls AWS within it."""


@contextmanager
def undoing() -> Iterator[None]:
    """Calls of this block put something back: they go before those of all others, who wait until they are done."""
    yield from _set(_undoing, True)


@contextmanager
def expecting(calls: int) -> Iterator[None]:
    """
    This block makes so many calls, soon after each other: up to ten turns are taken with one write.

    Its threads may share them, if they run in the block's context (`contextvars.copy_context().run`). A turn that is
    not used by the beginning of the next one is lost.
    """
    yield from _set(_expected, _Expected(calls))


@contextmanager
def at_rate(calls_per_second: float) -> Iterator[None]:
    """
    Calls of this block are evenly apart, at this rate, or at the stack's if that is lower.

    If all callers have one, they make no more calls together in any second than the highest of these rates and one. An
    undo has its own rate. GetFunction has a limit of its own, and keeps its rate.
    """
    yield from _set(_rate, calls_per_second)


def least(calls_per_second: float) -> float:
    """This rate, or the stack's if that is lower."""
    return min(float(os.environ["CALLS_PER_SECOND"]), calls_per_second)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Calls of this block wait for so many seconds from now at most, and may wait two seconds in any case."""
    yield from _set(_until, clock.now() + seconds)


def _set(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def under(lambda_: "LambdaClient", account: str, dynamodb: Callable[[], "DynamoDBClient"]) -> None:
    """Let every attempt of this client wait for its turn, once; `account` is "" for the stack's own."""
    pace = _Pace(account, lambda_.meta.region_name, dynamodb)
    lambda_.meta.events.register("before-send.lambda", pace.wait, unique_id="wait for the turn")
    lambda_.meta.events.register("needs-retry.lambda", pace.note, unique_id="note a throttle")


class _Pace:
    """Of one account and region."""

    def __init__(self, account: str, region: str, dynamodb: Callable[[], "DynamoDBClient"]) -> None:
        self._account = account
        self._region = region
        self._dynamodb = dynamodb

    def wait(self, event_name: str, **_: Any) -> None:
        """
        Return when the attempt's turn has come. It is signed by then, and AWS takes a signature for five minutes.

        Raises AwsUnavailable if the turn would come too late: nothing was sent, and the state is retried.
        """
        limit = _limit_of(event_name)
        if limit is None:
            return
        key, lane = self._key(limit), _lane(limit)
        until = max(_now() + LEAST_MS, _milliseconds(_until.get() or clock.now() + PATIENCE_SECONDS))
        while True:
            turn = _next_of_block(key, lane) or self._take(key, lane, until)
            if turn is None:
                _wait_alone(key, lane)
                return
            if self._comes(*turn):
                return

    def note(self, event_name: str, response: Any = None, **_: Any) -> None:
        """Everybody is slower from now on if Lambda says that there were too many calls."""
        limit = _limit_of(event_name)
        code = response[1].get("Error", {}).get("Code") if response else None
        if limit is None or code not in THROTTLED:
            return
        key, now = self._key(limit), _now()
        known = _known.get(key, Standing())
        slowed_to = halved(known, now)
        if slowed_to is None:
            return
        with _lock:  # in case the table does not answer
            _known[key] = replace(known, slowed_at=now, slowed_to=slowed_to)
        self._write(
            key,
            "SET slowed_at = :now, slowed_to = :to",
            "attribute_not_exists(slowed_at) OR NOT slowed_at BETWEEN :settled AND :soon",
            {"now": now, "to": slowed_to, "settled": now - SETTLED_MS, "soon": now + SETTLED_MS},
        )

    def _key(self, limit: Limit) -> str:
        account = self._account or os.environ["STACK_ID"].split(":")[4]
        return f"{account}:{self._region} {limit.item}"

    def _take(self, key: str, lane: Lane, until: int) -> tuple[_Taken, int] | None:
        """A turn, and if more are expected those as well. None if the table does not answer."""
        block = _expected.get()
        turns = min(MOST_TURNS, max(1, block.calls - block.made.get(key, 0))) if block else 1
        taken = self._reserve(key, lane, turns, until)
        if taken is None:
            return None
        with _lock:
            begins = taken.begins.pop(0)
            if block:
                block.taken[key] = taken
                block.made[key] = block.made.get(key, 0) + 1
        return taken, begins

    def _reserve(self, key: str, lane: Lane, turns: int, until: int) -> _Taken | None:
        """
        By one write, or by more where this process knows too little of the item. None if it cannot be had.

        Each write says how the item must stand. One that is refused answers how it stands instead.
        """
        standing, tries = _known.get(key, Standing()), 0
        while tries < MOST_TRIES:
            now, tries = _now(), tries + 1
            interval, latest = lane.interval(standing, now), min(until, now + QUEUE_MS)
            written = self._write(key, *_taking(standing, lane, now, turns * interval, latest))
            if written is None:
                return None
            won, standing = written
            if won:
                first = standing.next_at - turns * interval
                begins = [first + number * interval for number in range(turns)]
                return _Taken(key, lane, begins, interval, lane.early(standing, now), standing.cut, now)
            if not lane.undoing and (closed := standing.closed(now)):
                self._must_be(now + closed <= until, lane, "a rollback is under way, whose calls go first")
                clock.sleep(closed / 1000)
                tries = 0
            elif not lane.cuts(standing, now):
                queue = standing.queue(now)
                self._must_be(now + queue <= latest, lane, f"others have taken the turns of {queue // 1000} seconds")
        return None

    def _comes(self, taken: _Taken, begins: int) -> bool:
        """Wait until then. False if the turn is void: an undo has gone before it."""
        wait = begins - taken.early - _now()
        if wait > 0:
            clock.sleep(wait / 1000)
        now = _now()
        if taken.lane.undoing or abs(now - taken.seen_at) <= GRACE_MS:
            return True
        condition, values = ("cut = :cut", {"cut": taken.cut}) if taken.cut else ("attribute_not_exists(cut)", {})
        written = self._write(taken.key, "SET next_at = next_at + :nothing", condition, {"nothing": 0, **values})
        if written is None or written[0]:
            taken.seen_at = now
            return True
        taken.begins.clear()
        return False

    def _write(self, key: str, update: str, condition: str, values: dict[str, int]) -> tuple[bool, Standing] | None:
        """Whether the condition held, and how the item stands now. None if the table does not answer."""
        with _lock:
            if 0 < _away.get(key, 0) - clock.now() <= AWAY_SECONDS:
                return None
        place, _, item = key.partition(" ")
        dynamodb = self._dynamodb()
        try:
            answer: Any = dynamodb.update_item(
                TableName=os.environ["TABLE_NAME"],
                Key={"pk": {"S": f"pace#{place}"}, "sk": {"S": item}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in values.items()},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            won, standing = True, _standing(answer["Attributes"])
        except dynamodb.exceptions.ConditionalCheckFailedException as refusal:
            refused: Any = refusal.response
            won, standing = False, _standing(refused.get("Item", {}))
        except (BotoCoreError, ClientError, LookupError, TypeError, ValueError) as error:
            logging.getLogger(__name__).warning("the pace is not kept: %s", plain(error, LONGEST_TEXT))
            with _lock:
                _away[key] = clock.now() + AWAY_SECONDS
            return None
        with _lock:
            _known[key] = standing
        return won, standing

    def _must_be(self, in_time: bool, lane: Lane, why: str) -> None:
        if not in_time:
            raise AwsUnavailable(
                f"Lambda takes {lane.most} calls of this kind a second from an account in a region, and {why}; "
                f"nothing was sent to {self._region}"
            )


def _limit_of(event_name: str) -> Limit | None:
    """None for what is not paced: so is all that a command calls at a laptop, whatever its environment has."""
    is_in_the_stack = {"STACK_ID", "CALLS_PER_SECOND"} <= os.environ.keys()
    return LIMITS.get(event_name.rpartition(".")[2], CONTROL_PLANE) if is_in_the_stack else None


def _lane(limit: Limit) -> Lane:
    if _undoing.get():
        return Lane(limit.most, limit.undoing, undoing=True)
    if limit.ordinary:
        return Lane(limit.most, limit.ordinary)
    own = _rate.get()
    return Lane(limit.most, least(own or math.inf), even=own is not None)


def _next_of_block(key: str, lane: Lane) -> tuple[_Taken, int] | None:
    """The next of the turns that the block has taken, unless it is over."""
    block = _expected.get()
    if block is None:
        return None
    with _lock:
        taken = block.taken.get(key)
        while taken and taken.lane == lane and taken.begins:
            begins = taken.begins.pop(0)
            if _now() < begins + taken.interval:
                block.made[key] += 1
                return taken, begins
    return None


def _wait_alone(key: str, lane: Lane) -> None:
    """Calls of this process are an interval apart; other processes' are not known."""
    with _lock:
        now = _now()
        interval = lane.interval(_known.get(key, Standing()), now)
        ahead = _alone.get(key, 0) - now
        begins = now + (ahead if 0 < ahead <= WRONG_MS else 0)
        _alone[key] = begins + interval
    if begins > now:
        clock.sleep((begins - now) / 1000)


def _now() -> int:
    return _milliseconds(clock.now())


def _milliseconds(moment: float) -> int:
    return math.ceil(moment * 1000)


def _standing(item: Mapping[str, Any]) -> Standing:
    return Standing(**{name: int(item[name]["N"]) for name in Standing.__slots__ if name in item})


def _taking(standing: Standing, lane: Lane, now: int, cost: int, latest: int) -> tuple[str, str, dict[str, int]]:
    """The update that takes turns of so many milliseconds, the condition that the item stands so, and their values."""
    values = {"now": now, "wrong": now + WRONG_MS}
    is_open = "(attribute_not_exists(undoing_until) OR undoing_until <= :now OR undoing_until > :wrong)"
    sets = {}
    if lane.cuts(standing, now):
        sets["cut"] = "if_not_exists(cut, :nothing) + :one"
        values |= {"nothing": 0, "one": 1, "cut": now + CUT_MS, "end": now + CUT_MS + cost}
        conditions = ["next_at > :cut AND next_at <= :wrong", is_open]
    elif standing.queue(now):
        values |= {"cost": cost, "latest": latest}
        conditions = ["next_at > :now AND next_at <= :latest"]
        if lane.undoing:
            values["cut"] = now + CUT_MS
            conditions.append("(next_at <= :cut OR (undoing_until > :now AND undoing_until <= :wrong))")
    else:
        values["end"] = now + cost
        conditions = ["(attribute_not_exists(next_at) OR next_at <= :now OR next_at > :wrong)"]
    known = "end" in values
    sets["next_at"] = ":end" if known else "next_at + :cost"
    if lane.undoing:
        sets["undoing_until"] = ":hold" if known else "next_at + :hold"
        values["hold"] = values["end"] + HOLD_MS if known else cost + HOLD_MS
    else:
        conditions.append(is_open)
    if standing.slowed_at:
        values["slowed"] = standing.slowed_at
        conditions.append("slowed_at = :slowed")
    else:
        values["forgotten"] = now - FORGOTTEN_MS
        conditions.append("(attribute_not_exists(slowed_at) OR slowed_at <= :forgotten OR slowed_at > :wrong)")
    return "SET " + ", ".join(f"{name} = {to}" for name, to in sets.items()), " AND ".join(conditions), values
