"""
A look at a wave: every function whose look is due, one after the other, and all of the release together.

Each function is looked at as often as in a deployment of its own, however long its wave is being shifted. One that has
baked, and waits for others of its wave, is looked at as often as before.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bluegreen import clock
from bluegreen.aws import alarms
from bluegreen.baking import watch
from bluegreen.baking.conclude import conclude
from bluegreen.baking.watch import Asking, Probed
from bluegreen.decisions.bake import SUSPECTED_ODDS, needs_probes
from bluegreen.decisions.figures import Seen
from bluegreen.decisions.orders import Standing
from bluegreen.decisions.pace import apart, together_until
from bluegreen.document import Bake, Look, Plan
from bluegreen.errors import DeploymentOver, GreenUnhealthy, ReleaseUnhealthy
from bluegreen.ledger import deployments, evidence, releases
from bluegreen.ledger.evidence import Kept
from bluegreen.ledger.releases import Member, Release, WaveVerdict
from bluegreen.releasing.clockwork import first_look_at, next_look_at, pause
from bluegreen.releasing.document import Go
from bluegreen.releasing.putting_back import is_over
from bluegreen.target import Target
from bluegreen.verdict.release import Together, together, worst
from bluegreen.verdict.words import odds

MOST_NAMED = 5
"""Functions that carry most of the evidence: so many are named to people."""

PROBED_AT_ONCE = 10
"""Functions of a chunk that one look probes. A probe has ten cases at most, and each may take five seconds."""

AT_ONCE = 500
"""Functions of one object of evidence, which are looked at together."""


@dataclass(frozen=True)
class Looked:
    """
    What a look came to: the functions that failed, and until when the others bake on (seconds since 1970, 0: no more).

    `left` is how many functions of the wave still wait for the step's share. `log_evidence` is the log of the odds
    that a green of the release is worse.
    """

    failed: tuple[Member, ...]
    left: int
    bakes_on_until: float
    reason: str
    verdict: WaveVerdict
    log_evidence: float

    def noted(self) -> dict[str, Any]:
        """For the audit of the release."""
        return {"verdict": self.verdict.model_dump(), "failed": [each.name for each in self.failed]}


def look(release: Release, go: Go, ordered: Standing, now: float) -> Looked:
    """
    Look at the wave's functions that are due. Raises ReleaseUnhealthy if all together are found worse.

    It writes down each function that failed.
    """
    everyone = releases.members(release.id)
    wave = [each for each in everyone if each.wave == go.wave]
    failed = [each for each in everyone if each.error and not (each.returned or is_over(each))]  # by a lost attempt
    failed += alarmed_before(release, go.wave, everyone)
    logs: dict[int, float] = {}
    chunks = []
    for number, start in enumerate(range(0, len(wave), AT_ONCE)):
        some = [each for each in wave[start : start + AT_ONCE] if _is_looked_at(each)]
        chunks.append(_look_at(release, go, number, some, ordered, now, logs))
    failed += [each for chunk in chunks for each in chunk.failed]
    verdict, now_together, unhealthy = _together(release, go, everyone, logs, now)
    releases.learn_verdict(release.id, verdict)
    for number, chunk in enumerate(chunks):
        evidence.keep(release.id, go.wave, number, chunk.kept)  # if the verdict was not learnt, all are due again
    if unhealthy and not failed:
        raise ReleaseUnhealthy(
            f"The greens of the release are worse, by all of their evidence together: odds {odds(verdict.peak)}. Most "
            f"of it comes from {', '.join(verdict.worst[:MOST_NAMED])}."
        )
    due = [at for chunk in chunks for at in chunk.due]
    newest = max((each.shifts[-1].at for each in wave if _is_looked_at(each)), default=now)
    until = together_until(due, apart(now - newest, pause(release, go.step))) if due else 0.0
    looked_at = sum(chunk.functions for chunk in chunks)
    reason = f"{looked_at - len(due)} of {looked_at} functions have baked"
    left = sum(each.is_to_shift(go.step) for each in wave)
    return Looked(tuple(failed), left, until, reason, verdict, now_together)


def _is_looked_at(member: Member) -> bool:
    """Its green has a share, and has not failed."""
    return bool(member.shifts) and not member.error


def alarmed_before(release: Release, wave: int, members: Sequence[Member]) -> list[Member]:
    """Functions of earlier waves with an alarm in ALARM; each is written down as failed."""
    failed = []
    for target, group in _by_place([each for each in members if each.wave != wave and _is_looked_at(each)]).items():
        states = alarms.states(target, tuple(dict.fromkeys(name for each in group for name in each.alarms)))
        for each in group:
            if red := [name for name in each.alarms if states.get(name) == alarms.RED]:
                cause = f"The alarm {', '.join(red)} went off after green had everything."
                failed.append(releases.learn(release.id, each, error=GreenUnhealthy.__name__, cause=cause))
    return failed


def _by_place(members: Sequence[Member]) -> dict[Target, list[Member]]:
    """The functions that name alarms, by account and region."""
    found: dict[Target, list[Member]] = {}
    for each in members:
        if each.alarms:
            found.setdefault(each.target.model_copy(update={"function": "", "alias": ""}), []).append(each)
    return found


@dataclass(frozen=True)
class _Chunk:
    """
    What became of so many `functions` that have not failed: their last looks, and when those that bake on are due.

    These moments are seconds since 1970. `failed` are others, which have failed at this look.
    """

    functions: int
    kept: dict[str, Kept]
    due: list[float]
    failed: list[Member]


def _look_at(
    release: Release,
    go: Go,
    chunk: int,
    members: Sequence[Member],
    ordered: Standing,
    now: float,
    logs: dict[int, float],
) -> _Chunk:
    kept = evidence.read(release.id, go.wave, chunk)
    until = max(now, go.due_at)  # this look may come a little too early

    def is_due(member: Member) -> bool:
        return _bake(release, member, kept.get(member.deployment)).due_at <= until or bool(ordered.noted())

    all_due = [each for each in members if is_due(each)]
    plans = deployments.plans_of([each.deployment for each in all_due])
    failed = {each.number: _without_plan(release, each) for each in all_due if each.deployment not in plans}
    due = [each for each in all_due if each.number not in failed]
    bakes = {each.number: _before(each, kept.get(each.deployment), plans[each.deployment]) for each in due}
    asking = [Asking(plans[each.deployment], each.green, each.shifts, bakes[each.number].look.memory) for each in due]
    seen = watch.look_at_all(asking, now)
    alarmed = watch.alarms_of_all(
        [(asked.plan, bakes[each.number].look.pardoned) for each, asked in zip(due, asking, strict=True)]
    )
    asked_too = _to_probe(bakes, {each.number: (a.plan, s) for each, a, s in zip(due, asking, seen, strict=True)})
    for member, asked, one, alarms_now in zip(due, asking, seen, alarmed, strict=True):
        if one.verdict.kind != "cannot_measure":
            logs[member.number] = one.verdict.log_confirmed
        try:
            probed = watch.probe(asked.plan, member.green) if member.number in asked_too else Probed()
            found = conclude(asked.plan, bakes[member.number], one, alarms_now, probed, now, ordered)
            if found.next == "roll_back":
                raise GreenUnhealthy(f"Version {member.green} is unhealthy: {found.reason}.")
        except GreenUnhealthy as error:
            failed[member.number] = releases.learn(
                release.id, member, error=type(error).__name__, cause=str(error), verdict="worse"
            )
            continue
        found = found.model_copy(update={"due_at": max(found.due_at, next_look_at(release, member, now))})
        kept[member.deployment] = Kept(shifts=len(member.shifts), look=found)
        if found.verdict != member.verdict:
            releases.learn(release.id, member, verdict=found.verdict)
    left = [each for each in members if each.number not in failed]
    after = [_bake(release, each, kept.get(each.deployment)) for each in left]
    to_keep = {each.deployment: kept[each.deployment] for each in left if each.deployment in kept}
    return _Chunk(len(left), to_keep, [each.due_at for each in after if each.goes_on], [*failed.values()])


def _without_plan(release: Release, member: Member) -> Member:
    """A function that cannot be judged has failed, and holds up no other."""
    cause = f"The plan of {member.deployment} is gone or cannot be read, so version {member.green} cannot be watched."
    return releases.learn(release.id, member, error=DeploymentOver.__name__, cause=cause)


class _Baking(NamedTuple):
    """Whether a function's bake goes on, and when the next look at it is due, in seconds since 1970."""

    goes_on: bool
    due_at: float


