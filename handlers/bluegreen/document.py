"""
The document that a deployment is: the section each state adds, and the rings that states read.

A ring is the part of the document that a state needs.
"""

import json
from typing import Annotated, Any, Self

from pydantic import Field

from bluegreen.decisions.shift import Shift
from bluegreen.model import Frozen, Ring
from bluegreen.request.artifact import Artifact, Existing, Image, Zip
from bluegreen.request.health import Health
from bluegreen.request.names import AliasName, FunctionName, VersionNumber
from bluegreen.request.smoke_tests import Case
from bluegreen.request.traffic import Schedule

OPT_IN_TAG = "bluegreen:managed"
OPTED_IN = "true"

DIRECTLY = "StartExecution"
"""Who started it, if the request does not say: CloudTrail has the caller of that call."""


class Blue(Frozen):
    """What serves when the deployment opens: all of the alias, which has that revision."""

    version: VersionNumber
    sha256: str
    revision: str


class Latest(Frozen):
    """$LATEST when the deployment opens: its code, a digest of its settings, and its revision."""

    sha256: str
    settings: str
    revision: str


class Plan(Frozen):
    """The section of OpenDeployment: everything decided and everything needed to undo it."""

    deployment: str
    execution: str
    function: FunctionName
    alias: AliasName
    artifact: Artifact
    schedule: Schedule
    smoke_tests: tuple[Case, ...]
    health: Health
    blue: Blue
    latest: Latest
    red_alarms: tuple[str, ...] = ()
    anything_to_deploy: bool
    new_code: bool

    @property
    def code(self) -> Zip | Image:
        """What goes into $LATEST. Raises ValueError for a version that is published already: it has no such step."""
        if isinstance(self.artifact, Existing):
            raise ValueError(f"{self.artifact} is published already")
        return self.artifact

    @property
    def name(self) -> str:
        """The alias as people write it."""
        return f"{self.function}:{self.alias}"


class Code(Frozen):
    """The section of UpdateCode."""

    sha256: str


class Green(Frozen):
    """The section of PublishVersion, and of ReuseVersion."""

    version: VersionNumber


class Look(Frozen):
    """
    The section of CheckHealth.

    `next_weight` is green's weight after this look, under `Adaptive`; `unmeasured` looks in a row had no metrics;
    `probes` were answered so far; `alarms` are red, and of them `pardoned` were so before the deployment.
    """

    number: int
    bake_over: bool
    verdict: str
    reason: str
    next_weight: float
    unmeasured: int
    probes: int
    pardoned: tuple[str, ...]
    alarms: tuple[str, ...]
    evidence: dict[str, Any]

    @classmethod
    def before_any(cls, plan: Plan) -> Self:
        """What the first look follows."""
        return cls(
            number=0,
            bake_over=False,
            verdict="",
            reason="",
            next_weight=0.0,
            unmeasured=0,
            probes=0,
            pardoned=plan.red_alarms,
            alarms=(),
            evidence={},
        )


class Rollback(Frozen):
    """The section of RollBack: the error that began it, what was done about it, and which version serves now."""

    error: str
    cause: str
    serving: str
    told: bool = False


class Rejection(Frozen):
    """The section of RejectDeployment."""

    error: str
    cause: str
    told: bool


class Completion(Frozen):
    """The section of CompleteDeployment; `told` is whether the notifications topic took it."""

    serving: str
    told: bool


class Failure(Frozen):
    """What a Catch keeps: the error's class name, and its cause as Lambda or Step Functions wrote it."""

    error: Annotated[str, Field(alias="Error")]
    cause: Annotated[str, Field(alias="Cause")] = ""

    @property
    def sentence(self) -> str:
        """The message of what was raised; Lambda wraps it in JSON."""
        try:
            details = json.loads(self.cause)
        except ValueError:
            details = None
        if isinstance(details, dict) and "errorMessage" in details:
            return str(details["errorMessage"])
        return self.cause or f"{self.error}, and no cause was given"


class Opened(Ring):
    """After OpenDeployment."""

    plan: Plan


class Updated(Opened):
    """After UpdateCode."""

    code: Code


class Published(Opened):
    """After PublishVersion or ReuseVersion."""

    green: Green


class Shifting(Published):
    """At ShiftAlias: `shift` is what the one before left and `look` the last look, if there were any."""

    shift: Shift | None = None
    look: Look | None = None


class Baking(Published):
    """After ShiftAlias: `look` is what the one before found, if there was one."""

    shift: Shift
    look: Look | None = None


class LastShift(Ring):
    """All of a Shift that RollBack cannot do without, whichever release wrote it."""

    step: int
    green_weight: float


class LastLook(Ring):
    """All of a Look that RollBack cannot do without."""

    next_weight: float


class Failed(Opened):
    """At RollBack: green is known only if it came to that, and so are the last shift and the last look at it."""

    failure: Failure
    green: Green | None = None
    shift: LastShift | None = None
    look: LastLook | None = None


class Refused(Ring):
    """At RejectDeployment: whatever the request was, and why it was refused."""

    failure: Failure
    function: Any = None
    alias: Any = None
    artifact: Any = None
    started_by: Any = None
