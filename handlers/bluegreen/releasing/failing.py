"""Functions of a release that failed, and how many it tolerates."""

from bluegreen.errors import FunctionsFailed
from bluegreen.ledger import releases
from bluegreen.ledger.releases import Release
from bluegreen.releasing.words import of_failures


def must_be_tolerated(release: Release) -> None:
    """
    Raises FunctionsFailed, naming them, if more failed so far than the release tolerates.

    One that others of the release call is never tolerated: their new versions would meet its old one for good.
    """
    failed = [each for each in releases.members(release.id) if each.error]
    if len(failed) > release.tolerate or any(each.called for each in failed):
        raise FunctionsFailed(of_failures(failed))
