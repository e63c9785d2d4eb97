"""
What green's log says of its time under traffic. Nothing that is found here, or not found, can stop a rollback.

It is asked when users are safe. Reading it again changes nothing, so an attempt that was killed meanwhile is repeated
as a whole.
"""

import logging

from bluegreen import clock
from bluegreen.aws import console, logs
from bluegreen.aws.logs import LogQuery, own_group
from bluegreen.decisions.complaints import FILTER, LONGEST_MESSAGE, Complained, Tells, most_often
from bluegreen.document import OPT_IN_TAG, OPTED_IN, Plan
from bluegreen.errors import AccessDenied, NotFound
from bluegreen.ledger import deployments
from bluegreen.ledger.record import Record
from bluegreen.target import Target
from bluegreen.text import plain


def complained(record: Record) -> Complained | None:
    """What it complains of most; None of a green that had no share, or whose log nobody wants to be read."""
    if not record.shifted_at or not record.green:
        return None
    try:
        plan = deployments.plan_of(record.id)
        if plan is None or plan.health.log_errors == "off":
            return None
        return _read(record, record.green, clock.moment(record.shifted_at), plan)
    except Exception as error:
        logging.getLogger(__name__).warning("what green's log says is not known: %s", error)
        return None


def tells(plan: Plan) -> Tells:
    """
    What may be told of green's errors.

    A smoke test may be sensitive, and green may be asked the same again under traffic: then the message of an error is
    never told, and its type only where no test is repeated.
    """
    if any(case.sensitive for case in plan.smoke_tests):
        return "own" if plan.health.no_traffic == "probe" else "type"
    return "type" if plan.health.log_errors == "type" else "message"


def _read(record: Record, green: str, since: float, plan: Plan) -> Complained:
    target, group = record.target, plan.log_group or own_group(record.target.function)
    try:
        lines, all_of_them = logs.glance(target, LogQuery(group, green, FILTER), since, clock.now())
    except Exception as error:
        link = console.of_log(target, group)
        return Complained(group=group, link=link, unread=_why(error, target, group))
    found = most_often(lines, tells(plan))
    link = console.of_log(target, group, found.stream)
    return found.model_copy(update={"group": group, "link": link, "partly": not all_of_them})


def _why(error: Exception, target: Target, group: str) -> str:
    if isinstance(error, AccessDenied):
        return (
            f"the stack may search log groups with the tag {OPT_IN_TAG} = {OPTED_IN} only: `aws logs tag-resource "
            f"--resource-arn {target.beside_logs(group)} --tags {OPT_IN_TAG}={OPTED_IN}{target.in_region}`"
        )
    if isinstance(error, NotFound):
        return f"there is no log group {group}"
    return plain(error, LONGEST_MESSAGE)
