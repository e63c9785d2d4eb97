"""
RollBackRelease: give blue back to as many functions as there is time for; once all are back, close the release.

It runs in two states. In PutBackFailed it puts back only functions that failed and are tolerated. A release that is
committed is not rolled back: it goes forward. Safe to repeat.
"""

from bluegreen.aws import pacing
from bluegreen.decisions.route import Serving
from bluegreen.document import REJECTED, ROLLBACK_FAILED, ROLLED_BACK, Failure
from bluegreen.edge import logger, step
from bluegreen.errors import (
    AliasMoved,
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    RollbackImpossible,
    StillInProgress,
)
from bluegreen.ledger import deployments, releases
from bluegreen.ledger.releases import COMMITTED, RELEASED, Member, Release
from bluegreen.model import Section
from bluegreen.releasing import facts, news, words
from bluegreen.releasing.clockwork import in_a_slice
from bluegreen.releasing.completing import complete, must_serve
from bluegreen.releasing.document import Ended, Go
from bluegreen.releasing.putting_back import Found, put_back
from bluegreen.releasing.rings import Failed
from bluegreen.releasing.without_table import take_all_back

ROLLBACK_FAILED_ALARM = {"alarm": ROLLBACK_FAILED}
"""A metric filter counts log lines with this; the alarm rollback-failed goes off by it."""

CALLED_AFTER_ATTEMPTS = 3


@step
def handler(failed: Failed) -> Section:
    with pacing.undoing():
        if failed.release is None:
            return _without_the_table(failed)
        return _all(failed, failed.release, failed.failure) if failed.failure else _some(failed, failed.release)


def _without_the_table(failed: Failed) -> Ended:
    """
    Users get blue back at once, slice by slice; the rest waits until the table answers.

    Every green was found healthy once CompleteRelease is to run, and the release may be committed: nothing is moved.
    Raises AwsUnavailable once a slice gets no further. The retry then tries the aliases that are left.
    """
    if failed.go.next == "complete":
        raise AwsUnavailable("The deployments table does not answer. Every green was found healthy; no alias was moved")
    everyone, before = list(facts.of_release(failed.id, failed.go.wave)), failed.so_far
    now, errors = take_all_back(everyone, before, failed.call.retries, in_a_slice())
    if (now.tried, now.left) != (before.tried, before.left):
        return Ended(next="more", without_table=now, evidence={"aliases": len(everyone)})
    named = [words.of_left(everyone[place], str(errors.get(place, "there was no time"))) for place in now.left]
    said = f" Not yet: {' '.join(named[: words.MOST_COMMANDS])}" if named else ""
    back = len(everyone) - len(named)
    raise AwsUnavailable(f"The deployments table does not answer. {back} of {len(everyone)} aliases are at blue.{said}")


def _some(failed: Failed, release: Release) -> Go:
    """The functions that failed; then the release goes on where it was."""
    go = failed.go
    members = [each for each in releases.members(release.id) if each.error]
    found = put_back(release, members, lambda each: (each.error, each.cause), failed.call.retries, in_a_slice())
    _must_have_worked(failed, release, found)
    if found.more:
        return go.model_copy(update={"next": "put_back"})
    if go.step < 0:
        return go.model_copy(update={"next": "bake", "next_seconds": 0})  # LookAtWave asks what holds up the wave
    return go.model_copy(update={"next": "shift", "evidence": {"put_back": [each.name for each in members]}})


def _all(failed: Failed, release: Release, failure: Failure) -> Ended:
    marked = releases.begin_undoing(release.id, failure.error, failure.sentence)
    if marked is None:
        raise RollbackImpossible(f"The record of the release {release.id} is gone.")
    if marked.state in (COMMITTED, RELEASED):
        return Ended(next="complete")
    if not marked.live:
        return _ended(marked)
    members = in_order(marked, releases.members(marked.id))
    kept = [each for each in members if _stays(marked, each)]
    error, cause = marked.error or "", marked.cause or ""

    def why(member: Member) -> tuple[str, str]:
        if member.error:
            return member.error, member.cause
        return error, f"The release {marked.id} was rolled back: {cause}"

    found = put_back(marked, [each for each in members if each not in kept], why, failed.call.retries, in_a_slice())
    _must_have_worked(failed, marked, found)
    if found.more:
        return Ended(next="more", error=error, cause=cause)
    if not all([_completed(marked, each) for each in kept]):
        return Ended(next="more", error=error, cause=cause)
    return _closed(marked, releases.members(marked.id))


def in_order(release: Release, members: list[Member]) -> list[Member]:
    """
    Functions that failed first, then the wave that is shifted, then the waves before it, the newest first.

    At last come those of later waves, whose users never met a green.
    """
    return sorted(members, key=lambda each: (not each.error, each.wave > release.wave, -each.wave, each.number))


def _stays(release: Release, member: Member) -> bool:
    """Its wave has baked to its end, and the release keeps such waves. A mended function has no shift."""
    whole = member.weight == 1 and member.state == "shifted"
    mended = member.brings == "mending" and member.state == "staged"
    over = release.keep_waves and member.wave < release.wave
    return over and not member.error and (whole or mended or member.state == "deployed")


def _completed(release: Release, member: Member) -> bool:
    """False if the function of a kept wave does not serve green any more: it has failed, and is put back, too."""
    if member.state == "deployed":
        return True
    try:
        must_serve(member)
    except (AliasMoved, DeploymentOver) as moved:
        releases.learn(release.id, member, error=type(moved).__name__, cause=str(moved))
        return False
    complete(release.id, member)
    return True


def _must_have_worked(failed: Failed, release: Release, found: Found) -> None:
    """
    Raises StillInProgress if some functions are not back, so that the state is retried.

    It raises nothing while there is more to try and this attempt has put some back: the retries are for those that are
    left at the end. After a few attempts that AWS refuses, an operator is called.
    """
    if not found.errors or (found.more and found.some_went_back):
        return
    stuck = [each for each in found.members if each.number in found.errors]
    refused = any(isinstance(error, AwsRefused) for error in found.errors.values())
    said = "; ".join(f"{each.name}: {found.errors[each.number]}" for each in stuck[: words.MOST_NAMED])
    if refused and failed.call.retries >= CALLED_AFTER_ATTEMPTS:
        logger.error("an operator must help", extra=ROLLBACK_FAILED_ALARM)
        news.call_an_operator(release, stuck, said)
    raise StillInProgress(f"{len(stuck)} functions are not put back yet: {said}")


def _closed(release: Release, members: list[Member]) -> Ended:
    untouched = all(each.state in ("new", "refused", "nothing") for each in members)
    stuck = [(each, _serving(each)) for each in members if each.state == "stuck"]
    state = REJECTED if untouched else ROLLBACK_FAILED if stuck else ROLLED_BACK
    failed = [each for each in members if each.error]
    cause = words.of_stuck(release, stuck) if stuck else None
    closed = releases.close(release.id, state, failed, cause) or release
    try:
        told = news.tell(release.id)
    except DeploymentError:
        told = False
    ended = _ended(closed)
    return ended.model_copy(update={"evidence": {"told": told, "state": state}})


def _serving(member: Member) -> Serving | None:
    record = deployments.find(member.deployment)
    return record.serving if record else None


def _ended(release: Release) -> Ended:
    if release.state == ROLLBACK_FAILED:
        raise RollbackImpossible(release.cause or "")
    following = "rejected" if release.state == REJECTED else "rolled_back"
    return Ended(next=following, error=release.error or release.state, cause=release.cause or "")
