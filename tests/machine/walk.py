"""
The committed machine, walked in this process: moto's interpreter, real handlers, AWS's rules and a clock that jumps.

    with in_process_aws(handlers_of(DEPLOY_ASL)) as aws:
        aws.create_function("BonusCalculatorLambda", "def handler(event, context): return 1")
        aws.every(1, lambda: call("BonusCalculatorLambda", "PROD"))
        with aws.fails("UpdateAlias", "TooManyRequestsException", times=2):
            run = aws.walk({"function": "BonusCalculatorLambda", ...})
    assert run.ended == "Deployed"

Waits, retries of the machine and of boto3, and the handlers' own patience take no time; they move `aws.clock`.
"""

import copy
import datetime
import functools
import importlib
import importlib.util
import itertools
import json
import logging
import marshal
import os
import random
import re
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from unittest import mock

import boto3
import botocore.endpoint
import jsonpath_ng.ext
from botocore.loaders import JSONFileLoader
from moto import mock_aws
from moto.core import models as mocks
from moto.core.base_backend import AccountSpecificBackend, BaseBackend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.s3 import models as s3_models
from moto.stepfunctions.parser import models as executions_module
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function
from moto.stepfunctions.parser.asl.eval import states as states_values
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event import event_manager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.backend import execution as execution_module
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from sandbox.layer import children
from tests.machine.clients import made_once
from tests.machine.clock import Clock
from tests.machine.faults import Fault, Faults, Watcher, When, acting, acting_as_machine
from tests.machine.iam import rule_refusal
from tests.machine.invocation import Handler, Invocations, zip_of
from tests.machine.nested import Nested
from tests.machine.patience import PATIENCE_SECONDS
from tests.machine.strict_lambda import Metrics, strict_lambda
from tests.machine.wire import short_way
from tests.template.stack import file_of, named_in, tasks_of

REGION = "us-east-1"
DEPLOY_ASL = Path(__file__).parents[2] / "statemachine" / "deploy.asl.json"
LOOK_SECONDS = 0.001
TOKEN_LOOK_SECONDS = 5
"""So late, by the clock, an execution may hear what was reported with its task token."""

Moment = Literal["entered", "left"]
StateHook = Callable[[str, str, Moment], None]
"""Gets an execution's ARN, the name of a state, and whether that was entered or left just now."""


@dataclass(frozen=True)
class Run:
    """
    An execution that is over.

    `ended` is the end state it reached; ABORTED, TIMED_OUT or FAILED if it reached none. `document` is what the last
    state saw, so that it can be read of failed runs too, which have no `output`. `error` and `cause` are empty
    unless it FAILED. `history` is as GetExecutionHistory
    tells it, in the clock's time.
    """

    arn: str
    ended: str
    path: list[str]
    document: dict[str, Any]
    output: Any
    error: str
    cause: str
    history: list[dict[str, Any]]


def _arn(env: Any) -> str:
    return str(env.states.context_object.context_object_data["Execution"]["Id"])


_STATUS = {"Succeeded": "SUCCEEDED", "Failed": "FAILED", "Aborted": "ABORTED", "TimedOut": "TIMED_OUT"}


def _history(execution: Any) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = execution.to_history_output()["events"]
    return events


def _path(history: list[dict[str, Any]]) -> list[str]:
    entered = (event.get("stateEnteredEventDetails") for event in history)
    return [details["name"] for details in entered if details is not None]


@functools.cache
def handlers_of(*asls: Path) -> dict[str, Handler]:
    """The real handlers that the Task states of these machines run, by the names of their functions; of the deploy
    machine, if none is named."""
    machines = [json.loads(asl.read_text()) for asl in asls or (DEPLOY_ASL,)]
    names = {named_in(state) for machine in machines for state in tasks_of(machine).values()}
    return {f"{name}Function": importlib.import_module(file_of(name)).handler for name in sorted(names)}


