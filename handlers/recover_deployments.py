"""
RecoverDeployments: make whole what an execution left behind that was stopped, timed out or could not roll back.

Runs when Step Functions says that an execution ended badly, and every few minutes for every lock that is held and every
end that nobody was told of, since events can be lost. Safe to repeat and safe beside itself.
"""

import random
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen import clock, news
from bluegreen.aws import executions, records
from bluegreen.errors import AwsUnavailable, DeploymentError, StillInProgress
from bluegreen.recovery import call_without_record, recover
from bluegreen.step import logger, metrics, tracer

PAUSES_SECONDS = (0, 10, 20, 40)
"""Before each attempt; what is not done then is left to Lambda's own retries and to the next sweep."""


@logger.inject_lambda_context(correlation_id_path="id", clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    recovered: list[str] = []
    failed: list[str] = []
    try:
        later = _locks(event)
    except DeploymentError:
        _call_without_table(event)
        raise
    for pause in PAUSES_SECONDS:
        if later:
            clock.sleep(pause)
            later = [lock for lock in later if not _recovered(lock, event, recovered, failed)]
    if failed:
        metrics.add_metric(name="RollbackFailed", unit=MetricUnit.Count, value=len(failed))
        metrics.flush_metrics()
    told = _tell(event)
    waiting = [lock.deployment for lock in later]
    logger.info("looked", extra={"recovered": recovered, "later": waiting, "failed": failed, "told": told})
    if failed or waiting:
        raise DeploymentError(f"not recovered, and tried again in some minutes: {', '.join(failed + waiting)}")
    return {"recovered": recovered}


def _recovered(lock: records.Lock, event: dict[str, Any], recovered: list[str], failed: list[str]) -> bool:
    """Whether that is all that can be done now; False for what the next attempt may find otherwise."""
    try:
        if recover(lock):
            recovered.append(lock.deployment)
        elif _tells_of_an_end(event):
            return False  # DescribeExecution is behind the event
    except (AwsUnavailable, StillInProgress) as error:
        logger.warning("not recovered yet", extra={"deployment": lock.deployment, "cause": str(error)})
        return False
    except Exception:  # whatever is wrong with one, the others must not wait for it
        logger.exception("not recovered", extra={"deployment": lock.deployment})
        failed.append(lock.deployment)
    return True


def _locks(event: dict[str, Any]) -> list[records.Lock]:
    """Of the execution that the event tells of, or all that are held."""
    detail = event.get("detail", {})
    if "executionArn" not in detail:
        held_now = records.locks()
        return random.sample(held_now, len(held_now))  # whatever keeps one waiting is not before the same others again
    record = records.find(detail["name"])
    held = records.held(record.function, record.alias) if record else None
    return [held] if held and held.held_by == detail["executionArn"] else []


def _call_without_table(event: dict[str, Any]) -> None:
    detail = event.get("detail", {})
    if "executionArn" in detail and (execution := executions.describe(detail["executionArn"])):
        call_without_record(execution)


def _tells_of_an_end(event: dict[str, Any]) -> bool:
    status: str = event.get("detail", {}).get("status", executions.RUNNING)
    return status != executions.RUNNING


def _tell(event: dict[str, Any]) -> dict[str, bool]:
    """Of the deployment that the event tells of, or of all of whose end nobody was told; whether they know now."""
    detail = event.get("detail", {})
    if "executionArn" not in detail:
        return {record.id: news.tell(record.id) for record in records.untold()}
    if records.find(detail["name"]):
        return {detail["name"]: news.tell(detail["name"])}
    execution = executions.describe(detail["executionArn"])
    return {execution.name: news.tell_without_record(execution)} if execution else {}
