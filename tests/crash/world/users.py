"""The users of the functions."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import cycle

from tests.crash.world.observer import Observer, lambda_backend
from tests.machine.deployer import ALIAS
from tests.machine.walk import InProcessAws

SECONDS_BETWEEN_QUIET_CALLS = 10
"""Half an hour may pass once the execution is over, and little happens in it."""


class Users:
    """
    The users call the aliases of the functions in turn, and note which version served each call and which call did
    them harm.

    An error that a version of a `known_bad` digest returns is no harm. Once users are `late` they ask for what one of
    the bad versions cannot answer. While they are `quiet` they call less often.
    """

    def __init__(self, aws: InProcessAws, observers: Mapping[str, Observer], calls_a_second: int) -> None:
        self.served: Counter[str] = Counter()
        self.harmed: list[str] = []
        self.known_bad: set[str] = set()
        self.late = False
        self.quiet = False
        self._aws = aws
        self._observers = observers
        self._turns = cycle(observers)
        self._calls_a_second = calls_a_second
        self._lambda = lambda_backend()

    def begin(self) -> None:
        """From now on users call again and again while time passes."""
        self._aws.after(1 / self._calls_a_second, self._call_and_go_on)

    def call(self) -> None:
        """One user calls, and no time passes."""
        name = next(self._turns)
        observer = self._observers[name]
        headers: dict[str, str] = {}
        body = json.dumps({"user": 1, "late": self.late})
        try:
            with self._aws.acting(None, immune=True):
                self._lambda.invoke(name, ALIAS, body, {}, headers)
        except Exception as error:
            self.harmed.append(f"{type(error).__name__}: {error} ({name} at {observer.route()})")
            return
        version = headers["X-Amz-Executed-Version"]
        self.served[version] += 1
        if "X-Amz-Function-Error" in headers and observer.digest_of(version) not in self.known_bad:
            self.harmed.append(f"version {version} of {name} failed, which it never does")

    def _call_and_go_on(self) -> None:
        self.call()
        self._aws.after(SECONDS_BETWEEN_QUIET_CALLS if self.quiet else 1 / self._calls_a_second, self._call_and_go_on)