class InProcessAws:
    """AWS for one test."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults,
        metrics: Metrics,
        ends: threading.Condition,
        nested: Nested,
        asl: Path,
        update_seconds: float,
        patience_seconds: float,
    ) -> None:
        self.clock = clock
        self.metrics = metrics
        self._faults = faults
        self._ends = ends
        self._nested = nested
        self._asl = asl
        self._update_seconds = update_seconds
        self._patience_seconds = patience_seconds
        self._machines: dict[Path, str] = {}

    def machine_arn(self, asl: Path | None = None) -> str:
        """
        The machine, created when first asked for.

        Its `${XFunctionArn}` is the function named XFunction, its `${XStateMachineArn}` the machine of x.asl.json in
        the same folder.
        """
        path = asl or self._asl
        if path not in self._machines:
            functions = f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:"
            definition = re.sub(r"\$\{(\w+Function)Arn\}", lambda found: functions + found[1], path.read_text())
            definition = re.sub(
                r"\$\{(\w+)StateMachineArn\}",
                lambda found: self.machine_arn(path.with_name(f"{file_of(found[1])}.asl.json")),
                definition,
            )
            definition = definition.replace("${Partition}", "aws")
            name = path.name.partition(".")[0]
            role = f"{''.join(map(str.capitalize, name.split('_')))}StateMachine"
            assert (why := rule_refusal(role, definition)) is None, why
            created = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].create_state_machine(
                name=name,
                definition=definition,
                roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{role}",
            )
            self._machines[path] = str(created.arn)
        return self._machines[path]

    def walk(self, document: Mapping[str, Any], name: str | None = None, asl: Path | None = None) -> Run:
        """Start an execution and follow it to its end."""
        return self.finish(self.start(document, name, asl))

    def start(self, document: Mapping[str, Any], name: str | None = None, asl: Path | None = None) -> str:
        """Start an execution; its ARN."""
        with acting(None, immune=True):
            started = boto3.client("stepfunctions", REGION).start_execution(
                stateMachineArn=self.machine_arn(asl), name=name or str(uuid.uuid4()), input=json.dumps(document)
            )
        return str(started["executionArn"])

    def finish(self, arn: str) -> Run:
        """Wait, in real time, until an execution is over."""
        execution = self._execution(arn)
        self._await_the_end(execution)
        history = _history(execution)
        path = _path(history)
        entered = [event for event in history if "stateEnteredEventDetails" in event]
        in_an_end = entered and entered[-1]["type"] in ("SucceedStateEntered", "FailStateEntered")
        status = history[-1]["type"].removeprefix("Execution")
        how = history[-1].get("executionFailedEventDetails", {})
        output = history[-1].get("executionSucceededEventDetails", {}).get("output")
        return Run(
            arn=arn,
            ended=path[-1] if in_an_end and status in ("Succeeded", "Failed") else _STATUS[status],
            path=path,
            document=json.loads(entered[-1]["stateEnteredEventDetails"]["input"]) if entered else {},
            output=json.loads(output) if output is not None else None,
            error=how.get("error", ""),
            cause=how.get("cause", ""),
            history=history,
        )

    def executions(self, asl: Path | None = None) -> list[str]:
        """The ARNs of a machine's executions, in the order of their starts."""
        machine = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].describe_state_machine(
            self.machine_arn(asl)
        )
        return [str(each.execution_arn) for each in machine.executions]

    def children_of(self, arn: str) -> list[str]:
        """The ARNs of the executions that an execution's Distributed Maps started, in the order of their starts."""
        return self._nested.children_of(arn)

    def stop(self, arn: str) -> None:
        """As a person stops an execution in the console: no Catch runs."""
        waits = self._nested.waits(arn)
        with acting(None, immune=True):
            boto3.client("stepfunctions", REGION).stop_execution(executionArn=arn)
        if waits:
            self._await_the_end(self._execution(arn))

    def time_out(self, arn: str) -> None:
        """As the machine's own TimeoutSeconds end an execution: no Catch runs."""
        execution, waits = self._execution(arn), self._nested.waits(arn)
        if execution.exec_worker.env.is_running():
            execution.exec_worker.env.set_timed_out()
        if waits:
            self._await_the_end(execution)

    def end_what_still_runs(self) -> None:
        """Its thread would go on in the next test, and move that test's clock."""
        machines = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].state_machines
        executions = [execution for machine in machines for execution in machine.executions]
        for execution in sorted(executions, key=lambda each: not self._nested.waits(each.execution_arn)):
            if str(execution.status) == "RUNNING":
                self._await_the_beginning(execution)
                self.stop(execution.execution_arn)
        for execution in executions:
            self._await_the_end(execution)

    def fails(
        self,
        operation: str,
        code: str,
        *,
        times: int | None = 1,
        skip: int = 0,
        when: When = "before",
        state: str | None = None,
    ) -> AbstractContextManager[Fault]:
        """
        Attempts of an AWS operation that go wrong, `before` or `after` AWS did what was asked.

        `code` is AWS's error code; ConnectTimeout, ReadTimeout, ConnectionClosed or EndpointUnreachable for no answer
        at all; HandlerKilled or HandlerTimedOut for the end of the handler that calls. The first `skip` attempts pass;
        `times=None` is every one after them; `state` names the only handler that the fault meets.
        """
        return self._faults.in_force(Fault(operation, code, times, skip, when, state))

    def state_fails(
        self, state: str, error: str, *, times: int | None = 1, skip: int = 0, when: When = "before"
    ) -> AbstractContextManager[Fault]:
        """Attempts of a Task state that end in an error of this name, without or after its handler's work."""
        return self._faults.in_force(Fault(f"state {state}", error, times, skip, when, state))

    def watched(self, watcher: Watcher) -> AbstractContextManager[None]:
        """Every attempt of a handler to call AWS passes by the watcher, which may act before it and after it."""
        return self._faults.watched(watcher)

    def acting(self, state: str | None, *, immune: bool = False) -> AbstractContextManager[None]:
        """The block's calls are those of this handler, or, without a name, of a caller whom no fault meets."""
        return acting(state, immune=immune)

    @contextmanager
    def at_states(self, hook: StateHook) -> Iterator[None]:
        """The hook is called whenever an execution enters a state, before its work, and when it leaves it."""
        take_input, run = CommonStateField._eval_state_input, CommonStateField._eval_body

        def entered(state: Any, env: Any) -> None:
            hook(_arn(env), state.name, "entered")
            take_input(state, env)

        def entered_and_left(state: Any, env: Any) -> None:
            run(state, env)
            hook(_arn(env), state.name, "left")

        with (
            mock.patch.object(CommonStateField, "_eval_state_input", entered),
            mock.patch.object(CommonStateField, "_eval_body", entered_and_left),
        ):
            yield

    def every(self, seconds: float, do: Callable[[], object]) -> None:
        """Someone else does something again and again while time passes. No fault meets them."""
        self.clock.every(seconds, self._uncounted(do))

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Someone else does something once. No fault meets them."""
        self.clock.after(seconds, self._uncounted(do))

    def create_function(
        self, name: str, source: str, *, alias: str = "PROD", tags: Mapping[str, str] | None = None
    ) -> None:
        """A Python function, version 1 of it, and the alias on that. Opted in unless `tags` say otherwise."""
        functions = boto3.client("lambda", REGION)
        functions.create_function(
            FunctionName=name,
            Runtime="python3.14",
            Handler="index.handler",
            Role=_role(),
            Code={"ZipFile": zip_of(source)},
            Tags={"bluegreen:managed": "true"} if tags is None else dict(tags),
        )
        version = functions.publish_version(FunctionName=name)["Version"]
        self.clock.sleep(self._update_seconds)
        functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)

    def _uncounted(self, do: Callable[[], object]) -> Callable[[], None]:
        def uncounted() -> None:
            with acting(None, immune=True):
                do()

        return uncounted

    def _await_the_beginning(self, execution: Any) -> None:
        """Moto can stop an execution once its thread has read the definition."""
        looked = threading.Event()
        for _ in range(round(self._patience_seconds / LOOK_SECONDS)):
            if execution.exec_worker.env:
                return
            looked.wait(LOOK_SECONDS)
        raise AssertionError(f"{execution.execution_arn} does not begin")

    def _await_the_end(self, execution: Any) -> None:
        with self._ends:
            ended = self._ends.wait_for(lambda: str(execution.status) != "RUNNING", self._patience_seconds)
        path = _path(_history(execution))
        assert ended, f"{execution.execution_arn} does not end; it went {path}\n{_where_the_threads_are()}"

    def _execution(self, arn: str) -> Any:
        return stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].describe_execution(arn)


def _where_the_threads_are() -> str:
    """The stack of every thread of this process: a walk that stands still waits in one of them."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    stacks = ((names.get(ident, "unknown"), traceback.format_stack(at)) for ident, at in sys._current_frames().items())
    return "\n".join(f"{name}:\n{''.join(stack)}" for name, stack in stacks)


