"""
Executions that others start and wait for: by `states:startExecution.sync:2`, and for each item of a Distributed Map.

Who waits for an execution does not move the clock; what it waits for does. The executions of a map wait at the same
time. A stop of an execution, or the end of its time, stops those that it waits for.
"""

import copy
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

import boto3
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.program import program as program_module
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.item_reader_decl import ItemReader
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import EvaluationDetails
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker, SyncExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from sandbox.layer import children
from sandbox.layer.children import Child, Ended
from tests.machine.clock import Clock, SameTurn
from tests.machine.faults import Faults, acting, acting_as_machine, role_of_machine
from tests.machine.iam import start_refusal

LOOK_SECONDS = 0.001

_thread = threading.local()
"""The executions that the thread starts and that shall not begin yet."""


class Nested:
    """The executions of Distributed Maps, and the waits for executions."""

    def __init__(self, clock: Clock, faults: Faults, ends: threading.Condition, patience_seconds: float) -> None:
        self._clock = clock
        self._faults = faults
        self._ends = ends
        self._patience_seconds = patience_seconds
        self._machines: dict[str, Any] = {}
        self._children: dict[str, list[str]] = {}
        self._held: WeakKeyDictionary[Environment, list[ExecutionWorker]] = WeakKeyDictionary()
        self._waiting: set[str] = set()

    def waits(self, arn: str) -> bool:
        """Whether an execution waits for another one, so that it ends at once when it is stopped."""
        return arn in self._waiting

    def children_of(self, arn: str) -> list[str]:
        """The ARNs of the executions that this execution's Distributed Maps started, in that order."""
        return list(self._children.get(arn, ()))

    # An item of a map.

    def mapped(self, env: Environment, record: Any) -> str | None:
        """Ask IAM, as for every call of a machine of the template."""
        machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
        return start_refusal(role_of_machine(env), machine)

    def run(self, child: Child, begun: Callable[[Environment], object]) -> Ended:
        """Run it to its end."""
        context = child.env.states.context_object.context_object_data
        parent = str(context["Execution"]["Id"])
        siblings = self._children.setdefault(parent, [])
        machine = self._machine_of_a_map(str(context["StateMachine"]["Id"]), child.machine)
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{parent}/{len(siblings)}"))
        execution = _ChildExecution(child, begun, machine, name, datetime.fromtimestamp(self._clock.now(), UTC))
        siblings.append(str(execution.execution_arn))
        machine.executions.append(execution)
        execution.start()
        return Ended(str(execution.status), execution.output)

    def beside(self, works: list[Callable[[], None]], most: int) -> None:
        """All works; while one waits, others go on."""
        self._clock.together(works, most)

    def _machine_of_a_map(self, parent: str, arn: str) -> Any:
        """As AWS names it: it is none of the account's machines, and has executions."""
        if arn not in self._machines:
            machine = copy.copy(_backend(arn).describe_state_machine(parent))
            machine.arn, machine.executions = arn, []
            machine.name = arn.partition(":stateMachine:")[2]
            self._machines[arn] = machine
        return self._machines[arn]

    # A Task that starts an execution and waits for it.

    def _wait(self, task: Any, env: Environment, sync_resolver: Callable[[], Any], timeout_seconds: int) -> Any:
        """
        What the execution answers that the Task started; None once the execution of the Task is over.

        It begins here, and not before: else it would move the clock while the Task's execution still writes events.
        """
        started, begun, late, over = children.started(env), threading.Event(), threading.Event(), threading.Event()
        waiting = str(env.states.context_object.context_object_data["Execution"]["Id"])

        def stop() -> None:
            assert begun.wait(self._patience_seconds), f"{started} does not begin"
            with acting_as_machine(env), suppress(ClientError):
                boto3.client("stepfunctions", _region(started)).stop_execution(executionArn=started)
            with self._ends:
                self._ends.notify_all()

        def time_is_up() -> None:
            if not over.is_set():
                late.set()
                stop()

        if not task.timeout.is_default_value():
            self._clock.after(timeout_seconds, time_is_up)
        self._waiting.add(waiting)
        with children.stopped_with(env, stop), self._ends:
            workers = self._held.pop(env)
            for worker in workers:
                worker.start()
            while any(worker.env is None for worker in workers):
                over.wait(LOOK_SECONDS)  # moto can stop an execution once its thread has read the definition
            begun.set()
            there = self._ends.wait_for(
                lambda: late.is_set() or not env.is_running() or not _is_running(started), self._patience_seconds
            )
        assert there, f"{started} does not end"
        self._waiting.remove(waiting)
        over.set()
        if late.is_set():
            return CallbackOutcomeTimedOut(started)
        return sync_resolver() if env.is_running() else None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """For as long as the block lasts."""
        fails, sync = self._failing, StateTaskServiceSfn
        with ExitStack() as patches:
            for owner, name, instead in (
                (StateTaskService, "_normalise_parameters", children.normalise_parameters),
                (StateTaskService, "_normalise_response", children.normalise_response),
                (StateTaskService, "_after_eval_execution", children.ends_with_its_execution),
                (sync, "_eval_service_task", self._starting),
                (ExecutionWorker, "start", _unless_held),
                (sync, "_build_sync_resolver", _looks),
                (sync, "_build_sync2_resolver", _looks),
                (sync, "_eval_sync", self._waiting_for_the_end),
                (sync, "_from_error", children.from_error_of_step_functions),
                (sync, "_eval_execution", lambda original: fails(original, lambda task, env: str(task.name))),
                (state_fail, "CustomErrorName", children.any_name),
                (ItemReader, "_eval_body", lambda original: children.reads_items(by_the_machine(original))),
                (DistributedIterationComponent, "_map_run", children.map_run(self)),
                (
                    DistributedIterationComponent,
                    "_eval_body",
                    lambda original: fails(original, lambda _, env: str(env.stack[-1].state_name)),
                ),
                (Environment, "set_stop", children.passed_on),
                (Environment, "set_timed_out", children.passed_on),
                (StepFunctionsParserBackend, "_get_state_machine_for_execution", self._finding_machines_of_maps),
                (StepFunctionsParserBackend, "_get_executions", self._finding_executions_of_maps),
                (execute_state, "Thread", lambda _: SameTurn),
                (program_module, "threading", lambda _: SimpleNamespace(Thread=SameTurn)),
            ):
                patches.enter_context(mock.patch.object(owner, name, instead(getattr(owner, name))))
            yield

    def _failing(self, original: Any, name_of: Callable[[Any, Any], str]) -> Any:
        """A fault meets a state that starts executions as it meets one that runs a handler."""

        def failing(component: Any, env: Environment) -> None:
            state = name_of(component, env)
            with acting(state):
                fault = self._faults.find(f"state {state}")
            if fault is None or fault.when == "after":
                original(component, env)
            if fault is not None:
                details: Any = {"taskFailedEventDetails": {"error": fault.code, "cause": "as the test wants it"}}
                name = ErrorName(fault.code)
                raise FailureEventException(FailureEvent(env, name, HistoryEventType.TaskFailed, details))

        return failing

    def _starting(self, original: Any) -> Any:
        """Start an execution, which begins when the Task waits for it, or at once if it does not."""

        def starting(task: Any, env: Environment, **named: Any) -> None:
            _thread.held = [] if task.resource.condition is not None else None
            try:
                with acting_as_machine(env):
                    original(task, env, **named)
                if _thread.held is not None:
                    self._held[env] = _thread.held
            finally:
                _thread.held = None

        return starting

    def _waiting_for_the_end(self, _: Any) -> Any:
        def wait(task: Any, env: Environment, sync_resolver: Any, timeout_seconds: int, **_: Any) -> Any:
            return self._wait(task, env, sync_resolver, timeout_seconds)

        return wait

    def _finding_machines_of_maps(self, original: Any) -> Any:
        def found(backend: Any, arn: str) -> Any:
            machine = arn.rpartition(":")[0].replace(":execution:", ":stateMachine:")
            return self._machines.get(machine) or original(backend, arn)

        return found

    def _finding_executions_of_maps(self, original: Any) -> Any:
        def found(backend: Any, status: Any = None) -> Any:
            of_maps = [each for machine in self._machines.values() for each in machine.executions]
            return original(backend, status) + [each for each in of_maps if status in (None, each.status)]

        return found


