"""
ShiftAlias: give green its next share of the alias.

Safe to retry: the step taken depends only on the shifts in the document, and an alias that has it is left alone. The
alias is not read before: it still has the revision of the last shift, unless someone else has moved it.

A step that needs a person's approval is not taken unless the ledger has that: the document is no proof of it.
"""

from bluegreen import clock, news
from bluegreen.aws import aliases
from bluegreen.baking.alias import left_at, must_be
from bluegreen.baking.gates import must_be_approved
from bluegreen.decisions.gates import Decision
from bluegreen.decisions.pace import at_the_beginning, longest, pace_of, seconds_to_next_look, wait
from bluegreen.decisions.route import Route, route
from bluegreen.decisions.shift import Shifted, following, step_of
from bluegreen.document import Bake
from bluegreen.edge import step
from bluegreen.errors import PreconditionFailed, StillInProgress
from bluegreen.ledger import deployments
from bluegreen.rings import Shifting

ATTEMPTS = 2
"""With the revision of the last shift, and with the one that the alias has."""


@step
def handler(deployment: Shifting) -> Bake:
    plan, bake = deployment.plan, deployment.bake
    approvals = (*deployment.record.approvals, *must_be_approved(plan, bake.green_weight, bake.look.next_weight))
    shifts = (*bake.shifts, Shifted(at=clock.now(), weight=bake.look.next_weight))
    revision = _shifted(deployment, shifts, tuple({each.step: each for each in approvals}.values()))
    answered_at = clock.now()
    at, pause = shifts[-1].at, _first_look(deployment, shifts)
    due = {"next_seconds": wait(at, at + pause), "due_at": at + pause}
    look = bake.look.model_copy(update=due | {"next_weight": following(plan.schedule, shifts)})
    return Bake(shifts=shifts, answered_at=answered_at, revision=revision, look=look)


def _shifted(deployment: Shifting, shifts: tuple[Shifted, ...], approvals: tuple[Decision, ...]) -> str:
    """Point the alias to green's share; the alias's revision after that."""
    target, green = deployment.target, deployment.green.version
    before = left_at(deployment.plan.blue.version, green, deployment.bake)
    wanted = route(deployment.plan.blue.version, green, shifts[-1].weight)
    revision = deployment.bake.revision
    for _ in range(ATTEMPTS):
        # Written after the alias's revision is known and before it is used: an undoing that begins in between is seen.
        weights = tuple(shift.weight for shift in shifts[-2:])
        deployments.learn_shift(deployment.plan.id, len(shifts), green, weights, approvals)
        try:
            moved = aliases.point(target, wanted, revision)
        except PreconditionFailed:
            found = _found(deployment, before, wanted)
        else:
            news.shifted(deployment.record, green, shifts[-1].weight, len(shifts))
            return moved.revision
        if found.route == wanted:
            return found.revision  # our own call worked, although its reply was lost
        revision = found.revision
    raise StillInProgress(f"{target} has another revision each time it is read; ShiftAlias tries again")


def _found(deployment: Shifting, before: Route, wanted: Route) -> aliases.Alias:
    """The alias as it is, where the last shift left it or where this one wants it. Raises as `must_be` does."""
    found = aliases.read(deployment.target, before, wanted)
    must_be(deployment.record, wanted if found.route == wanted else before, found)
    return found


def _first_look(deployment: Shifting, shifts: tuple[Shifted, ...]) -> int:
    """
    Seconds until the first look after this shift; a share that does not bake is looked at at once.

    Adaptive looks at the beginning of a metric's period, also after a shift: its next shift comes there.
    """
    schedule, period = deployment.plan.schedule, deployment.plan.health.period_seconds
    pace = pace_of(schedule, period)
    if schedule.adaptive:
        if shifts[-1].weight == 1:
            return 0
        pause = seconds_to_next_look(shifts[-1].at - shifts[0].at, schedule.longest_seconds, pace)
        return at_the_beginning(shifts[-1].at, pause, period)
    step_ = step_of(schedule, shifts)
    return seconds_to_next_look(0, step_.bake_seconds, pace) if longest(schedule, step_) else 0