def _role() -> str:
    """The ARN of the role that every function has, created when first asked for."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    try:
        return str(iam.get_role("function").arn)
    except NotFoundException:
        return str(iam.create_role("function", "{}", "/", None, "", [], None).arn)


@contextmanager
def in_process_aws(
    handlers: Mapping[str, Handler],
    *,
    asl: Path = DEPLOY_ASL,
    seed: int = 0,
    update_seconds: float = 0.0,
    metrics_delay_seconds: float = 0.0,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[InProcessAws]:
    """
    AWS in this process, with these handlers as the functions of these names.

    The same seed rolls the same dice, for weighted aliases and for retries with jitter. Updates of functions take
    `update_seconds`, metrics show `metrics_delay_seconds` late. An execution that has not ended after
    `patience_seconds` of real time hangs.
    """
    clock, faults = Clock(), Faults()
    environment = {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
    with ExitStack() as world:
        world.enter_context(mock.patch.dict(os.environ, environment))
        world.enter_context(made_once())
        world.enter_context(mock.patch.object(mocks, "RESPONSES_METHODS", []))  # for who calls AWS without boto3
        world.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        metrics, rules = world.enter_context(
            strict_lambda(clock, update_seconds=update_seconds, metrics_delay_seconds=metrics_delay_seconds)
        )
        world.enter_context(Invocations(handlers, faults, rules, metrics, seed).installed())
        world.enter_context(short_way())
        world.enter_context(faults.installed())
        world.enter_context(_time_is(clock))
        world.enter_context(_dice_are(random.Random(seed)))
        world.enter_context(_machines_invoke())
        world.enter_context(_nothing_is_read_twice())
        world.enter_context(_an_end_is_the_end())
        world.enter_context(_histories_are_read_backwards())
        world.enter_context(_failures_have_causes())
        ends = world.enter_context(_ends_are_told())
        nested = Nested(clock, faults, ends, patience_seconds)
        world.enter_context(nested.installed())
        world.enter_context(quiet("moto.stepfunctions"))
        aws = InProcessAws(clock, faults, metrics, ends, nested, asl, update_seconds, patience_seconds)
        try:
            yield aws
        finally:
            aws.end_what_still_runs()


@contextmanager
def _time_is(clock: Clock) -> Iterator[None]:
    """
    The interpreter's waits, retries and timestamps, boto3's retries, S3's dates, and the handlers' clock.

    The handlers' process begins with it: it knows no moment of another clock.
    """

    def wait(_: Any, env: Any, wait_seconds: float) -> None:
        if env.is_running():
            clock.sleep(wait_seconds)

    class Now(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.fromtimestamp(clock.now(), tz)

    class Done(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            """Until it is set: the seconds that a state may take are none of this machine's."""
            return super().wait()

    def now_as_s3_says() -> datetime.datetime:
        return datetime.datetime.fromtimestamp(clock.now(), datetime.UTC).replace(tzinfo=None)

    def wait_for_token(_: Any, env: Any, timeout_seconds: int, callback_endpoint: Any, **__: Any) -> Any:
        until = clock.now() + timeout_seconds
        while env.is_running() and callback_endpoint.get_outcome() is None and clock.now() < until:
            clock.sleep(min(TOKEN_LOOK_SECONDS, until - clock.now()))
        return callback_endpoint.get_outcome() or CallbackOutcomeTimedOut(callback_endpoint.callback_id)

    jumping = SimpleNamespace(sleep=clock.sleep)
    dates = SimpleNamespace(**vars(datetime) | {"datetime": Now})
    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(wait_function.WaitFunction, "_wait_interval", wait))
        patches.enter_context(mock.patch.object(StateTaskServiceCallback, "_eval_wait_for_task_token", wait_for_token))
        for module in (retrier_decl, botocore.endpoint):
            patches.enter_context(mock.patch.object(module, "time", jumping))
        patches.enter_context(mock.patch.object(execute_state, "threading", SimpleNamespace(Event=Done)))
        for module in (state_module, event_manager, execution_module, executions_module):
            patches.enter_context(mock.patch.object(module, "datetime", dates))
        patches.enter_context(mock.patch.object(s3_models, "utcnow", now_as_s3_says))
        if importlib.util.find_spec("bluegreen") is not None:
            ours = importlib.import_module("bluegreen.clock")
            patches.enter_context(mock.patch.object(ours, "now", clock.now))
            patches.enter_context(mock.patch.object(ours, "sleep", clock.sleep))
            pacing = importlib.import_module("bluegreen.aws.pacing")
            for seen_before in (pacing._known, pacing._alone, pacing._away):
                patches.enter_context(mock.patch.dict(seen_before, clear=True))
        yield


