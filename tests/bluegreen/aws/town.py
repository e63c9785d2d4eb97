"""
Many callers of Lambda beside each other, each in a thread, in a time of their own.

One of them runs at a time, until it sleeps or is done; then the one that wakes first runs. So nothing depends on how
busy the machine is. Lambda and the table are moto's.
"""

import heapq
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import botocore.endpoint
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse

from bluegreen import clock
from bluegreen.aws import aliases, pacing
from bluegreen.aws.client import client
from bluegreen.target import Target
from tests.machine.deployer import TARGET
from tests.machine.faults import PACE, Call

BEGIN = 1_767_603_600.0
SECOND = 1.0


class Town:
    """`sent` has the calls that Lambda got: when, and by whom. `writes` are the pace's own calls of the table."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.latency = 0.03
        self.sent: list[tuple[float, str]] = []
        self.writes: list[float] = []
        self.errors: list[Exception] = []
        self.throttles: Callable[[str], bool] = lambda who: False
        self._waking: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()
        self._idle = threading.Event()
        self._current = threading.local()

    def caller(self, who: str, do: Callable[[], object], *, after: float = 0.0) -> None:
        """Somebody who does that in a thread, so many seconds from now."""
        mine = threading.Event()

        def live() -> None:
            mine.wait()
            self._current.who, self._current.turn = who, mine
            try:
                do()
            except Exception as error:
                self.errors.append(error)
            finally:
                self._idle.set()

        threading.Thread(target=live, daemon=True).start()
        self._wake(self.now + after, mine)

    def run(self) -> None:
        """Until everybody is done."""
        while self._waking:
            moment, _, turn = heapq.heappop(self._waking)
            self.now = max(self.now, moment)
            self._idle.clear()
            turn.set()
            assert self._idle.wait(60), "a caller neither sleeps nor ends"

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the others live meanwhile."""
        turn = getattr(self._current, "turn", None)
        if turn is None:
            self.now += seconds
            return
        turn.clear()
        self._wake(self.now + max(0.0, seconds), turn)
        self._idle.set()
        turn.wait()

    def _wake(self, moment: float, turn: threading.Event) -> None:
        heapq.heappush(self._waking, (moment, next(self._order), turn))

    def seconds(self, who: str = "") -> list[float]:
        """When the calls were made by those whose name begins so, since the town began."""
        return [round(moment - BEGIN, 3) for moment, name in self.sent if name.startswith(who)]

    def most(self, within: float = SECOND, who: str = "") -> int:
        """The most calls in any span of so many seconds, both ends of it included."""
        return most(self.seconds(who), within)

    def call(self, target: Target = TARGET) -> None:
        """One call of the control plane."""
        aliases.seen(target)

    def calls(self, times: int, target: Target = TARGET) -> None:
        """One after the other."""
        for _ in range(times):
            self.call(target)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """In place of the walker's clock, within a deployer's AWS."""
        events: Any = client("lambda", TARGET).meta.events
        jumping = SimpleNamespace(sleep=self.sleep)
        with ExitStack() as patches:
            patches.enter_context(mock.patch.object(clock, "now", self.time))
            patches.enter_context(mock.patch.object(clock, "sleep", self.sleep))
            patches.enter_context(mock.patch.object(botocore.endpoint, "time", jumping))
            events.register_last("before-send.lambda", self.receive)
            patches.callback(events.unregister, "before-send.lambda", self.receive)
            of_the_pace: Any = client("pace").meta.events
            of_the_pace.register("before-call.dynamodb.UpdateItem", _must_use_its_values)
            patches.callback(of_the_pace.unregister, "before-call.dynamodb.UpdateItem", _must_use_its_values)
            yield

    def receive(self, request: Any, **_: Any) -> AWSResponse | None:
        """Lambda gets a call, and takes its time."""
        who = getattr(self._current, "who", "somebody")
        self.sent.append((self.now, who))
        self.sleep(self.latency)
        if not self.throttles(who):
            return None
        body = MockRawResponse(b'{"Type": "User", "message": "Rate exceeded"}')
        headers = HTTPHeaders()
        headers["x-amzn-errortype"] = "TooManyRequestsException"
        return AWSResponse(request.url, 429, headers, body)

    def watch(self, call: Call, attempt: Callable[[], Any]) -> Any:
        """Counts the pace's own calls."""
        if call.operation == PACE:
            self.writes.append(self.now - BEGIN)
        return attempt()


def _must_use_its_values(params: dict[str, Any], **_: Any) -> None:
    """DynamoDB refuses an update with a value that no expression names. Moto does not."""
    sent = json.loads(params["body"])
    named = set(re.findall(r":\w+", f"{sent['UpdateExpression']} {sent['ConditionExpression']}"))
    assert named == set(sent["ExpressionAttributeValues"])


def most(moments: list[float], within: float = SECOND) -> int:
    """The most in any span of so many seconds, both ends of it included."""
    ordered = sorted(moments)
    return max(
        (
            sum(begin <= moment <= begin + within + 1e-9 for moment in ordered[number:])
            for number, begin in enumerate(ordered)
        ),
        default=0,
    )


def item(name: str = pacing.CONTROL_PLANE.item) -> dict[str, str]:
    """The key of the pace's item of the account and region in which the tests are."""
    return {"pk": f"pace#{TARGET.account}:{TARGET.region}", "sk": name}
