"""
RecoverDeployments: make whole what an execution left behind that was stopped, timed out or could not roll back.

Runs when Step Functions says that an execution ended badly, and every few minutes for every lock that is held and every
end that nobody was told of, since events can be lost. Safe to repeat and safe beside itself.
"""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen import news
from bluegreen.aws import records
from bluegreen.errors import DeploymentError, StillInProgress
from bluegreen.recovery import recover
from bluegreen.step import logger, metrics, tracer


@logger.inject_lambda_context(correlation_id_path="id", clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    recovered, later, failed = [], [], []
    for lock in _locks(event):
        try:
            if recover(lock):
                recovered.append(lock.deployment)
        except StillInProgress as error:
            logger.warning("not recovered yet", extra={"deployment": lock.deployment, "cause": str(error)})
            later.append(lock.deployment)
        except Exception:  # whatever is wrong with one, the others must not wait for it
            logger.exception("not recovered", extra={"deployment": lock.deployment})
            failed.append(lock.deployment)
    told = {deployment: news.tell(deployment) for deployment in _untold(event)}
    logger.info("looked", extra={"recovered": recovered, "later": later, "failed": failed, "told": told})
    if failed:
        metrics.add_metric(name="RollbackFailed", unit=MetricUnit.Count, value=len(failed))
        metrics.flush_metrics()
    if failed or later:
        raise DeploymentError(f"not recovered, and tried again in some minutes: {', '.join(failed + later)}")
    return {"recovered": recovered}


def _locks(event: dict[str, Any]) -> list[records.Lock]:
    """Of the execution that the event tells of, or all that are held."""
    detail = event.get("detail", {})
    if "executionArn" not in detail:
        return records.locks()
    record = records.find(detail["name"])
    held = records.held(record.function, record.alias) if record else None
    return [held] if held and held.held_by == detail["executionArn"] else []


def _untold(event: dict[str, Any]) -> list[str]:
    """The deployment that the event tells of, or all of whose end nobody was told."""
    detail = event.get("detail", {})
    return [detail["name"]] if "executionArn" in detail else [record.id for record in records.untold()]
