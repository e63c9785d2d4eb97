"""What a look comes to: the section that CheckHealth answers. Pure."""

from bluegreen import clock
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.baking.watch import Probed
from bluegreen.decisions import orders
from bluegreen.decisions.adaptive import Sight, is_suspicious
from bluegreen.decisions.adaptive import next_weight as trusted_weight
from bluegreen.decisions.bake import Alarms, Given, Standing, Watched, decide, figures_at, watched
from bluegreen.decisions.figures import Seen
from bluegreen.decisions.pace import (
    LEAST_PAUSED_SECONDS,
    at_the_beginning,
    least_pause,
    longest,
    pace_of,
    seconds_to_next_look,
    wait,
)
from bluegreen.decisions.past import LONGER
from bluegreen.decisions.shift import Bakes, bakes, following, step_of
from bluegreen.decisions.words import of_look, of_signals
from bluegreen.document import Bake, Counted, Look, Next, Plan
from bluegreen.request.traffic import ALMOST_ALL
from bluegreen.verdict import Verdict

FAILURES = ("errors", "http", "batch", "logs")
"""The signals whose bad requests failed; a request that was slow or throttled is another thing."""


def conclude(
    plan: Plan,
    bake: Bake,
    seen: Seen,
    alarms: Alarms,
    probed: Probed,
    now: float,
    ordered: orders.Standing = orders.NONE,
) -> Look:
    """The look after `bake.look`, at `now` (seconds since 1970), where people's orders stand as `ordered`."""
    verdict, stands = seen.verdict, bakes(plan.schedule, bake.shifts)
    probes = bake.look.probes + probed.answered
    unmeasured = bake.look.unmeasured + (not seen.waits) if verdict.kind == "cannot_measure" else 0
    baked = now - stands.since
    next_step = following(plan.schedule, bake.shifts)
    promote, paused = ordered.promotes(bake.moved_at, bake.green_weight), ordered.paused
    standing = Standing(
        health=plan.health,
        given=plan.given,
        verdict=verdict,
        alarms=alarms,
        baked_seconds=baked,
        bake_seconds=min(stands.bake_seconds, _silence(plan, stands)) if seen.silent else stands.bake_seconds,
        last=plan.schedule.adaptive or next_step == 1,
        unmeasured=unmeasured,
        pending=seen.pending,
        late_seconds=seen.late_seconds,
        probed=probes > 0,
        watched=plan.schedule.watched,
        unattributed=seen.unattributed,
        unread=seen.unread,
        figures_at=clock.iso(figures_at(bake.shifts[0].at, now, plan.health)),
        paused=paused.said if paused else "",
        promoted=promote.said if promote else "",
    )
    decision = decide(standing)
    soon = verdict.kind == "cannot_measure" or decision.because in ("late", "pending")
    pause = _pause(plan, bake, stands, baked, now, soon=soon)
    pause = max(pause, LEAST_PAUSED_SECONDS) if paused else pause
    weight, given = _weight(plan, bake, seen, alarms, baked + pause) if decision.next == "bake_on" else (1.0, None)
    if paused and weight > bake.green_weight:
        weight, given = bake.green_weight, None
    if promote and promote.to == "all":
        next_step = 1.0
    if decision.because == "promoted" and next_step == 1 and bake.green_weight < 1:
        given = "by_a_person"
    shifts = decision.next == "go_on" or (plan.schedule.adaptive and weight != bake.green_weight)
    return Look(
        next="roll_back" if decision.next == "roll_back" else _next(bake) if shifts else "bake_on",
        next_seconds=ordered.wait(now, wait(now, now + pause)),
        due_at=now + pause,
        next_weight=weight if plan.schedule.adaptive else next_step,
        unmeasured=unmeasured,
        probes=probes,
        pardoned=alarms.pardoned,
        verdict=verdict.kind,
        reason=f"{of_look(standing, decision)}{_back(bake.green_weight, weight)}{_unanswered(probed)}",
        watched=watched(standing, decision, now - bake.shifts[0].at, _known(bake), given),
        signals=of_signals(plan.health) if plan.schedule.watched else "",
        blue=_counted(verdict, "blue"),
        green=_counted(verdict, "green"),
        harmed=_harmed(verdict),
        memory=seen.memory,
        evidence={
            "alarms": alarms.red,
            "evidence": verdict.as_dict(),
            "hidden": seen.hidden.model_dump() if seen.hidden else None,
            "unattributed": seen.unattributed,
            "unread": seen.unread,
            "orders": ordered.noted(),
        },
    )


