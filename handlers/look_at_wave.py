"""
LookAtWave: look at the functions of the wave whose look is due, and go on, bake on, put some back, or stop.

Each function is judged as CheckHealth judges one, and all of them together by the one `false_alarm` of the release.
People's orders are read first. Safe to retry: until a look is kept, it reads the same minutes again.
"""

import math

from bluegreen import clock
from bluegreen.decisions import orders
from bluegreen.decisions.bake import SUSPECTED_ODDS
from bluegreen.decisions.pace import EARLY_SECONDS, wait
from bluegreen.edge import step
from bluegreen.errors import ReleaseUnhealthy
from bluegreen.ledger import orders as ledger
from bluegreen.ledger import releases
from bluegreen.ledger.releases import Release
from bluegreen.releasing import gates, news
from bluegreen.releasing.clockwork import telling_the_next_look
from bluegreen.releasing.document import Go
from bluegreen.releasing.failing import must_be_tolerated
from bluegreen.releasing.rings import Running
from bluegreen.releasing.watching import Looked, alarmed_before, look
from bluegreen.verdict.words import odds


@step
def handler(running: Running) -> Go:
    return telling_the_next_look(running, _looked(running))


def _looked(running: Running) -> Go:
    release, go, now = running.release, running.go, clock.now()
    ordered = orders.standing(ledger.given(release.owner), now)
    ordered.must_go_on(now)
    told = {"told_pause": _told(release, go, ordered)}
    if go.step < 0:
        running.must_be_here()
        if alarmed_before(release, go.wave, releases.members(release.id)):
            must_be_tolerated(release)
            return go.model_copy(update=told | {"next": "put_back"})
        return _gated(release, go, ordered, now).model_copy(update=told)
    resumed = go.told_pause and not ordered.paused
    if now < go.due_at - EARLY_SECONDS and not (resumed or _promoted(go, ordered)):
        seconds = ordered.wait(now, wait(now, go.due_at))
        return go.model_copy(update=told | {"next": "bake", "next_seconds": seconds})
    looked = look(release, go, ordered, now)
    if looked.failed:
        must_be_tolerated(release)
        return go.model_copy(update=told | {"next": "put_back", "reason": looked.reason, "evidence": looked.noted()})
    return _following(running, looked, ordered, now).model_copy(update=told)


def _following(running: Running, looked: Looked, ordered: orders.Standing, now: float) -> Go:
    release, go = running.release, running.go
    noted = {"reason": looked.reason, "evidence": looked.noted()}
    until = looked.bakes_on_until
    if ordered.paused and not until:  # no function of the wave has a share, so none bakes on
        until = now + gates.MOST_SECONDS
    if looked.left and not ordered.paused:
        return go.model_copy(update=noted | {"next": "shift", "due_at": now + release.pace_seconds})
    if until:
        seconds = ordered.wait(now, wait(now, until))
        return go.model_copy(update=noted | {"next": "bake", "next_seconds": seconds, "due_at": until})
    _must_not_be_suspected(release, go, looked, ordered)
    if go.step + 1 < len(release.schedule.steps):
        return go.model_copy(update=noted | {"next": "shift", "step": go.step + 1, "due_at": 0.0})
    gates.after_wave(release, go.wave)
    if go.wave + 1 == len(release.waves):
        return go.model_copy(update=noted | {"next": "complete"})
    running.must_be_here()
    releases.learn_position(release.id, running.call.execution, go.wave + 1, -1)  # this wave is over
    following = _gated(release, Go(next="shift", wave=go.wave + 1), ordered, now)
    return following.model_copy(update={"evidence": noted["evidence"]})


def _must_not_be_suspected(release: Release, go: Go, looked: Looked, ordered: orders.Standing) -> None:
    """
    Raises ReleaseUnhealthy where the odds are no proof, and too high to give the greens everything.

    A person who has promoted the release since its last shift overrules that.
    """
    following = release.schedule.steps[go.step + 1 :]
    last = bool(following) and following[0].weight == 1
    if last and looked.log_evidence >= math.log(SUSPECTED_ODDS) and not _promoted(go, ordered):
        raise ReleaseUnhealthy(
            f"The odds are {odds(looked.log_evidence)} that a green of the release is worse: no proof, and too high to "
            f"give the greens everything. Most of it comes from {', '.join(looked.verdict.worst)}."
        )


def _promoted(go: Go, ordered: orders.Standing) -> bool:
    """A person has ordered promote since the last shift. It counts for the next shift only."""
    return ordered.promoted is not None and ordered.promoted.at > go.shifted_at


def _gated(release: Release, go: Go, ordered: orders.Standing, now: float) -> Go:
    """What comes before the wave's first shift: the end of a pause, an approval, a hook; or the shift."""
    if ordered.paused:
        seconds = ordered.wait(now, gates.while_paused(release, go.wave))
        reason = f"paused by {ordered.paused.said}"
        return Go(next="bake", next_seconds=seconds, wave=go.wave, due_at=now + seconds, reason=reason)
    return gates.before_wave(release, go.wave)


def _told(release: Release, go: Go, ordered: orders.Standing) -> float:
    """Tell people once of each pause. The answer is when the pause that stands was ordered, and 0 if none does."""
    pause = ordered.paused
    if pause is None or pause.at == go.told_pause:
        return pause.at if pause else 0.0
    commands = tuple(f"bluegreen {order} {release.id}" for order in ("resume", "promote", "abort"))
    limit = clock.iso(pause.over_at)
    reason = f"Every green keeps its share until {limit}: paused by {pause.said}."
    news.waits(release, go.wave, "resume", reason, limit, commands)
    return pause.at
