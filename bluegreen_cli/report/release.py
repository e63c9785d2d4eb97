"""The report of a release: its waves, its functions, the evidence, what people did, and how it ended."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version as version_of
from urllib.parse import quote

from bluegreen import clock
from bluegreen.document import NOTHING_TO_DEPLOY, REJECTED
from bluegreen.ledger.audit import Step
from bluegreen.ledger.releases import Member, WavePlan, WaveVerdict
from bluegreen.releasing.words import of_wave
from bluegreen.text import duration, plain, sentence
from bluegreen.verdict.release import needed_for_one
from bluegreen.verdict.words import odds
from bluegreen_cli.format import percent
from bluegreen_cli.releases.display import WORDS
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.releases.told import Told, of_failure, of_order, of_verdict, share_of
from bluegreen_cli.report.markup import Html, el, facts, html, section, table
from bluegreen_cli.report.page import heading, kind_of, notice, page
from bluegreen_cli.report.traffic import EVEN

MOST_SUSPECTS = 20
"""Functions of a wave whose odds are shown, those with the highest."""

LONGEST_EVIDENCE = 600


@dataclass(frozen=True)
class Shown:
    """What the ledger has of a release, and of the steps of its execution."""

    told: Told
    steps: tuple[Step, ...]


def report(shown: Shown) -> str:
    """The page."""
    known = shown.told
    record = known.record
    return page(
        f"{record.id}: {_heading(known)}",
        el("p", "Lambda Blue/Green: report of a release", class_="over"),
        el("h1", record.id),
        el("p", f"{record.functions} functions in {len(record.waves)} waves", class_="route"),
        notice(kind_of(record.state), _heading(known), *_ending(known)),
        facts(_facts(known)),
        section("Waves", _waves(known)),
        section("Functions", *_functions(known)),
        section("What was seen of all together", *_evidence(known)),
        section("What people did", _people(known)),
        section("Every step", _steps(shown)),
        el("footer", el("p", *_foot(known))),
    )


def _heading(known: Told) -> str:
    return heading(known.record.state, duration(known.seconds), f"It {known.doing}")


def _ending(known: Told) -> Iterator[Html]:
    record = known.record
    if record.error:
        yield html(el("b", record.error), f": {sentence(record.cause or 'no cause was given')}")
    if not record.live and record.state not in (REJECTED, NOTHING_TO_DEPLOY):
        yield html(Ending(known).serves)
    for each in known.waits_for():
        yield html(each)
    for member in known.members:
        if member.state == "stuck" and member.blue:
            yield html(
                f"{member.target.said} could not be put back. By hand: ",
                el("code", member.target.by_hand(member.blue)),
            )


def _facts(known: Told) -> Iterator[tuple[str, object]]:
    record = known.record
    yield "release", record.id
    yield "started", f"{_when(clock.moment(record.started_at))} by {record.started_by}"
    yield "ended", _when(known.ended_at) if record.ended_at else "it has not ended"
    yield "took", duration(known.seconds)
    yield "document", record.document
    steps = (
        f"{percent(step.weight)}{f' for {duration(step.bake_seconds)}' if step.bake_seconds else ''}"
        for step in record.schedule.steps
    )
    yield "traffic of each wave", f"{record.schedule.name}: {', '.join(steps)}"
    yield "functions that may fail", str(record.tolerate)
    yield "waves that are over", "stay if a later one fails" if record.keep_waves else "go back if a later one fails"
    yield "false alarms", f"{percent(record.false_alarm)} of releases whose greens are all fine, at most"
    yield "in spite of a freeze", record.override_freeze or ""
    yield "recovered", f"{record.recoveries} times: its execution had ended before it" if record.recoveries else ""
    yield "execution", record.execution


def _waves(known: Told) -> Html:
    rows = [
        (
            number + 1,
            _gates(wave),
            _shifts([each for each in known.members if each.wave == number]),
            next((of_verdict(each) for each in known.verdicts if each.wave == number), "no look"),
        )
        for number, wave in enumerate(known.record.waves)
    ]
    headings = ("wave", "functions and gates", "shares, from (UTC)", "what the looks came to")
    return table(headings, rows, class_="stacked labelled signals") if rows else Html()


def _gates(wave: WavePlan) -> str:
    found = [f"{wave.functions} function{'s' if wave.functions != 1 else ''}"]
    found += ["a person approves it"] if wave.approve else []
    found += [f"hook {wave.before.function} before"] if wave.before else []
    found += [f"hook {wave.after.function} after"] if wave.after else []
    return ", ".join(found)


def _shifts(members: list[Member]) -> str:
    """When the first function of the wave got each share."""
    first: dict[float, float] = {}
    for shift in (shift for each in members for shift in each.shifts):
        first[shift.weight] = min(shift.at, first.get(shift.weight, math.inf))
    return ", ".join(f"{percent(weight)} at {_clock(at)}" for weight, at in sorted(first.items())) or "none"


def _functions(known: Told) -> Iterator[Html]:
    if not known.members:
        return
    yield table(
        ("function", "wave", "versions", "how it stands", "green's share", "what was found"),
        (_function(each) for each in known.members),
        class_="stacked labelled signals",
    )
    yield el(
        "p",
        "Each function has a report of its own, which ",
        el("code", f"bluegreen report {known.record.id}.NUMBER"),
        " writes. The links lead to these files beside this one.",
        class_="small",
    )


def _function(member: Member) -> tuple[object, ...]:
    versions = f"{member.blue or '?'} → {member.green}" if member.green else member.blue or "-"
    failed = bool(member.error)
    state = el("span", WORDS[member.state], class_="failed") if failed else WORDS[member.state]
    found = of_failure(member) if failed else member.verdict.replace("_", " ") or "-"
    link = el("a", member.target.said, href=f"{quote(f'{member.deployment}.html', safe='')}")
    return link, member.wave + 1, versions, state, percent(share_of(member)), found


def _evidence(known: Told) -> Iterator[Html]:
    record = known.record
    if not known.verdicts:
        return
    of_all, alone = -math.log(record.false_alarm), needed_for_one(max(1, record.functions), record.false_alarm)
    yield el(
        "p",
        f"All functions are put back at odds of {odds(of_all + EVEN)} over the whole release, or where one function "
        f"alone comes to {odds(alone + EVEN)}.",
    )
    for verdict in known.verdicts:
        yield el("h3", of_wave(record, verdict.wave))
        yield el("p", sentence(of_verdict(verdict)))
        if verdict.logs:
            yield table(
                ("function", "odds that its green is worse"),
                _suspects(known, verdict),
                caption="As the last look at the wave left them, the highest first.",
                class_="stacked labelled signals",
            )


def _suspects(known: Told, verdict: WaveVerdict) -> Iterator[tuple[object, ...]]:
    names = {each.number: each.target.said for each in known.members}
    ranked = sorted(verdict.logs.items(), key=lambda each: (-each[1], each[0]))
    for number, log in ranked[:MOST_SUSPECTS]:
        yield names.get(number, str(number)), odds(log + EVEN)
    if len(ranked) > MOST_SUSPECTS:
        yield f"and {len(ranked) - MOST_SUSPECTS} more, with lower odds", ""


def _people(known: Told) -> Html:
    rows: list[tuple[float, str, str, str]] = [
        (order.at, f"{order.order}{of_order(order)}", order.by, order.reason) for order in known.orders
    ]
    for asked in known.approvals:
        rows.append((clock.moment(asked["asked_at"]), f"wave {asked['step']} waits for approval", "", ""))
        if asked.get("decision"):
            decided = f"wave {asked['step']} {asked['decision']}"
            rows.append((clock.moment(asked["at"]), decided, asked["by"], asked.get("reason") or ""))
    if not rows:
        return Html()
    return table(
        ("at", "what", "who", "why"),
        (
            (_when(at), what, who, why or ("no reason was given" if who else ""))
            for at, what, who, why in sorted(rows, key=lambda row: row[0])
        ),
        class_="stacked labelled",
    )


def _steps(shown: Shown) -> Html:
    began = clock.moment(shown.told.record.started_at)
    rows = []
    for step in shown.steps:
        at = clock.moment(step.at)
        failed = bool(step.evidence.get("error"))
        state = el("span", step.state, class_="failed") if failed else step.state
        rows.append((_clock(at), f"+{duration(max(0.0, at - began))}", state, el("p", _noted(step))))
    headings = ("at (UTC)", "after", "state", "what it did and found")
    return table(headings, rows, class_="stacked steps") if rows else Html()


def _noted(step: Step) -> str:
    """What the state noted, without its figures of each function: those stand above."""
    noted = step.evidence
    if noted.get("error"):
        return sentence(f"{noted['error']}: {noted.get('cause') or 'no cause was given'}")
    if isinstance(noted.get("reason"), str) and noted["reason"]:
        return sentence(noted["reason"])
    simple = {name: value for name, value in noted.items() if isinstance(value, str | int | float) and value != ""}
    return plain("; ".join(f"{name}: {value}" for name, value in simple.items()), LONGEST_EVIDENCE)


def _foot(known: Told) -> Iterator[object]:
    yield f"Written at {_when(known.read_at)} by bluegreen {version_of('bluegreen')}, from the release's record and "
    yield "audit. Times are UTC."


def _clock(at: float) -> str:
    return clock.iso(at)[11:19]


def _when(at: float) -> str:
    return f"{clock.iso(at)[:19].replace('T', ' ')} UTC"
