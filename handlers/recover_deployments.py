"""
RecoverDeployments: undo the deployment of an execution that was stopped, timed out or could not roll back, and of one
that a person ordered to abort. A release is handed to another execution of its machine.

ServeApi invokes it with `{"abort": "<id>"}` after it has written such an order. The event only says where to look: the
deployment is undone if the ledger has the order. It also runs when Step Functions says that an execution ended badly.
Since such events can be lost, it also sweeps every few minutes: over every lock that is held, every end that people
were not told of, and every approval that they were not asked for. A sweep also writes how many deployments run, and how
many wait for a person. Safe to repeat and safe beside itself.
"""

import os
import random
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, Self

from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen import clock, news
from bluegreen.aws import executions
from bluegreen.baking.gates import Waits, what_waits
from bluegreen.document import DEPLOYED, ROLLBACK_FAILED
from bluegreen.edge import logger
from bluegreen.errors import AwsUnavailable, DeploymentError, StillInProgress
from bluegreen.ledger import deployments, locks, releases
from bluegreen.ledger.locks import Lock
from bluegreen.ledger.record import Record
from bluegreen.ledger.releases import Release
from bluegreen.model import Section
from bluegreen.news import dashboard
from bluegreen.releasing import news as releasing_news
from bluegreen.releasing.recovery import look_after
from bluegreen.request.names import is_execution_name
from bluegreen.rollback.recovery import call_without_record, recover_or_abort

PAUSES_SECONDS = (0, 10, 20, 40)
"""Before each attempt; what is not done then is left to Lambda's own retries and to the next sweep."""

ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")

KEPT_SECONDS = 300
"""Of the function's ten minutes, reserved for the last recovery and for notifications."""

TELLING_SECONDS = 60
"""
EventBridge and SNS are waited for half a minute at most; a deployment seldom has two steps that wait. Another execution
of a release is started within that time, too.
"""

Found = Literal["recovered", "running", "later", "failed"]
"""`later`: the next attempt may succeed. `failed`: an operator must help."""


class Occasion(Section):
    """Why it runs: the end of one execution, the order to abort one deployment, or, without both, a sweep over all."""

    abort: str = ""
    executionArn: str = ""  # noqa: N815  # as EventBridge writes it
    name: str = ""
    status: str = executions.RUNNING

    @classmethod
    def of(cls, event: Any) -> Self:
        """An event that names neither starts a sweep over every lock."""
        named = event.get("abort") if isinstance(event, dict) else None
        if isinstance(named, str) and is_execution_name(named):
            return cls(abort=named)
        try:
            return cls.model_validate(event["detail"] or {})
        except (LookupError, TypeError, ValueError):
            return cls()

    @property
    def is_of_a_release(self) -> bool:
        """An execution of the release machine has ended."""
        return executions.arn_of(os.environ["RELEASE_MACHINE_ARN"], self.name) == self.executionArn

    def releases(self) -> list[Release]:
        """
        Those that have not ended, or of whose end people do not know; or the one that is to be aborted.

        All come in random order, as the locks do.
        """
        if self.abort:
            known = releases.find(self.abort)
            return [known] if known and known.live else []
        unfinished = releases.unfinished() if self.is_sweep or self.is_of_a_release else []
        return random.sample(unfinished, len(unfinished))

    @property
    def is_sweep(self) -> bool:
        """It looks after everything."""
        return not self.executionArn and not self.abort

    def locks(self) -> tuple[list[Lock], list[str]]:
        """
        The lock of that execution or deployment, or all of them, and the keys of those that cannot be read.

        All come in random order, so that one slow lock does not starve the same others.
        """
        if self.is_sweep:
            held_now, unreadable = locks.all_held()
            return random.sample(held_now, len(held_now)), unreadable
        record = None if self.is_of_a_release else deployments.find(self.abort or self.name)
        held = locks.held(record.target) if record else None
        execution = record.execution if record and self.abort else self.executionArn
        return [held] if held and held.held_by == execution else [], []

    @property
    def worth_an_alarm(self) -> tuple[Found, ...]:
        """An abort is no accident: what is only late, as provisioned concurrency that moves, is left to the sweep."""
        return ("failed",) if self.abort else ("later", "failed")

    def tell(self) -> dict[str, bool | None]:
        """Tell people of that execution's end, or of every end that nobody else tells them; whether they know now."""
        if self.abort or self.is_of_a_release:
            return {}  # who undoes it tells them
        if not self.executionArn:
            return {each.id: _told(each.id) for each in deployments.untold() if not _is_told_by_its_execution(each)}
        if record := deployments.find(self.name):
            return {} if _is_told_by_its_execution(record) else {self.name: _told(self.name)}
        execution = executions.describe(self.executionArn)
        if execution is None or execution.name != self.name or execution.status not in ENDED_BADLY:
            return {}
        return {execution.name: news.tell_without_record(execution)}

    def wants_another_look(self, found: Found) -> bool:
        """Also at what still runs, if the event says that it has ended: DescribeExecution is eventually consistent."""
        return found == "later" or (found == "running" and self.status != executions.RUNNING)


