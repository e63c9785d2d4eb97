"""
One deployment, or a release of several functions, in an AWS of its own, and the people and handlers that act in it.

Everything in it happens one after the other, so that the same case is the same run.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bluegreen.edge import logger
from tests.crash.world.driver import Driver
from tests.crash.world.function import UPDATE_SECONDS, set_up
from tests.crash.world.ledger import Ledger, Ledgers
from tests.crash.world.observer import Observer
from tests.crash.world.operators import Operators
from tests.crash.world.others import Others
from tests.crash.world.people import People
from tests.crash.world.recovery import Recovery
from tests.crash.world.script import Script
from tests.crash.world.seams import CallSeam, HandlerSeam, StateSeam
from tests.crash.world.stopwatch import Stopwatch
from tests.crash.world.table import Table
from tests.crash.world.uncounted import Uncounted
from tests.crash.world.uploads import Uploads
from tests.crash.world.users import Users
from tests.crash.world.zombies import Zombies
from tests.machine.deployer import FUNCTION, Deployer, installed
from tests.machine.invocation import Handler
from tests.machine.walk import DEPLOY_ASL, handlers_of, quiet
from tests.permissions.seen import MATRIX, in_run

HELP_COMES_AFTER_SECONDS = 45 * 60
"""A rollback is tried for half an hour. By then recovery has begun another one, and that one gets the help."""


class World:
    """
    Holds the actors of a case together.

    `users`, `others` and `operators` are people, and so are the `people` who give orders. `uploads`, `driver` and
    `recovery` make the deployer work; `zombies` are handlers that outlive their execution. `observer`, `table`,
    `ledger` and `stopwatch` see what comes of it. `calls`, `states` and `handlers` are the seams, at which the faults
    of the `script` meet the deployer, unless its work is `uncounted`.

    `observers` and `ledgers` are those of all functions; `observer` and `ledger` those of the first.
    """

    NAMES: tuple[str, ...] = (FUNCTION,)
    CALLS_A_SECOND = 2
    """Of all users together."""

    ROOM = "deployments"
    DRIVER: type[Driver] = Driver
    MACHINES: tuple[Path, ...] = (DEPLOY_ASL,)

    def __init__(self, deployer: Deployer) -> None:
        self.deployer = deployer
        self.aws = deployer.aws
        self.observers = {name: Observer(name) for name in self.NAMES}
        self.observer = self.observers[FUNCTION]
        self.table = Table(deployer)
        self.ledgers = Ledgers({name: Ledger(each, self._approved) for name, each in self.observers.items()})
        self.ledger = self.ledgers.of[FUNCTION]
        self.stopwatch = Stopwatch(self.observer)
        self.users = Users(self.aws, self.observers, self.CALLS_A_SECOND)
        self.script = Script()
        self.script.call_for_help = lambda: self.aws.clock.after(HELP_COMES_AFTER_SECONDS, self.script.end_what_lasts)
        self.uncounted = Uncounted()
        self.uploads = Uploads()
        self.zombies = Zombies(self.uncounted)
        self.driver = self.DRIVER(deployer, self.uploads, self.uncounted, self.zombies)
        self.operators = Operators(self.aws, self.driver, self.uncounted, self.stopwatch)
        self.recovery = Recovery(self.aws, self.driver, self.script, self.uncounted, self.zombies)
        self.others = Others(self.aws, self.driver, self.table, self.ledgers, self.uncounted)
        self.people = People(self.aws, self.driver, self.table, self.ledger, self.uncounted, self.ROOM)
        self.calls = CallSeam(self.driver, self.ledgers, self.script, self.stopwatch, self.uncounted, self.users)
        self.states = StateSeam(self.driver, self.calls, self.script, self.uncounted)
        self.handlers = HandlerSeam(self.aws, self.script, self.uncounted, self.zombies)

    def _approved(self) -> frozenset[int]:
        return self.table.approved(self.driver.execution)

    def end_run(self) -> None:
        """The deployment is over: nothing more goes wrong, and users call less often."""
        self.script.disarm()
        self.users.quiet = True
        self.people.left = True

    def new_run(self) -> None:
        """Another deployment in the same world begins: its places are counted anew."""
        self.script.disarm()
        self.ledgers.forget()
        self.others.gave_settings.clear()
        self.calls.count_anew()
        self.states.count_anew()
        self.handlers.count_anew()
        self.people.new_run()
        self.users.quiet = False


@contextmanager
def a_world(kind: type[World] = World, **options: Any) -> Iterator[World]:
    """A world of its own of that kind, whose users have begun to call."""
    worlds: list[World] = []
    handlers = _behind_the_seam_of(lambda: worlds[0], handlers_of(*kind.MACHINES))
    with (
        quiet(logger.name),
        in_run(MATRIX),
        mock.patch.dict(os.environ, {"LAMBDA_METRICS_BY_THE_SECOND": "true"}),  # periods of 30 seconds
        installed(handlers, update_seconds=UPDATE_SECONDS, **options) as deployer,
    ):
        world = kind(deployer)
        worlds.append(world)
        set_up(world.aws, kind.NAMES)
        world.users.begin()
        with world.aws.watched(world.calls.let_through), world.aws.at_states(world.states.let_through):
            try:
                yield world
            finally:
                world.zombies.resume(killed=True)


def _behind_the_seam_of(world: Callable[[], World], handlers: dict[str, Handler]) -> dict[str, Handler]:
    """The real handlers, each behind the seam of a world that begins only once they are installed."""

    def behind_the_seam(real: Handler) -> Handler:
        def handler(event: Any, context: Any) -> Any:
            return world().handlers.let_through(event["state"], real, event, context)

        return handler

    return {function: behind_the_seam(real) for function, real in handlers.items()}
