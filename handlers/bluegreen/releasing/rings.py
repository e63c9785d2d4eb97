"""
The input of each handler of a release, and the proof that its event comes from the execution that it names.

    Asked      OpenRelease: the release's document, or the order to go on with a release whose execution died
    Part       OpenMember, NoteMember: one function of a release
    Running    LookAtWave; Confirming, Shifting and Completing for the states that these are named after
    Failed     RollBackRelease
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from bluegreen.document import NOTHING_TO_DEPLOY, Failure
from bluegreen.errors import AwsRefused, AwsUnavailable, DeploymentOver, NotTheHolder
from bluegreen.ledger import releases
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen.ledger.releases import COMMITTED, OPEN, OPENING, RELEASED, Member, Release
from bluegreen.opening import proof
from bluegreen.releasing.document import Ended, Go, Held, WithoutTable
from bluegreen.rings import Call

RESUME = "resume"
"""The input of an execution that goes on with a release: {"resume": "<id>"}."""


@dataclass(frozen=True)
class Asked:
    """An execution that Step Functions shows running, its input, and the `release` of its name or that it resumes."""

    STATE: ClassVar[str] = "OpenRelease"
    """The state in which Step Functions must show the execution. A forged event may name any other."""

    call: Call
    started_at: str
    release: Release | None

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises NotTheHolder if the execution does not run, or resumes a release that does not exist."""
        started_at = proof.must_be_running(call.execution, started_at=call.started, document=call.document)
        resumed = call.document.get(RESUME) if isinstance(call.document, dict) else None
        known = releases.find(resumed if isinstance(resumed, str) else call.name)
        if known is not None or resumed is not None:
            # The answer has the release's proof, so the execution must still be in that state.
            proof.must_be_in(call.execution, cls.STATE, call.document)
        if resumed is not None and known is None:
            raise NotTheHolder(f"There is no release {resumed!r}; nothing was changed.")
        return cls(call, started_at, known)

    @property
    def resumes(self) -> bool:
        """It goes on with a release whose execution died."""
        return isinstance(self.call.document, dict) and RESUME in self.call.document

    @property
    def audited_as(self) -> Owner | None:
        """The release that this execution began or works on, if any; not an older one of the same name."""
        known = self.release
        return known.owner if known and self.call.execution in (known.began_as, known.execution) else None


@dataclass(frozen=True)
class Part:
    """A function of an open release. The ledger does not know the child's execution, so the proof counts."""

    call: Call
    release: Release
    member: Member

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises DeploymentOver once the release is being undone."""
        named, release = _named(call)
        item = call.document.get("member")
        if named.execution != release.began_as or not isinstance(item, dict):
            raise NotTheHolder(f"The event names no function of the release {release.id}; nothing was changed.")
        if release.state not in (OPENING, OPEN):
            raise DeploymentOver(f"The release {release.id} is {release.state}; nothing was changed.")
        wave, number = item.get("wave"), item.get("number")
        member = None
        if isinstance(wave, int) and isinstance(number, int):
            member = releases.member(release.id, wave, number)
        if member is None:
            raise NotTheHolder(f"The release {release.id} has no such function; nothing was changed.")
        return cls(call, release, member)

    @property
    def audited_as(self) -> Owner | None:
        """The steps of the function's own deployment."""
        return of_deployment(self.member.deployment)


@dataclass(frozen=True)
class Running:
    """A release that the calling execution works on."""

    STATES: ClassVar[tuple[str, ...]] = (OPENING, OPEN)

    call: Call
    release: Release
    go: Go

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises DeploymentOver if the release is being undone, or has ended."""
        _, release = _held(call)
        if release.state not in cls.STATES:
            raise DeploymentOver(f"The release {release.id} is {release.state}; nothing was changed.")
        return cls(call, release, Go.model_validate(call.document.get("go")))

    def must_be_here(self) -> None:
        """LookAtWave calls it before a wave begins to wait, or is over. Raises what proof.must_be_in does."""
        proof.must_be_in(self.call.execution, "LookAtWave", self.call.document)

    @property
    def audited_as(self) -> Owner | None:
        """The release's own steps."""
        return self.release.owner


