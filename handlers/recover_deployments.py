"""
RecoverDeployments: make whole what an execution left behind that was stopped, timed out or could not roll back.

Runs when Step Functions says that an execution ended badly, and every few minutes for every lock that is held and every
end that nobody was told of, since events can be lost. Safe to repeat and safe beside itself.
"""

import random
from typing import Any, Literal

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen import clock, news
from bluegreen.aws import executions
from bluegreen.edge import logger, metrics
from bluegreen.errors import AwsUnavailable, DeploymentError, StillInProgress
from bluegreen.ledger import records
from bluegreen.rollback.recovery import call_without_record, recover

PAUSES_SECONDS = (0, 10, 20, 40)
"""Before each attempt; what is not done then is left to Lambda's own retries and to the next sweep."""

KEPT_SECONDS = 300
"""Of the function's ten minutes, for the look that is begun last and then for telling people."""

Found = Literal["recovered", "running", "later", "failed"]


@logger.inject_lambda_context(correlation_id_path="id", clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    looked_at = _locks_at_last(event)
    found: dict[str, Found] = {}  # what there was no time for is the next sweep's, and no failure
    for pause in PAUSES_SECONDS:
        again = [lock for lock in looked_at if _is_to_be_looked_at(event, found.get(lock.deployment, "later"))]
        if again and _has_time(context, pause):
            clock.sleep(pause)
            found |= {lock.deployment: _recovered(lock) for lock in again if _has_time(context)}
    recovered, failed, waiting = (
        [deployment for deployment, each in found.items() if each == wanted]
        for wanted in ("recovered", "failed", "later")
    )
    told = _tell(event)
    logger.info("looked", extra={"found": found, "told": told})
    untold = [deployment for deployment, known in told.items() if known is None]
    if unfinished := dict.fromkeys(failed + waiting + untold):
        raise DeploymentError(f"not recovered or not told of, and tried again in some minutes: {', '.join(unfinished)}")
    return {"recovered": recovered}


def _has_time(context: LambdaContext, pause: int = 0) -> bool:
    """For another look after that pause."""
    return context.get_remaining_time_in_millis() > (KEPT_SECONDS + pause) * 1000


def _is_to_be_looked_at(event: dict[str, Any], found: Found) -> bool:
    """Also what still runs, if the event says that it has ended: DescribeExecution is behind it then."""
    ended = event.get("detail", {}).get("status", executions.RUNNING) != executions.RUNNING
    return found == "later" or (found == "running" and ended)


def _recovered(lock: records.Lock) -> Found:
    """`later` for what the next attempt may find otherwise, `failed` for what takes a person."""
    try:
        return "recovered" if recover(lock) else "running"
    except (AwsUnavailable, StillInProgress) as error:
        logger.warning("not recovered yet", extra={"deployment": lock.deployment, "cause": str(error)})
        return "later"
    except Exception:  # whatever is wrong with one, the others must not wait for it
        logger.exception("not recovered", extra={"deployment": lock.deployment})
        metrics.add_metric(name="RollbackFailed", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()  # at once: whatever happens to this function afterwards, the alarm goes off
        return "failed"


def _locks_at_last(event: dict[str, Any]) -> list[records.Lock]:
    """Once the table answers. While it is away people are told at least what the execution said."""
    for pause in PAUSES_SECONDS:
        clock.sleep(pause)
        try:
            return _locks(event)
        except DeploymentError as error:
            last = error
    detail = event.get("detail", {})
    if "executionArn" in detail and (execution := executions.describe(detail["executionArn"])):
        call_without_record(execution)
    raise last


def _locks(event: dict[str, Any]) -> list[records.Lock]:
    """Of the execution that the event tells of, or all that are held."""
    detail = event.get("detail", {})
    if "executionArn" not in detail:
        held_now = records.locks()
        return random.sample(held_now, len(held_now))  # whatever keeps one waiting is not before the same others again
    record = records.find(detail["name"])
    held = records.held(record.function, record.alias) if record else None
    return [held] if held and held.held_by == detail["executionArn"] else []


def _tell(event: dict[str, Any]) -> dict[str, bool | None]:
    """Of the deployment that the event tells of, or of all of whose end nobody was told; whether they know now."""
    detail = event.get("detail", {})
    if "executionArn" not in detail:
        return {record.id: _told(record.id) for record in records.untold()}
    if records.find(detail["name"]):
        return {detail["name"]: _told(detail["name"])}
    execution = executions.describe(detail["executionArn"])
    return {execution.name: news.tell_without_record(execution)} if execution else {}


def _told(deployment: str) -> bool | None:
    """Whether people know of its end; None for a fault of ours, for which no other end must be kept back."""
    try:
        return news.tell(deployment)
    except Exception:
        logger.exception("not told", extra={"deployment": deployment})
        return None
