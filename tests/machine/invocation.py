"""
Lambda's side of an invocation: which version runs, what it sees, and what its caller gets to know.

A function registered by name is a Python callable of this process. Any other runs from its own uploaded zip.
"""

import io
import itertools
import json
import random
import time
import traceback
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from bluegreen import clock
from tests.machine.faults import Faults, HandlerKilled, HandlerTimedOut, acting
from tests.machine.strict_lambda import LATEST, Metrics, ResourceConflict, Rules, weights_of

Handler = Callable[[Any, Any], Any]

_requests = itertools.count(1)


@dataclass(frozen=True)
class Context:
    """What Lambda hands a handler beside the event."""

    function_name: str
    function_version: str
    invoked_function_arn: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.UUID(int=next(_requests))))
    memory_limit_in_mb: int = 256
    log_group_name: str = "/aws/lambda/function"
    log_stream_name: str = "2026/01/05/[1]stream"
    identity: None = None
    client_context: None = None
    timeout_seconds: float = 600
    begun: float = field(default_factory=lambda: clock.now())

    def get_remaining_time_in_millis(self) -> int:
        """What is left; nothing ends the handler then, which only a fault does here."""
        return round((self.begun + self.timeout_seconds - clock.now()) * 1000)


class Invocations:
    """Moto's Invoke, routed and run as Lambda does it."""

    def __init__(
        self, handlers: Mapping[str, Handler], faults: Faults, rules: Rules, metrics: Metrics, seed: int
    ) -> None:
        self._handlers = dict(handlers)
        self._faults = faults
        self._rules = rules
        self._metrics = metrics
        self._dice = random.Random(seed)
        self._loaded: dict[tuple[str, str], Handler] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """In place of moto's, for as long as the block lasts."""
        invocations = self
        get_param = LambdaResponse._get_param

        def invoke(
            backend: LambdaBackend,
            name: str,
            qualifier: str | None,
            body: Any,
            headers: Any,
            answer_headers: dict[str, str],
        ) -> bytes:
            answer = invocations.invoke(backend, name, qualifier, body, answer_headers)
            return b"" if headers.get("X-Amz-Invocation-Type") == "Event" else answer

        def qualifier_by_its_name(response: LambdaResponse, name: str, default: Any = None) -> Any:
            return get_param(response, "Qualifier" if name == "qualifier" else name, default)

        with ExitStack() as patches:
            patches.enter_context(mock.patch.object(LambdaBackend, "invoke", invoke))
            patches.enter_context(mock.patch.object(LambdaResponse, "_get_param", qualifier_by_its_name))
            yield

    def invoke(
        self, backend: LambdaBackend, name: str, qualifier: str | None, body: Any, answer_headers: dict[str, str]
    ) -> bytes:
        """The payload; the version that ran and whether it failed stand in the headers."""
        event = json.loads(body or "{}")
        _, function_name, in_arn = backend._lambdas.split_function_arn(f":function:{name.rpartition(':function:')[2]}")
        if function_name in self._handlers:
            arn = f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{function_name}"
            state = event.get("state") or function_name.removesuffix("Function")
            with acting(state):
                answer, failed = self._run_ours(state, event, Context(function_name, LATEST, arn))
            version = LATEST
        else:
            qualifier = in_arn or qualifier or LATEST
            version = self._route(backend, function_name, qualifier)
            answer, failed = self._run_theirs(backend, function_name, qualifier, version, event)
        answer_headers["X-Amz-Executed-Version"] = version
        if failed:
            answer_headers["X-Amz-Function-Error"] = "Unhandled"
        return answer

    def _run_ours(self, state: str, event: Any, context: Context) -> tuple[bytes, bool]:
        fault = self._faults.find(f"state {state}")
        if fault is None or fault.when == "after":
            answer = _run(self._handlers[context.function_name], event, context)
        if fault is None:
            return answer
        if fault.code == "States.Timeout":
            raise TimeoutError
        return _failure(fault.code, f"{fault.code}, as the test wants it"), True

    def _run_theirs(
        self, backend: LambdaBackend, name: str, qualifier: str, version: str, event: Any
    ) -> tuple[bytes, bool]:
        function = self._rules.serving(backend.get_function(name, version))
        arn = f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{name}"
        context = Context(name, version, arn if qualifier == LATEST else f"{arn}:{qualifier}")
        with acting(name):
            begun = time.perf_counter()
            try:
                handler = self._load(function)
            except Exception as error:
                answer, failed = _failure("Runtime.ImportModuleError", f"{type(error).__name__}: {error}"), True
            else:
                answer, failed = _run(handler, event, context)
        duration_ms, place = (time.perf_counter() - begun) * 1000, (backend.account_id, backend.region_name)
        self._metrics.count_one(place, name, qualifier, version, failed=failed, duration_ms=duration_ms)
        return answer, failed

    def _route(self, backend: LambdaBackend, name: str, qualifier: str) -> str:
        function = backend.get_function(name, qualifier)
        if function.version != LATEST and self._rules.is_busy(function):
            raise ResourceConflict("The function is currently in the following state: Pending")
        aliases = {alias.name: alias for alias in backend.list_aliases(name)}
        if qualifier not in aliases:
            return str(function.version)
        for version, weight in weights_of(aliases[qualifier].routing_config).items():
            if self._dice.random() < weight:
                return version
        return str(aliases[qualifier].function_version)

    def _load(self, function: LambdaFunction) -> Handler:
        """One module for each code, as a warm environment keeps it."""
        key = (function.function_name, function.code_sha_256)
        if key not in self._loaded:
            module, _, name = str(function.handler).rpartition(".")
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
                source = package.read(f"{module.replace('.', '/')}.py")
            names: dict[str, Any] = {"__name__": module}
            exec(compile(source, f"{function.function_name}/{module}.py", "exec"), names)
            self._loaded[key] = names[name]
        return self._loaded[key]


def _run(handler: Handler, event: Any, context: Context) -> tuple[bytes, bool]:
    try:
        return json.dumps(handler(event, context)).encode(), False
    except HandlerKilled:
        return _failure("Runtime.ExitError", "Runtime exited with error: signal: killed"), True
    except HandlerTimedOut:
        return _failure("Sandbox.Timedout", "Task timed out"), True
    except Exception as error:
        stack = traceback.format_tb(error.__traceback__)
        return _failure(type(error).__name__, str(error), requestId=context.aws_request_id, stackTrace=stack), True


def _failure(error: str, message: str, **more: Any) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": error, **more}).encode()


def zip_of(source: str, module: str = "index") -> bytes:
    """A deployment package of one Python module. The same source is the same package, byte for byte."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(zipfile.ZipInfo(f"{module}.py"), source)
    return content.getvalue()
