"""Distributed Maps in the sandbox: each item's execution is in MiniStack's records and walked by the interpreter."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import stepfunctions
from moto.stepfunctions.parser.asl.eval.environment import Environment

from sandbox.layer import machines, permissions
from sandbox.layer.children import Child, Ended

MOST_AT_A_TIME = 256
"""Executions of a map that names no number; each takes three threads."""

UPDATED = {
    "maxConcurrency": "max_concurrency",
    "toleratedFailureCount": "tolerated_failure_count",
    "toleratedFailurePercentage": "tolerated_failure_percentage",
}


class MapRun(Mapping[str, Any]):
    """A map's record of moto's, read as one of MiniStack's, which are dicts with the fields of DescribeMapRun."""

    def __init__(self, record: Any) -> None:
        self._record = record

    def __getitem__(self, name: str) -> Any:
        return self._now()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """UpdateMapRun."""
        self._record.update(**(dict.fromkeys(UPDATED.values()) | {UPDATED[name]: value}))

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> dict[str, Any]:
        said = dict(self._record.describe())
        return {**said, "redriveCount": 0, "_stateMachineArn": self._record.map_state_machine_arn}


class Runs:
    """Runs children in threads, each with the account and the region of its map."""

    def mapped(self, env: Environment, record: Any) -> str | None:
        """Keep the map's record for DescribeMapRun, and ask IAM whether its machine may start executions of itself."""
        stepfunctions._map_runs[record.map_run_arn] = MapRun(record)
        machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
        return permissions.refusal_of_role(env.aws_execution_details.role_arn, "states:StartExecution", machine)

    def run(self, child: Child, begun: Callable[[Environment], object]) -> Ended:
        """Walk it to its end."""
        name, details = new_uuid(), child.env.aws_execution_details
        machine = {
            "stateMachineArn": child.machine,
            "name": child.machine.partition(":stateMachine:")[2],
            "roleArn": details.role_arn,
            "type": "STANDARD",
        }
        execution = {
            "executionArn": f"{child.machine.replace(':stateMachine:', ':execution:')}:{name}",
            "stateMachineArn": child.machine,
            "name": name,
            "status": "RUNNING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": json.dumps(child.given, separators=(",", ":")),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": child.map_run,
            "events": [],
        }
        stepfunctions._executions[execution["executionArn"]] = execution
        machines.run(execution, machine, child.program, begun)
        output = json.loads(execution["output"]) if execution["output"] is not None else None
        return Ended(str(execution["status"]), output)

    def beside(self, works: list[Callable[[], None]], most: int) -> None:
        """All works, in threads."""
        with ThreadPoolExecutor(max(1, min(most or MOST_AT_A_TIME, len(works)))) as pool:
            for done in [pool.submit(contextvars.copy_context().run, work) for work in works]:
                done.result()


class SameContext(threading.Thread):
    """A thread of the interpreter that works for the account and the region of the thread that made it."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._made_in = contextvars.copy_context()

    def run(self) -> None:
        """Once started."""
        self._made_in.run(super().run)
