"""
RejectDeployment: write down why a request was refused; nothing was touched.

Safe to retry: a record is written once. If RecoverDeployments closed it before, as after an abort, its error and cause
count.
"""

from bluegreen import clock, news
from bluegreen.aws import notifications
from bluegreen.document import REJECTED, Ended
from bluegreen.edge import step
from bluegreen.errors import DeploymentOver
from bluegreen.ledger import deployments, refusals, starts
from bluegreen.ledger.record import Record
from bluegreen.rings import Refused


@step
def handler(refused: Refused) -> Ended:
    error, cause = refused.failure.error, refused.failure.sentence
    if refused.name_was_taken:
        told = refusals.may_tell(refused.target.function_key, refused.call.name) and notifications.tell(
            f"Rejected: {refused.target} was not touched", f"{error}: {cause}"
        )
        return Ended(error=error, cause=cause, evidence={"told": told})
    if refused.record is None:
        deployments.keep_refused(_record(refused, error, cause))
    elif not deployments.close(refused.record, REJECTED, error=error, cause=cause):
        now = deployments.find(refused.record.id)
        if now and now.live:
            raise DeploymentOver(f"Deployment {now.id} has changed something already, so it cannot be refused.")
        if now and now.error:
            error, cause = now.error, now.cause or cause
    return Ended(error=error, cause=cause, evidence={"told": news.tell(refused.call.name)})


def _record(refused: Refused, error: str, cause: str) -> Record:
    author = starts.author(refused.call.name, refused.request, refused.started_by)
    return Record(
        id=refused.call.name,
        target=refused.target,
        state=REJECTED,
        execution=refused.call.execution,
        started_at=refused.started_at,
        started_by=author.said,
        started_by_proved=author.proved,
        artifact=refused.artifact,
        ended_at=clock.iso(clock.now()),
        error=error,
        cause=cause,
    )
