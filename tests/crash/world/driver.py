"""The deployer, driven from the event of an upload to the end of its execution."""

import threading
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

import receive_upload
from bluegreen.aws import executions
from bluegreen.request.upload import place_by_request
from tests.crash.states import TRIGGER
from tests.crash.world.uncounted import Uncounted
from tests.crash.world.uploads import Uploads
from tests.crash.world.zombies import Zombies
from tests.machine.deployer import FUNCTION, Deployer
from tests.machine.faults import HandlerKilled, HandlerTimedOut
from tests.machine.invocation import Context
from tests.machine.patience import PATIENCE_SECONDS
from tests.machine.walk import REGION, Run

LAMBDA_WAITS_SECONDS = (60, 120, 0)
"""Lambda calls a handler three times with an event, and waits so long after each failure."""


def context_of(handler: str) -> Any:
    """What Lambda hands a handler that no state runs, beside its event."""
    return Context(handler, "$LATEST", f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:{handler}")


class Driver:
    """
    Starts deployments and follows them to their ends; `execution` is the ARN of the one under test, and `about` the
    function that it works on.

    That execution enters its first state only once it `may_begin`: when ReceiveUpload, which starts it, has returned.
    """

    def __init__(self, deployer: Deployer, uploads: Uploads, uncounted: Uncounted, zombies: Zombies) -> None:
        self.execution = ""
        self.late_runs: list[Run] = []
        self.about = FUNCTION
        self.may_begin = threading.Event()
        self._deployer = deployer
        self._aws = deployer.aws
        self._uploads = uploads
        self._uncounted = uncounted
        self._zombies = zombies

    @property
    def machine(self) -> str:
        """The ARN of the machine under test."""
        return self._aws.machine_arn()

    @property
    def running(self) -> str:
        """The ARN of the execution that works for it now."""
        return self.execution

    def deployment_of(self, function: str) -> str:
        """The id of the deployment of a function."""
        return self.execution.rpartition(":")[2]

    def is_under_test(self, execution: str) -> bool:
        """Whether its states are places."""
        return execution == self.execution

    def wait_to_begin(self, execution: str) -> None:
        """Until it is the turn of that execution."""
        self.may_begin.wait(PATIENCE_SECONDS)

    def sees(self, url: str) -> None:
        """A handler calls Lambda there."""

    def follow(self) -> None:
        """Whatever recovery has started goes on to its end."""

    def deploy(self) -> Run | None:
        """The deployment under test, from the event of the upload to the end; None if no execution was started."""
        self.may_begin.clear()
        self.execution = executions.arn_of(self._aws.machine_arn(), self._uploads.execution_name)
        try:
            self._receive(self._uploads.newer)
        except Exception:
            return None
        finally:
            self.may_begin.set()
        run = self._aws.finish(self.execution)
        if self._zombies.resume_at_the_end:
            self._zombies.resume()
        return run

    def redeploy(self, source: str, traffic: Any) -> Run:
        """The next deployment of the function, undisturbed."""
        with self._uncounted.work(of_another=True):
            return self._aws.walk(
                {
                    "function": self.about,
                    "artifact": self._deployer.upload(source, place_by_request(self.about, "next.zip")),
                    "traffic": traffic,
                    "health": {"period_seconds": 30, "delay_seconds": 0},
                }
            )

    def upload_again(self) -> None:
        """The event of the upload comes again."""
        with self._uncounted.work():
            self._receive(self._uploads.newer)

    def older_upload(self) -> None:
        """The event of the older upload comes only now."""
        with self._uncounted.work(of_another=True):
            self.late_runs.append(self._aws.finish(self._receive(self._uploads.older)))

    def _receive(self, event: dict[str, Any]) -> str:
        """ReceiveUpload gets the event, and starts an execution of this ARN."""
        for seconds in LAMBDA_WAITS_SECONDS:
            with self._aws.acting(TRIGGER):
                try:
                    return str(receive_upload.handler(event, context_of(TRIGGER))["execution"])
                except (Exception, HandlerKilled, HandlerTimedOut) as error:
                    last = error
            self._aws.clock.sleep(seconds)
        raise RuntimeError("three attempts failed") from last
