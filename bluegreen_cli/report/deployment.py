"""The report of a deployment, from what the ledger has of it."""

from collections.abc import Iterator
from importlib.metadata import version as version_of
from itertools import groupby
from typing import Any

from bluegreen import clock
from bluegreen.decisions.route import Route, said
from bluegreen.decisions.words import of_watched
from bluegreen.document import NOTHING_TO_DEPLOY, ROLLBACK_FAILED
from bluegreen.ledger.audit import Step
from bluegreen.ledger.record import UNDOING
from bluegreen.text import duration, sentence
from bluegreen.verdict.words import odds, points
from bluegreen_cli.format import percent
from bluegreen_cli.progress import SENTENCES
from bluegreen_cli.report.markup import Html, el, facts, html, section, table
from bluegreen_cli.report.page import heading, kind_of, notice, page
from bluegreen_cli.report.told import Look, Told, shifts_of
from bluegreen_cli.report.traffic import EVEN, charts, counted, limit
from bluegreen_cli.steps import did, hook

MOST_LOOKS = 400
"""Of more looks, only those that found something new show the counts of each signal."""


def report(told: Told, serving: Route | None) -> str:
    """The page. `serving` is what Lambda says of the alias now, None if it does not say it."""
    record = told.record
    target = str(record.target)
    drawn = [each.drawn(f"chart-{number}") for number, each in enumerate(charts(told), start=1)]
    return page(
        f"{target}: {_heading(told)}",
        el("p", "Lambda Blue/Green: report of a deployment", class_="over"),
        el("h1", record.target.function, ":", el("wbr"), record.target.alias),
        el("p", _route(told), class_="route") if record.blue else "",
        notice(kind_of(record.state), _heading(told), *_ending(told), *_who_serves(told, serving)),
        *(el("p", f"Warning: {warning}", class_="warning") for warning in record.warnings),
        facts(_facts(told)),
        section("What was seen of both versions", *_seen(told)),
        section("In time", *(_of_charts(told) if drawn else ()), *drawn),
        section("What people and hooks did", *_people(told)),
        section("Every step", _steps(told)),
        el("footer", el("p", *_foot(told))),
    )


def _route(told: Told) -> str:
    record = told.record
    if record.state == NOTHING_TO_DEPLOY:
        return f"version {record.blue}"
    return f"version {record.blue} → " + (f"version {record.green}" if record.green else "no version was published")


def _heading(told: Told) -> str:
    state, took = told.record.state, duration(told.ended_at - told.began_at)
    return heading(state, took, "It is being undone" if state == UNDOING else f"It has run for {took}")


def _ending(told: Told) -> Iterator[Html]:
    record = told.record
    if record.error:
        yield html(el("b", record.error), f": {sentence(record.cause or 'no cause was given')}")
    if record.state == NOTHING_TO_DEPLOY:
        yield html("This code serves already, with these settings.")
    for each in (record.quoted, record.untested, record.doubts):
        if each:
            yield html(sentence(each))


def _who_serves(told: Told, serving: Route | None) -> Iterator[Html]:
    record = told.record
    if record.serving:
        yield html(f"At its end {record.target} was served by ", el("b", said(record.serving)), ".")
    elif record.state == ROLLBACK_FAILED:
        yield html(f"Which version served {record.target} at its end is not known.")
    now = f"{record.target} is served by {serving}" if serving else "Lambda did not say who serves"
    yield html(f"When this report was written ({_when(told.read_at)}): {now}.")


def _facts(told: Told) -> Iterator[tuple[str, object]]:
    record, plan = told.record, told.plan
    yield "deployment", record.id
    yield "started", f"{_when(told.began_at)} by {record.started_by}"
    yield "ended", _when(told.ended_at) if record.ended_at else "it has not ended"
    yield "took", duration(told.ended_at - told.began_at)
    yield "what was deployed", record.artifact
    yield "traffic", _of_traffic(told)
    yield "settings that differ", "; ".join(record.changes)
    yield "smoke tests", ", ".join(case.name for case in plan.smoke_tests) if plan and not plan.default_test else ""
    yield "deployed in spite of a freeze", record.override_freeze or ""
    yield "old versions deleted", ", ".join(record.deleted)
    yield "old versions kept", record.undeleted or ""
    yield "account, region", f"{record.target.account}, {record.target.region}"
    yield "execution", record.execution


def _of_traffic(told: Told) -> str:
    if told.plan is None:
        return ""
    schedule = told.plan.schedule
    if schedule.adaptive:
        return f"{schedule.name}: green's share follows the evidence, for {duration(schedule.longest_seconds)} at most"
    steps = ", ".join(
        f"{percent(step.weight)}{f' for {duration(step.bake_seconds)}' if step.bake_seconds else ''}"
        for step in schedule.steps
    )
    return f"{schedule.name}: {steps}"


def _seen(told: Told) -> Iterator[Html]:
    record = told.record
    if record.watched:
        yield el("p", of_watched(record.watched))
    measured = [look for look in told.looks if look.sees_green]
    if not measured:
        if told.shifts and not record.watched:
            yield el("p", "No look found a request of green.")
        elif not told.shifts and record.state != NOTHING_TO_DEPLOY:
            yield el("p", "Green had no share of the alias, so no request of a user met it.")
        return
    last = measured[-1]
    verdict = f"The odds that green is worse were {odds(last.found.log_odds + EVEN)} at the last look that measured"
    yield el("p", f"{verdict}. At {odds(limit(told) + EVEN)} green is rolled back.")
    yield table(
        ("signal", "green", "blue", "odds that green is worse", "worse at most by", "decides"),
        (
            (
                each.signal,
                counted(each.green),
                counted(each.blue),
                odds(each.log_evidence + EVEN) if each.green.requests and each.blue.requests else "-",
                points(each.bound) if each.bound < 1 else "not known",
                "yes" if each.acts else "no, a dry run",
            )
            for each in last.found.findings
        ),
        caption="Bad ones among all requests from the first shift to that look.",
        class_="stacked labelled signals",
    )
    if last.said.signals:
        yield el("p", _begun(last.said.signals), class_="small")


