"""
RejectDeployment: write down why a request was refused; nothing was touched.

Safe to retry: a record is written once.
"""

import os
from typing import Any

from bluegreen import clock, news
from bluegreen.aws import notifications
from bluegreen.document import DIRECTLY, Refused, Rejection
from bluegreen.edge import Execution, step
from bluegreen.ledger import records


@step
def handler(refused: Refused, execution: Execution) -> Rejection:
    error, cause = refused.failure.error, refused.failure.sentence
    now = clock.iso(clock.now())
    record = records.Record(
        id=execution.name,
        function=_plain(refused.function or "unknown"),
        alias=_plain(refused.alias or os.environ["DEFAULT_ALIAS"]),
        state=records.REJECTED,
        execution=execution.arn,
        started_at=execution.started_at,
        started_by=_plain(refused.started_by or DIRECTLY),
        artifact=str(refused.artifact or "unknown")[:1024],
        ended_at=now,
        error=error,
        cause=cause,
    )
    opened = records.find(execution.name)
    if opened is None:
        records.keep(record)
    elif opened.started_at != execution.started_at:
        # The record by its name is another deployment's.
        told = notifications.tell(f"Rejected: {record.function}:{record.alias} was not touched", f"{error}: {cause}")
        return Rejection(error=error, cause=cause, told=told)
    else:
        records.close(opened.lock, records.REJECTED, error=error, cause=cause)
    return Rejection(error=error, cause=cause, told=news.tell(record.id))


def _plain(name: Any) -> str:
    """Whatever was sent as a name, short and printable enough for a key and a subject."""
    return "".join(letter for letter in str(name)[:128] if letter.isascii() and letter.isprintable()) or "unknown"
