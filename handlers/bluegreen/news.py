"""
Notifications of a deployment's end, each sent at least once.

The end, and that people have not been told of it, are written in one transaction. The handler that closes the record
tells them at once; RecoverDeployments tells them of the records that are still marked untold.
"""

from bluegreen.aws import executions, notifications
from bluegreen.decisions.route import said
from bluegreen.document import REJECTED, ROLLED_BACK, Failure
from bluegreen.errors import DeploymentError
from bluegreen.ledger import deployments, refusals
from bluegreen.ledger.record import Record
from bluegreen.text import sentence


def tell(deployment: str) -> bool:
    """Whether people know of its end, by this call or an earlier one. False: not yet, the sweep tries again."""
    try:
        record = deployments.find(deployment)
        if record and record.untold and _told(record):
            deployments.learn_told(deployment)
            return True
    except DeploymentError:
        return False
    return record is not None and record.told_at is not None


def tell_without_record(execution: executions.Execution) -> bool:
    """Of an execution that ended before it could write anything down, so that nothing was changed either."""
    failure = Failure.model_validate({"Error": execution.error or execution.status, "Cause": execution.cause})
    return notifications.tell(
        f"Rejected: {execution.name} touched nothing",
        f"{failure.error}: {sentence(failure.sentence)} There is no record of it.",
    )


def _told(record: Record) -> bool:
    """Of refused requests of one function people are told once an hour; the history has the others."""
    if record.state == REJECTED and not refusals.may_tell(record.target, record.id):
        return True
    return notifications.tell(*_words(record))


def _words(record: Record) -> tuple[str, str]:
    """Subject and text."""
    target, why = record.target, f"{record.error}: {record.cause}"
    if record.state == REJECTED:
        more = f"`bluegreen history {target.function} --refused` lists what else is refused within the next hour."
        return f"Rejected: {target} was not touched", f"{why}\n\n{more}"
    if record.state == ROLLED_BACK:
        where = "is gone" if record.alias_outcome == "gone" else f"is at {_version(record)}"
        return f"Rolled back: {target} {where}", why
    changed = record.latest_outcome == "changed_by_others"
    return (
        f"Deployed: {target} is at {_version(record)}",
        f"{target} went from version {record.blue} to {_version(record)} ({record.artifact})."
        + (" Someone else has changed $LATEST since green was published." if changed else "")
        + (f" {record.untested}" if record.untested else ""),
    )


def _version(record: Record) -> str:
    return said(record.serving) if record.serving else "no version"
