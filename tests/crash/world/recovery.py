"""Recovery, driven: by the event that tells of an execution's end, and by its schedule."""

from typing import Any

import boto3

import recover_deployments
from tests.crash.states import RECOVERY
from tests.crash.world.driver import Driver, context_of
from tests.crash.world.script import Script
from tests.crash.world.uncounted import Uncounted
from tests.crash.world.zombies import Zombies
from tests.machine.faults import HandlerKilled, HandlerTimedOut
from tests.machine.walk import InProcessAws

SWEEP_SECONDS = 300
"""Between two sweeps."""


class Recovery:
    """Calls RecoverDeployments; `events` says how often the event of an execution's end is to be delivered."""

    def __init__(
        self, aws: InProcessAws, driver: Driver, script: Script, uncounted: Uncounted, zombies: Zombies
    ) -> None:
        self.events = 1
        self._aws = aws
        self._driver = driver
        self._script = script
        self._uncounted = uncounted
        self._zombies = zombies

    def hear(self) -> bool:
        """EventBridge tells recovery how the execution under test stands; whether recovery says that all went well."""
        return self._call(self._event(), follow=True)

    def sweep(self) -> bool:
        """The schedule comes; whether recovery says that all went well."""
        return self._call({}, follow=True)

    def hear_beside(self) -> None:
        """EventBridge tells recovery of the execution while other things happen."""
        with self._uncounted.work():
            self._call(self._event())

    def sweep_beside(self) -> None:
        """The schedule comes while other things happen."""
        with self._uncounted.work():
            self._call({})

    def sweep_and_hang(self, nth: int) -> None:
        """The schedule comes. Recovery hangs before its nth call until the deployment under test is over."""
        self._script.recovery_hangs.start(nth, self._zombies.park)
        self._zombies.run(RECOVERY, lambda: self._call({}))
        self._script.recovery_hangs.stop()
        self._zombies.resume_at_the_end = True

    def _call(self, event: dict[str, Any], *, follow: bool = False) -> bool:
        try:
            return self._called(event)
        finally:
            if follow:
                self._driver.follow()

    def _called(self, event: dict[str, Any]) -> bool:
        with self._aws.acting(RECOVERY):
            try:
                recover_deployments.handler({"id": "event", **event}, context_of(RECOVERY))
            except (Exception, HandlerKilled, HandlerTimedOut):
                return False
        return True

    def _event(self) -> dict[str, Any]:
        arn = self._driver.running
        described = boto3.client("stepfunctions").describe_execution(executionArn=arn)
        return {
            "detail-type": "Step Functions Execution Status Change",
            "detail": {
                "executionArn": arn,
                "name": arn.rpartition(":")[2],
                "status": described["status"],
                "stateMachineArn": described["stateMachineArn"],
            },
        }
