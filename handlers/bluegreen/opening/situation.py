"""What the checks of a deployment look at: each fact is read from AWS when a check first asks for it."""

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from bluegreen import clock
from bluegreen.aws import accounts, alarms, aliases, artifacts, functions, logs, refusals
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.ledger import freezes, serving, uploads
from bluegreen.ledger.freezes import Ordered
from bluegreen.opening import bypass, day
from bluegreen.opening.glances import Glances
from bluegreen.opening.permitted import Home
from bluegreen.request.artifact import Artifact, Existing, Stored, Zip
from bluegreen.request.gates import Hook
from bluegreen.request.request import Request
from bluegreen.request.traffic import Schedule, known
from bluegreen.target import Target

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801  # used as a decorator
    """
    A property that is read once an instance.

    functools.cached_property holds a lock of the class while it reads, up to Python 3.11: a handler that hangs in a
    call of AWS would stop every other.
    """

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "once[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> "once[T] | T":
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._read(instance)
        return value


class Situation:
    """
    A request, and how things stand in AWS.

    The tag is read first. Nothing else of the function is read, or may be read, before it is known to have opted in.
    """

    def __init__(self, request: Request, target: Target) -> None:
        self.request = request
        self.target = target

    @once
    def home(self) -> Home:
        """The stack that deploys."""
        return Home.of_handlers()

    @property
    def default_traffic(self) -> str:
        """The stack's strategy, for requests without `traffic`."""
        return known(os.environ["DEFAULT_TRAFFIC"])

    @property
    def metrics_by_the_second(self) -> bool:
        """Whether Lambda's metrics have a point a second, as in the embedded AWS, which alone says so."""
        return os.environ.get("LAMBDA_METRICS_BY_THE_SECOND") == "true"

    @once
    def schedule(self) -> Schedule:
        """The shifts and bakes. Adaptive's first weight is still open."""
        return self.request.schedule_of(self.request.traffic or self.default_traffic)

    @once
    def freezes(self) -> tuple[Ordered, ...]:
        """Those that are for the function, also if they are not in force now."""
        return freezes.of(self.home.here, self.target.function)

    @once
    def frozen(self) -> tuple[Ordered, float] | None:
        """The freeze that is in force, and when it lets go."""
        return freezes.in_force(self.freezes, clock.now())

    @once
    def glances(self) -> Glances:
        """For what a deployment can do without."""
        return Glances()

    @once
    def tags(self) -> dict[str, str]:
        """The function's. Raises NotFound if there is no such function."""
        return refusals.tags(self.target)

    def tags_of(self, function: str) -> dict[str, str]:
        """Of another function in the same place. Raises NotFound if there is no such function."""
        return refusals.tags(self.target.model_copy(update={"function": function}))

    def see_hook(self, hook: Hook) -> None:
        """Raises NotFound if the hook's alias or version is not there. Without one $LATEST is invoked."""
        if hook.qualifier:
            functions.describe(self.target.model_copy(update={"function": hook.name}), hook.qualifier)

    @property
    def opted_in(self) -> bool:
        """Raises NotFound if there is no such function."""
        return self.tags.get(OPT_IN_TAG) == OPTED_IN

    @once
    def latest(self) -> functions.Function:
        """$LATEST."""
        return functions.describe(self.target)

    @once
    def successor(self) -> functions.Function:
        """What has the configuration that green will have. Raises NotFound if there is no such version."""
        artifact = self.request.artifact
        return functions.describe(self.target, artifact.version) if isinstance(artifact, Existing) else self.latest

    @once
    def inspected(self) -> artifacts.Inspected | None:
        """The zip. Raises InvalidRequest and what S3 answers."""
        asked = self.request.artifact
        return artifacts.inspect(asked) if isinstance(asked, Zip) else None

    @once
    def artifact(self) -> Artifact:
        """With everything that S3 knows of it. Raises what `inspected` does."""
        return self.inspected.zip if self.inspected else self.request.artifact

    def see_payload(self, place: Stored) -> None:
        """Raises InvalidRequest if the object there is no payload, and what S3 answers."""
        artifacts.payload(place)

    def try_pattern(self, group: str, pattern: str) -> None:
        """Raises what CloudWatch Logs answers."""
        logs.try_pattern(self.target, group, pattern)

    @once
    def alias(self) -> aliases.Alias:
        """Raises NotFound if there is no such alias."""
        return aliases.read(self.target)

    @once
    def blue(self) -> functions.Function:
        """The version that serves."""
        route = self.alias.route
        return functions.describe(self.target, route.alone or route.primary)

    @once
    def alarm_states(self) -> dict[str, str]:
        """Of the alarms that the request names, as far as they exist."""
        return alarms.states(self.target, self.request.health.alarms)

    @once
    def provisioned(self) -> aliases.Provisioned | None:
        """The alias's provisioned concurrency."""
        return self.glances.at("its provisioned concurrency", lambda: aliases.provisioned(self.target))

    @once
    def provisioned_for_blue(self) -> aliases.Provisioned | None:
        """Provisioned concurrency of blue's version itself. Lambda allows it only where the alias has none."""
        if self.provisioned:
            return None
        return self.glances.at(
            "the provisioned concurrency of the version that serves",
            lambda: aliases.provisioned(self.target, self.blue.version),
        )

    @once
    def callers(self) -> bypass.Callers:
        """What invokes the function itself."""
        return bypass.find(self.target, self.glances)

    @once
    def account(self) -> accounts.Account | None:
        """What Lambda grants the account."""
        return self.glances.at("the limits of the account", lambda: accounts.settings(self.target))

    @once
    def left(self) -> serving.Served | None:
        """What the last deployment that was completed gave the alias."""
        return self.glances.at("what the last deployment left", lambda: serving.now(self.target))

    @once
    def last_day(self) -> day.Day | None:
        """The last day in metrics."""
        return self.glances.at(
            "its metrics of the last day",
            lambda: day.read(
                self.target, self.blue.version, self.latest, self.request.health.pairs(self.target.function)
            ),
        )

    @once
    def newest(self) -> uploads.Newest | None:
        """The newest upload that a deployment of the alias took."""
        return uploads.newest(self.target)
