"""
ShiftWave: give the greens of a wave their next share, as many as there is time for.

Safe to retry: a function that has the share is passed over. It does for each what ShiftAlias does for one deployment.
"""

from collections.abc import Iterable

from bluegreen import clock
from bluegreen.aws import pacing
from bluegreen.baking.alias import give
from bluegreen.decisions.orders import standing
from bluegreen.decisions.pace import apart, together_until, wait
from bluegreen.decisions.route import Route, route
from bluegreen.decisions.shift import Shifted
from bluegreen.edge import step
from bluegreen.errors import Aborted, AwsUnavailable, DeploymentError, DeploymentOver, StillInProgress
from bluegreen.ledger import deployments, orders, releases
from bluegreen.ledger.releases import Member, Release
from bluegreen.releasing import facts, gates, news
from bluegreen.releasing.clockwork import first_look_at, in_a_slice, pause, telling_the_next_look
from bluegreen.releasing.document import Go
from bluegreen.releasing.failing import must_be_tolerated
from bluegreen.releasing.rings import Shifting

WILL_PASS = (AwsUnavailable, StillInProgress, DeploymentOver)
"""Errors that are no fault of the function: the state is retried, or the release is over."""


@step
def handler(shifting: Shifting) -> Go:
    release, go = shifting.release, shifting.go
    if aborted := standing(orders.given(release.owner), clock.now()).aborted:
        raise Aborted(aborted.why_aborted)
    gates.must_be_approved(release, go.wave)
    releases.learn_position(release.id, shifting.call.execution, go.wave, go.step)
    members = releases.members(release.id, go.wave)
    if go.step == 0:
        facts.keep(release, go.wave, [each for each in members if each.green])
    in_time, failed = in_a_slice(), [each for each in members if each.error and not each.returned]
    to_shift = [each for each in members if each.is_to_shift(go.step)]
    moved = {each.number: each for each in members if each.moves and not each.error}
    due_at = _look_due_at(release, go, moved.values())
    with pacing.expecting(len(to_shift)):
        for number, member in enumerate(to_shift):
            if clock.now() >= due_at:
                return go.model_copy(update={"next": "bake", "next_seconds": 0, "evidence": {"shifted": number}})
            if not in_time():
                return go.model_copy(update={"next_seconds": 0, "evidence": {"shifted": number}})
            try:
                moved[member.number] = _shift(release, member, go.step)
            except WILL_PASS:
                raise
            except DeploymentError as error:
                name, cause = type(error).__name__, str(error)
                failed.append(releases.learn(release.id, moved.pop(member.number), error=name, cause=cause))
                must_be_tolerated(release)
    shifted_at = clock.now() if to_shift else go.shifted_at
    if moved and not failed:
        news.shifted(release, go.wave, go.step, len(moved))
    shifted = go.model_copy(update={"shifted_at": shifted_at})
    following = _following(release, shifted, [*moved.values()], failed)
    return telling_the_next_look(shifting, following)


def _look_due_at(release: Release, go: Go, moved: Iterable[Member]) -> float:
    """When functions that have the share are looked at, though others still wait for theirs."""
    began = min((each.shifts[-1].at for each in moved if len(each.shifts) > go.step), default=clock.now())
    return max(go.due_at, began + release.pace_seconds)


def _shift(release: Release, member: Member, step: int) -> Member:
    record = deployments.find(member.deployment)
    if record is None:
        raise DeploymentOver(f"The record of {member.deployment} is gone; {member.target} was left as it is.")
    weight = release.schedule.steps[step].weight
    before = route(member.blue, member.green, member.weight) if member.shifts else Route(primary=member.blue)
    at = clock.now()
    weights = (member.weight, weight) if member.shifts else (weight,)

    def write_ahead() -> None:
        deployments.learn_shift(member.deployment, step + 1, member.green, weights)

    wanted = route(member.blue, member.green, weight)
    revision, _ = give(record, before, wanted, member.revision, write_ahead)
    shifts = (*member.shifts, Shifted(at=at, weight=weight))
    return releases.learn(release.id, member, state="shifted", shifts=shifts, revision=revision)


def _following(release: Release, go: Go, moved: list[Member], failed: list[Member]) -> Go:
    if failed:
        must_be_tolerated(release)
        return go.model_copy(update={"next": "put_back"})
    now = clock.now()
    first_looks = [first_look_at(release, each) for each in moved] or [now]
    due_at = max(now, together_until(first_looks, apart(0, pause(release, go.step))))
    noted = {"wave": go.wave, "step": go.step, "weight": release.schedule.steps[go.step].weight}
    return go.model_copy(
        update={"next": "bake", "next_seconds": wait(now, due_at), "due_at": due_at, "evidence": noted}
    )
