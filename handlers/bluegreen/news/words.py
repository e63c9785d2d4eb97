"""The words of notifications: what happened, why, by whom, and what the reader can do next."""

from bluegreen import clock, errors
from bluegreen.aws.executions import console_link
from bluegreen.decisions.route import said
from bluegreen.decisions.words import of_watched
from bluegreen.document import DEPLOYED, REJECTED, ROLLBACK_FAILED, ROLLED_BACK, Plan
from bluegreen.errors import Aborted, UploadWaits
from bluegreen.ledger.record import Record
from bluegreen.model import Frozen
from bluegreen.news.schema import WaitsFor

FOR_WHAT: dict[WaitsFor, str] = {
    "approval": "an approval",
    "resume": "somebody who resumes it",
    "operator": "an operator",
}


class Words(Frozen):
    """A message to people: its subject, its text, and a line for each thing that can be done next."""

    subject: str
    text: str
    steps: tuple[str, ...]


def of_start(record: Record, plan: Plan) -> Words:
    """Which code goes where, and how."""
    target, changes = record.target, "; ".join(plan.changes)
    parts = [
        f"Version {plan.blue.version} serves {target} now. {record.artifact} is deployed with {plan.schedule.name}.",
        *([f"Settings that will differ from version {plan.blue.version}: {changes}."] if changes else []),
        *(f"Warning: {warning}" for warning in record.warnings),
        _author(record),
    ]
    return Words(subject=f"Started: {target}", text="\n\n".join(parts), steps=_under_way(record))


def of_shift(record: Record, green: str, weight: float) -> Words:
    """Who serves from now on."""
    target, share = record.target, f"{100 * weight:.4g} %"
    text = f"Version {green} has {share} of {target}; before the deployment version {record.blue} had all of it."
    return Words(
        subject=f"Shifted: {target} is at {share} of version {green}",
        text=f"{text}\n\n{_author(record)}",
        steps=_under_way(record),
    )


def of_waiting(
    record: Record, waits_for: WaitsFor, reason: str, until: float | None, commands: tuple[str, ...]
) -> Words:
    """For what it waits, until when, and the commands."""
    ends = [] if until is None else [f"It waits until {clock.iso(until)}, and is rolled back then."]
    return Words(
        subject=f"Waits: {record.target} needs {FOR_WHAT[waits_for]}",
        text="\n\n".join([reason, *ends, _author(record)]),
        steps=(*(f"`{command}`" for command in commands), _link(record)),
    )


def of_help(record: Record, subject: str, text: str) -> Words:
    """A call for an operator; the text has what to do."""
    return Words(subject=subject, text=f"{text}\n\n{_author(record)}", steps=(_link(record),))


def of_end(record: Record) -> Words:
    """How it ended."""
    subject, text = _end(record)
    return Words(subject=subject, text=f"{text}\n\n{_author(record)}", steps=_afterwards(record))


def of_others(command: str) -> str:
    """People are told of one refusal an hour, so the message says how to see the others."""
    return f"`{command}` lists what else is refused within the next hour."


def _end(record: Record) -> tuple[str, str]:
    """Subject and text."""
    target, why = record.target, f"{record.error}: {record.cause}"
    if record.error == UploadWaits.__name__:
        return f"Waits: {record.artifact} for {target}", str(record.cause)
    if record.state == REJECTED and record.error == Aborted.__name__:
        return f"Aborted: {target} was not touched", why
    if record.state == REJECTED:
        more = of_others(f"bluegreen history {target.function} --refused")
        subject = f"{'Frozen' if record.error == errors.Frozen.__name__ else 'Rejected'}: {target} was not touched"
        return subject, f"{why}\n\n{more}"
    warned = "".join(f"\n\nWarning: {warning}" for warning in record.warnings)
    if record.state == ROLLBACK_FAILED:
        return f"ROLLBACK FAILED: {target} stays at {_version(record)}", f"{why}{_quoted(record)}"
    if record.state == ROLLED_BACK and record.serving is None:
        return f"Stopped: {target} is gone", f"{why}{_quoted(record)}"
    if record.state == ROLLED_BACK:
        return (
            f"{'Aborted' if record.error == Aborted.__name__ else 'Rolled back'}: {target} is at {_version(record)}",
            f"{why}{_quoted(record)}{_settings(record, 'Settings of green that differ')}{warned}",
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


def _quoted(record: Record) -> str:
    """What green's log has most often, as a paragraph."""
    return f"\n\n{record.quoted}" if record.quoted else ""


def _kept(record: Record) -> str:
    """Where the code is that a deployment replaced in $LATEST, as a paragraph, if it was published nowhere."""
    return f"\n\nThe code that $LATEST had before is kept at {record.latest_kept}." if record.latest_kept else ""


def _deleted(record: Record) -> str:
    """Which old versions are gone, as a paragraph, and why others are not."""
    return f"\n\n{record.tidied}" if record.tidied else ""


def _author(record: Record) -> str:
    """Who started it, as a paragraph."""
    return f"Started by: {record.started_by}."


def _under_way(record: Record) -> tuple[str, ...]:
    """What can be done while it runs."""
    target = record.target
    return (
        f"`bluegreen watch {record.id}` follows it.",
        f"`bluegreen abort {target.function} --alias {target.alias}` gives the alias back to version {record.blue}.",
        _link(record),
    )


def _afterwards(record: Record) -> tuple[str, ...]:
    """What can be done after its end."""
    target = record.target
    if record.state == DEPLOYED and not record.mends_latest:
        again = f"`bluegreen rollback {target.function} --alias {target.alias}` goes back to version {record.blue}."
        return (again, _link(record))
    return (f"`bluegreen watch {record.id}` shows what happened.", _link(record))


def _link(record: Record) -> str:
    return f"The execution: {console_link(record.execution)}"


def _version(record: Record) -> str:
    return said(record.serving) if record.serving else "no version"
