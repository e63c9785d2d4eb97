"""
The document between the states of a deployment, and the plan that lies in the ledger.

OpenDeployment's answer replaces the request. From then on the document has the deployment's id and small sections, each
written by one state. The plan, with the payloads and replies of smoke tests, never is in it.

    deployment   OpenDeployment: the id, and the facts with which blue is put back while the ledger does not answer
    green        PublishVersion, or OpenDeployment for a version that is published already
    tested       SmokeTestGreen
    bake         ShiftAlias and, in it, `look`: CheckHealth
    failure      a Catch. Before there is a deployment the failure replaces the document: a request may be no object
    rollback     RollBack
    rejection    RejectDeployment
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from bluegreen.decisions.bake import Watched
from bluegreen.decisions.figures import Memory
from bluegreen.decisions.past import Past
from bluegreen.decisions.shift import Shifted
from bluegreen.model import Frozen, Section
from bluegreen.request.artifact import Artifact, Existing, Image, InLatest, Zip
from bluegreen.request.gates import Approval, Hooks
from bluegreen.request.health import Health
from bluegreen.request.names import VersionNumber
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.request.traffic import Schedule
from bluegreen.request.versions import Kept
from bluegreen.target import Target
from bluegreen.text import LONGEST_CAUSE, plain
from bluegreen.verdict import Policy

OPT_IN_TAG = "bluegreen:managed"
OPTED_IN = "true"

DIRECTLY = "StartExecution"
"""Who started it, if the request does not say: CloudTrail has the caller of that call."""

DEPLOYED = "Deployed"
NOTHING_TO_DEPLOY = "NothingToDeploy"
ROLLED_BACK = "RolledBack"
REJECTED = "Rejected"
REJECTED_WITHOUT_RECORD = "RejectedWithoutRecord"
ROLLBACK_FAILED = "RollbackFailed"
ENDS = (DEPLOYED, NOTHING_TO_DEPLOY, ROLLED_BACK, REJECTED, REJECTED_WITHOUT_RECORD, ROLLBACK_FAILED)
"""The state machine's ends, by the names of its states."""

Brings = Literal["new_code", "latest", "version", "mending", "nothing"]
"""
new_code   code goes into $LATEST; with the settings that $LATEST has it becomes green
latest     code and settings that $LATEST has become green
version    a version that is published already becomes green
mending    the alias has this code with these settings, and $LATEST has other code: it gets this
nothing    the alias has this code with these settings
"""

UNMOVED: tuple[Brings, ...] = ("nothing", "mending")
"""What an artifact brings where the alias stays as it is."""


OldVersions = Literal["keep", "delete"]
"""What becomes of versions that are no longer of use, after a success."""


class Blue(Frozen):
    """The version that serves when the deployment opens, and its code. The alias has that revision then."""

    version: VersionNumber
    sha256: str
    revision: str
    log_group: str = ""


class Latest(Frozen):
    """
    $LATEST when the deployment opens: its code, a keyed digest of each setting, and its revision.

    `only_there`: blue does not have this code, and no artifact that can be had again does.
    """

    sha256: str
    settings: dict[str, str]
    revision: str
    only_there: bool = False


class Plan(Frozen):
    """
    What OpenDeployment decided. It is written into the deployments table once; the states read it there.

    `given` are the settings of `health` that the request has itself; the others are the defaults.
    `past` is what the alias did in the hours before. `changes` are the names of the settings in which green will differ
    from blue. Green writes its log to `log_group`, blue to its own.
    `copy_there` is the copy of the artifact in the target's own region; Lambda takes zips of no other one.
    `kept` says which published versions stay after a success; without it all do.
    With `default_test` the smoke test is the one for requests without any: it counts only where blue passes it.
    """

    id: str
    target: Target
    artifact: Artifact
    copy_there: Zip | None = None
    schedule: Schedule
    smoke_tests: tuple[Case, ...]
    default_test: bool = False
    health: Health
    hooks: Hooks = Hooks()
    approval: Approval = Approval()
    given: tuple[str, ...] = ()
    blue: Blue
    latest: Latest
    past: Past = Past()
    red_alarms: tuple[str, ...] = ()
    brings: Brings
    changes: tuple[str, ...] = ()
    log_group: str = ""
    kept: Kept | None = None

    @property
    def policy(self) -> Policy:
        """What is promised and tolerated of green."""
        return self.health.policy(self.past.icc)

    @property
    def slow_ms(self) -> int | None:
        """Slower invocations are slow; None if they are not watched."""
        return self.past.slow_ms if self.health.slow_ms == "learn" else self.health.slow_ms

    @property
    def green(self) -> VersionNumber | None:
        """Green, if it is known before anything is published."""
        if isinstance(self.artifact, Existing):
            return self.artifact.version
        return self.blue.version if self.brings == "mending" else None

    @property
    def written_tests(self) -> tuple[Case, ...]:
        """The smoke tests that people wrote. A plan of an older stack version may have the default test unmarked."""
        return () if self.default_test or self.smoke_tests == UNLESS_GIVEN else self.smoke_tests

    @property
    def code(self) -> Zip | Image:
        """What goes into $LATEST. Raises ValueError for a deployment that puts nothing there."""
        if isinstance(self.artifact, Existing | InLatest):
            raise ValueError(f"{self.artifact} is there already")
        return self.copy_there or self.artifact

    @property
    def digest(self) -> str:
        """The digest of the code that $LATEST has when it is published. Raises ValueError for a published version."""
        return self.latest.sha256 if isinstance(self.artifact, InLatest) else self.code.digest


