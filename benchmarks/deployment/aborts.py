"""
From a person's abort to everybody on blue, in each state of the execution, in the sandbox with the stack.

The order goes over the HTTP API, as `bluegreen abort` sends it. Lambda's calls are those that the sandbox noted of the
stack's own functions meanwhile, whether RecoverDeployments or the execution makes them.
"""

from __future__ import annotations

import io
import statistics
import time
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.deployment import functions
from sandbox import Sandbox
from sandbox.demo.account import ALIAS, Account
from sandbox.stack import deploy_stack

FUNCTION, HOOK, RUNTIME = "Aborted", "SlowHook", "python3.13"
STACK = "bluegreen"
HOOK_SECONDS = 4
SOURCE_OF_HOOK = f"import time\ndef handler(event, context):\n    time.sleep({HOOK_SECONDS})\n"
IN_THE_MIDDLE_SECONDS = 1.0
"""So long after the execution entered a state that lasts longer, the order is given."""
WAIT_SCALE = 0.1
"""Of Step Functions' waits: rounds end sooner, and no figure depends on it, since an abort waits for no look."""
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 120
HELD_SECONDS = 1.0
"""So long the first call of CompleteDeployment is held, which else is over before an order can come."""
LONG_BAKE = 7200
NOT_IN_THE_BUCKET = ("Invoke", "GetFunction")
"""Operations of Lambda that have limits of their own."""


@dataclass(frozen=True)
class Case:
    """
    The state in which the abort is ordered, and the request whose execution comes there.

    A state that `lasts` is aborted in its middle. `held` is the function of the template that is held up.
    """

    what: str
    state: str
    request: dict[str, Any] = field(default_factory=lambda: {"traffic": "AllAtOnce"})
    lasts: bool = False
    held: str = ""


CASES = (
    Case("`UpdateCode`", "UpdateCode"),
    Case("`SmokeTest`", "SmokeTest"),
    Case("`PublishVersion`", "PublishVersion"),
    Case("`AwaitApproval`", "AwaitApproval", {"traffic": "AllAtOnce", "approval": {"required": True}}, lasts=True),
    Case(
        "`RunHook` before_traffic", "RunHook", {"traffic": "AllAtOnce", "hooks": {"before_traffic": HOOK}}, lasts=True
    ),
    Case("`ShiftAlias` to 100 %", "ShiftAlias"),
    Case("`Bake` with 10 %", "Bake", {"traffic": {"steps": [{"weight": 0.1, "bake_seconds": LONG_BAKE}]}}, lasts=True),
    Case(
        "`Bake`, final, with 100 %",
        "Bake",
        {"traffic": {"steps": [{"weight": 1.0, "bake_seconds": LONG_BAKE}], "keep_control": 0}},
        lasts=True,
    ),
    Case("`RunHook` after_traffic", "RunHook", {"traffic": "AllAtOnce", "hooks": {"after_traffic": HOOK}}, lasts=True),
    Case("`CompleteDeployment`", "CompleteDeployment", held="CompleteDeploymentFunction"),
)


@dataclass(frozen=True)
class Round:
    """
    One abort, in seconds since its order was sent.

    `green_percent` is green's share at the order. `to_blue` is 0 where no look at the alias found any other version
    than blue. `calls_to_blue` and `calls_to_end` are Lambda's, in its bucket of 15 requests a second, until then.
    """

    green_percent: float
    to_answer: float
    to_blue: float
    to_end: float
    calls_to_blue: int
    calls_to_end: int


@dataclass(frozen=True)
class Abort:
    """The rounds in one state."""

    what: str
    rounds: list[Round]

    @property
    def that_left_blue(self) -> Abort:
        """With the rounds alone in which callers were given green before they were given blue again."""
        return replace(self, rounds=[each for each in self.rounds if each.to_blue])

    def median(self, figure: str) -> float:
        """Of one figure of the rounds."""
        return float(statistics.median(getattr(each, figure) for each in self.rounds))


def measure(rounds: int) -> list[Abort]:
    """Every state, after one abort that is not counted: it starts the functions' processes."""
    with Sandbox(wait_scale=WAIT_SCALE) as aws, ThreadPoolExecutor(1) as people:
        desk = Desk(aws, people)
        desk.abort(CASES[0])
        return [Abort(case.what, [desk.abort(case) for _ in range(rounds)]) for case in CASES]


