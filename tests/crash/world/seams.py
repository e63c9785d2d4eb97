"""The seams of the deployer: every call, every state and every handler passes one, where a fault may meet it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

from bluegreen import clock as handlers_clock
from tests.crash.states import RECOVERY
from tests.crash.world.driver import Driver
from tests.crash.world.ledger import ANOTHER_DEPLOYMENT, Ledgers
from tests.crash.world.places import Place
from tests.crash.world.script import Script
from tests.crash.world.stopwatch import Stopwatch
from tests.crash.world.uncounted import Uncounted
from tests.crash.world.users import Users
from tests.crash.world.zombies import Zombies
from tests.machine.faults import PACE, Call, answer
from tests.machine.invocation import Handler
from tests.machine.walk import InProcessAws, Moment

READS = frozenset(
    {
        *("GetFunction", "GetAlias", "ListTags", "GetItem", "BatchGetItem", "Query", "GetObject"),
        *("GetMetricData", "DescribeExecution", "GetExecutionHistory", "DescribeAlarms"),
        *("ListEventSourceMappings", "GetPolicy", "GetFunctionUrlConfig", "GetFunctionEventInvokeConfig"),
        *("GetProvisionedConcurrencyConfig", "GetAccountSettings", "ListVersionsByFunction", "ListAliases"),
    }
)
"""These operations change nothing that a user could meet."""


class CallSeam:
    """
    Every attempt of a handler to call AWS passes here, and is counted in the `trace`, the pace's own ones aside.

    Users call before and after an attempt that may change something.
    """

    def __init__(
        self,
        driver: Driver,
        ledgers: Ledgers,
        script: Script,
        stopwatch: Stopwatch,
        uncounted: Uncounted,
        users: Users,
    ) -> None:
        self.trace: list[Place] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._driver = driver
        self._ledgers = ledgers
        self._script = script
        self._stopwatch = stopwatch
        self._uncounted = uncounted
        self._users = users

    def count_anew(self) -> None:
        """The next call of each operation is its first."""
        self._counts.clear()

    def let_through(self, call: Call, attempt: Callable[[], Any]) -> Any:
        """The attempt is made, unless a fault meets it; the answer."""
        handler = call.state
        if handler is None or call.operation == PACE:
            return attempt()
        if call.service == "lambda":
            self._driver.sees(call.url)
        if call.service == "lambda" and call.operation != "Invoke":
            self._stopwatch.count_call()
        changes = call.operation not in READS
        if changes:
            self._users.call()

        def observed() -> Any:
            with self._ledgers.changes_by(ANOTHER_DEPLOYMENT if self._uncounted.is_of_another else handler):
                answered = attempt()
            self._stopwatch.look()
            if changes:
                self._users.call()
            return answered

        if self._uncounted.goes_on:
            return observed()
        nth = self._count(handler, call.operation)
        if call.service == "dynamodb" and self._script.table_is_away():
            return answer("InternalServerError", call.url)
        for injection in self._script.injections:
            if injection.meets(call, nth):
                if injection.calls_for_help and injection.met == 1:
                    self._script.call_for_help()
                return injection.inject(call, observed)
        return observed()

    def _count(self, handler: str, operation: str) -> int:
        self._counts[handler, operation] += 1
        nth = self._counts[handler, operation]
        self.trace.append(Place(handler, operation, nth))
        if handler == RECOVERY:
            self._script.recovery_resumes.step()
            self._script.recovery_hangs.step()
        return nth


class StateSeam:
    """
    Every state of every execution passes here; those of the execution under test are counted in `visits`.

    So many calls came before each (`calls_before`).
    """

    def __init__(self, driver: Driver, calls: CallSeam, script: Script, uncounted: Uncounted) -> None:
        self.visits: list[Place] = []
        self.calls_before: list[int] = []
        self._calls = calls
        self._counts: Counter[str] = Counter()
        self._driver = driver
        self._script = script
        self._uncounted = uncounted
        self._next: Callable[[str, Moment], None] | None = None
        self.execution = ""
        """That of the state that was entered or left last."""

    def count_anew(self) -> None:
        """The next visit of each state is its first."""
        self._counts.clear()

    def let_through(self, execution: str, state: str, moment: Moment) -> None:
        """What the script has for this moment happens."""
        ours = self._driver.is_under_test(execution)
        if ours:
            self._driver.wait_to_begin(execution)
        if not ours or self._uncounted.goes_on:
            if self._next is not None:
                self._next(state, moment)
            return
        self.execution = execution
        if moment == "entered":
            self._counts[state] += 1
            self.visits.append(Place(state, "", self._counts[state]))
            self.calls_before.append(len(self._calls.trace))
            self._script.states_ahead.step()
            self._script.at_visit(len(self.visits))
        for due in list(self._script.at_states):
            if due.is_due(state, self._counts[state], moment):
                due.met += 1
                due.do()

    @contextmanager
    def in_the_next_deployment(self, do: Callable[[str, Moment], None]) -> Iterator[None]:
        """The states of the deployments that follow in this block are shown to this function."""
        self._next = do
        try:
            yield
        finally:
            self._next = None


class LambdaLost(Exception):
    """Step Functions lost sight of the function; its subclasses have the names that Step Functions has for that."""


def lost(error: str) -> Exception:
    """An exception whose class has that name."""
    named: type[Exception] = type(error, (LambdaLost,), {})
    return named("as the test wants it")


class HandlerSeam:
    """Every invocation of a handler by a state passes here."""

    def __init__(self, aws: InProcessAws, script: Script, uncounted: Uncounted, zombies: Zombies) -> None:
        self._aws = aws
        self._counts: Counter[str] = Counter()
        self._script = script
        self._uncounted = uncounted
        self._zombies = zombies

    def count_anew(self) -> None:
        """The next invocation by each state is its first."""
        self._counts.clear()

    def let_through(self, state: str, handler: Handler, event: Any, context: Any) -> Any:
        """The handler runs, perhaps by a wrong clock; its answer, unless the state is to fail."""
        if self._uncounted.goes_on:
            return handler(event, context)
        self._counts[state] += 1
        due = next((due for due in self._script.in_handlers if due.is_due(state, self._counts[state])), None)
        with self._skewed(due.skew_seconds) if due else nullcontext():
            if due and due.error and due.when == "before":
                raise lost(due.error)
            if state in self._zombies.may_park:
                answered = self._run_until_parked(state, handler, event, context)
            else:
                answered = handler(event, context)
            if due and due.error:
                raise lost(due.error)
            return answered

    @contextmanager
    def _skewed(self, seconds: float) -> Iterator[None]:
        def now() -> float:
            return self._aws.clock.now() + seconds

        with mock.patch.object(handlers_clock, "now", now):
            yield

    def _run_until_parked(self, state: str, handler: Handler, event: Any, context: Any) -> Any:
        came: dict[str, Any] = {}

        def run() -> None:
            with self._aws.acting(state):
                try:
                    came["answer"] = handler(event, context)
                except BaseException as error:
                    came["error"] = error

        if not self._zombies.run(state, run):
            raise lost("Lambda.SdkClientException")
        if "error" in came:
            raise came["error"]
        return came["answer"]
