# mypy: disallow-subclassing-any=False
"""
The `stepfunctions` SDK, as much of it as describes a machine.

Importing the package the ordinary way brings in SageMaker, sets the root logger to ERROR and prints. The states
need none of that, so the two `__init__` modules that do it are left unexecuted. What remains needs no other
package: `pip install --no-deps` suffices. Fields of the language younger than the SDK are added by subclasses.
"""

import importlib
import importlib.util
import sys
import warnings
from types import SimpleNamespace
from typing import Any, TypeAlias


def _leave_unexecuted(package: str) -> None:
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"{package} is not installed: pip install --no-deps -r requirements/statemachine.txt")
    sys.modules[package] = importlib.util.module_from_spec(spec)


def _import(module: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return importlib.import_module(module)


_leave_unexecuted("stepfunctions")
_leave_unexecuted("stepfunctions.steps")
_states = _import("stepfunctions.steps.states")

State: TypeAlias = Any
Catch = _states.Catch
Choice = _states.Choice
Graph = _states.Graph
Pass = _states.Pass
Succeed = _states.Succeed
Task = _states.Task
Wait = _states.Wait
_Retry: Any = _states.Retry
_Fail: Any = _states.Fail
_Map: Any = _states.Map
ChoiceRule = _import("stepfunctions.steps.choice_rule").ChoiceRule


def _and(known: list[Any], *younger: str) -> list[Any]:
    """The SDK reads no more than `value` of a field it allows."""
    return [*known, *(SimpleNamespace(value=field) for field in younger)]


class Retry(_Retry):
    """A retrier that knows how long a delay may grow, and spreads its attempts."""

    def allowed_fields(self) -> list[Any]:
        """The SDK's fields and the two it does not know."""
        return _and(super().allowed_fields(), "max_delay_seconds", "jitter_strategy")


class Fail(_Fail):
    """An end whose error and cause are read from the document."""

    def allowed_fields(self) -> list[Any]:
        """The SDK's fields and the two it does not know."""
        return _and(super().allowed_fields(), "error_path", "cause_path")


YOUNGER_IN_A_MAP = ("item_reader", "item_selector", "max_concurrency_path", "tolerated_failure_percentage", "label")


class DistributedMap(_Map):
    """A Map whose items lie in S3, each of which an execution of its own works on."""

    def __init__(self, state_id: str, first: State, **fields: Any) -> None:
        super().__init__(state_id, **fields)
        self._first = first

    def allowed_fields(self) -> list[Any]:
        """The SDK's fields and those that it does not know."""
        return _and(super().allowed_fields(), *YOUNGER_IN_A_MAP)

    def to_dict(self) -> Any:
        """As the language has it."""
        described = _states.State.to_dict(self)
        mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
        return {**described, "ItemProcessor": {"ProcessorConfig": mode, **Graph(self._first).to_dict()}}
