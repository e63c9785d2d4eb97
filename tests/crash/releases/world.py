"""A release in an AWS of its own."""

import threading
from collections import defaultdict
from typing import Any

from bluegreen.aws import executions
from tests.crash.world import World
from tests.crash.world.driver import Driver
from tests.machine.patience import PATIENCE_SECONDS
from tests.machine.shop import FUNCTIONS_ASL, NAMES, RELEASE_ASL
from tests.machine.walk import DEPLOY_ASL, Run

RELEASE = "monday"


class Releaser(Driver):
    """
    Starts the release under test, and follows it and every execution that goes on with it.

    `document` is the release's. An execution that recovery has started enters its first state only once it is followed,
    so that what recovery does beside it is always the same. `about` is the function that Lambda was called for last.
    """

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.document: dict[str, Any] = {}
        self.runs: list[Run] = []
        self.about = NAMES[2]
        self._running = ""
        self._turns: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    @property
    def machine(self) -> str:
        return self._aws.machine_arn(RELEASE_ASL)

    @property
    def running(self) -> str:
        return self._running

    def deployment_of(self, function: str) -> str:
        return f"{RELEASE}.{NAMES.index(function) + 1}"

    def is_under_test(self, execution: str) -> bool:
        return ":execution:deploy:" not in execution

    def wait_to_begin(self, execution: str) -> None:
        if self._is_a_recovery(execution):
            assert self._turns[execution].wait(PATIENCE_SECONDS), f"the driver never followed {execution}"

    def sees(self, url: str) -> None:
        name = url.partition("/functions/")[2].partition("/")[0].partition("%3A")[0]
        if name in NAMES:
            self.about = name

    def deploy(self) -> Run:
        """The release under test, from its start to the end of its first execution."""
        self.execution = self._running = executions.arn_of(self.machine, RELEASE)
        self._aws.start(self.document, RELEASE, RELEASE_ASL)
        self.runs.append(self._aws.finish(self.execution))
        if self._zombies.resume_at_the_end:
            self._zombies.resume()
        self.follow()
        return self.runs[0]

    def follow(self) -> None:
        followed = {run.arn for run in self.runs}
        while new := [each for each in self._aws.executions(RELEASE_ASL) if each not in followed]:
            for execution in filter(self._is_a_recovery, new):
                self._running = execution
                self._turns[execution].set()
                self.runs.append(self._aws.finish(execution))
            followed.update(new)

    @staticmethod
    def _is_a_recovery(execution: str) -> bool:
        return f":release:{RELEASE}-recovery-" in execution


class ReleaseWorld(World):
    """Holds the actors of a case together, as for a deployment."""

    NAMES = NAMES
    CALLS_A_SECOND = 4
    ROOM = "releases"
    DRIVER: type[Driver] = Releaser
    MACHINES = (DEPLOY_ASL, RELEASE_ASL, FUNCTIONS_ASL)
    driver: Releaser
