"""
Following an execution to its end, from outside: what happens here changes nothing there.

Survives throttles and lost connections, since the deployment goes on without us.
"""

import time
from collections.abc import Callable
from typing import Protocol

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsUnavailable, NotFound
from bluegreen_cli.problems import explained
from bluegreen_cli.progress import Event, Progress

POLL_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
PATIENCE_SECONDS = 900.0
"""How long AWS may be silent before we stop asking."""

GOES_ON = "The deployment goes on without us."


class Watcher(Protocol):
    """Who is told: a terminal, a log, nobody."""

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """Something happened, or time passed."""

    def lost(self, why: str) -> None:
        """AWS does not answer just now."""


def pause(seconds: float) -> None:
    """Between two looks; a test makes it short."""
    time.sleep(seconds)


def follow(arn: str, watcher: Watcher) -> Progress:
    """How it ended. Raises Failed when AWS no longer answers, or no longer to us."""
    with explained(
        "following the deployment", GOES_ON, f"`bluegreen watch {arn.rpartition(':')[2]}` goes on watching."
    ):
        return _follow(arn, watcher)


def _follow(arn: str, watcher: Watcher) -> Progress:
    progress, silent = Progress(), 0.0
    while not progress.over:
        try:
            events = _new_events(arn, progress)
        except (AwsUnavailable, NotFound) as error:  # an execution that has just begun may not be found yet
            if silent >= PATIENCE_SECONDS:
                raise
            watcher.lost(str(error))
            seconds = min(LONGEST_PAUSE_SECONDS, max(POLL_SECONDS, silent))
            silent += seconds
            pause(seconds)
            continue
        silent = 0.0
        after = progress.after(events)
        watcher.learned(progress, events, after)
        progress = after
        if not progress.over:
            pause(POLL_SECONDS)
    return progress


def seen(arn: str) -> Progress:
    """How far it is now. Raises AwsUnavailable, and NotFound when Step Functions has forgotten it."""
    return Progress().after(_new_events(arn, Progress()))


def _new_events(arn: str, known: Progress) -> list[Event]:
    """The newest first, page by page, until one is known; in order."""
    found: list[Event] = []
    more: dict[str, str] = {}
    ask: Callable[..., dict[str, object]] = client("stepfunctions").get_execution_history  # type: ignore[assignment]
    while True:
        with in_our_words():
            answer = ask(executionArn=arn, reverseOrder=True, maxResults=100, includeExecutionData=True, **more)
        page: list[Event] = answer["events"]  # type: ignore[assignment]
        new = [event for event in page if event["id"] > known.last_event]
        found += new
        if len(new) < len(page) or not answer.get("nextToken"):
            return sorted(found, key=lambda event: int(event["id"]))
        more = {"nextToken": str(answer["nextToken"])}
