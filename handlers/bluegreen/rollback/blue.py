"""Whether blue, which serves again, is well. Nothing that is found here can stop a rollback."""

import logging

from bluegreen.aws import artifacts, functions
from bluegreen.aws.client import PROBE_SECONDS
from bluegreen.decisions.replies import error_of, mismatches
from bluegreen.errors import DeploymentError
from bluegreen.ledger import deployments, tests
from bluegreen.ledger.record import Record
from bluegreen.request.smoke_tests import Case
from bluegreen.text import plain, sentence

LONGEST_DOUBTS = 1000
"""Characters: a record, a notification and an execution's cause have limits, and blue's error may be long."""


def doubts(record: Record) -> str:
    """A sentence about what is wrong with blue, "" if nothing is."""
    if record.doubts is not None:
        return record.doubts
    _learn(record, f"Whether version {record.blue} is well could not be seen: it took too long.")
    found = _doubts(record)
    _learn(record, found)
    return found


def _learn(record: Record, found: str) -> None:
    """Note it in the record, where the next attempt finds it and does not ask blue again."""
    try:
        deployments.learn_doubts(record.id, found)
    except DeploymentError as error:
        logging.getLogger(__name__).warning("doubts about blue are not noted: %s", error)


def _doubts(record: Record) -> str:
    blue = record.blue or ""
    found: list[str] = []
    try:
        state = functions.describe(record.target, blue).state
        found += [] if state == "Active" else [f"it was {state}"]
        found += _fails(record, blue)
    except Exception as error:
        if not found:
            return f"Whether version {blue} is well could not be seen: {sentence(plain(error, LONGEST_DOUBTS))}"
        found.append(f"and more could not be seen: {error}")
    return f"But version {blue} is unwell itself: {sentence(plain('; '.join(found), LONGEST_DOUBTS))}" if found else ""


def _fails(record: Record, blue: str) -> list[str]:
    """What is wrong with blue's answer to a smoke test that people wrote; nothing if they wrote none."""
    case, own = _case(record, blue)
    if case is None:
        return []
    reply = functions.probe(record.target, blue, artifacts.with_payload(case))
    if not reply.answered:
        return [f"it did not answer within {PROBE_SECONDS} seconds"]
    if own:
        return mismatches(case, reply)
    # The test is green's: that blue lacks what is new is no illness, an error is.
    return [f"it raised {error_of(case, reply)}"] if reply.error not in (None, case.expect_error) else []


def _case(record: Record, blue: str) -> tuple[Case | None, bool]:
    """
    The first of those that blue was deployed with, or else of this deployment's; and whether it is blue's own.

    A request that wants no smoke test wants none on the way back either.
    """
    plan = deployments.plan_of(record.id)
    if plan and not plan.smoke_tests:
        return None, False
    if own := tests.written_for(record.target, blue):
        return own[0], True
    return (plan.written_tests[0], False) if plan and plan.written_tests else (None, False)
