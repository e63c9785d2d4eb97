"""What the handlers wrote to their log while they worked on a release: warnings and errors, or every line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from bluegreen import clock
from bluegreen.aws.client import in_our_words
from bluegreen.ledger.releases import Release
from bluegreen.text import LONGEST_CAUSE, plain
from bluegreen_cli import when
from bluegreen_cli.aws import client
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, explained
from bluegreen_cli.stack import Stack

LATE_SECONDS = 60
"""Lines of so long after the release's end are shown, too: the last handler writes some after it closed the record."""
MOST_CALLS = 20
"""Of FilterLogEvents; each answers 1 MB or 10,000 lines at most."""

LET_READ = "AuditorPolicy allows it."
TOLD = ("error", "cause", "exception_name", "exception")
"""Fields of a line beside its message."""


@dataclass(frozen=True)
class Line:
    """What a handler wrote in `state`. `at` is ISO 8601, UTC."""

    at: str
    level: str
    state: str
    text: str


def show(stack: Stack, release: Release, every: bool, minutes: int, limit: int, as_json: bool) -> None:
    """The oldest lines first, at most `limit`, of the release's last minutes."""
    if not stack.logs:
        raise Refused(
            f"the stack {stack.name} has no output StackId",
            NOTHING_CHANGED,
            "Update the stack; it is older than this command.",
        )
    since, until = _span(release, minutes)
    lines, more = _read(stack.logs, release.id, every, since, until, limit)
    if as_json:
        span = {"since": clock.iso(since), "until": clock.iso(until)}
        found = {"release": release.id, "group": stack.logs, "more": more, "lines": [vars(each) for each in lines]}
        click.echo(json.dumps(found | span, indent=2))
        return
    for each in lines:
        click.echo(f"{when.utc(each.at)}  {each.level:<8} {each.state:<20} {each.text}")
    what = "lines" if every else "warnings and errors"
    if more:
        click.echo(f"There may be more {what} in {stack.logs}: narrow --minutes, or raise --limit.", err=True)
    elif not lines:
        all_of_them = "" if every else " --all shows every line."
        click.echo(f"The handlers wrote no {what} about {release.id} to {stack.logs}.{all_of_them}", err=True)
    click.echo(
        f"What a function's green and blue wrote: `bluegreen logs ID` with its deployment's id, as {release.id}.1. "
        f"`bluegreen show {release.id}` has the ids.",
        err=True,
    )


def _span(release: Release, minutes: int) -> tuple[float, float]:
    until = clock.now()
    if release.ended_at:
        until = min(until, clock.moment(release.ended_at) + LATE_SECONDS)
    return max(clock.moment(release.started_at), until - minutes * 60), until


def _read(group: str, release: str, every: bool, since: float, until: float, limit: int) -> tuple[list[Line], bool]:
    asked: dict[str, Any] = {
        "logGroupName": group,
        "startTime": int(since * 1000),
        "endTime": int(until * 1000),
        "filterPattern": _pattern(release, every),
    }
    found: list[Line] = []
    with explained(f"reading the log group {group}", NOTHING_CHANGED, LET_READ):
        for _ in range(MOST_CALLS):
            with in_our_words():
                page = client("logs").filter_log_events(**asked, limit=limit + 1)
            found += [_line(each) for each in page["events"]]
            if len(found) > limit or not page.get("nextToken"):
                break
            asked["nextToken"] = page["nextToken"]
        else:
            return _sorted(found, limit), True
    return _sorted(found, limit), len(found) > limit


def _sorted(found: list[Line], limit: int) -> list[Line]:
    return sorted(found, key=lambda each: each.at)[:limit]


def _pattern(release: str, every: bool) -> str:
    """Handlers name the execution as `deployment`: the release's own, or one that recovers it."""
    named = " || ".join(f'($.deployment = "{name}")' for name in (release, f"{release}-recovery-*"))
    levels = " || ".join(f'($.level = "{level}")' for level in ("WARNING", "ERROR", "CRITICAL"))
    return f"{{ {named} }}" if every else f"{{ ({named}) && ({levels}) }}"


def _line(event: dict[str, Any]) -> Line:
    """Only lines of JSON fit the pattern."""
    said = json.loads(event["message"])
    parts = [str(said.get("message", "")), *(f"{name}: {said[name]}" for name in _told(said))]
    at = clock.iso(event["timestamp"] / 1000)
    return Line(at, str(said.get("level", "")), str(said.get("state", "")), plain("; ".join(parts), LONGEST_CAUSE))


def _told(said: dict[str, Any]) -> Iterator[str]:
    return (name for name in TOLD if said.get(name))
