"""
ShiftAlias: give green its next share of the alias.

Safe to retry: the step taken depends only on the shifts in the document, and an alias that has it is left alone. The
alias is not read before: it still has the revision of the last shift, unless someone else has moved it.

A step that needs a person's approval is not taken unless the ledger has that: the document is no proof of it.
"""

from bluegreen import clock, news
from bluegreen.baking.alias import give, left_at
from bluegreen.baking.gates import must_be_approved
from bluegreen.decisions.gates import Decision
from bluegreen.decisions.pace import at_the_beginning, longest, pace_of, seconds_to_next_look, wait
from bluegreen.decisions.route import route
from bluegreen.decisions.shift import Shifted, following, step_of
from bluegreen.document import Bake
from bluegreen.edge import step
from bluegreen.ledger import deployments
from bluegreen.rings import Shifting


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
    blue, green = deployment.plan.blue.version, deployment.green.version
    weights = tuple(shift.weight for shift in shifts[-2:])

    def write_ahead() -> None:
        deployments.learn_shift(deployment.plan.id, len(shifts), green, weights, approvals)

    moved, by_this_call = give(
        deployment.record,
        left_at(blue, green, deployment.bake),
        route(blue, green, shifts[-1].weight),
        deployment.bake.revision,
        write_ahead,
    )
    if by_this_call:
        news.shifted(deployment.record, green, shifts[-1].weight, len(shifts))
    return moved


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
