"""A release in full: its document's settings, its waves, its functions, and what happened when."""

from collections.abc import Iterator

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.ledger.releases import Member, WavePlan
from bluegreen.releasing.words import of_wave
from bluegreen.text import LONGEST_CAUSE, duration, plain, sentence
from bluegreen_cli import when
from bluegreen_cli.format import percent
from bluegreen_cli.releases.display import cells
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.releases.told import Told, of_verdict


def lines(known: Told) -> Iterator[str]:
    """For people."""
    yield from heading(known)
    for number, wave in enumerate(known.record.waves):
        yield ""
        yield f"{of_wave(known.record, number)}{_gates(wave)}"
        yield from (f"  {_function(each)}" for each in known.members if each.wave == number)
        yield from (f"  {sentence(of_verdict(each))}" for each in known.verdicts if each.wave == number)
    yield ""
    for moment in sorted(known.moments(), key=lambda each: each.at):
        said = plain(f"{moment.what:<18} {moment.said}", LONGEST_CAUSE)
        yield f"{when.utc(clock.iso(moment.at))}  {said}"


def heading(known: Told) -> Iterator[str]:
    """What it is, and how it stands."""
    record = known.record
    yield f"{record.id}: release of {record.functions} functions"
    yield f"  started: {when.said(record.started_at)} by {record.started_by}"
    yield f"  document: {record.document}"
    if record.override_freeze:
        yield f"  in spite of a freeze: {record.override_freeze}"
    steps = (
        f"{percent(step.weight)}{f' for {duration(step.bake_seconds)}' if step.bake_seconds else ''}"
        for step in record.schedule.steps
    )
    yield f"  traffic: {record.schedule.name} ({', '.join(steps)}), wave by wave"
    yield (
        f"  promises: {record.tolerate} functions may fail; greens that are no worse go back with a probability of "
        f"{percent(record.false_alarm)} at most"
    )
    if record.keep_waves:
        yield "  waves that are over stay as they are if a later one fails"
    if record.recoveries:
        yield f"  its execution ended {record.recoveries} times before the release did, and another one went on"
    if record.live:
        yield f"  ended: not yet, it {known.doing}"
        yield from (f"  {each}" for each in known.waits_for())
    else:
        yield f"  ended: {when.said(record.ended_at or record.started_at)}. {Ending(known).said()}"
    yield f"  console: {executions.console_link(record.execution)}"


def _gates(wave: WavePlan) -> str:
    found = [f"{wave.functions} function{'s' if wave.functions != 1 else ''}"]
    found += ["approved by a person first"] if wave.approve else []
    found += [f"the hook {wave.before.function} before it"] if wave.before else []
    found += [f"the hook {wave.after.function} after it"] if wave.after else []
    return f": {', '.join(found)}"


def _function(member: Member) -> str:
    target, _, state, share, verdict = cells(member)
    versions = f"version {member.blue or '?'} to {member.green}" if member.green else f"version {member.blue or '?'}"
    more = "" if verdict == "-" else f"; {verdict}"
    at = f", {share} of the alias" if share != "-" else ""
    return f"{target}: {versions}: {state}{at}{more} ({member.deployment})"
