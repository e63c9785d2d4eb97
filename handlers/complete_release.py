"""
CompleteRelease: see every alias at green alone, commit, then complete each function's deployment and free its lock.

Functions whose entry has keep_versions are noted for DeleteOldVersions, which comes next.

Once the release is committed it only goes forward. Safe to retry: what is completed is passed over.
"""

from collections.abc import Callable

from bluegreen import clock
from bluegreen.aws import pacing
from bluegreen.decisions.orders import standing
from bluegreen.edge import step
from bluegreen.errors import Aborted, FunctionsFailed
from bluegreen.ledger import orders, releases
from bluegreen.ledger.releases import COMMITTED, RELEASED, Member, Release
from bluegreen.releasing import news
from bluegreen.releasing.clockwork import in_a_slice
from bluegreen.releasing.completing import complete, must_serve
from bluegreen.releasing.document import Go
from bluegreen.releasing.failing import must_be_tolerated
from bluegreen.releasing.items import TIDIED, keep
from bluegreen.releasing.putting_back import is_over
from bluegreen.releasing.rings import Completing
from bluegreen.releasing.words import MOST_NAMED


@step
def handler(completing: Completing) -> Go:
    release, go, in_time = completing.release, completing.go, in_a_slice()
    everyone = releases.members(release.id)
    members = [each for each in everyone if each.state in ("staged", "shifted")]
    committed = release.state in (COMMITTED, RELEASED)
    if not committed and (left := [each for each in everyone if not _is_accounted_for(each)]):
        return _not_yet(release, go, left)
    with pacing.expecting(len(members)):
        if not committed:
            if aborted := standing(orders.given(release.owner), clock.now()).aborted:
                raise Aborted(aborted.why_aborted)
            if not _all_confirmed(release.id, members, in_time):
                return go.model_copy(update={"next": "complete"})
            releases.commit(release.id, completing.call.execution)
        for member in members:
            if not in_time():
                return go.model_copy(update={"next": "complete"})
            complete(release.id, member)
    tidy = [each for each in releases.members(release.id) if each.tidies and each.state == "deployed"]
    keep(release.id, TIDIED, tidy)
    releases.close(release.id, RELEASED, [each for each in releases.members(release.id) if each.error])
    following = {"next": "tidy" if tidy else "released", "evidence": {"told": news.tell(release.id)}}
    return go.model_copy(update=following)


def _is_accounted_for(member: Member) -> bool:
    """Green has everything and it did not fail, or its deployment has ended."""
    return is_over(member) or (member.state in ("staged", "shifted") and not member.error)


def _not_yet(release: Release, go: Go, left: list[Member]) -> Go:
    """A late attempt of a state before this one found that a function failed: it is put back first, if tolerated."""
    if unknown := [each.name for each in left if not each.error]:
        raise FunctionsFailed(f"It is not known how these functions stand: {', '.join(unknown[:MOST_NAMED])}.")
    must_be_tolerated(release)
    return go.model_copy(update={"next": "put_back"})


def _all_confirmed(release: str, members: list[Member], in_time: Callable[[], bool]) -> bool:
    """
    See each alias at green alone, and note it for the next slice. False if there was no time for all.

    Raises what `must_serve` does.
    """
    for member in members:
        if member.confirmed:
            continue
        if not in_time():
            return False
        must_serve(member)
        releases.learn(release, member, confirmed=True)
    return True
