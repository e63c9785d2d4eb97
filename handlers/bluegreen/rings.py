"""
The input of each state's handler, and the proof that the event comes from the execution that it names.

A ring is read at the edge: the sections of the document that the state needs, and the record and the plan from the
ledger. Reading a ring raises NotTheHolder, or AwsUnavailable, for an event that is not proved; nothing is changed then.

    Asked     OpenDeployment, RecoverPrevious: the request
    Refused   RejectDeployment: a failure, and any input of an execution, also one that is no request
    Opened    UpdateCode, SmokeTest, PublishVersion: record and plan, and green if there is one
    Baking    RunHook, AwaitApproval, ShiftAlias, CheckHealth (Looking), CompleteDeployment: green, and how the bake
              stands
    Failed    RollBack: the record, or what the document has while the ledger does not answer
"""

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from bluegreen import clock
from bluegreen.document import DEPLOYED, Answered, Bake, Deployment, Failure, Green, Plan
from bluegreen.errors import DeploymentError, DeploymentOver, NotTheHolder
from bluegreen.ledger import deployments
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen.ledger.record import OPEN, Record
from bluegreen.model import Frozen, Section
from bluegreen.opening import proof
from bluegreen.request.request import Request, taken_apart
from bluegreen.target import Target
from bluegreen.text import plain

TIDIED_WITHIN_SECONDS = 24 * 3600
"""Of the end of a function's deployment in a release. Later deployments keep versions of their own."""

LONGEST_NAME = 128
"""Of what a refused request says, as far as it is shown."""


class Call(Frozen):
    """
    An event of the state machine. Execution and time are those of Step Functions' context object.

    `started` is ISO 8601; `retries` says how often this state was retried. `token` is the task token of a state that
    waits for one.
    """

    document: Any
    execution: str
    started: str
    state: str
    retries: int
    token: str = ""

    @classmethod
    def read(cls, event: Any) -> Self:
        """Raises NotTheHolder for an event that no state sends."""
        try:
            return cls.model_validate(event)
        except ValueError as error:
            raise NotTheHolder("The event is not one of the state machine's; nothing was changed.") from error

    @property
    def name(self) -> str:
        """The execution's name, which is the id of its deployment."""
        return self.execution.rpartition(":")[2]


class Ring(Protocol):
    """What the edge needs of a ring."""

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises NotTheHolder for an event that proves nothing."""

    @property
    def audited_as(self) -> Owner | None:
        """Whose audit the step goes into; None if it must go into none."""


@dataclass(frozen=True)
class Asked:
    """The request of an execution that is seen running with it."""

    call: Call
    started_at: str
    request: Request
    target: Target
    record: Record | None
    plan: Plan | None

    @classmethod
    def read(cls, call: Call) -> Self:
        """
        Raises InvalidRequest too, naming every wrong field.

        Once there is a plan, the answer has the proof. So the execution must still be in this state then.
        """
        started_at = proof.must_be_running(call.execution, started_at=call.started, document=call.document)
        here = Target.beside(call.execution, "", "")
        request = Request.read(call.document, region=here.region, account=here.account)
        alias = request.alias or os.environ["DEFAULT_ALIAS"]
        record, plan = deployments.load(call.name)
        if plan:
            proof.must_be_in(call.execution, call.state, call.document)
        return cls(call, started_at, request, Target.beside(call.execution, request.function, alias), record, plan)

    @property
    def id(self) -> str:
        """The deployment's id."""
        return self.call.name

    @property
    def name_was_taken(self) -> bool:
        """The record by the execution's name is an older deployment's: Step Functions forgets names after 90 days."""
        return self.record is not None and self.record.started_at != self.started_at

    @property
    def audited_as(self) -> Owner | None:
        """Not that of an older deployment with the same name."""
        return None if self.name_was_taken else of_deployment(self.id)


