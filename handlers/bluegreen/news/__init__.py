"""
News of a deployment: notifications for people, events for other systems.

Its end is told at least once. The end, and that it is untold, are written in one transaction. The handler that closes
the record tells it at once; RecoverDeployments tells the ends of the records that are still marked untold. Everything
else is told once at best: it holds up and fails no deployment. The end is counted in the metrics by the first handler
that wrote down who knows of it.

Other systems get every event. People get those that the stack's parameter Notify names, and every call for an operator.
"""

import logging
import os
from collections.abc import Callable
from typing import Literal

from bluegreen import clock
from bluegreen.aws import events, executions, notifications
from bluegreen.document import NOTHING_TO_DEPLOY, Failure, Plan
from bluegreen.errors import DeploymentError, Frozen
from bluegreen.ledger import deployments, refusals
from bluegreen.ledger.record import Record
from bluegreen.news import dashboard, schema, words
from bluegreen.news.schema import Event, WaitsFor
from bluegreen.news.words import Words
from bluegreen.text import sentence

CALLED_AGAIN_AFTER_SECONDS = 3600

UNLESS_GIVEN = "started,waits,ended"
"""What people are told where the stack says nothing."""

Kind = Literal["started", "waits", "shifted", "ended"]

logger = logging.getLogger(__name__)


def started(record: Record, plan: Plan) -> None:
    """Tell that the deployment has a plan, and begins."""
    _once_at_best("started", record, lambda: (schema.started(record, plan), words.of_start(record, plan)))


def shifted(record: Record, green: str, weight: float, shift: int) -> None:
    """Tell that green has that share of the alias now, by that shift."""
    _once_at_best(
        "shifted", record, lambda: (schema.shifted(record, green, weight, shift), words.of_shift(record, green, weight))
    )


def waits(
    record: Record,
    waits_for: WaitsFor,
    reason: str,
    *,
    until: float | None = None,
    commands: tuple[str, ...] = (),
) -> bool:
    """
    Tell that the deployment waits for a person: why, until when (seconds since 1970), and what the person can run.

    False if people were not told, so that the caller may try again. After True it calls this no more for this wait.
    """
    what = (record, waits_for, reason, until, commands)
    return _once_at_best("waits", record, lambda: (schema.waits(*what), words.of_waiting(*what)))


def tell(deployment: str) -> bool:
    """Whether all know of its end, by this call or an earlier one. False: not yet, the sweep tries again."""
    try:
        record = deployments.find(deployment)
        if record and record.untold:
            people = record.told_at is not None or (record.state != NOTHING_TO_DEPLOY and _people_know(record))
            systems = record.announced_at is not None or _announced(schema.ended(record))
            record, counts = deployments.learn_told(record, people=people, systems=systems)
            if counts:
                dashboard.ended(record)
    except DeploymentError:
        return False
    return record is not None and not record.live and not record.untold


def tell_without_record(execution: executions.Execution) -> bool:
    """
    Of an execution that ended before it could write anything down, so that nothing was changed either.

    People are told once, however often the event comes. Other systems know of it by the event of Step Functions.
    False if people do not know yet.
    """
    if not refusals.may_tell_of_end(execution.arn):
        return True
    failure = Failure.model_validate({"Error": execution.error or execution.status, "Cause": execution.cause})
    told = notifications.tell(
        f"Rejected: {execution.name} touched nothing",
        f"{failure.error}: {sentence(failure.sentence)} There is no record of it.",
    )
    if told:
        refusals.learn_told_of_end(execution.arn)
    return told


def call_an_operator(record: Record, subject: str, text: str) -> None:
    """Notify people that a deployment cannot go on without an operator, at most once an hour."""
    if record.paged_at and clock.now() - clock.moment(record.paged_at) < CALLED_AGAIN_AFTER_SECONDS:
        return
    if _sent(words.of_help(record, subject, text), record):
        deployments.learn_paged(record.id)
        _announced(schema.waits(record, "operator", f"{subject}. {text}", None, ()))


def _people_know(record: Record) -> bool:
    """
    Notify people of an end that they want to know of.

    Of one function's refused requests they are told once an hour, of an upload that waits and of an abort always.
    """
    frozen = record.error == Frozen.__name__
    if not _wanted("ended") or not refusals.may_tell_how(record, record.target.function_key, frozen=frozen):
        return True
    return _sent(words.of_end(record), record)


def _once_at_best(kind: Kind, record: Record, news: Callable[[], tuple[Event, Words]]) -> bool:
    """Whether people know; they do if they do not want to."""
    try:
        event, message = news()
        if not _announced(event):
            logger.warning("EventBridge was not told that %s %s", record.id, kind)
        if _wanted(kind) and not _sent(message, record):
            logger.warning("people were not told that %s %s", record.id, kind)
            return False
    except Exception:  # a fault in its news must not stop a deployment
        logger.exception("not told that %s %s", record.id, kind)
        return False
    return True


def _wanted(kind: Kind) -> bool:
    return kind in os.environ.get("NOTIFY", UNLESS_GIVEN).split(",")


def _announced(event: Event) -> bool:
    return events.put(event.DETAIL_TYPE, event.as_json(by_alias=True), event.execution)


def _sent(message: Words, record: Record) -> bool:
    return notifications.tell(message.subject, message.text, message.steps, record.id)
