"""
Machines that start others, in moto's interpreter: the parameters of `startExecution`, and a Distributed Map.

Each item of a Distributed Map has an execution of its own. Two callers run the interpreter: the sandbox, and the tests
that walk machines in their process. Each decides what such an execution is, and how several of them run beside each
other. So this module knows moto and nothing else.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.states import ItemData, MapData

TOO_MANY_FAILED = "The specified tolerated failure threshold was exceeded"
UNMODELLED = "StepFunctions.AWSStepFunctionsException"
"""
What Step Functions' own API answers and its model does not name, such as AccessDeniedException and ThrottlingException.

A map whose machine's role may not start executions fails by it here; no answer of AWS is known that has its name.
"""

ENDS = {"SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "timed_out", "ABORTED": "aborted"}
"""How an execution ends, and what a map's counts call that."""


# What a Task says to Step Functions itself, and what it hears.


def normalise_parameters(original: Any) -> Any:
    """Step Functions' own operations take parameters with a small first letter; a machine writes a capital one."""

    def _normalise_parameters(self: Any, parameters: dict[str, Any], *args: Any, **named: Any) -> None:
        original(self, parameters, *args, **named)
        if self._get_boto_service_name() == "stepfunctions":
            for name in list(parameters):
                parameters[name[:1].lower() + name[1:]] = parameters.pop(name)

    return _normalise_parameters


def normalise_response(original: Any) -> Any:
    """And they answer with a small one, where a machine reads a capital one; times are milliseconds."""

    def _normalise_response(self: Any, response: Any, *args: Any, **named: Any) -> None:
        original(self, response, *args, **named)
        if self._get_boto_service_name() == "stepfunctions" and isinstance(response, dict):
            for name in list(response):
                value = response.pop(name)
                at = int(value.timestamp() * 1000) if isinstance(value, datetime) else value
                response[name[:1].upper() + name[1:]] = at

    return _normalise_response


def from_error_of_step_functions(original: Any) -> Any:
    """An error that the API's model names is called so, any other after the service; both have a cause."""

    def _from_error(self: Any, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, BotoCoreError):
            name, cause = "StepFunctions.SdkClientException", str(ex)
        elif isinstance(ex, ClientError):
            code, about = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
            name = f"StepFunctions.{code}Exception" if type(ex) is not ClientError else UNMODELLED
            cause = (
                f"{ex.response['Error']['Message']} (Service: AWSStepFunctions; "
                f"Status Code: {about['HTTPStatusCode']}; Error Code: {code}; "
                f"Request ID: {about.get('RequestId', '')}; Proxy: null)"
            )
        else:
            failed: FailureEvent = original(self, env, ex)
            return failed
        told = {"resource": self._get_sfn_resource(), "resourceType": self._get_sfn_resource_type()}
        details: Any = {"taskFailedEventDetails": {"error": name, "cause": cause, **told}}
        return FailureEvent(env, ErrorName(name), HistoryEventType.TaskFailed, details)

    return _from_error


def any_name(original: Any) -> Any:
    """A Fail state may pass on the error that it was told, such as States.TaskFailed; moto takes that for a mistake."""
    return ErrorName


_started: WeakKeyDictionary[Environment, str] = WeakKeyDictionary()


def knows_what_it_started(original: Any) -> Any:
    """What asks how the execution goes that a Task started; `started` says which one that is."""

    def _build(self: Any, env: Environment, *args: Any, **named: Any) -> Any:
        _started[env] = str(env.stack[-1]["ExecutionArn"])
        return original(self, env, *args, **named)

    return _build


def started(env: Environment) -> str:
    """The ARN of the execution that the Task of this environment started."""
    return _started[env]


def ends_with_its_execution(original: Any) -> Any:
    """A Task whose execution is over while it waits has neither succeeded nor failed."""

    def _after_eval_execution(self: Any, env: Environment, *args: Any, **named: Any) -> None:
        if env.is_running():
            original(self, env, *args, **named)

    return _after_eval_execution