@dataclass(frozen=True)
class Refused:
    """A request that was refused, as the execution got it. Its parts are shown as far as they are short text."""

    call: Call
    started_at: str
    request: Any
    failure: Failure
    function: str
    alias: str
    artifact: str
    started_by: str
    record: Record | None

    @classmethod
    def read(cls, call: Call) -> Self:
        """The document is the failure. The request, which may be no object, is what Step Functions has as the input."""
        began = proof.must_have_begun(call.execution, call.started)
        proof.must_be_in(call.execution, "RejectDeployment", call.document)
        record = deployments.find(call.name)
        asked, _ = taken_apart(began.input if isinstance(began.input, dict) else {})
        return cls(
            call=call,
            started_at=began.at,
            request=began.input,
            failure=Failure.model_validate(call.document, extra="ignore"),
            function=_plain(asked.get("function"), "unknown"),
            alias=_plain(asked.get("alias"), os.environ["DEFAULT_ALIAS"]),
            artifact=_artifact(asked.get("artifact")),
            started_by=_plain(asked.get("started_by"), ""),
            record=record,
        )

    @property
    def target(self) -> Target:
        """What the request asked for, as far as it can be shown."""
        return Target.beside(self.call.execution, self.function, self.alias)

    @property
    def name_was_taken(self) -> bool:
        """The record by the execution's name is an older deployment's: Step Functions forgets names after 90 days."""
        return self.record is not None and self.record.started_at != self.started_at

    @property
    def audited_as(self) -> Owner | None:
        """Not that of an older deployment with the same name."""
        return None if self.name_was_taken else of_deployment(self.call.name)


@dataclass(frozen=True)
class Opened:
    """A deployment that the calling execution holds the lock of."""

    STATES: ClassVar[tuple[str, ...]] = (OPEN,)
    """Of the record; in any other the deployment is over for this handler."""

    call: Call
    record: Record
    plan: Plan
    green: Green | None

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises DeploymentOver if the deployment is being undone, or has ended."""
        named = _named(call)
        record, plan = deployments.load(named["id"])
        record = _must_hold(call, named, record)
        if record.state not in cls.STATES:
            raise DeploymentOver(f"Deployment {record.id} is {record.state}; nothing was changed.")
        if plan is None:
            raise NotTheHolder(f"Deployment {record.id} has no plan; nothing was changed.")
        return cls._with(call, record, plan)

    @classmethod
    def _with(cls, call: Call, record: Record, plan: Plan) -> Self:
        green = call.document.get("green")
        return cls(call, record, plan, Green.model_validate(green) if green else None)

    @property
    def target(self) -> Target:
        """The alias that is deployed to."""
        return self.plan.target

    @property
    def audited_as(self) -> Owner | None:
        """Its own."""
        return self.record.owner


class _OfABake(Section):
    """The sections that a deployment has once its green is published."""

    green: Green
    bake: Bake


@dataclass(frozen=True)
class Baking(Opened):
    """A deployment whose green is published: it is shifted, watched and completed."""

    green: Green
    bake: Bake

    @classmethod
    def _with(cls, call: Call, record: Record, plan: Plan) -> Self:
        sections = _OfABake.model_validate(call.document)
        return cls(call, record, plan, sections.green, sections.bake)


class Looking(Baking):
    """What CheckHealth has: green has a share of the alias, or had one."""

    def must_be_here(self) -> None:
        """CheckHealth calls it before the time of an approval begins. Raises what proof.must_be_in does."""
        proof.must_be_in(self.call.execution, "CheckHealth", self.call.document)

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises NotTheHolder too, for shifts that no execution of this plan makes."""
        deployment = super().read(call)
        made, planned = len(deployment.bake.shifts), len(deployment.plan.schedule.steps)
        if not made or (planned and made > planned):
            raise NotTheHolder(f"The event has {made} shifts, which {call.execution} never had; nothing was changed.")
        return deployment