def _known(bake: Bake) -> Watched | None:
    """What the last look knew. Until green has everything, no rule has given it that: a shift may not have followed."""
    before = bake.look.watched
    if before is None or bake.green_weight == 1:
        return before
    return before.model_copy(update={"given": None, "given_by": None})


def _silence(plan: Plan, stands: Bakes) -> int:
    """How long an alias without any request is waited for: at least as long as a pause that its past explains."""
    return max(stands.silence_seconds, LONGER * plan.past.silence_seconds + plan.health.sight_seconds)


def _next(bake: Bake) -> Next:
    return "complete" if bake.green_weight == 1 else "shift"


def _pause(plan: Plan, bake: Bake, stands: Bakes, baked: float, now: float, *, soon: bool) -> int:
    """
    A bake that is over and has not enough evidence is drawn out, as far as the request allows.

    After a look without metrics, or one that waits for figures, the next follows at the least pause (`soon`): so many
    are tolerated, not so many hours.
    Adaptive looks at the beginning of a metric's period, so that hardly any period has two weights.
    """
    period = plan.health.period_seconds
    pace = pace_of(plan.schedule, period)
    if plan.schedule.adaptive:
        until = float(stands.bake_seconds)
    else:
        step = step_of(plan.schedule, bake.shifts)
        until = step.bake_seconds if baked < step.bake_seconds else longest(plan.schedule, step)
    pause = least_pause(until, pace) if soon else seconds_to_next_look(baked, until, pace)
    return at_the_beginning(now, pause, period) if plan.schedule.adaptive else pause


def _weight(plan: Plan, bake: Bake, seen: Seen, alarms: Alarms, next_look: float) -> tuple[float, Given | None]:
    """
    Under Adaptive what the evidence allows, be it more or less; under any other strategy the weight that green has.

    An alarm without data is not health, so green does not get the last of the alias then. A request with
    `promote_by_seconds` gives green everything by that time; the second value says so if the evidence alone would not.
    The next look comes `next_look` seconds after the first shift.
    """
    weight, health = bake.green_weight, plan.health
    if not plan.schedule.adaptive:
        return weight, None
    most = max(weight, ALMOST_ALL) if alarms.unknown else 1.0
    sight = Sight(
        requests_per_minute=seen.requests_per_minute,
        first_weight=plan.schedule.first_weight,
        period_seconds=health.period_seconds,
        unseen_seconds=health.period_seconds + health.delay_seconds + seen.late_seconds,
    )
    trusted = min(most, trusted_weight(weight, seen.verdict, sight))
    hurries = health.promote_by_seconds is not None and next_look > health.promote_by_seconds
    if hurries and seen.verdict.kind != "cannot_measure" and not is_suspicious(seen.verdict):
        return most, "by_the_clock" if trusted < most == 1 else None
    return trusted, None


def _counted(verdict: Verdict, side: str) -> Counted:
    errors = next((finding for finding in verdict.findings if finding.signal == "errors"), None)
    if errors is None:
        return Counted()
    counts = errors.blue if side == "blue" else errors.green
    return Counted(requests=counts.requests, failed=counts.bad)


def _harmed(verdict: Verdict) -> int | None:
    """Two signals may count the same request, so their counts are not added."""
    counts = [each.green for each in verdict.findings if each.signal in FAILURES]
    return max((each.bad for each in counts), default=0) if any(each.requests for each in counts) else None


def _back(now: float, then: float) -> str:
    return f"; green goes back from {now:.3g} to {then:.3g} until that is cleared up" if then < now else ""


def _unanswered(probed: Probed) -> str:
    said = f"; {probed.unread}" if probed.unread else ""
    if probed.unanswered:
        said += f"; the probe {probed.unanswered!r} got no answer within {PROBE_SECONDS} seconds, nor the right one "
        said += "from blue"
    return said
