"""
The edge of a state's handler: event to ring, handler, section to answer.

A handler is a function from the ring that it names in its signature to the section that it returns. The edge logs a
DeploymentError, adds it to the audit and raises it again; one that is worth a retry is only logged. An event without
proof is logged too, and leaves nothing in the audit.
"""

import functools
import typing
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.aws import pacing
from bluegreen.errors import AwsUnavailable, DeploymentError, NotTheHolder, StillInProgress
from bluegreen.ledger import audit
from bluegreen.ledger.owner import Owner
from bluegreen.model import Section
from bluegreen.rings import Call, Ring

logger = Logger()
metrics = Metrics()

NOTED_WITHIN_ATTEMPTS = 3

WAITING = 0.5
"""The part of a handler's time in which it may wait for its turns to call Lambda; the rest is for the calls."""

WORTH_A_RETRY = (AwsUnavailable, StillInProgress)

In = TypeVar("In", bound=Ring)
LambdaHandler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def step(handler: Callable[[In], Section]) -> LambdaHandler:
    """
    A Lambda handler for a Task state.

    The event is {"document", "execution", "started", "state", "retries"}; the answer is the section as JSON. Errors
    keep their class name, by which the state machine knows them.
    """
    ring: type[In] = next(iter(typing.get_type_hints(handler).values()))

    @functools.wraps(handler)
    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        call = Call.read(event)
        logger.append_keys(deployment=call.name, state=call.state)
        audited_as = None
        try:
            read = ring.read(call)
            audited_as = read.audited_as
            with pacing.within(context.get_remaining_time_in_millis() / 1000 * WAITING), _at_the_pace_of(call):
                section = handler(read)
        except WORTH_A_RETRY as error:
            logger.warning("worth a retry", extra={"error": type(error).__name__, "cause": str(error)})
            raise
        except NotTheHolder as error:
            logger.error("not from the execution that holds the lock", extra={"cause": str(error)})
            raise
        except DeploymentError as error:
            logger.error("the deployment stops here", extra={"error": type(error).__name__, "cause": str(error)})
            metrics.add_metric(name=type(error).__name__, unit=MetricUnit.Count, value=1)
            metrics.flush_metrics()
            if audited_as:
                _note_failure(audited_as, call.state, error)
            raise
        logger.info("done")
        if audited_as:
            _note(audited_as, call, section)
        return section.model_dump(mode="json")

    return typing.cast(
        LambdaHandler, logger.inject_lambda_context(lambda_handler, correlation_id_path="execution", clear_state=True)
    )


def _at_the_pace_of(call: Call) -> AbstractContextManager[None]:
    """Of the release that the document belongs to, if it does; the ring has seen its proof."""
    release = call.document.get("release") if isinstance(call.document, dict) else None
    rate = release.get("calls_per_second") if isinstance(release, dict) else None
    return pacing.at_rate(rate) if isinstance(rate, (int, float)) and rate > 0 else nullcontext()


def _note(owner: Owner, call: Call, section: Section) -> None:
    """
    If the audit entry cannot be written, the state is retried, but only three times.

    A state that has closed the record is not retried: while the table does not answer, no attempt could find out that
    the record is closed, and the execution would end as RollbackFailed.
    """
    try:
        audit.note(owner, call.state, section.noted())
    except DeploymentError as unnoted:
        if isinstance(unnoted, AwsUnavailable) and call.retries < NOTED_WITHIN_ATTEMPTS and not section.is_end:
            raise
        logger.error("not noted", extra={"error": type(unnoted).__name__, "cause": str(unnoted)})


def _note_failure(owner: Owner, state: str, error: DeploymentError) -> None:
    """A table that does not answer must not hide why the deployment stops."""
    try:
        audit.note(owner, state, error.evidence | {"error": type(error).__name__, "cause": str(error)})
    except DeploymentError as unnoted:
        logger.error("not noted", extra={"error": type(unnoted).__name__, "cause": str(unnoted)})


__all__ = ["logger", "metrics", "step"]