class Deployment(Frozen):
    """
    Which deployment the document belongs to.

    `proof` was drawn at its opening. An event without it does not come from the execution that holds the lock. Target
    and blue are read only while the ledger does not answer: they let RollBack put blue back without it.
    """

    id: str
    proof: str
    target: Target
    blue: VersionNumber
    brings: Brings
    old_versions: OldVersions = "keep"


class Green(Section):
    """The version that replaces blue."""

    version: VersionNumber


class Answered(Section):
    """The answer of SmokeTest: why no smoke test speaks for green, "" if one does or none is wanted."""

    untested: str = ""


class Counted(Frozen):
    """Requests of one version and failed ones among them, as the last look counted them."""

    requests: int = 0
    failed: int = 0


Next = Literal["bake_on", "hook", "approve", "shift", "complete", "roll_back"]
"""What follows a look. A rollback is an error, so the document never has it."""


class Look(Section):
    """
    What the last look at the metrics found, and what follows from it.

    The next look is due at `due_at` (seconds since 1970). CheckHealth runs again after `next_seconds`; before a look is
    due, it only reads people's orders and decisions. `next_weight` is the weight that the next shift gives green.
    `unmeasured` looks in a row had no metrics, and `probes` were answered so far. The alarms `pardoned` have been in
    ALARM since before the deployment. `watched` is what the deployment's end says of the watch, `memory` what the looks
    so far came to. `signals` names what is watched and what is not. `awaits` is the number of the step whose approval
    the deployment waits for, 0 for none. `told_pause` is when the pause that stands was ordered (seconds since 1970),
    once people were told of it. Verdict, reason and counts are for people who follow the execution's history. `harmed`
    are green's requests that failed, by the signal that counted most of them; None if no signal saw a request of green.
    """

    next: Next = "bake_on"
    next_seconds: int = 0
    due_at: float = 0.0
    next_weight: float
    unmeasured: int = 0
    probes: int = 0
    pardoned: tuple[str, ...] = ()
    verdict: str = ""
    reason: str = ""
    blue: Counted = Counted()
    green: Counted = Counted()
    harmed: int | None = None
    watched: Watched | None = None
    memory: Memory = Memory()
    signals: str = ""
    awaits: int = 0
    told_pause: float = 0.0

    def noted(self) -> dict[str, Any]:
        """Without the memory, which only the next look can read."""
        return {name: value for name, value in super().noted().items() if name != "memory"}


class Bake(Section):
    """
    Every shift so far, the alias's revision since the last one, and the last look.

    UpdateAlias had answered the last shift at `answered_at`, in seconds since 1970. A document of an older stack
    version does not say it.
    """

    shifts: tuple[Shifted, ...] = ()
    answered_at: float | None = None
    revision: str
    look: Look

    @property
    def green_weight(self) -> float:
        """Green's share now; 0 before the first shift."""
        return self.shifts[-1].weight if self.shifts else 0.0

    @property
    def moved_at(self) -> float:
        """When the alias had the last shift's weight, in seconds since 1970; 0 before the first."""
        return self.answered_at or (self.shifts[-1].at if self.shifts else 0.0)


class Hooked(Look):
    """The answer of RunHook: the last look, with what follows the hook."""

    def noted(self) -> dict[str, Any]:
        """What the hook was, since the audit has the look already."""
        return self.evidence


class Opening(Section):
    """The answer of OpenDeployment, which replaces the document."""

    deployment: Deployment
    bake: Bake
    green: Green | None = None

    def noted(self) -> dict[str, Any]:
        """Without the proof, which the audit must not have."""
        return self.evidence


class Done(Section):
    """The answer of a state that no later state asks: its evidence is in the audit."""


class Ended(Section):
    """The answer of RollBack and RejectDeployment: how the execution ends."""

    error: str
    cause: str


class Failure(Frozen):
    """
    What a Catch keeps: the error's class name, and its cause as Lambda or Step Functions wrote it.

    A principal may have reported a failure with a task token and without a cause.
    """

    error: Annotated[str, Field(alias="Error"), BeforeValidator(plain)]
    cause: Annotated[str, Field(alias="Cause"), BeforeValidator(lambda cause: cause or "")] = ""

    @property
    def sentence(self) -> str:
        """The message of what was raised, as plain text; Lambda wraps it in JSON."""
        try:
            details: Any = json.loads(self.cause)
        except (ValueError, RecursionError):
            details = None
        if isinstance(details, dict) and "errorMessage" in details:
            return plain(details["errorMessage"], LONGEST_CAUSE)
        return plain(self.cause, LONGEST_CAUSE) or f"{self.error}, and no cause was given"