def _bake(release: Release, member: Member, kept: Kept | None) -> _Baking:
    if kept is None or kept.shifts < len(member.shifts):
        return _Baking(True, first_look_at(release, member))
    return _Baking(kept.look.next == "bake_on", kept.look.due_at)


def _before(member: Member, kept: Kept | None, plan: Plan) -> Bake:
    """At the last look. An alarm that was red when the function was opened is pardoned until it has been OK once."""
    first = Look(next_weight=member.weight, pardoned=plan.red_alarms)
    return Bake(shifts=member.shifts, revision=member.revision, look=kept.look if kept else first)


def _to_probe(bakes: Mapping[int, Bake], seen: Mapping[int, tuple[Plan, Seen]]) -> frozenset[int]:
    """The numbers of the functions with too few requests that this look probes: those that were probed least."""
    quiet = [
        number
        for number, (plan, one) in seen.items()
        if needs_probes(one.verdict) and plan.health.no_traffic == "probe"
    ]
    return frozenset(sorted(quiet, key=lambda number: bakes[number].look.probes)[:PROBED_AT_ONCE])


def _together(
    release: Release, go: Go, members: Sequence[Member], logs: dict[int, float], now: float
) -> tuple[WaveVerdict, float, bool]:
    """
    The verdict, the log of the release's evidence over all waves, and whether that is proof now or once was.

    A function that could not be measured, or was put back, keeps what was known of it. Where a failure puts back its
    target alone, the evidence of functions that failed is left out.
    """
    before = releases.verdicts(release.id)
    known = {number: log for each in before for number, log in each.logs.items()} | logs
    of_wave = {number for each in before if each.wave == go.wave for number in each.logs} | {*logs}
    peak = max((each.peak for each in before), default=0.0)
    gone = {each.number for each in members if each.error} if release.rollback == "target" else set()
    if gone:
        known, peak = {number: log for number, log in known.items() if number not in gone}, 0.0
    now_together = together([*known.values()], release.functions, release.tolerate)
    after = Together(of=release.functions, false_alarm=release.false_alarm, peak=peak).after(now_together)
    verdict = WaveVerdict(
        wave=go.wave,
        logs={number: round(known[number], 6) for number in sorted(of_wave) if number in known},
        peak=after.peak,
        worst=_worst(release, members, known) if now_together >= math.log(SUSPECTED_ODDS) else (),
        at=clock.iso(now),
    )
    return verdict, now_together, after.worse


def _worst(release: Release, members: Sequence[Member], logs: dict[int, float]) -> tuple[str, ...]:
    """The functions that carry the evidence, as people know them."""
    names = {each.number: each.name for each in members}
    named = {names.get(number, f"functions.{number - 1}"): log for number, log in logs.items()}
    return worst(named, release.functions)[:MOST_NAMED]
