"""
Time from an upload to the first request that green answers, beside the same change made by hand.

By hand is update, publish and flip with nothing else: no lock, no record, no smoke test, no check of a digest.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.deployment import functions
from sandbox import Sandbox
from sandbox.stack import deploy_stack

FUNCTION, ALIAS, RUNTIME = "FirstGreen", "PROD", "python3.13"
CALLERS = 2
PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class FirstGreen:
    """Seconds of each round, their medians, and how many times as long a deployment takes."""

    deployed: list[float]
    by_hand: list[float]

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.deployed) / statistics.median(self.by_hand)


class Callers:
    """A context in which threads ask the alias again and again, and note when each version first answered."""

    def __init__(self, aws: Sandbox) -> None:
        self._client = functions.client(aws.environment, "lambda")
        self._first: dict[str, float] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(CALLERS)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def known(self) -> set[str]:
        """The versions that have answered."""
        return set(self._first)

    def first_beside(self, known: set[str]) -> float:
        """When a version that was not known first answered."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (new := self.known() - known):
            if time.monotonic() > until:
                raise TimeoutError(f"green answered no caller within {PATIENCE_SECONDS} s")
            time.sleep(0.005)
        return self._first[new.pop()]

    def _call(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            answer = self._client.invoke(FunctionName=FUNCTION, Qualifier=ALIAS, Payload=b"{}")
            answer["Payload"].read()
            self._first.setdefault(answer["ExecutedVersion"], time.monotonic())


class Account:
    """The sandbox with the stack and the function in it."""

    def __init__(self, aws: Sandbox) -> None:
        outputs = deploy_stack(aws)
        self._aws = aws.environment
        self._bucket, self._machine = outputs["ArtifactBucketName"], outputs["DeployStateMachineArn"]
        self._lambda, self._s3 = (functions.client(aws.environment, service) for service in ("lambda", "s3"))
        self._states = functions.client(aws.environment, "stepfunctions")
        functions.create(aws.environment, FUNCTION, RUNTIME)
        version = self._publish()
        self._lambda.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=version)
        self._upload(f"functions/{FUNCTION}/deployment.json", json.dumps({"traffic": "AllAtOnce"}).encode())

    def deploy(self, content: bytes) -> None:
        """By an upload, and nothing else."""
        self._upload(f"functions/{FUNCTION}/code.zip", content)

    def by_hand(self, content: bytes) -> None:
        """What the deployment does at its core."""
        self._upload("by-hand/code.zip", content)
        self._lambda.update_function_code(FunctionName=FUNCTION, S3Bucket=self._bucket, S3Key="by-hand/code.zip")
        functions.wait_for(self._aws, FUNCTION)
        self._lambda.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=self._publish())

    def wait_until_idle(self) -> None:
        """No deployment is running; raises RuntimeError if one ended other than Deployed."""
        until = time.monotonic() + PATIENCE_SECONDS
        while "RUNNING" in (states := [run["status"] for run in self._executions()]):
            if time.monotonic() > until:
                raise TimeoutError(f"a deployment is still running after {PATIENCE_SECONDS} s")
            time.sleep(0.1)
        if set(states) - {"SUCCEEDED"}:
            raise RuntimeError(f"deployments ended {states}")

    def _executions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._states.list_executions(stateMachineArn=self._machine)["executions"]
        return found

    def _upload(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def _publish(self) -> str:
        version = str(self._lambda.publish_version(FunctionName=FUNCTION)["Version"])
        functions.wait_for(self._aws, FUNCTION, version)
        return version


def measure(rounds: int) -> FirstGreen:
    """Deployments and changes by hand in turn, while callers ask."""
    deployed: list[float] = []
    by_hand: list[float] = []
    with Sandbox() as aws:
        account = Account(aws)
        with Callers(aws) as callers:
            callers.first_beside(set())
            for number in range(2 * rounds + 2):
                change, seconds = (account.by_hand, by_hand) if number % 2 else (account.deploy, deployed)
                seconds.append(_until_green(callers, change, functions.code(RUNTIME, 100 + number)))
                account.wait_until_idle()
    return FirstGreen(deployed[1:], by_hand[1:])


def _until_green(callers: Callers, change: Callable[[bytes], None], content: bytes) -> float:
    known, began = callers.known(), time.monotonic()
    change(content)
    return callers.first_beside(known) - began
