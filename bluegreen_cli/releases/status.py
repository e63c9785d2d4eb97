"""How a release stands, in a few lines."""

from collections.abc import Iterator
from typing import Any

from bluegreen.decisions.orders import Order
from bluegreen.ledger import orders
from bluegreen.releasing.words import of_wave
from bluegreen_cli import when
from bluegreen_cli.format import percent
from bluegreen_cli.releases.display import WORDS
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.releases.told import Told, of_failure, of_verdict

MOST_FAILURES = 20


def lines(known: Told) -> Iterator[str]:
    """For people."""
    record = known.record
    if record.live:
        yield f"{record.id} {known.doing}."
        yield from (f"  {each}" for each in known.waits_for())
        if known.looks_at:
            yield f"  next look, at which orders and decisions take effect: {when.at(known.looks_at)}"
        yield f"  {percent(known.share)} of all aliases are at green"
        yield f"  functions: {_counted(known)}"
        if known.verdicts:
            last = known.verdicts[-1]
            yield f"  last look: {of_wave(record, last.wave)}: {of_verdict(last)}"
    else:
        yield f"{record.id} ended {when.said(record.ended_at or record.started_at)}. {Ending(known).said()}"
    yield f"  started: {when.said(record.started_at)} by {record.started_by}"
    yield from (f"  failed: {of_failure(each)}" for each in known.failed[:MOST_FAILURES])
    if len(known.failed) > MOST_FAILURES:
        yield f"  and {len(known.failed) - MOST_FAILURES} more failed"
    follows = "`bluegreen watch" if record.live else "`bluegreen show"
    yield f"  {follows} {record.id}` {'follows it' if record.live else 'has every function'}."


def to_json(known: Told) -> dict[str, Any]:
    """For programs that read stdout: the record, and what its functions come to."""
    ordered = known.ordered
    standing: dict[str, Order | None] = {"aborted": ordered.aborted, "paused": ordered.paused}
    waits = known.awaits
    return known.record.to_json() | {
        "counts": dict(known.counts),
        "share": round(known.share, 6),
        "failed": [each.name for each in known.failed],
        "awaits": waits["step"] if waits else None,
        "awaits_until": waits["ends_at"] if waits else None,
        "given": {done: orders.shown(order) for done, order in standing.items() if order},
    }


def _counted(known: Told) -> str:
    return ", ".join(f"{known.counts[state]} {said}" for state, said in WORDS.items() if known.counts[state])