class _ChildExecution(Execution):  # type: ignore[misc]
    """One item's, which its worker runs in the thread that starts it."""

    def __init__(
        self, child: Child, begun: Callable[[Environment], object], machine: Any, name: str, start: datetime
    ) -> None:
        super().__init__(
            name=name,
            sm_type=machine.sm_type,
            role_arn=machine.roleArn,
            exec_arn=f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}",
            account_id=DEFAULT_ACCOUNT_ID,
            region_name=_region(machine.arn),
            state_machine=machine,
            start_date=start,
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=json.dumps(child.given),
        )
        self.child, self.begun = child, begun

    def _get_start_execution_worker(self) -> SyncExecutionWorker:
        return _Worker(
            evaluation_details=EvaluationDetails(
                self._get_start_aws_execution_details(),
                self.get_start_execution_details(),
                self.get_start_state_machine_details(),
            ),
            exec_comm=self._get_start_execution_worker_comm(),
            cloud_watch_logging_session=None,
            activity_store={},
        ).of(self.child, self.begun)


class _Worker(SyncExecutionWorker):  # type: ignore[misc]
    """Walks what stands in the map."""

    def of(self, child: Child, begun: Callable[[Environment], object]) -> "_Worker":
        self._program, self._begun = child.program, begun
        return self

    def _get_evaluation_entrypoint(self) -> Any:
        return self._program

    def _get_evaluation_environment(self) -> Environment:
        env = super()._get_evaluation_environment()
        self._begun(env)
        return env


def _unless_held(original: Any) -> Any:
    def start(worker: ExecutionWorker) -> None:
        held = getattr(_thread, "held", None)
        if held is None:
            original(worker)
        else:
            held.append(worker)

    return start


def by_the_machine(original: Any) -> Any:
    """What the interpreter asks AWS, it asks as the machine; no fault is for it."""

    def asked(component: Any, env: Environment, *arguments: Any, **named: Any) -> Any:
        with acting_as_machine(env):
            return original(component, env, *arguments, **named)

    return asked


def _looks(original: Any) -> Any:
    """What asks how the execution goes that a Task started."""
    build = children.knows_what_it_started(original)

    def built(task: Any, env: Environment, *arguments: Any, **named: Any) -> Any:
        look = build(task, env, *arguments, **named)

        def looked() -> Any:
            with acting_as_machine(env):
                return look()

        return looked

    return built


def _backend(arn: str) -> Any:
    return stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][_region(arn)]


def _region(arn: str) -> str:
    return arn.split(":")[3]


def _is_running(arn: str) -> bool:
    return bool(_backend(arn).describe_execution(arn).status == ExecutionStatus.RUNNING)
