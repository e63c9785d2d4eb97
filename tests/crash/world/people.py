"""The people in command: they give orders, decide about what waits for an approval, and order freezes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from bluegreen.clock import iso
from tests.crash.world.driver import Driver
from tests.crash.world.ledger import Ledger
from tests.crash.world.table import LIVE, Table
from tests.crash.world.uncounted import Uncounted
from tests.machine.asking import ask
from tests.machine.deployer import FUNCTION
from tests.machine.faults import HandlerKilled, HandlerTimedOut
from tests.machine.walk import InProcessAws

NO_ANSWER = 500
"""What API Gateway answers if its function ends without an answer."""

AGAIN_AFTER_SECONDS = (5, 15, 40)
"""People who get no answer ask again so much later."""

LOOKS_EVERY_SECONDS = 20
"""People who are to decide look so often whether a step waits for them."""

FOREIGN_AFTER_SECONDS = 5
"""The token is there by then, and people have not decided yet."""

ABORT_AFTER_SECONDS = 30
A_LONG_TIME_SECONDS = 300 * 24 * 3600
FORGOTTEN_SECONDS, REMEMBERED_SECONDS = 300, 90
"""The limit of a pause that nobody takes back, and when people take one back."""


@dataclass(frozen=True)
class Taken:
    """
    An order or a decision that was accepted. So many changes of the function came before it (`after`).

    `ended` is the state of a deployment that was over by then.
    """

    what: str
    after: int
    ended: str


@dataclass
class _Asked:
    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)


class People:
    """
    Give orders to the deployment or release under test, by the API's paths in its `room`. `taken` has those that were
    accepted, in order.

    Who is told that something is wrong with the API, or gets no answer, asks again later. People who `decide` look for
    steps that wait until they have `left`.
    """

    def __init__(
        self, aws: InProcessAws, driver: Driver, table: Table, ledger: Ledger, uncounted: Uncounted, room: str
    ) -> None:
        self.taken: list[Taken] = []
        self.left = False
        self._aws = aws
        self._driver = driver
        self._table = table
        self._ledger = ledger
        self._uncounted = uncounted
        self._room = room
        self._acts: dict[str, Callable[[], object]] = {
            "abort": lambda: self._order("abort", "DELETE", ""),
            "abort a little later": lambda: self._aws.after(ABORT_AFTER_SECONDS, lambda: self.act("abort")),
            "pause": lambda: self._order("pause", "POST", "/pause", seconds=3600),
            "pause and forget": lambda: self._order("pause", "POST", "/pause", seconds=FORGOTTEN_SECONDS),
            "pause and resume": self._pause_and_resume,
            "resume": lambda: self._order("resume", "POST", "/resume"),
            "promote": lambda: self._order("promote", "POST", "/promote"),
            "promote to the next step": lambda: self._order("promote next", "POST", "/promote", to="next"),
            "approve": lambda: self._look_for_what_waits("approve"),
            "reject": lambda: self._look_for_what_waits("reject"),
            "freeze": self._freeze,
        }

    def act(self, what: str) -> None:
        """A person orders this, or from now on decides so."""
        self._acts[what]()

    def act_beside(self, what: str) -> None:
        """The same as a fault of the deployment: no place is counted."""
        with self._uncounted.work():
            self.act(what)

    def has(self, what: str) -> list[Taken]:
        """The orders and decisions of this kind that were accepted."""
        return [each for each in self.taken if each.what == what]

    def lift_the_freeze(self) -> None:
        """Deployments are welcome again."""
        with self._uncounted.work():
            self._ask(_Asked("DELETE", f"/functions/{FUNCTION}/freeze"))

    def answer_the_token(self) -> None:
        """Someone who has no say about the deployment, and may answer any task, lets the state that waits go on."""
        self._aws.after(FOREIGN_AFTER_SECONDS, self._answer_the_token)

    def new_run(self) -> None:
        """Nobody has ordered anything of the next deployment."""
        self.taken.clear()
        self.left = False

    def _pause_and_resume(self) -> None:
        self.act("pause")
        self._aws.after(REMEMBERED_SECONDS, lambda: self.act_beside("resume"))

    def _order(self, kind: str, method: str, way: str, **body: Any) -> None:
        self._persist(kind, _Asked(method, f"/{self._room}/{self._id}{way}", {"reason": "a test"} | body))

    def _freeze(self) -> None:
        until = iso(self._aws.clock.now() + A_LONG_TIME_SECONDS)
        asked = _Asked("PUT", f"/functions/{FUNCTION}/freeze", {"reason": "inventory", "until": until})
        self._persist("freeze", asked)

    def _persist(self, what: str, asked: _Asked, number: int = 0) -> None:
        status = self._ask(asked)
        if status < 300:
            self._took(what)
        if status >= NO_ANSWER and number < len(AGAIN_AFTER_SECONDS) and not self.left:
            self._aws.after(AGAIN_AFTER_SECONDS[number], lambda: self._persist(what, asked, number + 1))

    def _look_for_what_waits(self, which: str) -> None:
        if self.left:
            return
        settled = {each.what for each in self.taken}
        for step in self._table.steps_that_wait(self._id):
            what = f"{which} step {step}"
            if what not in settled and self._ask(_Asked("POST", f"/{self._room}/{self._id}/{which}")) < 300:
                self._took(what)
        self._aws.after(LOOKS_EVERY_SECONDS, lambda: self._look_for_what_waits(which))

    def _took(self, what: str) -> None:
        state = self._table.state_of(self._driver.execution, self._room) if self._driver.execution else None
        if what == "freeze" and state is None:
            what = "freeze before it began"
        over = state if state and state not in LIVE else ""
        self.taken.append(Taken(what, len(self._ledger.changes), over))

    def _ask(self, asked: _Asked) -> int:
        """The status of the answer."""
        try:
            status, _ = ask(asked.method, asked.path, json.dumps(asked.body))
        except (Exception, HandlerKilled, HandlerTimedOut):
            return NO_ANSWER
        return status

    def _answer_the_token(self) -> None:
        for token in self._table.task_tokens(self._id):
            boto3.client("stepfunctions").send_task_success(taskToken=token, output="{}")

    @property
    def _id(self) -> str:
        return self._driver.execution.rpartition(":")[2]
