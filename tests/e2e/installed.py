"""The product in the embedded AWS, and functions for it to deploy, in the words of the tests."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.demo.account import ALIAS, BLUEGREEN, Account, zipped
from sandbox.demo.callers import Callers
from sandbox.demo.chapter import path_of
from sandbox.server import ROOT

EXAMPLES = ROOT / "examples"
CALCULATOR = EXAMPLES / "bonus-calculator"
SMOKE_TESTS = json.loads((CALCULATOR / "deployment.json").read_text())["smoke_tests"]

STACK = "bluegreen"
PATIENCE_SECONDS = 90

LOOK = ["Bake", "CheckHealth", "WhatNext?"]
SHIFT = ["ShiftAlias", *LOOK]
PREPARED = ["OpenDeployment", "WhatToDeploy?"]
STAGED = ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "WhatNext?"]
ALL_AT_ONCE = [*PREPARED, *STAGED, *SHIFT, "CompleteDeployment", "OldVersions?", "Deployed"]
REFUSED = ["OpenDeployment", "RejectDeployment", "Rejected"]


@dataclass(frozen=True)
class Ended:
    """An execution that is over; the state it ended in is the last of its path."""

    path: list[str]
    error: str | None
    cause: str | None

    @property
    def end(self) -> str:
        return self.path[-1]


class Installed(Account):
    """The stack, as tests start deployments and look at what came of them."""

    def deploy(self, request: Mapping[str, Any]) -> Ended:
        return self.ended(self.start(dict(request)))

    def ended(self, deployment: str, patience_seconds: float = PATIENCE_SECONDS, pause_seconds: float = 0.1) -> Ended:
        """Wait for the end of the execution with this name."""
        execution = self.execution(deployment)
        states, until = self.client("stepfunctions"), time.monotonic() + patience_seconds
        while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < until, f"{deployment} still runs: {path_of(self.history(execution))}"
            time.sleep(pause_seconds)
        return Ended(path_of(self.history(execution)), found.get("error"), found.get("cause"))

    def execution(self, deployment: str) -> str:
        """The ARN of the execution with this name."""
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{deployment}"

    def record(self, deployment: str) -> dict[str, Any]:
        """What the HTTP API knows of it."""
        status, record = self.http(self.signed("GET", f"/deployments/{deployment}"))
        assert status == 200, record
        return dict(record)

    def callers(self, function: str, **settings: Any) -> Callers:
        """A context in which the alias is called all the while; a caller that fails stops."""
        return Callers(self.caller(), function, ALIAS, **settings)

    @contextmanager
    def deliveries(self, fate: str, rule: str) -> Iterator[Callable[[], int]]:
        """What EventBridge hands to this rule's targets meanwhile meets that fate; how often it did so far."""
        name = self.rule(rule)
        fault = self._aws.control("faults", {"fault": fate, "operation": "Deliver", "session": name, "times": 0})
        try:
            yield lambda: next(each["hits"] for each in self._aws.control("faults") if each["id"] == fault["id"])
        finally:
            self._aws.control(f"faults?id={fault['id']}", method="DELETE")

    @contextmanager
    def lasting(self, **seconds: float) -> Iterator[None]:
        """What takes time in the embedded AWS takes so long meanwhile."""
        before = self._aws.control("settings")
        self._aws.control("settings", seconds)
        try:
            yield
        finally:
            self._aws.control("settings", {name: before[name] for name in seconds})

    def rule(self, resource: str) -> str:
        """The name of a rule of the template."""
        return self.physical(resource).rpartition("/")[2]

    def watch_calls(self, operation: str, function: str) -> Callable[[], int]:
        """How often a function of the template calls an operation of AWS from now on."""
        name, calls = self.physical(function), self.calls()
        return lambda: sum(
            (call["session"], call["operation"], call["status"]) == (name, operation, 200) for call in calls()
        )

    def calls(self) -> Callable[[], list[dict[str, Any]]]:
        """Every call of AWS from now on."""
        now = self._aws.control("calls")[-1]["number"]
        return lambda: list(self._aws.control(f"calls?since={now}"))

    def http(self, request: urllib.request.Request) -> tuple[int, Any]:
        """Status and body, of errors too."""
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def physical(self, resource: str) -> str:
        """The name that CloudFormation gave to a resource of the template."""
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=resource)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def command(self, *arguments: str | Path) -> tuple[int, Any]:
        """`bluegreen … --json`: its exit code and what it says on stdout."""
        done = self._run(BLUEGREEN, *arguments, "--json")
        return said(done.returncode, done.stdout, done.stderr)

    def forked_command(self, *arguments: str | Path, **variables: str) -> tuple[int, Any]:
        """The same in a process that has it imported (a second of the processor less), with these variables, too."""
        asked = {"arguments": [*map(str, arguments), "--json"], "variables": variables}
        print(json.dumps(asked), file=self._forking.stdin, flush=True)
        assert self._forking.stdout
        return said(**json.loads(self._forking.stdout.readline()))

    @cached_property
    def _forking(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.forking"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def asked(self, role: str = "") -> list[dict[str, Any]]:
        """What IAM was asked for that role so far, or for every one, and what it said."""
        return [each for each in self._aws.control("asked") if role in ("", each["role"])]

    def close(self) -> None:
        """End what was started for it."""
        if "_forking" in vars(self):
            self._forking.communicate()

    def aws(self, *arguments: str) -> dict[str, Any]:
        """The ordinary `aws` command."""
        done = self._run(Path(sys.executable).with_name("aws"), *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )


def said(exit_code: int, stdout: str, stderr: str) -> tuple[int, Any]:
    """What a command came to, which may not be a bug of its own."""
    assert "Traceback" not in stderr, stderr
    return exit_code, json.loads(stdout or "{}")


class Calculator:
    """
    A bonus calculator of its own for a test: version 1 behind PROD, opted in unless it is not to be.

    One that is `published` was made with `--publish` and has nothing else.
    """

    def __init__(
        self, installed: Installed, name: str, role: str, *, opted_in: bool = True, published: bool = False
    ) -> None:
        self._installed = installed
        self._api = installed.client("lambda")
        self.name = name
        self._api.create_function(
            FunctionName=name,
            Runtime="nodejs24.x",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": code("v1")},
            Tags={"bluegreen:managed": "true"} if opted_in else {},
            Publish=published,
        )
        if published:
            return
        self._until("function_active_v2")
        self.publish("1")
        self._api.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion="1")

    def publish(self, expected: str) -> None:
        assert self._api.publish_version(FunctionName=self.name)["Version"] == expected
        self._until("published_version_active", Qualifier=expected)

    def update(self, version: str) -> None:
        """By hand, past the product."""
        self._api.update_function_code(FunctionName=self.name, ZipFile=code(version))
        self._until("function_updated_v2")

    def split(self, alias: str, weights: dict[str, float]) -> None:
        routing: Any = {"AdditionalVersionWeights": weights}
        self._api.create_alias(FunctionName=self.name, Name=alias, FunctionVersion="1", RoutingConfig=routing)

    def request(self, version: str, **more: Any) -> dict[str, Any]:
        """A request for that version's code, all at once unless said otherwise."""
        artifact = self._installed.upload(f"functions/{self.name}/by-request/{version}.zip", code(version))
        return {"function": self.name, "artifact": artifact, "traffic": "AllAtOnce"} | more

    @property
    def serving(self) -> str:
        return self._installed.serving(self.name)

    def everything(self) -> dict[str, Any]:
        """All that Lambda says of the function, revisions and digests included; links to code are new each time."""
        versions = self._pages("list_versions_by_function", "Versions")
        return {
            "versions": versions,
            "aliases": self._pages("list_aliases", "Aliases"),
            "functions": [
                {key: value for key, value in self._function(found["Version"]).items() if key != "Code"}
                for found in versions
            ],
        }

    def _until(self, state: str, **qualifier: str) -> None:
        self._api.get_waiter(state).wait(FunctionName=self.name, WaiterConfig={"Delay": 0.1}, **qualifier)

    def _function(self, version: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._api.get_function(FunctionName=self.name, Qualifier=version)
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    def _pages(self, operation: str, key: str) -> list[Any]:
        pages = self._api.get_paginator(operation).paginate(FunctionName=self.name)
        return [found for page in pages for found in page[key]]


def code(version: str) -> bytes:
    """The zip of a version of the example."""
    return zipped(CALCULATOR / version)


def without_repeated_looks(path: list[str]) -> list[str]:
    """How many looks a bake has depends on the machine's speed: one stands for all of them."""
    found: list[str] = []
    for state in path:
        found.append(state)
        if found[-6:] == LOOK * 2:
            del found[-3:]
    return found