@contextmanager
def _dice_are(dice: random.Random) -> Iterator[None]:
    """Jitter rolls these, and boto3 numbers its calls instead of rolling any."""
    numbered = SimpleNamespace(uuid4=functools.partial(next, itertools.count(1)))
    with (
        mock.patch.object(jitter_strategy_decl, "random", dice),
        mock.patch.object(botocore.endpoint, "uuid", numbered),
    ):
        yield


@contextmanager
def _machines_invoke() -> Iterator[None]:
    """Faults are for handlers, not for the interpreter's calls of them; it makes them as the machine."""
    invoke = lambda_eval_utils.execute_lambda_function_integration

    def by_the_machine(env: Environment, **named: Any) -> None:
        with acting_as_machine(env):
            invoke(env=env, **named)

    with mock.patch.object(lambda_eval_utils, "execute_lambda_function_integration", by_the_machine):
        yield


_client = functools.cache(lambda region, service: boto_client_for(region=region, service=service))
_read_model = functools.cache(JSONFileLoader().load_file)
_read_path = functools.cache(vars(json_path)["parse"])
_read_event_path = functools.cache(vars(jsonpath_ng.ext)["parse"])
_read_result_path = functools.cache(vars(result_path)["parse"])
_parse = functools.cache(children.of_readable(AmazonStateLanguageParser.parse))
_urls: dict[tuple[type, str], Any] = {}
_list_regions = vars(AccountSpecificBackend)["_generate_regions"].__wrapped__
_regions: dict[str, list[str]] = {}


