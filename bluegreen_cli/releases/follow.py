"""
Following a release to its end, from outside, by what the ledger has of it. The command changes nothing there.

Throttles and lost connections only make it wait, since the release goes on without it.
"""

from collections.abc import Iterator
from typing import Protocol

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.errors import AccessDenied, AwsUnavailable, DeploymentError
from bluegreen.ledger.releases import COMMITTED, OPEN, OPENING, UNDOING
from bluegreen.text import sentence
from bluegreen_cli import follow, when
from bluegreen_cli.follow import LONGEST_PAUSE_SECONDS, PATIENCE_SECONDS, POLL_SECONDS
from bluegreen_cli.problems import Lost, next_step
from bluegreen_cli.releases import told
from bluegreen_cli.releases.told import Moment, Told, of_failure

FUNCTIONS_A_SECOND = 200
"""So many are read: a release of 10,000 is asked for every 50 seconds while all of them are worked on."""

UNRECORDED_POLLS = 5
"""So often is a release asked for that has no record, before its execution is."""

GOES_ON = (
    "How it ends is unknown: it goes on without this command, and puts every blue back by itself if a green is "
    "unhealthy."
)


class Watcher(Protocol):
    """Gets to know how the release goes, and shows it."""

    def learned(self, before: Told | None, after: Told) -> None:
        """The ledger answered; `before` is what it said the last time, None at first."""

    def lost(self, why: str) -> None:
        """AWS did not answer."""


class Both(Watcher):
    """Hands what happens to several watchers."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def learned(self, before: Told | None, after: Told) -> None:
        """Tell each."""
        for each in self._watchers:
            each.learned(before, after)

    def lost(self, why: str) -> None:
        """Tell each."""
        for each in self._watchers:
            each.lost(why)


def follow_release(release: str, arn: str, watcher: Watcher, *, past_people: bool = True) -> Told | None:
    """
    The release at its end, or, without `past_people`, as soon as it waits for a person.

    None if its execution ended and wrote no record. `arn` is the execution's. Raises Lost if AWS is silent for too
    long, or refuses.
    """
    try:
        return _follow(release, arn, watcher, past_people)
    except DeploymentError as error:
        again = f"`bluegreen watch {release}` goes on watching, and exits as the release ends."
        raise Lost(
            f"the release cannot be followed any more: {error}",
            GOES_ON,
            " ".join(filter(None, (next_step(error), again))),
        ) from error


def _follow(release: str, arn: str, watcher: Watcher, past_people: bool) -> Told | None:
    known: Told | None = None
    silent, unrecorded = 0.0, 0
    while True:
        try:
            now = told.again(known) if known else told.read(release)
        except AwsUnavailable as error:
            if silent >= PATIENCE_SECONDS:
                raise
            watcher.lost(str(error))
            seconds = min(LONGEST_PAUSE_SECONDS, max(POLL_SECONDS, silent))
            silent += seconds
            follow.pause(seconds)
            continue
        silent = 0.0
        if now is None:
            unrecorded += 1
            if unrecorded >= UNRECORDED_POLLS and _has_ended(arn):
                return None
        else:
            watcher.learned(known, now)
            known = now
            if not now.record.live or (now.awaits and not past_people):
                return now
        follow.pause(max(POLL_SECONDS, len(known.members) / FUNCTIONS_A_SECOND if known else 0.0))


def _has_ended(arn: str) -> bool:
    """A caller who may not see executions waits for the record."""
    try:
        execution = executions.describe(arn)
    except AccessDenied:
        return False
    return execution is not None and not execution.running


def news(before: Told | None, after: Told) -> list[Moment]:
    """What happened between the two, in order. A release that has ended is told from its beginning."""
    known = set() if before is None else {*before.moments()}
    fresh = [each for each in _once(before, after) if each not in known]
    if before is not None or after.record.live:
        fresh += _changes(before, after)
    failed = {each.number for each in before.failed} if before else set()
    fresh += [Moment(after.ended_at, "failed", of_failure(each)) for each in after.failed if each.number not in failed]
    return sorted(fresh, key=lambda each: each.at)


def _once(before: Told | None, after: Told) -> Iterator[Moment]:
    """A share of a wave is told when its first function has it, and not again with each function."""
    told_already = {(each.what, each.at) for each in before.moments()} if before else set()
    for each in after.moments():
        if each.what != "shift" or (each.what, each.at) not in told_already:
            yield each


def _changes(before: Told | None, after: Told) -> Iterator[Moment]:
    """States of the release, and how far its work on the functions is. The ledger has no time of these."""
    record, now = after.record, clock.now()
    last = before.record if before else None
    if last is None:
        waves = len(record.waves)
        functions = f"{record.functions} function{'s' if record.functions != 1 else ''}"
        in_waves = f"{waves} wave{'s' if waves != 1 else ''}"
        yield Moment(now, "release", f"{functions} in {in_waves}, by {record.schedule.name}")
    if last and record.recoveries > last.recoveries:
        yield Moment(now, "recovered", "its execution ended before the release did; another one goes on with it")
    if last and last.state != record.state and record.state in _BEGINS:
        yield Moment(now, record.state, _BEGINS[record.state])
    if after.looks_at and (before is None or _said(after) > _said(before)):
        yield Moment(now, "next look", f"at {when.utc(after.looks_at)}; orders and decisions take effect then")
    done = _done(after)
    if done and (before is None or done != _done(before)):
        yield Moment(now, *done)


def _said(known: Told) -> int:
    """How many orders and decisions people gave."""
    return len(known.orders) + sum("decision" in each for each in known.approvals)


_BEGINS = {
    OPEN: "every function is checked and locked",
    COMMITTED: "every alias is at green; from now on the release only goes forward",
}


def _done(known: Told) -> tuple[str, str] | None:
    record, counts, all_ = known.record, known.counts, len(known.members)
    if record.state == OPENING:
        done = all_ - counts["new"]
        return ("opening", f"{done} of {all_} functions are checked") if done else None
    if record.state == OPEN and record.step < 0 and record.wave == 0:
        done = counts["staged"]
        return ("staging", f"{done} of {all_ - counts['nothing']} greens are made and tested") if done else None
    if record.state == COMMITTED:
        return ("completing", f"{counts['deployed']} of {all_} deployments are completed")
    if record.state == UNDOING:
        moved = [each for each in known.members if each.shifts]
        back = sum(each.returned for each in moved)
        return ("going back", f"{back} of {len(moved)} aliases are at blue again") if moved else None
    return None


def line(moment: Moment) -> str:
    """As logs show it."""
    return f"{moment.what:<18} {sentence(moment.said)}"