class Desk(Account):
    """A person who starts deployments of one function, and aborts them."""

    def __init__(self, aws: Sandbox, people: ThreadPoolExecutor) -> None:
        super().__init__(aws, deploy_stack(aws))
        self._people, self._number = people, 0
        self._lambda, self._table = self.client("lambda"), self.client("dynamodb")
        described = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        self._names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in described}
        self._deployments = self._names["DeploymentsTable"]
        self._own = {
            each["PhysicalResourceId"] for each in described if each["ResourceType"] == "AWS::Lambda::Function"
        }
        functions.create(aws.environment, FUNCTION, RUNTIME)
        self._lambda.publish_version(FunctionName=FUNCTION)
        self._lambda.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")
        functions.create(aws.environment, HOOK, RUNTIME)
        self._lambda.update_function_configuration(FunctionName=HOOK, Timeout=60)
        functions.wait_for(aws.environment, HOOK)
        self._lambda.update_function_code(FunctionName=HOOK, ZipFile=_zip(SOURCE_OF_HOOK))
        functions.wait_for(aws.environment, HOOK)

    def abort(self, case: Case) -> Round:
        """One deployment that is aborted in that state; raises RuntimeError if it ends otherwise."""
        self._number += 1
        key = f"functions/{FUNCTION}/by-request/{self._number}.zip"
        artifact = self.upload(key, functions.code(RUNTIME, 100 + self._number))
        blue = self._alias()
        if case.held:
            held = {"fault": "delay", "session": self._names[case.held], "seconds": HELD_SECONDS}
            self._aws.control("faults", held)
        name = self.start({"function": FUNCTION, "artifact": artifact} | case.request)
        self._until_in(case, name)
        version, weights = self._alias()
        green_percent = 100.0 * sum(weights.values()) if version == blue[0] else 100.0
        calls_before = self._aws.control("calls")[-1]["number"]
        began = time.time()
        order = self._people.submit(self._order, name)
        to_blue, to_end = self._watched(name, blue, began)
        answered = order.result()
        self._until_over(name)
        moments = [
            call["began"] - began
            for call in self._aws.control(f"calls?since={calls_before}")
            if call["began"] >= began
            and call["session"] in self._own
            and call["service"] == "lambda"
            and call["operation"] not in NOT_IN_THE_BUCKET
        ]
        return Round(
            green_percent=green_percent,
            to_answer=round(answered - began, 3),
            to_blue=round(to_blue, 3),
            to_end=round(to_end, 3),
            calls_to_blue=sum(each <= to_blue for each in moments),
            calls_to_end=sum(each <= to_end for each in moments),
        )

    def _order(self, name: str) -> float:
        """When the answer came."""
        request = self.signed("DELETE", f"/deployments/{name}?reason=measured")
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS):  # noqa: S310  the sandbox's address
            return time.time()

    def _watched(self, name: str, blue: tuple[str, dict[str, float]], began: float) -> tuple[float, float]:
        """When the alias had blue alone for good, which is 0 if it always had, and when the record ended."""
        to_blue, other = 0.0, False
        while True:
            state = self._record(name)["state"]
            is_blue, now = self._alias() == blue, time.time() - began
            if other and is_blue:
                to_blue = now
            other = not is_blue
            if state == "RolledBack" and is_blue:
                return to_blue, now
            if state in ("RolledBack", "Deployed", "RollbackFailed"):
                raise RuntimeError(f"{name} ended {state}, and the alias is {self._alias()}")
            if now > PATIENCE_SECONDS:
                raise TimeoutError(f"{name} is not undone after {PATIENCE_SECONDS} s")
            time.sleep(LOOK_SECONDS)

    def _until_in(self, case: Case, name: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while case.state not in (entered := self._entered(name)):
            if time.monotonic() > until or entered[-1:] in (["RolledBack"], ["Rejected"], ["Deployed"]):
                raise RuntimeError(f"{name} does not come to {case.state}: it went {entered}")
            time.sleep(LOOK_SECONDS)
        if case.lasts:
            time.sleep(IN_THE_MIDDLE_SECONDS)

    def _until_over(self, name: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while self._states.describe_execution(executionArn=self._execution(name))["status"] == "RUNNING":
            if time.monotonic() > until:
                raise TimeoutError(f"the execution {name} still runs after {PATIENCE_SECONDS} s")
            time.sleep(0.1)

    def _entered(self, name: str) -> list[str]:
        details = (each.get("stateEnteredEventDetails") for each in self.history(self._execution(name)))
        return [each["name"] for each in details if each]

    def _execution(self, name: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def _alias(self) -> tuple[str, dict[str, float]]:
        alias = self._lambda.get_alias(FunctionName=FUNCTION, Name=ALIAS)
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def _record(self, name: str) -> dict[str, str]:
        key = {"pk": {"S": f"deployment#{name}"}, "sk": {"S": "record"}}
        item = self._table.get_item(TableName=self._deployments, Key=key, ConsistentRead=True).get("Item", {})
        return {field: value["S"] for field, value in item.items() if "S" in value}


def _zip(source: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(zipfile.ZipInfo("index.py"), source)
    return content.getvalue()