@contextmanager
def _nothing_is_read_twice() -> Iterator[None]:
    """
    Neither AWS's models for each session, nor the ASL for each execution, nor the document for each path in it, nor
    moto's own lists of what it serves for each call, and of a service's regions for each world.
    """
    list_urls = vars(BaseBackend)["urls"].fget

    def once(region: str, service: str, state_credentials: Any = None) -> Any:
        return _client(region, service)

    def read_model(_: JSONFileLoader, path: str) -> Any:
        return _read_model(path)

    def urls(backend: BaseBackend) -> Any:
        key = type(backend), backend.region_name
        if key not in _urls:
            _urls[key] = list_urls(backend)
        return _urls[key]

    def regions(backends: Any, service: str) -> list[str]:
        if service not in _regions:
            _regions[service] = _list_regions(backends, service)
        return _regions[service]

    with (
        mock.patch.object(lambda_eval_utils, "boto_client_for", once),
        mock.patch.object(JSONFileLoader, "load_file", read_model),
        mock.patch.object(json_path, "parse", _read_path),
        mock.patch.object(result_path, "parse", _read_result_path),
        mock.patch.object(jsonpath_ng.ext, "parse", _read_event_path),
        mock.patch.object(AmazonStateLanguageParser, "parse", staticmethod(_parse)),
        mock.patch.object(states_values, "copy", SimpleNamespace(deepcopy=_copy_of_json)),
        mock.patch.object(string_expression, "copy", SimpleNamespace(deepcopy=_copy_of_json)),
        mock.patch.object(execute_state, "copy", SimpleNamespace(deepcopy=_copy_of_json)),
        mock.patch.object(result_path, "copy", SimpleNamespace(deepcopy=_copy_of_json)),
        mock.patch.object(event_manager, "copy", SimpleNamespace(deepcopy=_copy_of_events)),
        mock.patch.object(BaseBackend, "urls", property(urls)),
        mock.patch.object(AccountSpecificBackend, "_generate_regions", regions),
    ):
        yield


