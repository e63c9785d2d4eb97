"""
Notifications of a deployment's end, each sent at least once.

The end, and that people have not been told of it, are written in one transaction. The handler that closes the record
tells them at once; RecoverDeployments tells them of the records that are still marked untold.
"""

from bluegreen import clock
from bluegreen.aws import executions, notifications
from bluegreen.decisions.route import said
from bluegreen.decisions.words import of_watched
from bluegreen.document import REJECTED, ROLLBACK_FAILED, ROLLED_BACK, Failure
from bluegreen.errors import Aborted, DeploymentError, Frozen, UploadWaits
from bluegreen.ledger import deployments, refusals
from bluegreen.ledger.record import Record
from bluegreen.text import sentence

CALLED_AGAIN_AFTER_SECONDS = 3600


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


def call_an_operator(record: Record, subject: str, text: str) -> None:
    """Notify people that a deployment cannot go on without an operator, at most once an hour."""
    if record.paged_at and clock.now() - clock.moment(record.paged_at) < CALLED_AGAIN_AFTER_SECONDS:
        return
    if notifications.tell(subject, f"{text}{_author(record)}"):
        deployments.learn_paged(record.id)


def _told(record: Record) -> bool:
    """
    Notify people of an end: of one function's refused requests once an hour, of an upload that waits always.

    What a freeze refuses has an hour of its own, so that no other refusal hides it.
    """
    if (
        record.state == REJECTED
        and record.error != UploadWaits.__name__
        and not refusals.may_tell(record.target, record.id, "frozen" if record.error == Frozen.__name__ else "told")
    ):
        return True
    subject, text = _words(record)
    return notifications.tell(subject, f"{text}{_author(record)}")


def _words(record: Record) -> tuple[str, str]:
    """Subject and text."""
    target, why = record.target, f"{record.error}: {record.cause}"
    if record.error == UploadWaits.__name__:
        return f"Waits: {record.artifact} for {target}", str(record.cause)
    if record.state == REJECTED:
        more = f"`bluegreen history {target.function} --refused` lists what else is refused within the next hour."
        subject = f"{'Frozen' if record.error == Frozen.__name__ else 'Rejected'}: {target} was not touched"
        return subject, f"{why}\n\n{more}"
    warned = "".join(f"\n\nWarning: {warning}" for warning in record.warnings)
    if record.state == ROLLBACK_FAILED:
        return f"ROLLBACK FAILED: {target} stays at {_version(record)}", why
    if record.state == ROLLED_BACK and record.serving is None:
        return f"Stopped: {target} is gone", why
    if record.state == ROLLED_BACK:
        return (
            f"{'Aborted' if record.error == Aborted.__name__ else 'Rolled back'}: {target} is at {_version(record)}",
            f"{why}{_settings(record, 'Settings of green that differ')}{warned}",
        )
    if record.mends_latest:
        return (
            f"Deployed: {target} stays at {_version(record)}",
            f"Version {record.blue} has this code and these settings already ({record.artifact}), so the alias was not "
            f"moved. $LATEST had other code and has this code now.{_kept(record)}{_deleted(record)}",
        )
    parts = [f"{target} went from version {record.blue} to {_version(record)} ({record.artifact})."]
    parts += [of_watched(record.watched)] if record.watched else []
    parts += [record.untested] if record.untested else []
    if record.latest_outcome == "changed_by_others":
        parts.append("Someone else has changed $LATEST since green was published.")
    text = " ".join(part for part in parts if part)
    return (
        f"Deployed: {target} is at {_version(record)}",
        f"{text}{_settings(record, 'Settings that differ')}{_kept(record)}{_deleted(record)}{warned}",
    )


def _settings(record: Record, which: str) -> str:
    """The names of the settings in which green differs from blue, as a paragraph."""
    same_code = record.blue_sha256 is not None and record.code == record.blue_sha256
    alone = " The code is the same." if same_code else ""
    return f"\n\n{which} from version {record.blue}: {'; '.join(record.changes)}.{alone}" if record.changes else ""


def _kept(record: Record) -> str:
    """Where the code is that a deployment replaced in $LATEST, as a paragraph, if it was published nowhere."""
    return f"\n\nThe code that $LATEST had before is kept at {record.latest_kept}." if record.latest_kept else ""


def _deleted(record: Record) -> str:
    """Which old versions are gone, as a paragraph, and why others are not."""
    gone = f"Old versions that were deleted: {', '.join(record.deleted)}." if record.deleted else ""
    stayed = f"Others stayed: {sentence(record.undeleted)}" if record.undeleted else ""
    return f"\n\n{' '.join(filter(None, (gone, stayed)))}" if gone or stayed else ""


def _author(record: Record) -> str:
    """Who started it, as a paragraph."""
    return f"\n\nStarted by: {record.started_by}."


def _version(record: Record) -> str:
    return said(record.serving) if record.serving else "no version"