class _InItsState(Baking):
    """
    A deployment whose users this handler may move, so Step Functions must show the execution in the handler's state.

    A principal that reads the execution's history has the proof, but cannot bring the execution into a state. The
    state's name is the ring's, since the event may say any.
    """

    STATE: ClassVar[str]

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises AwsUnavailable too, if the execution is not seen in the state."""
        deployment = super().read(call)
        proof.must_be_in(call.execution, cls.STATE, call.document, call.token)
        return deployment


class Hooking(_InItsState):
    """What RunHook has. The document says how far green is, and so which hook runs."""

    STATE = "RunHook"


class Awaiting(_InItsState):
    """What AwaitApproval has, with its task token in the call."""

    STATE = "AwaitApproval"


class Shifting(_InItsState):
    """What ShiftAlias has. The document says the next weight."""

    STATE = "ShiftAlias"


class Completing(_InItsState):
    """What CompleteDeployment has. It may be repeated after it has closed the record."""

    STATE = "CompleteDeployment"
    STATES = (OPEN, DEPLOYED)

    @property
    def untested(self) -> str:
        """Why no smoke test speaks for green. A document of another stack version may not say it."""
        return Answered.model_validate(self.call.document.get("tested") or {}).untested


class Tidying(Opened):
    """
    What DeleteVersions has: a deployment that was completed.

    Step Functions must show the execution in its state. That of a release's function is a child's, which the record
    does not name: there the proof counts, on the day of its end, and the plan says what may be deleted.
    """

    STATES = (DEPLOYED,)

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises AwsUnavailable too, if the execution is not seen in the state."""
        deployment = super().read(call)
        ended_at = deployment.record.ended_at
        if deployment.record.release is None:
            proof.must_be_in(call.execution, "DeleteVersions", call.document)
        elif ended_at is None or clock.now() - clock.moment(ended_at) > TIDIED_WITHIN_SECONDS:
            raise NotTheHolder(
                f"{deployment.record.id} ended at {ended_at}, and is tidied no more; nothing was changed."
            )
        return deployment


class _Parts(Section):
    """The sections that RollBack reads, whichever stack version wrote the document."""

    deployment: Deployment
    failure: Failure
    bake: Bake
    green: Green | None = None


@dataclass(frozen=True)
class Failed:
    """
    A deployment that is to be rolled back.

    Step Functions must show the execution in RollBack. The document that it shows counts, whatever the event's is.
    While Step Functions does not answer, the event's proof is enough, so that users do not stay on a bad green.
    `record` is None if the ledger does not answer. Then Step Functions must answer, and show the event's own document.
    """

    call: Call
    failure: Failure
    deployment: Deployment
    green: Green | None
    bake: Bake
    record: Record | None

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises NotTheHolder if the ledger answers that there is no such record, or if the execution does not run."""
        named, document = _named(call), call.document
        try:
            record = deployments.find(named["id"])
        except DeploymentError:
            record = None
            proof.must_be_in(call.execution, "RollBack", document)
        else:
            _must_hold(call, named, record)
            document = proof.document_of(call.execution, ["RollBack"], document)
        parts = _Parts.model_validate(document, extra="ignore")
        return cls(call, parts.failure, parts.deployment, parts.green, parts.bake, record)

    @property
    def audited_as(self) -> Owner | None:
        """Its own."""
        return of_deployment(self.deployment.id)


def _named(call: Call) -> dict[str, Any]:
    """The deployment that the document names. Raises NotTheHolder if it names none."""
    named = call.document.get("deployment") if isinstance(call.document, dict) else None
    if not isinstance(named, dict) or not isinstance(named.get("id"), str):
        raise NotTheHolder("The event names no deployment; nothing was changed.")
    return named


def _must_hold(call: Call, named: dict[str, Any], record: Record | None) -> Record:
    """Raises NotTheHolder if there is no such record, if another execution holds its lock, or without the proof."""
    if record is None:
        raise NotTheHolder(f"There is no deployment {named['id']}; nothing was changed.")
    if record.execution != call.execution:
        raise NotTheHolder(
            f"The execution {call.execution} does not hold the lock of {record.id}; nothing was changed."
        )
    if not proof.proves(named.get("proof"), record.proof):
        raise NotTheHolder(f"The event does not prove that it comes from {call.execution}; nothing was changed.")
    return record


def _plain(name: Any, otherwise: str) -> str:
    """What was sent as a name, short enough for a key. What is no text or number is not shown."""
    return plain(name, LONGEST_NAME) if name and isinstance(name, (str, int)) else otherwise


def _artifact(artifact: Any) -> str:
    """Where it lies, if that is readable; never more of the request."""
    if isinstance(artifact, dict):
        parts = [str(artifact[name]) for name in ("bucket", "key") if isinstance(artifact.get(name), str)]
        artifact = f"s3://{'/'.join(parts)}" if parts else artifact.get("image_uri") or artifact.get("version")
    return plain(artifact) if artifact and isinstance(artifact, (str, int)) else "unknown"
