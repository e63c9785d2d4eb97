"""
The document between the states of a release.

    release    OpenRelease: the id, a proof, and the execution that began it
    bucket     OpenRelease: where the Distributed Map finds its items, at internal/releases/<id>/<phase>.json
    go         how far it is, and what follows
    failure    a Catch
    rollback   RollBackRelease

Everything else is in the ledger.
"""

from typing import Literal

from bluegreen.model import Frozen, Section

Next = Literal["open", "stage", "bake", "shift", "put_back", "complete", "tidy", "released", "nothing", "roll_back"]
"""
open       every function is checked, locked and planned, and nothing of it is changed
stage      every function's green is made and tested
bake       users meet this share for `next_seconds`, and then there is a look
shift      functions of the wave get their next share
put_back   functions that failed, and are tolerated, get blue back
complete   green has everything: the release is committed, and each deployment is completed
tidy       it is complete, and versions that are no longer of use are deleted
released   it is complete
nothing    every alias has its code already
roll_back  it goes back
"""


class Held(Frozen):
    """
    Which release the document belongs to. `execution` began it, and holds the locks of its functions.

    Each handler makes `calls_per_second` of Lambda's control plane at most.
    """

    id: str
    proof: str
    execution: str
    calls_per_second: float


class Go(Section):
    """
    What follows, and where the release stands: `step` of `wave`, both from 0; -1 is before the wave's first step.

    CheckHealth's rule holds for LookAtWave, too: it runs after `next_seconds`, and looks at `due_at` (seconds since
    1970). `told_pause` is when the pause that stands was ordered, once people were told of it. The last shift ended at
    `shifted_at`: it has carried out a promote that is older.
    """

    next: Next
    next_seconds: int = 0
    wave: int = 0
    step: int = -1
    due_at: float = 0.0
    told_pause: float = 0.0
    shifted_at: float = 0.0
    reason: str = ""


class OpenedRelease(Section):
    """The answer of OpenRelease, which replaces the document. `failure` is as a Catch would keep it."""

    release: Held
    bucket: str
    go: Go
    failure: dict[str, str] | None = None


class Ended(Section):
    """The answer of RollBackRelease: how the execution ends, or that there is `more` to put back."""

    next: Literal["more", "rolled_back", "rejected", "complete"]
    error: str = ""
    cause: str = ""
