"""
ShiftWave: give the greens of a wave their next share, as many as there is time for.

Safe to retry: a function that has the share is passed over. For each it is what ShiftAlias does for one deployment.
"""

from bluegreen import clock
from bluegreen.aws import pacing
from bluegreen.baking.alias import give
from bluegreen.decisions.orders import standing
from bluegreen.decisions.pace import longest, seconds_to_next_look, wait
from bluegreen.decisions.route import Route, route
from bluegreen.decisions.shift import Shifted
from bluegreen.document import UNMOVED
from bluegreen.edge import step
from bluegreen.errors import Aborted, AwsUnavailable, DeploymentError, DeploymentOver, StillInProgress
from bluegreen.ledger import deployments, orders, releases
from bluegreen.ledger.releases import Member, Release
from bluegreen.releasing import facts, gates, news
from bluegreen.releasing.clockwork import in_a_slice, telling_the_next_look
from bluegreen.releasing.document import Go
from bluegreen.releasing.failing import must_be_tolerated
from bluegreen.releasing.rings import Shifting

WILL_PASS = (AwsUnavailable, StillInProgress, DeploymentOver)
"""Errors that are no fault of the function: the state is retried, or the release is over."""


@step
def handler(shifting: Shifting) -> Go:
    release, go = shifting.release, shifting.go
    if aborted := standing(orders.given(release.id), clock.now()).aborted:
        raise Aborted(aborted.why_aborted)
    gates.must_be_approved(release, go.wave)
    releases.learn_position(release.id, shifting.call.execution, go.wave, go.step)
    members = releases.members(release.id, go.wave)
    if go.step == 0:
        facts.keep(release, go.wave, [each for each in members if each.green])
    in_time, failed = in_a_slice(), [each for each in members if each.error and not each.returned]
    to_shift = [each for each in members if _is_to_shift(each, go.step)]
    with pacing.expecting(len(to_shift)):
        for number, member in enumerate(to_shift):
            if not in_time():
                return go.model_copy(update={"next_seconds": 0, "evidence": {"shifted": number}})
            try:
                _shift(release, member, go.step)
            except WILL_PASS:
                raise
            except DeploymentError as error:
                cause = str(error)
                failed.append(releases.learn(release.id, member, error=type(error).__name__, cause=cause))
                must_be_tolerated(release)
    shifted_at = clock.now() if to_shift else go.shifted_at
    moved = sum(_moves(each) and not each.error for each in members)
    if moved and not failed:
        news.shifted(release, go.wave, go.step, moved)
    following = _following(release, go.model_copy(update={"shifted_at": shifted_at}), failed)
    return telling_the_next_look(shifting, following)


def _is_to_shift(member: Member, step: int) -> bool:
    """Green is published, has not failed, and has not this share yet."""
    return _moves(member) and not member.error and len(member.shifts) <= step


def _moves(member: Member) -> bool:
    return member.brings not in UNMOVED and member.state in ("staged", "shifted")


def _shift(release: Release, member: Member, step: int) -> None:
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
    releases.learn(release.id, member, state="shifted", shifts=shifts, revision=revision)


def _following(release: Release, go: Go, failed: list[Member]) -> Go:
    if failed:
        must_be_tolerated(release)
        return go.model_copy(update={"next": "put_back"})
    now, step = clock.now(), release.schedule.steps[go.step]
    seconds = 0
    if longest(release.schedule, step):
        seconds = seconds_to_next_look(0, step.bake_seconds, release.pace_seconds)
    noted = {"wave": go.wave, "step": go.step, "weight": step.weight}
    return go.model_copy(
        update={"next": "bake", "next_seconds": wait(now, now + seconds), "due_at": now + seconds, "evidence": noted}
    )
