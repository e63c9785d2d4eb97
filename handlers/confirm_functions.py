"""
ConfirmFunctions: read what became of each function in the Distributed Map, and go on, or say which failed and why.

It runs in two states. In ConfirmOpen every function must be open: then the release is open. In ConfirmStaged every
green must be made and tested. Safe to retry.
"""

from bluegreen import clock
from bluegreen.decisions.orders import standing
from bluegreen.document import NOTHING_TO_DEPLOY
from bluegreen.edge import step
from bluegreen.errors import InvalidRequest
from bluegreen.ledger import orders, releases
from bluegreen.ledger.releases import Member
from bluegreen.model import Section
from bluegreen.releasing import gates, news, words
from bluegreen.releasing.clockwork import telling_the_next_look
from bluegreen.releasing.document import Go, OpenedRelease
from bluegreen.releasing.failing import must_be_tolerated
from bluegreen.releasing.items import STAGED, keep
from bluegreen.releasing.rings import Confirming

UNFINISHED = "its child execution ended without saying why; the map run of the functions' machine shows it"


@step
def handler(confirming: Confirming) -> Section:
    members = releases.members(confirming.release.id)
    return _opened(confirming, members) if confirming.go.next == "open" else _staged(confirming, members)


def _opened(confirming: Confirming, members: list[Member]) -> OpenedRelease:
    release = confirming.release
    refused = [_with_reason(each) for each in members if each.error or each.state in ("new", "refused")]
    if refused:
        raise InvalidRequest(words.of_failures(refused))
    if all(each.state == "nothing" for each in members):
        releases.close(release.id, NOTHING_TO_DEPLOY)
        news.tell(release.id)
        following = Go(next="nothing")
    else:
        releases.begin(release.id, confirming.call.execution)
        news.started(release)
        following = Go(next="stage")
    keep(release.id, STAGED, [each for each in members if each.state != "nothing"])
    return OpenedRelease.model_validate(confirming.call.document | {"go": following})


def _staged(confirming: Confirming, members: list[Member]) -> OpenedRelease:
    release, unfit = confirming.release, []
    for each in members:
        if each.state not in ("nothing", "staged", "shifted") and not each.returned:
            failed = _with_reason(each)
            unfit.append(
                failed if each.error else releases.learn(release.id, each, error=failed.error, cause=failed.cause)
            )
    if unfit:
        must_be_tolerated(release)
        following = Go(next="put_back")
    elif standing(orders.given(release.owner), clock.now()).paused:
        following = Go(next="bake")  # LookAtWave asks what holds up the wave
    else:
        following = telling_the_next_look(confirming, gates.before_wave(release, 0))
    return OpenedRelease.model_validate(confirming.call.document | {"go": following})


def _with_reason(member: Member) -> Member:
    if member.error:
        return member
    return member.model_copy(update={"error": "Unfinished", "cause": UNFINISHED})
