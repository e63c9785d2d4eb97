"""
Functions of a release, given back to their blues. Users first: every alias, then what is left of each deployment.

For each function it is what a single rollback does, and as safe to repeat.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bluegreen.document import REJECTED, ROLLBACK_FAILED
from bluegreen.errors import DeploymentError, RollbackImpossible
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.record import Record
from bluegreen.ledger.releases import Member
from bluegreen.rollback import alias
from bluegreen.rollback.undo import mark, restore

Why = Callable[[Member], tuple[str, str]]
"""The error and the cause that a function's own deployment ends with."""

OVER = ("back", "stuck", "deployed", "nothing", "refused")


@dataclass
class Found:
    """The members as they are now, the errors of those that could not be put back, and whether some were not tried."""

    members: list[Member]
    errors: dict[int, DeploymentError] = field(default_factory=dict)
    more: bool = False

    @property
    def done(self) -> bool:
        """Every function is back, or is stuck and closed."""
        return not self.more and not self.errors


def put_back(release: str, members: Sequence[Member], why: Why, attempt: int, in_time: Callable[[], bool]) -> Found:
    """
    Give blue the alias of each of these functions back, then close their deployments, while there is time.

    An error of one function holds up no other.
    """
    found = Found(list(members))
    for number, member in enumerate(found.members):
        if member.state in OVER or member.returned:
            continue
        if not in_time():
            return _with_more(found)
        with _noting(found, member):
            found.members[number] = _returned(release, member, why, attempt)
    for number, member in enumerate(found.members):
        if member.state in OVER or member.number in found.errors:
            continue
        if not in_time():
            return _with_more(found)
        with _noting(found, member):
            found.members[number] = _closed(release, member, why, attempt)
    return found


def _returned(release: str, member: Member, why: Why, attempt: int) -> Member:
    """Blue has the alias again. A deployment that moved nothing is left to `_closed`."""
    record = deployments.find(member.deployment)
    if record is None or not record.live or not record.weights:
        return member
    alias.put_back(mark(record, *why(member)), attempt)
    return releases.learn(release, member, returned=True)


def _closed(release: str, member: Member, why: Why, attempt: int) -> Member:
    record = deployments.find(member.deployment)
    if record is None:
        return releases.learn(release, member, state="refused")
    if _is_untouched(record) and deployments.close(record, REJECTED, error=why(member)[0], cause=why(member)[1]):
        return releases.learn(release, member, state="refused", returned=True)
    try:
        restore(mark(record, *why(member)), attempt=attempt)
    except RollbackImpossible as impossible:
        now = deployments.find(member.deployment)
        if now is None or now.state != ROLLBACK_FAILED:
            raise
        return releases.learn(release, member, state="stuck", cause=str(impossible))
    return releases.learn(release, member, state="back", returned=True)


def _is_untouched(record: Record) -> bool:
    return record.live and not (record.code_sent_at or record.weights or record.undoing_at)


@contextmanager
def _noting(found: Found, member: Member) -> Iterator[None]:
    try:
        yield
    except DeploymentError as error:
        found.errors[member.number] = error


def _with_more(found: Found) -> Found:
    found.more = True
    return found
