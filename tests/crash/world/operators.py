"""The operators of the deployer."""

import json

import boto3

from bluegreen.aws import executions
from tests.crash.world.driver import Driver
from tests.crash.world.stopwatch import Stopwatch
from tests.crash.world.uncounted import Uncounted
from tests.machine.walk import InProcessAws


class Operators:
    """Operators stop the execution under test or start it again, in the console of Step Functions."""

    def __init__(self, aws: InProcessAws, driver: Driver, uncounted: Uncounted, stopwatch: Stopwatch) -> None:
        self._aws = aws
        self._driver = driver
        self._uncounted = uncounted
        self._stopwatch = stopwatch

    def stop(self) -> None:
        """An operator stops the execution."""
        self._aws.stop(self._driver.running)
        self._stopwatch.start()

    def stop_part(self, execution: str) -> None:
        """An operator stops an execution that the one under test waits for."""
        self._aws.stop(execution)

    def let_time_out(self) -> None:
        """No operator stops the execution, until its TimeoutSeconds are over."""
        self._aws.time_out(self._driver.running)
        self._stopwatch.start()

    def start_again(self, name: str = "") -> None:
        """An operator starts the same execution once more, or its request under another name."""
        execution = self._driver.execution
        request = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=execution)["input"])
        with self._uncounted.work(of_another=True), self._aws.acting(None, immune=True):
            started = executions.start(self._driver.machine, name or execution.rpartition(":")[2], request)
            if started != execution:
                self._aws.finish(started)