def _of_charts(told: Told) -> Iterator[Html]:
    yield el("p", "Times are UTC.", class_="small")
    if "slow" not in told.signals() and any(look.sees_green for look in told.looks):
        why = "as the request says" if told.health.slow_ms is None else "the alias had no requests to learn from"
        yield el("p", f"Latency was not watched: {why}.", class_="small")


def _people(told: Told) -> Iterator[Html]:
    rows: list[tuple[float, str, str, str, str]] = [
        (order.at, order.order, order.by, order.reason, _of_order(order)) for order in told.orders
    ]
    for each in told.approvals:
        rows.append((clock.moment(each["asked_at"]), f"step {each['step']} waits for approval", "", "", ""))
        if each.get("at"):
            decided = f"step {each['step']} {each['decision']}"
            rows.append((clock.moment(each["at"]), decided, each["by"], each.get("reason") or "", ""))
    for step in told.steps:
        if step.state == "RunHook":
            rows.append((clock.moment(step.at), "hook", hook(step), step.evidence.get("cause") or "let it go on", ""))
    if rows:
        yield table(
            ("at", "what", "who", "why"),
            (
                (_when(at), f"{what}{more}", who, why or "no reason was given" if who else "")
                for at, what, who, why, more in sorted(rows, key=lambda row: row[0])
            ),
            class_="stacked labelled",
        )


def _of_order(order: Any) -> str:
    if order.order == "pause":
        return f" for {duration(order.seconds)} at most"
    if order.order == "promote":
        return ": green gets everything" if order.to == "all" else ": green gets the next step's share"
    return ""


def _steps(told: Told) -> Html:
    return table(
        ("at (UTC)", "after", "state", "what it did and found"),
        _rows(told),
        class_="stacked steps",
    )


def _rows(told: Told) -> Iterator[tuple[object, ...]]:
    """Runs of CheckHealth that only read orders are one row together."""
    several, before = len(told.looks) > MOST_LOOKS, ""
    for idle, group in groupby(told.steps, key=lambda step: _is_idle(told, step)):
        found = list(group)
        if idle:
            times = f" until {_clock(found[-1].at)}" if len(found) > 1 else ""
            number = "1 run" if len(found) == 1 else f"{len(found)} runs"
            what = el("p", f"{number}{times}: no look was due, people's orders were read", class_="small")
            yield (*_moment(told, found[0]), "CheckHealth", what)
            continue
        for step in found:
            look = told.look_of(step)
            new = look is None or not several or look.found.kind != before
            before = look.found.kind if look else before
            failed = bool(step.evidence.get("error")) and step.state not in ("RollBack", "RecoverDeployments")
            state = el("span", step.state, class_="failed") if failed else step.state
            yield (*_moment(told, step), state, _of_look(look, in_full=new) if look else _of_step(told, step))


def _is_idle(told: Told, step: Step) -> bool:
    return step.state == "CheckHealth" and "evidence" not in step.evidence and not step.evidence.get("error")


def _of_look(look: Look, *, in_full: bool) -> Html:
    found = [el("p", _begun(look.said.reason))]
    if in_full and look.sees_green:
        sides = (
            f"{each.signal}{'' if each.acts else ' (dry run)'}: green {each.green.bad:,} of {each.green.requests:,}, "
            f"blue {each.blue.bad:,} of {each.blue.requests:,}"
            for each in look.found.findings
        )
        found.append(el("p", f"odds {odds(look.found.log_odds + EVEN)}; {'; '.join(sides)}", class_="small"))
    return html(*found)


def _of_step(told: Told, step: Step) -> Html:
    """What the state noted, without values of smoke tests and replies."""
    noted, record = step.evidence, told.record
    if noted.get("error"):
        return el("p", el("b", noted["error"]), f": {noted.get('cause') or 'no cause was given'}")
    if shifts := shifts_of(step):
        weight = shifts[-1].weight
        keeps = f", version {record.blue} keeps {percent(1 - weight)}" if weight < 1 else ""
        return el("p", f"Version {record.green} gets {percent(weight)}{keeps}.")
    return el("p", did(step) or SENTENCES.get(step.state, ""))


def _foot(told: Told) -> Iterator[object]:
    yield f"Written at {_when(told.read_at)} by bluegreen {version_of('bluegreen')}, from the deployment's record and "
    yield "audit. It has no payload and no reply of a smoke test. Times are UTC. "
    yield f"`bluegreen history {told.record.target.function}` lists the deployments."


def _moment(told: Told, step: Step) -> tuple[str, str]:
    at = clock.moment(step.at)
    return _clock(step.at, day=told.ended_at - told.began_at > 12 * 3600), f"+{duration(max(0.0, at - told.began_at))}"


def _clock(iso: str, *, day: bool = False) -> str:
    return f"{iso[5:10]} {iso[11:19]}" if day else iso[11:19]


def _when(at: float) -> str:
    return f"{clock.iso(at)[:19].replace('T', ' ')} UTC"


def _begun(text: str) -> str:
    """As a sentence of its own."""
    return sentence(f"{text[:1].upper()}{text[1:]}")
