"""
Functions of a release, given back to their blues. Users first: every alias, then what is left of each deployment.

For each function it is what a single rollback does, and as safe to repeat.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bluegreen import clock
from bluegreen.document import DEPLOYED, NOTHING_TO_DEPLOY, REJECTED, ROLLBACK_FAILED, ROLLED_BACK
from bluegreen.errors import AwsRefused, AwsUnavailable, DeploymentError, RollbackImpossible, StillInProgress
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.record import Record
from bluegreen.ledger.releases import Member, MemberState, Release
from bluegreen.rollback import alias
from bluegreen.rollback.undo import mark, restore

logger = logging.getLogger(__name__)

Why = Callable[[Member], tuple[str, str]]
"""The error and the cause that a function's own deployment ends with."""

OVER = ("back", "stuck", "deployed", "nothing")

AWAY_AFTER_SECONDS = 5
"""If a call fails after so long, the region is away: calls for other functions there would take as long."""

AS_IT_ENDED: dict[str, MemberState] = {
    DEPLOYED: "deployed",
    NOTHING_TO_DEPLOY: "nothing",
    REJECTED: "refused",
    ROLLBACK_FAILED: "stuck",
    ROLLED_BACK: "back",
}
"""What the release says of a function whose own deployment ended so."""


@dataclass
class Found:
    """
    The members as they are now, and the errors of those that could not be put back, by their numbers.

    `more`: there was no time for some. `some_went_back`: this attempt changed something. `away` are the accounts and
    regions that did not answer.
    """

    members: list[Member]
    errors: dict[int, DeploymentError] = field(default_factory=dict)
    more: bool = False
    some_went_back: bool = False
    away: set[tuple[str, str]] = field(default_factory=set)

    @property
    def done(self) -> bool:
        """Every function is back, or is stuck and closed."""
        return not self.more and not self.errors


def put_back(release: Release, members: Sequence[Member], why: Why, attempt: int, in_time: Callable[[], bool]) -> Found:
    """
    Give blue the alias of each of these functions back, then close their deployments, while there is time.

    An error of one function holds up no other. An alias of a wave whose first shift never began is not read. A
    region that does not answer takes no time from the others: its functions are left to the next attempt.
    """
    found = Found(list(members))
    for number, member in enumerate(found.members):
        if member.state in OVER or member.returned or not release.began(member.wave):
            continue
        if not in_time():
            return _with_more(found)
        with _noting(found, member):
            if _place(member) in found.away:
                raise AwsUnavailable(f"{_place(member)[1]} did not answer in time for another function")
            _learn(found, number, _returned(release.id, member, why, attempt))
    for number, member in enumerate(found.members):
        if is_over(member) or member.number in found.errors:
            continue
        if not in_time():
            return _with_more(found)
        with _noting(found, member):
            _learn(found, number, _closed(release, member, why, attempt))
    return found


def _learn(found: Found, number: int, member: Member) -> None:
    found.some_went_back = found.some_went_back or member != found.members[number]
    found.members[number] = member


def is_over(member: Member) -> bool:
    """Nothing is left to do for the function. A refused one may have a deployment that is open, until `_closed`."""
    return member.state in OVER or (member.state == "refused" and member.returned)


def _returned(release: str, member: Member, why: Why, attempt: int) -> Member:
    """The member, once blue has its alias again. A deployment that never moved the alias is left to `_closed`."""
    record = deployments.find(member.deployment)
    if record is None or not record.live or not record.weights:
        return member
    alias.put_back(mark(record, *why(member)), attempt)
    return releases.learn(release, member, returned=True)


def _closed(release: Release, member: Member, why: Why, attempt: int) -> Member:
    error, cause = why(member)
    record = deployments.find(member.deployment)
    if record is None:
        if deployments.keep_unopened(_unopened(release, member, error, cause)):
            return releases.learn(release.id, member, state="refused", returned=True)
        raise StillInProgress(f"{member.name} was opened just now, by a late attempt")
    if record.live and not (_is_untouched(record) and deployments.close(record, REJECTED, error=error, cause=cause)):
        try:
            restore(mark(record, error, cause), attempt=attempt)
        except RollbackImpossible as impossible:
            return _stuck(release.id, member, impossible)
    now = deployments.find(member.deployment) or record
    return releases.learn(release.id, member, state=AS_IT_ENDED[now.state], returned=True)


def _stuck(release: str, member: Member, impossible: RollbackImpossible) -> Member:
    now = deployments.find(member.deployment)
    if now is None or now.live:
        raise impossible
    return releases.learn(release, member, state=AS_IT_ENDED[now.state], cause=str(impossible))


def _unopened(release: Release, member: Member, error: str, cause: str) -> Record:
    return Record(
        id=member.deployment,
        target=member.target,
        state=REJECTED,
        execution=release.began_as,
        release=release.id,
        started_at=release.started_at,
        started_by=release.started_by,
        started_by_proved=release.started_by_proved,
        artifact=f"what the release {release.id} asks for",
        error=error,
        cause=cause,
    )


def _is_untouched(record: Record) -> bool:
    return record.live and not (record.code_sent_at or record.weights or record.undoing_at)


@contextmanager
def _noting(found: Found, member: Member) -> Iterator[None]:
    began = clock.now()
    try:
        yield
    except DeploymentError as error:
        found.errors[member.number] = error
        if isinstance(error, AwsUnavailable) and clock.now() - began >= AWAY_AFTER_SECONDS:
            found.away.add(_place(member))
    except Exception as error:  # a fault in one record must not hold up the others
        logger.exception("not put back", extra={"deployment": member.deployment})
        found.errors[member.number] = AwsRefused(f"{member.target} could not be put back ({type(error).__name__})")


def _place(member: Member) -> tuple[str, str]:
    return member.target.account, member.target.region


def _with_more(found: Found) -> Found:
    found.more = True
    return found
