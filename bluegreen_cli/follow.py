"""
Following an execution to its end, from outside: the command changes nothing there.

Throttles and lost connections only make it wait, since the deployment goes on without it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from bluegreen import clock
from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsUnavailable, DeploymentError, NotFound
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen_cli.problems import Lost, next_step
from bluegreen_cli.progress import Event, Progress

POLL_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
PATIENCE_SECONDS = 900.0
"""So long may AWS give no answer before the command stops asking."""

SAME_START_SECONDS = 1.0
"""Between what an execution's history and DescribeExecution say of its start."""

GOES_ON = "How it ends is unknown: it goes on without this command, and puts blue back by itself if green is unhealthy."


class Watcher(Protocol):
    """Gets to know how the deployment goes, and shows it."""

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """AWS answered; without events only time has passed."""

    def lost(self, why: str) -> None:
        """AWS did not answer."""


class Both(Watcher):
    """Two that get to know the same."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def learned(self, before: Progress, events: list[Event], after: Progress) -> None:
        """Tell each."""
        for each in self._watchers:
            each.learned(before, events, after)

    def lost(self, why: str) -> None:
        """Tell each."""
        for each in self._watchers:
            each.lost(why)


def pause(seconds: float) -> None:
    """Wait between two polls. Tests make it short."""
    time.sleep(seconds)


def follow(arn: str, watcher: Watcher, *, past_people: bool = True) -> Progress:
    """
    The progress at the end, or, without `past_people`, as soon as the deployment waits for a person.

    Raises Lost if AWS is silent for too long, or refuses.
    """
    try:
        return _follow(arn, watcher, past_people)
    except DeploymentError as error:
        again = f"`bluegreen watch {arn.rpartition(':')[2]}` goes on watching, and exits as the deployment ends."
        raise Lost(
            f"the deployment cannot be followed any more: {error}",
            GOES_ON,
            " ".join(filter(None, (next_step(error), again))),
        ) from error


def _follow(arn: str, watcher: Watcher, past_people: bool) -> Progress:
    progress, silent = Progress(), 0.0
    while not progress.over and (past_people or not progress.awaits):
        try:
            events = _new_events(arn, progress)
        except (AwsUnavailable, NotFound) as error:  # Step Functions may not find an execution that has just begun
            if silent >= PATIENCE_SECONDS:
                raise
            watcher.lost(str(error))
            seconds = min(LONGEST_PAUSE_SECONDS, max(POLL_SECONDS, silent))
            silent += seconds
            pause(seconds)
            continue
        silent = 0.0
        after = _with_ledger(arn, progress.after(events)) if events else progress
        watcher.learned(replace(progress, schedule=after.schedule), events, after)
        progress = after
        if not progress.over and (past_people or not progress.awaits):
            pause(POLL_SECONDS)
    return progress


def seen(arn: str) -> Progress:
    """The progress so far. Raises AwsUnavailable, and NotFound if Step Functions has forgotten the execution."""
    return _with_ledger(arn, Progress().after(_new_events(arn, Progress())))


def _with_ledger(arn: str, progress: Progress) -> Progress:
    """
    With schedule, warnings and author from the ledger. A caller who may not read the ledger follows without them.

    A refused request has a record, too, but no plan.
    """
    opened = bool(progress.section("deployment"))
    if progress.schedule or not (opened or progress.over):
        return progress
    deployment = arn.rpartition(":")[2]
    try:
        plan = deployments.plan_of(deployment) if opened else None
        record = deployments.find(deployment) if plan or progress.over else None
        if record and not _is_of(record, progress):
            record = None
    except (DeploymentError, ValueError):
        return progress
    if plan:
        progress = replace(progress, schedule=plan.schedule)
    if record is None:
        return progress
    return replace(
        progress,
        warnings=record.warnings,
        started_by=record.started_by,
        started_by_proved=record.started_by_proved,
    )


def _is_of(record: Record, progress: Progress) -> bool:
    """After 90 days another execution may have the name, and its refusal leaves the record as it is."""
    began = progress.began.timestamp() if progress.began else 0.0
    return abs(clock.moment(record.started_at) - began) < SAME_START_SECONDS


def _new_events(arn: str, known: Progress) -> list[Event]:
    """The events after the last known one, in order. Step Functions lists the newest first, page by page."""
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
