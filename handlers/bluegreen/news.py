"""
How people get to know of a deployment's end: at least once, whatever fails on the way.

The end and that nobody knows of it yet are written in one go; who has written them tells people at once, and
RecoverDeployments whom nobody told.
"""

from bluegreen.aws import executions, notifications
from bluegreen.document import Failure
from bluegreen.errors import DeploymentError
from bluegreen.ledger import records


def tell(deployment: str) -> bool:
    """Whether people know of its end, by this call or an earlier one. False is no matter: they are told again."""
    try:
        record = records.find(deployment)
        if record and record.untold and notifications.tell(*_words(record)):
            records.told(deployment)
            return True
    except DeploymentError:
        return False
    return record is not None and record.told_at is not None


def tell_without_record(execution: executions.Execution) -> bool:
    """Of an execution that ended before it could write anything down, so that nothing was changed either."""
    failure = Failure.model_validate({"Error": execution.error or execution.status, "Cause": execution.cause})
    return notifications.tell(
        f"Rejected: {execution.name} touched nothing", f"{failure.error}: {failure.sentence} There is no record of it."
    )


def _words(record: records.Record) -> tuple[str, str]:
    """Subject and text."""
    name = f"{record.function}:{record.alias}"
    why = f"{record.error}: {record.cause}"
    if record.state == records.REJECTED:
        return f"Rejected: {name} was not touched", why
    if record.serving == records.NOBODY:
        return f"Rolled back: {name} is gone", why
    if record.state == records.ROLLED_BACK:
        return f"Rolled back: {name} is at version {record.serving}", why
    blue = record.plan.blue.version if record.plan else "another"
    return (
        f"Deployed: {name} is at version {record.serving}",
        f"{name} went from version {blue} to version {record.serving} ({record.artifact}).",
    )
