"""Orders and decisions about a release, by the HTTP API."""

import json
from typing import Any
from urllib.parse import quote

import click

from bluegreen import clock
from bluegreen.decisions.orders import Order, standing
from bluegreen.decisions.pace import MOST_SECONDS
from bluegreen.document import ROLLBACK_FAILED
from bluegreen.ledger import orders as ledger
from bluegreen.ledger.releases import RELEASED, Release
from bluegreen.text import duration, sentence
from bluegreen_cli import api, when
from bluegreen_cli.display import last
from bluegreen_cli.outcome import CUT_SHORT
from bluegreen_cli.problems import Problem
from bluegreen_cli.releases import told
from bluegreen_cli.releases.display import display
from bluegreen_cli.releases.follow import follow_release
from bluegreen_cli.releases.outcome import Ending
from bluegreen_cli.stack import Stack

SAYS = {
    "pause": "no green gets a larger share from the next look on{at}. Without resume, promote or abort within {limit} "
    "every function is rolled back.",
    "resume": "resumed.",
    "promote": "the wave's next step comes at the next look{at}, unless a green is worse.",
}
LATER = (
    f"A handler works on the release's functions now. The next look is {duration(MOST_SECONDS)} after its end, at the "
    "latest."
)
PROMOTED_LATER = "If greens get a share just now, that is the promoted step, and the bake after it takes its time."


def give(stack: Stack, release: Release, order: str, as_json: bool, **body: Any) -> None:
    """Give an order, and say what it comes to."""
    given = {name: each for name, each in body.items() if each}
    answer = api.ask(stack, "POST", f"{path(release.id)}/{order}", given)
    *earlier, _ = answer["orders"]
    before = standing(tuple(map(_order, earlier)), clock.now())
    instead = before.paused if order != "resume" else None
    at = answer.get("takes_effect_at")
    if as_json:
        shown = {"release": release.id, "orders": answer["orders"], "takes_effect_at": at}
        click.echo(json.dumps(shown | ({"instead_of": ledger.shown(instead)} if instead else {}), indent=2))
        return
    click.echo(f"Release {release.id}: {SAYS[order].format(limit=duration(body.get('seconds') or 0), at=_at(at))}")
    if instead:
        click.echo(sentence(f"It takes back a pause, ordered by {instead.said}"))
    if order == "resume":
        for line in still_held(release.id) or [f"It goes on at the next look{_at(at)}."]:
            click.echo(line)
    if not at:
        click.echo(f"{LATER} {PROMOTED_LATER}" if order == "promote" else LATER)


def abort(stack: Stack, release: Release, reason: str, follow: bool, as_json: bool) -> None:
    """Order that every function be put back, and exit: 0 only if every blue serves again."""
    answer = api.ask(stack, "DELETE", path(release.id), {"reason": reason} if reason else None)
    at = answer.get("takes_effect_at")
    click.echo(f"Release {release.id} is being aborted: its functions are given back to their blues.", err=True)
    if at:
        begins = "That begins within seconds. If RecoverDeployments does not hear of it, it begins"
        click.echo(f"{begins} by {when.at(at)}.", err=True)
    if not follow:
        if as_json:
            click.echo(json.dumps({"release": release.id, "aborted": True, "takes_effect_at": at}, indent=2))
        else:
            click.echo(f"`bluegreen watch {release.id}` follows it to its end.")
        return
    with display() as shown:
        known = follow_release(release.id, release.execution, shown)
    assert known, "a release that takes an order has a record"
    ended = Ending(known)
    undone = known.record.state not in (RELEASED, ROLLBACK_FAILED)
    code = 0 if undone else ended.exit_code or CUT_SHORT
    if as_json:
        click.echo(json.dumps(ended.to_json() | {"aborted": True}, indent=2))
    else:
        said = f"Aborted {release.id} ({known.record.state}): {ended.serves}" if undone else ended.said()
        last(said, code)
        for line in ended.in_full():
            click.echo(line, err=True)
    click.get_current_context().exit(code)


def decided(stack: Stack, release: str, made: dict[str, Any], as_json: bool) -> None:
    """Say what follows from a decision that was taken. An approver may not read the table, so the API is asked."""
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(f"Wave {made['step']} of {release} is {made['decision']}. {_follows(stack, release, made['decision'])}")
    click.echo(f"`bluegreen watch {release}` follows it.")


def _follows(stack: Stack, release: str, decision: str) -> str:
    known = shown(stack, release)
    paused = standing(tuple(map(_order, known["orders"])), clock.now()).paused if known else None
    look = f"at the next look{_at(_next_look(known))}"
    if decision != "approved":
        return f"Every function is rolled back {look}."
    if paused:
        until = when.at(clock.iso(paused.over_at))
        return (
            f"Nothing is shifted yet: the release is paused until {until} by {paused.said}. "
            f"`bluegreen resume {release}` lets the wave be shifted."
        )
    return f"It is shifted {look}{'' if known else ', unless the release is paused'}."


def _next_look(known: dict[str, Any] | None) -> str | None:
    """None if it is not known, or if a handler works just now."""
    at = known.get("looks_at") if known else None
    return at if at and clock.moment(at) > clock.now() else None


def shown(stack: Stack, release: str) -> dict[str, Any] | None:
    """The release as the API shows it. None if there is none, or if the caller may not ask."""
    try:
        found: dict[str, Any] = api.ask(stack, "GET", path(release))
    except Problem:
        return None
    return found


def path(release: str) -> str:
    """Of the API."""
    return f"/releases/{quote(release, safe='')}"


def still_held(release: str) -> list[str]:
    """What a person must still do before it goes on."""
    known = told.read(release)
    return [*known.waits_for()] if known else []


def _at(takes_effect_at: str | None) -> str:
    return f", {when.at(takes_effect_at)}" if takes_effect_at else ""


def _order(given: dict[str, Any]) -> Order:
    return Order.model_validate(given | {"at": clock.moment(given["at"])})
