"""Recovery of a release: another execution of the same machine goes on where the one that died left it."""

import os
from typing import Literal

from bluegreen import clock
from bluegreen.aws import executions
from bluegreen.decisions.orders import standing
from bluegreen.errors import Aborted, StillInProgress
from bluegreen.ledger import audit, orders
from bluegreen.ledger.releases import OPEN, OPENING, Release
from bluegreen.releasing.rings import RESUME

MOST_RECOVERIES = 99
"""Executions of one release, so that their names stay within Step Functions' limit of 80 characters."""


def look_after(release: Release) -> Literal["recovered", "running"]:
    """
    Start another execution, if none works on the release. If a person ordered to abort it, stop the one that does.

    Raises StillInProgress if Step Functions does not show the last execution yet. Two calls at the same time are safe:
    of two executions that are started, one takes the release over.
    """
    order = standing(orders.given(release.owner), clock.now()).aborted
    if is_worked_on(release):
        if order is None or release.state not in (OPENING, OPEN):
            return "running"
        executions.stop(release.execution, Aborted.__name__, order.why_aborted)
    started = _start(release)
    audit.note(release.owner, audit.RECOVERY, {"execution": started, "aborted": order.why_aborted if order else None})
    return "recovered"


def is_worked_on(release: Release) -> bool:
    """
    Whether the release's execution runs. Step Functions may show one as running that was just stopped.

    Raises StillInProgress if it does not show the execution of a release that began within a day.
    """
    holder = executions.describe(release.execution)
    if holder is None and clock.now() - clock.moment(release.started_at) < executions.FORGOTTEN_AFTER_SECONDS:
        raise StillInProgress(f"Step Functions does not show the execution {release.execution} yet")
    return holder is not None and holder.running


def _start(release: Release) -> str:
    """
    The ARN of an execution that runs.

    A number is skipped if its execution ended before it took the release over, or was started for something else.
    """
    machine, request = os.environ["RELEASE_MACHINE_ARN"], {RESUME: release.id}
    for number in range(release.recoveries + 1, MOST_RECOVERIES + 1):
        name = f"{release.id}-recovery-{number}"
        known = executions.describe(executions.arn_of(machine, name))
        if known and known.running and known.request == request:
            return known.arn
        if known is None:
            return executions.start(machine, name, request)
    raise StillInProgress(f"{release.id} was recovered {MOST_RECOVERIES} times; start its recovery by hand")
