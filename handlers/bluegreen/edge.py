"""
The edge of a handler: JSON to ring, handler, section to JSON.

Here and nowhere else an event, Powertools and the audit meet. A handler is a function from the ring that
it names in its signature to the section that it returns; what it raises is logged, noted and raised again.
"""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from bluegreen.errors import AwsUnavailable, DeploymentError, StillInProgress
from bluegreen.ledger import records
from bluegreen.model import Frozen

logger = Logger()
metrics = Metrics()

NOTED_WITHIN_ATTEMPTS = 3

WORTH_A_RETRY = (AwsUnavailable, StillInProgress)


class Execution(Frozen):
    """Who calls: the execution's ARN, when it started (ISO 8601), and how often this state was retried."""

    arn: str
    started_at: str
    retries: int

    @property
    def name(self) -> str:
        """The deployment's id."""
        return self.arn.rpartition(":")[2]


Handler = Callable[..., BaseModel]
LambdaHandler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def step(handler: Handler) -> LambdaHandler:
    """
    A Lambda handler for a Task state.

    The event is {"document", "execution", "started", "state", "retries"}; the answer is the section as JSON. A handler
    with a second parameter gets the Execution. Errors keep their class name, by which the state machine knows them.
    """
    ring, wants_execution = _signature(handler)

    @functools.wraps(handler)
    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        execution = Execution(arn=event["execution"], started_at=event["started"], retries=event["retries"])
        state = event["state"]
        logger.append_keys(deployment=execution.name, state=state)
        try:
            document = ring(event["document"])
            section = handler(document, execution) if wants_execution else handler(document)
        except WORTH_A_RETRY as error:
            logger.warning("worth a retry", extra={"error": type(error).__name__, "cause": str(error)})
            raise
        except DeploymentError as error:
            logger.error("the deployment stops here", extra={"error": type(error).__name__, "cause": str(error)})
            metrics.add_metric(name=type(error).__name__, unit=MetricUnit.Count, value=1)
            metrics.flush_metrics()
            _note_failure(execution.name, state, error)
            raise
        learned = section.model_dump(mode="json")
        logger.info("done", extra={"learned": learned})
        _note(execution, state, learned)
        return learned

    return _with_powertools(lambda_handler)


def _note(execution: Execution, state: str, learned: dict[str, Any]) -> None:
    """A step is done again for want of its note, but no deployment turns on that for ever."""
    try:
        records.note(execution.name, state, learned)
    except DeploymentError as unnoted:
        if isinstance(unnoted, AwsUnavailable) and execution.retries < NOTED_WITHIN_ATTEMPTS:
            raise
        logger.error("not noted", extra={"error": type(unnoted).__name__, "cause": str(unnoted)})


def _note_failure(deployment: str, state: str, error: DeploymentError) -> None:
    """A table that does not answer must not hide why the deployment stops."""
    try:
        records.note(deployment, state, error.evidence | {"error": type(error).__name__, "cause": str(error)})
    except DeploymentError as unnoted:
        logger.error("not noted", extra={"error": type(unnoted).__name__, "cause": str(unnoted)})


def _signature(handler: Handler) -> tuple[Callable[[Any], Any], bool]:
    """How to read the document for this handler, and whether it wants the execution."""
    parameters = list(inspect.signature(handler).parameters)
    model = typing.get_type_hints(handler)[parameters[0]]
    # What a newer release wrote beside what this one knows is no matter.
    read = getattr(model, "read", functools.partial(model.model_validate, extra="ignore"))
    return read, len(parameters) == 2


def _with_powertools(handler: LambdaHandler) -> LambdaHandler:
    """Logs carry the execution as correlation id."""
    return typing.cast(
        LambdaHandler,
        logger.inject_lambda_context(handler, correlation_id_path="execution", clear_state=True),
    )


__all__ = ["Execution", "logger", "metrics", "step"]
