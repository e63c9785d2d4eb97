"""
CompleteRelease: see every alias at green alone, commit, then complete each function's deployment and free its lock.

Functions whose entry has keep_versions are noted for DeleteOldVersions, which comes next.

Once the release is committed it only goes forward. Safe to retry: what is completed is passed over.
"""

from collections.abc import Callable

from bluegreen import clock
from bluegreen.aws import aliases, pacing
from bluegreen.baking.alias import must_be
from bluegreen.decisions.orders import standing
from bluegreen.decisions.route import Route
from bluegreen.edge import step
from bluegreen.errors import Aborted, AliasMoved, DeploymentOver
from bluegreen.ledger import deployments, orders, releases
from bluegreen.ledger.releases import COMMITTED, RELEASED, Member
from bluegreen.releasing import news
from bluegreen.releasing.clockwork import in_a_slice
from bluegreen.releasing.completing import complete
from bluegreen.releasing.document import Go
from bluegreen.releasing.items import TIDIED, keep
from bluegreen.releasing.rings import Completing


@step
def handler(completing: Completing) -> Go:
    release, go, in_time = completing.release, completing.go, in_a_slice()
    members = [each for each in releases.members(release.id) if each.state in ("staged", "shifted") and not each.error]
    with pacing.expecting(len(members)):
        if release.state != COMMITTED:
            if aborted := standing(orders.given(release.id), clock.now()).aborted:
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
    releases.close(release.id, RELEASED)
    following = {"next": "tidy" if tidy else "released", "evidence": {"told": news.tell(release.id)}}
    return go.model_copy(update=following)


def _all_confirmed(release: str, members: list[Member], in_time: Callable[[], bool]) -> bool:
    """Raises AliasMoved, naming the function, and what `must_be` raises. False if there was no time for all."""
    for member in members:
        if member.confirmed:
            continue
        if not in_time():
            return False
        record = deployments.find(member.deployment)
        if record is None or not record.live:
            raise DeploymentOver(f"The deployment {member.deployment} is over; the release cannot be completed.")
        wanted = Route(primary=member.green)
        try:
            must_be(record, wanted, aliases.read(member.target, wanted))
        except AliasMoved as moved:
            raise AliasMoved(f"{member.name}: {moved}") from moved
        releases.learn(release, member, confirmed=True)
    return True
