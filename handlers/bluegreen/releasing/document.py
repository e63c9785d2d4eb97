"""
The document between the states of a release.

    release    OpenRelease: the id, a proof, and the execution that began it
    bucket     OpenRelease: where the Distributed Map finds its items, at internal/releases/<id>/<phase>.json
    at_once    OpenRelease: how many functions are opened at a time
    go         how far it is, and what follows
    failure    a Catch
    rollback   RollBackRelease

Everything else is in the ledger.
"""

from typing import Any, Literal

from bluegreen.model import Frozen, Section

Next = Literal["open", "stage", "bake", "shift", "put_back", "complete", "tidy", "released", "nothing", "roll_back"]
"""
open       every function is checked, locked and planned, and nothing of it is changed
stage      every function's green is made and tested
bake       a Wait of `next_seconds`, then LookAtWave
shift      functions of the wave get their next share
put_back   functions that failed get blue back; the release tolerates these failures
complete   every green has its whole alias: the release is committed, and each deployment is completed
tidy       it is complete, and old versions are deleted
released   it is complete
nothing    every alias has its code already
roll_back  it goes back
"""


class Held(Frozen):
    """
    Which release the document belongs to. `execution` began it, and holds the locks of its functions.

    All its handlers together make `calls_per_second` calls of Lambda's control plane at most in an account and region.
    """

    id: str
    proof: str
    execution: str
    calls_per_second: float


class Go(Section):
    """
    What follows, and where the release is: at `step` of `wave`, both from 0; step -1 is before the wave's first shift.

    LookAtWave runs after `next_seconds`, and looks once `due_at` (seconds since 1970) has come. `told_pause` is when
    the pause that stands was ordered, if people were told of it, and 0 otherwise. The last shift ended at `shifted_at`.
    An order to promote counts only if it is younger.
    """

    next: Next
    next_seconds: int = 0
    wave: int = 0
    step: int = -1
    due_at: float = 0.0
    told_pause: float = 0.0
    shifted_at: float = 0.0
    reason: str = ""

    @property
    def is_end(self) -> bool:
        """The release is complete; at most old versions are left to delete."""
        return self.next in ("released", "tidy")


class OpenedRelease(Section):
    """The answer of OpenRelease, which replaces the document. `failure` is as a Catch would keep it."""

    release: Held
    bucket: str
    at_once: int
    go: Go
    failure: dict[str, str] | None = None

    def noted(self) -> dict[str, Any]:
        """Without the proof, which the audit must not have."""
        return self.model_dump(mode="json", exclude={"release": {"proof"}}) | self.evidence


class WithoutTable(Frozen):
    """
    How far RollBackRelease came while the table does not answer, by places in the list of `facts.of_release`.

    The first `tried` were tried, and all of these but `left` are at blue. `repeated`: a retry was among the attempts.
    """

    tried: int = 0
    left: tuple[int, ...] = ()
    repeated: bool = False


class Ended(Section):
    """The answer of RollBackRelease: how the execution ends, or that there is `more` to put back."""

    next: Literal["more", "rolled_back", "rejected", "complete"]
    error: str = ""
    cause: str = ""
    without_table: WithoutTable = WithoutTable()

    @property
    def is_end(self) -> bool:
        """The record is closed: there is no `more` to put back, and no CompleteRelease follows."""
        return self.next in ("rolled_back", "rejected")
