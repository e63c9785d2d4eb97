"""Functions of a release that failed, and how many it tolerates."""

from collections.abc import Sequence

from bluegreen.errors import FunctionsFailed
from bluegreen.ledger import releases
from bluegreen.ledger.releases import Member, Release
from bluegreen.releasing.words import of_failures

ITS_TARGET_FAILED = "TargetFailed"
"""The error of a function that is put back because others in its account and region failed."""


def must_be_tolerated(release: Release) -> None:
    """
    Raises FunctionsFailed, naming them, if more failed so far than the release tolerates.

    One that others of the release call is never tolerated: their new versions would meet its old one for good. If a
    failure puts back its own target only, every function there is noted as failed, and the others go on; it raises
    once no target is left.
    """
    members = releases.members(release.id)
    failed = [each for each in members if each.error]
    if release.rollback == "all":
        if _are_too_many(release, failed):
            raise FunctionsFailed(of_failures(failed))
        return
    by_place: dict[tuple[str, str], list[Member]] = {}
    for each in members:
        by_place.setdefault((each.target.account, each.target.region), []).append(each)
    over = [place for place, there in by_place.items() if _are_too_many(release, [m for m in there if m.error])]
    if len(over) == len(by_place):
        raise FunctionsFailed(of_failures(failed))
    for place in over:
        _fail_all(release, by_place[place])


def _are_too_many(release: Release, failed: Sequence[Member]) -> bool:
    return len(failed) > release.tolerate or any(each.called for each in failed)


def _fail_all(release: Release, of_target: Sequence[Member]) -> None:
    why = of_failures([each for each in of_target if each.error and each.error != ITS_TARGET_FAILED])
    for each in of_target:
        if not each.error and each.state != "nothing":
            cause = f"Another function in account {each.target.account}, {each.target.region}, failed: {why}"
            releases.learn(release.id, each, error=ITS_TARGET_FAILED, cause=cause)
