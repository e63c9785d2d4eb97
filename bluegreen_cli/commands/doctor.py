"""`bluegreen doctor`: whether AWS behaves where the stack is installed as this product assumes."""

import json
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import FrameType

import click

from bluegreen import clock
from bluegreen.aws.client import in_our_words
from bluegreen.errors import AccessDenied, DeploymentError
from bluegreen.ledger import checkup
from bluegreen.target import Target
from bluegreen_cli import launch
from bluegreen_cli.context import Context, json_option
from bluegreen_cli.doctor.assumptions import ALARMS, ASSUMPTIONS, Assumption
from bluegreen_cli.doctor.examination import Examination, Unseen, delay_of, findings, named
from bluegreen_cli.doctor.pace import Pace
from bluegreen_cli.doctor.patient import ABANDONED_SECONDS, Patient, left_behind, made_at, new_name, remove
from bluegreen_cli.doctor.report import Report
from bluegreen_cli.doctor.services import Services
from bluegreen_cli.format import time_of_day
from bluegreen_cli.problems import Failed, Interrupted, Unknown, explained
from bluegreen_cli.stack import Stack

ALIAS = "PROD"
"""The alias of the doctor's function, whatever the stack's default is."""
PATIENCE_FOR_ENDS = 300.0
"""How long a deployment whose function was deleted may take to notice that."""


@click.command()
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    type=click.Choice([each.id for each in ASSUMPTIONS]),
    help="Check this assumption only; repeat the option for more.",
)
@click.option("--no-alarms", is_flag=True, help="Leave the stack's alarms alone.")
@click.option("--role", metavar="ARN", help="The function's execution role, instead of one that the doctor makes.")
@click.option("--clean", is_flag=True, help="Only delete what doctors that were killed have left, also recently.")
@click.option("--minute-seconds", type=click.IntRange(1, 60), default=60, hidden=True)
@json_option
@click.pass_obj
def doctor(
    context: Context,
    only: tuple[str, ...],
    no_alarms: bool,
    role: str | None,
    clean: bool,
    minute_seconds: int,
    as_json: bool,
) -> None:
    """
    Check that AWS behaves in this account and region as this product assumes.

    The doctor makes a function, calls it, deploys a good and a bad version of it with the installed stack, and deletes
    it again. That takes about fifteen minutes and costs a few cents. The notifications topic gets a message about each
    of these deployments and about each alarm of the stack; --no-alarms leaves the alarms alone.

    Exit codes: 0 everything that was checked is as assumed, 1 something differs, 4 nothing differs but something could
    not be seen.
    """
    account = context.account()
    stack = context.stack(account)
    services = Services()
    _clean_up(services, stack, everything=clean)
    if clean:
        return
    pace = Pace(minute_seconds)
    wanted = named(only)
    target = stack.target(new_name(clock.now()), ALIAS)
    patient = Patient(target, stack, services, pace)
    examination = Examination(patient, _say, frozenset(each.step for each in wanted))
    if no_alarms:
        examination.seen[ALARMS] = Unseen("they were left alone (--no-alarms)", on_purpose=True)
    for line in examination.messages():
        _say(line)
    try:
        report = _examined(examination, wanted, launch.started_by(account), role)
    except KeyboardInterrupt as interrupt:
        raise Interrupted("no longer examining", "What was made is deleted again.", "") from interrupt
    if not only:
        _keep(report)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        for line in report.lines():
            click.echo(line)
    click.get_current_context().exit(report.exit_code)


def _examined(examination: Examination, wanted: Sequence[Assumption], by: str, role: str | None) -> Report:
    """Examine, and then delete the function. Ctrl-C and SIGTERM end the examination; they do not stop the deletion."""
    patient, began = examination.patient, time.monotonic()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if examination.needs_the_function:
            _say(f"making the function {patient.name}")
            with explained("making the doctor's function", "What was made is deleted again."), in_our_words():
                patient.create(role)
        examination.take()
    except Failed as problem:
        raise Unknown(problem.what, problem.untouched, problem.advice) from problem
    except KeyboardInterrupt:
        _say("interrupted")
        raise
    finally:
        left = _removed(patient.services, patient.stack, patient.target)
    return Report(
        findings=tuple(findings(examination, wanted)),
        at=clock.iso(clock.now()),
        by=by,
        function=patient.name,
        seconds=time.monotonic() - began,
        calls=patient.services.calls,
        delay_seconds=delay_of(examination),
        left=tuple(left),
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _removed(services: Services, stack: Stack, target: Target) -> list[str]:
    """Delete the function; return what could not be deleted. Records of a deployment stay until it has ended."""
    _say(f"deleting what belongs to {target.function}")
    left = remove(services, stack, target, PATIENCE_FOR_ENDS)
    for each in left:
        _say(f"could not delete {each}")
    return left


def _clean_up(services: Services, stack: Stack, *, everything: bool) -> None:
    """Delete what earlier doctors left. What is younger may be in use, so only `everything` deletes it, too."""
    with explained("looking for what earlier doctors left", "Nothing was made or deleted."):
        try:
            found = left_behind(services, stack)
        except AccessDenied as error:
            if everything:
                raise
            found = []
            _say(f"what earlier doctors may have left could not be looked for: {error}")
    for name in found:
        age = clock.now() - (made_at(name) or 0)
        if not everything and age < ABANDONED_SECONDS:
            _say(f"{name} belongs to another doctor, which runs or was killed; `bluegreen doctor --clean` deletes it")
            continue
        _removed(services, stack, stack.target(name, ALIAS))
    if everything and not found:
        _say("no doctor has left anything")


def _keep(report: Report) -> None:
    """For `bluegreen status`, which tells of the last whole examination."""
    try:
        checkup.keep(report.checkup())
    except DeploymentError as error:
        _say(f"the result could not be kept for `bluegreen status`: {error}")


def _say(line: str) -> None:
    click.echo(f"{time_of_day(datetime.now(UTC))} {line}", err=True)