@logger.inject_lambda_context(correlation_id_path="id", clear_state=True)
def handler(event: Any, context: LambdaContext) -> dict[str, list[str]]:
    occasion = Occasion.of(event)
    looked_at, unreadable = _locks_at_last(occasion)
    for key in unreadable:
        _count_failure("a lock of another stack version", key)
    found: dict[str, Found] = {}  # a lock without an entry is left to the next sweep
    for pause in PAUSES_SECONDS:
        again = [lock for lock in looked_at if occasion.wants_another_look(found.get(lock.deployment, "later"))]
        if again and _has_time(context, pause):
            clock.sleep(pause)
            found |= {
                lock.deployment: _tried(partial(recover_or_abort, lock), lock.deployment)
                for lock in again
                if _has_time(context)
            }
    told = occasion.tell()
    if occasion.is_sweep:
        live = [name for name, each in found.items() if each == "running"]
        waits = {name: _waits(name) for name in live if _has_time_for_one_more(context)}
        ended = sum(each == "recovered" for each in found.values())
        dashboard.standing(
            DeploymentsRunning=len(looked_at) + len(unreadable) - ended,
            DeploymentsWaiting=sum(each is not None and each.now for each in waits.values()),
        )
        told |= {name: each and each.told for name, each in waits.items()}
    for release in occasion.releases():
        if not _has_time_for_one_more(context):
            break
        if release.live:
            found[release.id] = _tried(partial(look_after, release), release.id)
        else:
            told[release.id] = _release_told(release)
    logger.info("looked", extra={"found": found, "told": told})
    unfinished = [*unreadable, *(deployment for deployment, each in found.items() if each in occasion.worth_an_alarm)]
    unfinished += [deployment for deployment, known in told.items() if known is None]
    if unfinished:
        names = ", ".join(dict.fromkeys(unfinished))
        raise DeploymentError(f"Not recovered, or people were not told: {names}. The next sweep tries again.")
    return {"recovered": [deployment for deployment, each in found.items() if each == "recovered"]}


def _has_time(context: LambdaContext, pause: int = 0) -> bool:
    """For another look after that pause."""
    return context.get_remaining_time_in_millis() > (KEPT_SECONDS + pause) * 1000


def _has_time_for_one_more(context: LambdaContext) -> bool:
    """Whether there is time for another release, or another deployment's approvals; the next sweep does the rest."""
    return context.get_remaining_time_in_millis() > TELLING_SECONDS * 1000


def _tried(recover: Callable[[], Found], name: str) -> Found:
    try:
        return recover()
    except (AwsUnavailable, StillInProgress) as error:
        logger.warning("not recovered yet", extra={"deployment": name, "cause": str(error)})
        return "later"
    except Exception:  # a fault in one record must not hold up the others
        _count_failure("not recovered", name)
        return "failed"


def _release_told(release: Release) -> bool | None:
    """Whether people know of its end; None if telling failed because of a bug."""
    try:
        return releasing_news.tell(release.id)
    except Exception:
        logger.exception("not told", extra={"release": release.id})
        return None


def _count_failure(what: str, of: str) -> None:
    """The alarm goes off also if this function is killed afterwards."""
    logger.error(what, exc_info=sys.exc_info()[0] is not None, extra={"deployment": of, "alarm": ROLLBACK_FAILED})


def _locks_at_last(occasion: Occasion) -> tuple[list[Lock], list[str]]:
    """
    Read the locks, retrying while DynamoDB is unavailable.

    If it stays unavailable, people are told what the execution itself reported.
    """
    for pause in PAUSES_SECONDS:
        clock.sleep(pause)
        try:
            return occasion.locks()
        except DeploymentError as error:
            last = error
    if occasion.executionArn and (execution := executions.describe(occasion.executionArn)):
        call_without_record(execution)
    raise last


def _is_told_by_its_execution(record: Record) -> bool:
    """DeleteVersions tells of it, and can say what was deleted, unless its execution ends before."""
    if record.state != DEPLOYED:
        return False
    try:
        plan = deployments.plan_of(record.id)
        execution = executions.describe(record.execution) if plan and plan.kept else None
    except DeploymentError as error:
        return isinstance(error, AwsUnavailable)  # the next sweep looks again
    return execution is not None and execution.running


def _waits(deployment: str) -> Waits | None:
    """None if a bug hindered the look, which must hinder no other."""
    try:
        return what_waits(deployment)
    except Exception:
        logger.exception("not looked after", extra={"deployment": deployment})
        return None


def _told(deployment: str) -> bool | None:
    """Whether people know of its end; None if telling failed because of a bug, which must not keep back the others."""
    try:
        return news.tell(deployment)
    except Exception:
        logger.exception("not told", extra={"deployment": deployment})
        return None