class Confirming(Running):
    """What ConfirmFunctions has. The handler may be repeated after it has found nothing to deploy."""

    STATES = (OPENING, OPEN, NOTHING_TO_DEPLOY)

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises AwsUnavailable if Step Functions does not show the execution in one of the handler's two states."""
        confirming = super().read(call)
        state = "ConfirmOpen" if confirming.go.next == "open" else "ConfirmStaged"
        proof.must_be_in(call.execution, state, call.document)
        return confirming


class _Moving(Running):
    """The handler may move users, so Step Functions must show the execution in the handler's state."""

    STATE: ClassVar[str]

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises AwsUnavailable if Step Functions does not show the execution in the state."""
        running = super().read(call)
        proof.must_be_in(call.execution, cls.STATE, call.document)
        return running


class Shifting(_Moving):
    """What ShiftWave has."""

    STATE = "ShiftWave"
    STATES = (OPEN,)


class Completing(_Moving):
    """What CompleteRelease has. The handler may be repeated after the commit, and after it has closed the release."""

    STATE = "CompleteRelease"
    STATES = (OPEN, COMMITTED, RELEASED)


@dataclass(frozen=True)
class Failed:
    """
    A release that RollBackRelease puts back, unless it is committed.

    Without a `failure` only the functions that failed are put back, and the release goes on. Step Functions must show
    the execution in one of the handler's two states, and its document counts; while Step Functions does not answer the
    proof counts. `release` is None while the table does not answer: then the execution is seen in RollBackRelease with
    this document, and `so_far` says how far the slices before this one came.
    """

    STATES: ClassVar[tuple[str, ...]] = ("PutBackFailed", "RollBackRelease")

    call: Call
    id: str
    release: Release | None
    go: Go
    failure: Failure | None
    so_far: WithoutTable

    @classmethod
    def read(cls, call: Call) -> Self:
        """Raises NotTheHolder if there is no such release, or if another execution works on it."""
        document = call.document if isinstance(call.document, dict) else {}
        try:
            held, release = _held(call)
        except (AwsRefused, AwsUnavailable):
            if not document.get("failure"):
                raise
            held, release = _shown(call), None
            proof.must_be_in(call.execution, "RollBackRelease", document)
        else:
            document = proof.document_of(call.execution, cls.STATES, document)
        failure, last = document.get("failure"), document.get("rollback")
        go = Go.model_validate(document.get("go") or {"next": "roll_back"})
        if not failure and release and release.state != OPEN:
            raise DeploymentOver(f"The release {release.id} is {release.state}; nothing was changed.")
        so_far = Ended.model_validate(last).without_table if last else WithoutTable()
        return cls(call, held.id, release, go, Failure.model_validate(failure) if failure else None, so_far)

    @property
    def audited_as(self) -> Owner | None:
        """The release's own steps. A table that did not answer is not waited for."""
        return self.release.owner if self.release else None


def _shown(call: Call) -> Held:
    try:
        return Held.model_validate(call.document.get("release"))
    except (AttributeError, ValueError) as error:
        raise NotTheHolder("The event names no release; nothing was changed.") from error


def _named(call: Call) -> tuple[Held, Release]:
    """The release that the document names, with its proof."""
    held = _shown(call)
    release = releases.find(held.id)
    if release is None or not proof.proves(held.proof, release.proof):
        raise NotTheHolder(f"The event does not prove that it comes from {held.id}; nothing was changed.")
    return held, release


def _held(call: Call) -> tuple[Held, Release]:
    held, release = _named(call)
    if release.execution != call.execution:
        raise NotTheHolder(f"The execution {call.execution} does not work on {release.id}; nothing was changed.")
    return held, release