def _copy_of_json(value: Any) -> Any:
    """What a state reads and learns is JSON, a moment aside: copied in a tenth of the time that any object takes."""
    try:
        return marshal.loads(marshal.dumps(value))
    except ValueError:
        return copy.deepcopy(value)


def _copy_of_events(value: Any) -> Any:
    """An event that has happened changes no more; their list becomes longer."""
    return list(value) if isinstance(value, list) else copy.deepcopy(value)


@contextmanager
def _an_end_is_the_end() -> Iterator[None]:
    """An execution that was stopped or timed out stays so; the end of the state that it was in changes nothing."""
    fail = Environment.set_error

    def unless_it_has_ended(env: Any, error: Any) -> None:
        if env.is_running():
            fail(env, error)

    with mock.patch.object(Environment, "set_error", unless_it_has_ended):
        yield


@contextmanager
def _ends_are_told() -> Iterator[threading.Condition]:
    """Who waits for an end sleeps until one is there: asking again and again takes the time of the execution."""
    terminated = execution_module.BaseExecutionWorkerCommunication.terminated
    ends = threading.Condition()

    def told(execution: Any) -> None:
        terminated(execution)
        with ends:
            ends.notify_all()

    with mock.patch.object(execution_module.BaseExecutionWorkerCommunication, "terminated", told):
        yield ends


@contextmanager
def _histories_are_read_backwards() -> Iterator[None]:
    """Moto answers the oldest events first, also with reverseOrder."""
    read = StepFunctionResponse.get_execution_history

    def in_the_order_asked_for(response: StepFunctionResponse) -> Any:
        history: Any = read(response).result
        events = history["events"][::-1] if response._get_param("reverseOrder") else history["events"]
        return ActionResult({**history, "events": events})

    with mock.patch.object(StepFunctionResponse, "get_execution_history", in_the_order_asked_for):
        yield


@contextmanager
def _failures_have_causes() -> Iterator[None]:
    """Moto drops the cause of SendTaskFailure."""

    def with_its_cause(response: StepFunctionResponse) -> Any:
        token, error, cause = (response._get_param(name) for name in ("taskToken", "error", "cause"))
        backend: Any = response.stepfunction_backend
        backend.send_task_failure(token, error=error, cause=cause)
        return ActionResult({})

    with mock.patch.object(StepFunctionResponse, "send_task_failure", with_its_cause):
        yield


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """A logger by this name says nothing, until it is over."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