def of_readable(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Parse a definition. In moto's grammar a tolerated share has a decimal point; AWS needs none."""
    return lambda text: parse(re.sub(r'("ToleratedFailurePercentage"\s*:\s*\d+)(?=\s*[,}])', r"\1.0", text))


# Who stops what.

Stop = Callable[[], object]
_stopped_with: WeakKeyDictionary[Environment, list[Stop]] = WeakKeyDictionary()


@contextmanager
def stopped_with(env: Environment, stop: Stop) -> Iterator[None]:
    """For as long as the block lasts, whatever stops this environment or lets it time out stops that as well."""
    stops = _stopped_with.setdefault(env, [])
    stops.append(stop)
    try:
        yield
    finally:
        stops.remove(stop)


def passed_on(original: Any) -> Any:
    """A stop or a time-out of an environment also stops what it waits for."""

    def passing_on(env: Environment, *args: Any, **named: Any) -> None:
        original(env, *args, **named)
        for stop in list(_stopped_with.get(env, ())):
            stop()

    return passing_on


# A Distributed Map.


@dataclass(frozen=True)
class Child:
    """
    The execution of one item.

    `env` is the environment of the map's state, `machine` the ARN of the machine that AWS names for the map's
    executions: the one with the map, a slash and the map's label.
    """

    env: Environment
    machine: str
    map_run: str
    number: int
    given: Any
    program: Any


@dataclass(frozen=True)
class Ended:
    """How a child ended, as DescribeExecution calls that; the output is None unless it SUCCEEDED."""

    status: str
    output: Any = None


class Runs(Protocol):
    """Runs children."""

    def mapped(self, env: Environment, record: Any) -> str | None:
        """A map begins, whose counts are in moto's record. Says why the machine's role may not start executions."""

    def run(self, child: Child, begun: Callable[[Environment], object]) -> Ended:
        """Run one to its end. Its environment is shown to `begun` before its first state is entered."""

    def beside(self, works: list[Callable[[], None]], most: int) -> None:
        """Do all works, at most so many at a time; 0 is as many as there are."""


def map_run(runs: Runs) -> Callable[[Any], Any]:
    """Instead of moto's loop over the items of a Distributed Map: it has no executions, and tolerates any failure."""

    def of(original: Any) -> Any:
        def _map_run(self: Any, env: Environment, eval_input: Any) -> None:
            asked, items = eval_input, env.stack.pop()
            if refusal := runs.mapped(env, asked.map_run_record):
                raise failure(env, ErrorName(UNMODELLED), refusal)
            children = [
                Child(
                    env,
                    asked.map_run_record.map_state_machine_arn,
                    asked.map_run_record.map_run_arn,
                    number,
                    _given(env, asked, number, item),
                    self._get_iteration_program(),
                )
                for number, item in enumerate(items)
            ]
            env.stack.append(_Map(env, asked.map_run_record, children, runs).outputs())

        return _map_run

    return of


class _Map:
    """One run of a map."""

    def __init__(self, env: Environment, record: Any, children: list[Child], runs: Runs) -> None:
        self._env, self._record, self._children, self._runs = env, record, children, runs
        self._running: dict[int, Environment] = {}
        self._ended: dict[int, Ended] = {}
        self._stopped = False
        self._lock = threading.Lock()

    def outputs(self) -> list[Any]:
        """
        Those of the children, in the order of the items; None of one that failed.

        More failures than are tolerated stop what still runs and fail the map.
        """
        self._count("total", len(self._children))
        self._count("pending", len(self._children))
        with stopped_with(self._env, self._stop):
            works = [self._work(child) for child in self._children]
            self._runs.beside(works, self._record.max_concurrency)
        if self._too_many_failed():
            name = StatesErrorName(StatesErrorNameType.StatesExceedToleratedFailureThreshold)
            raise failure(self._env, name, TOO_MANY_FAILED)
        return [self._ended[child.number].output if child.number in self._ended else None for child in self._children]

    def _work(self, child: Child) -> Callable[[], None]:
        def work() -> None:
            self._count("pending", -1)
            if not self._env.is_running() or self._too_many_failed():
                self._count("aborted")
                return
            self._count("running")
            try:
                ended = self._runs.run(child, lambda env: self._begun(child, env))
            finally:
                self._count("running", -1)
            with self._lock:
                del self._running[child.number]
                self._ended[child.number] = ended
            self._count(ENDS[ended.status])
            if self._too_many_failed():
                self._stop()

        return work

    def _begun(self, child: Child, env: Environment) -> None:
        with self._lock:
            self._running[child.number] = env
            stopped = self._stopped
        if stopped:
            _stop(env)

    def _stop(self) -> None:
        with self._lock:
            self._stopped, running = True, list(self._running.values())
        for env in running:
            _stop(env)

    def _count(self, name: str, by: int = 1) -> None:
        for counts in (self._record.item_counter, self._record.execution_counter):
            getattr(counts, name).count(by)

    def _too_many_failed(self) -> bool:
        """Of a number and a share the one that is said counts, or both; where neither is, no failure is tolerated."""
        number, share = self._record.tolerated_failure_count, self._record.tolerated_failure_percentage
        with self._lock:
            failed = sum(ended.status in ("FAILED", "TIMED_OUT") for ended in self._ended.values())
        above_number = (number > 0 or share == 0) and failed > number
        above_share = share > 0 and failed * 100 > share * len(self._children)
        return bool(above_number or above_share)


def _stop(env: Environment) -> None:
    env.set_stop(stop_date=datetime.now().astimezone(), cause=None, error=None)


def _given(env: Environment, asked: Any, number: int, item: Any) -> Any:
    """The input of an item's execution: the item, or what the map's ItemSelector makes of it and the map's input."""
    selector = asked.item_selector or asked.parameters
    if selector is None:
        return item
    frame = env.open_inner_frame()
    try:
        frame.states.context_object.context_object_data["Map"] = MapData(Item=ItemData(Index=number, Value=item))
        frame.states.reset(input_value=env.stack[-1])
        frame.stack.append(env.stack[-1])
        selector.eval(frame)
        return frame.stack[-1]
    finally:
        env.delete_frame(frame)


def reads_items(original: Any) -> Any:
    """Items that cannot be read fail the map by this name, whatever S3 or the text of the object says."""

    def _eval_body(self: Any, env: Environment) -> None:
        try:
            original(self, env)
        except FailureEventException:
            raise
        except Exception as error:
            name = StatesErrorName(StatesErrorNameType.StatesItemReaderFailed)
            raise failure(env, name, str(error)) from error

    return _eval_body


def failure(env: Environment, name: Any, cause: str) -> FailureEventException:
    """What fails a map."""
    details: Any = {"mapRunFailedEventDetails": {"error": name.error_name, "cause": cause}}
    return FailureEventException(FailureEvent(env, name, HistoryEventType.MapRunFailed, details))
