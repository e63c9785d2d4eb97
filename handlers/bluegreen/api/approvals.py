"""
Approvals: what a person decides about a deployment that waits for it.

    POST /deployments/{id}/approve   the step that waits is taken
    POST /deployments/{id}/reject    the deployment is rolled back

The body may be {"step": 2, "reason": "..."}: a decision about a step is never taken for one about the next. The
decision stands in the ledger before it is sent to the state that waits. A person may repeat a decision: it is sent if
it was not yet, and answered as it stands.
"""

from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.exceptions import BadRequestError, ServiceError
from pydantic import Field, ValidationError

from bluegreen import clock
from bluegreen.api import asked
from bluegreen.api.refusals import Refused
from bluegreen.api.routes import Answer, Router
from bluegreen.aws import executions
from bluegreen.decisions.gates import APPROVED, LONGEST_REASON, REJECTED, Decision
from bluegreen.edge import logger
from bluegreen.errors import ApprovalRefused, AwsRefused, AwsUnavailable
from bluegreen.ledger import approvals, deployments
from bluegreen.ledger.approvals import Asked
from bluegreen.ledger.owner import of_deployment
from bluegreen.ledger.record import OPEN, Record
from bluegreen.model import Frozen
from bluegreen.request.explain import explain
from bluegreen.request.names import is_execution_name
from bluegreen.text import plain

router = Router()

NOTHING = "nothing was changed"


class Said(Frozen):
    """The body. Without a step it is about the one that waits."""

    step: Annotated[int, Field(ge=1)] | None = None
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


class Awaited(Answer):
    """A step that waits for a decision until `ends_at`. Without a decision the other fields are left out."""

    step: int
    asked_at: str
    ends_at: str
    decision: Literal["approved", "rejected"] | None = None
    by: str | None = None
    at: str | None = None
    reason: str | None = None


class Decided(Answer):
    """The decision as it is noted."""

    id: str
    step: int
    decision: Literal["approved", "rejected"]
    by: str
    at: str
    reason: str


DECIDED = {HTTPStatus.OK: Decided}
REFUSED = {
    HTTPStatus.NOT_FOUND: "There is no such deployment. Nothing was changed.",
    HTTPStatus.CONFLICT: "The deployment does not wait for this decision; `message` says why.",
}


decides = partial(router.offers, "POST", body=Said, needs_body=False, answers=DECIDED, refuses=REFUSED)


@decides("/deployments/{id}/approve", "Approve")
def approve(deployment: str) -> dict[str, Any]:
    """
    Approve the step that waits: the deployment takes it.

    The answer is 403 also if the caller started the deployment, and its request has `other_than_starter`.
    """
    return _decide(unquote(deployment), APPROVED)


@decides("/deployments/{id}/reject", "Reject")
def reject(deployment: str) -> dict[str, Any]:
    """Reject the step that waits: the deployment is rolled back."""
    return _decide(unquote(deployment), REJECTED)


def _decide(deployment: str, which: str) -> dict[str, Any]:
    event = router.current_event
    said, by = _said(asked.body(event, NOTHING) if event.body else {}), asked.caller(event)
    record = _live(deployment)
    step = _step(record, said.step)
    made = approvals.decided(record.owner, step.step) or _newly_decided(record, step, which, by, said.reason)
    if (made.by, made.decision) != (by, which):
        raise _refused(f"step {step.step} of {record.id} was {made} already")
    if not approvals.is_sent(record.owner, step.step):
        _send(record, made)
    return {"id": deployment} | made.model_dump(mode="json")


def _newly_decided(record: Record, step: Asked, which: str, by: str, reason: str) -> Decision:
    """The decision that stands now: this one, or another that came at the same moment. Raises Refused."""
    now = clock.now()
    if step.is_over(now):
        raise _refused(f"the time to decide about step {step.step} of {record.id} was over at {step.ends_at}")
    if which == APPROVED:
        _must_be_another_than_the_starter(record, by)
    decision = Decision.model_validate(
        {"step": step.step, "decision": which, "by": by, "at": clock.iso(now), "reason": reason}
    )
    if approvals.decide(record.owner, decision):
        return decision
    if earlier := approvals.decided(record.owner, step.step):
        return earlier
    raise AwsUnavailable(f"DynamoDB does not show the decision about step {step.step} that stands already")


def _send(record: Record, decision: Decision) -> None:
    """To the state that waits. Raises ServiceError or Refused, which say that the decision is recorded."""
    recorded = f"the decision about step {decision.step} of {record.id} is recorded"
    try:
        token = _token(record.id, decision.step)
        waited = not token or _sent(token, decision) or _has_effect(record.id, decision)
    except (AwsRefused, AwsUnavailable) as error:
        logger.warning("not sent", extra={"cause": str(error)})
        raise ServiceError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{recorded}, but it could not be sent to the execution: {error}. Send the same decision again; otherwise "
            "it takes effect when AwaitApproval's time is over",
        ) from error
    if not waited:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"{record.id} was no longer waiting when ServeApi sent the decision",
            recorded,
            f"`bluegreen status {record.target.function} --alias {record.target.alias}` shows its state",
        )
    with suppress(AwsRefused, AwsUnavailable):  # without it a repetition sends it again, which is harmless
        approvals.learn_sent(record.owner, decision.step)


def _has_effect(deployment: str, decision: Decision) -> bool:
    """
    The state that waited has the decision, by a call whose answer was lost, or will read it.

    While the record is open, AwaitApproval comes back and reads it.
    """
    now = deployments.find(deployment)
    if now is None:
        return False
    taken = any(each.step == decision.step for each in now.approvals)
    return now.state == OPEN or taken or now.error == ApprovalRefused.__name__


def _said(body: Any) -> Said:
    try:
        return Said.model_validate(body)
    except ValidationError as error:
        raise BadRequestError(f"{explain(error, Said)}; {NOTHING}") from error


def _live(deployment: str) -> Record:
    """Raises Refused if there is none, or if it is over."""
    record = deployments.find(deployment) if is_execution_name(deployment) else None
    if record is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no deployment {plain(deployment, 100)}", NOTHING)
    if record.state != OPEN:
        how = "is being undone" if record.live else f"has ended as {record.state}"
        raise _refused(f"deployment {deployment} {how}, so there is nothing to decide")
    return record


def _step(record: Record, named: int | None) -> Asked:
    """The step that the caller names, or the one that waits now, or did last. Raises Refused."""
    steps = approvals.asked(record.owner)
    if not steps:
        raise _refused(
            f"deployment {record.id} does not wait for an approval", f"`bluegreen watch {record.id}` shows what it does"
        )
    found = steps[-1] if named is None else next((each for each in steps if each.step == named), None)
    if found is None:
        raise _refused(
            f"step {named} of {record.id} does not wait for an approval", f"The last step that did is {steps[-1].step}"
        )
    return found


def _token(deployment: str, step: int) -> str:
    """Read after the decision is written: an attempt of AwaitApproval that writes a later one reads the decision."""
    return next((each.task_token for each in approvals.asked(of_deployment(deployment)) if each.step == step), "")


def _must_be_another_than_the_starter(record: Record, by: str) -> None:
    plan = deployments.plan_of(record.id)
    if plan is None:
        raise _refused(f"this stack version cannot read the plan of {record.id}")
    if plan.approval.other_than_starter and record.started_by == by:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"{by} started {record.id}, and its request wants another principal to approve "
            "(approval.other_than_starter)",
            NOTHING,
            "Ask another person",
        )


def _sent(token: str, decision: Decision) -> bool:
    if decision.decision == APPROVED:
        return executions.succeed(token)
    return executions.fail(token, ApprovalRefused.__name__, f"Step {decision.step} was {decision}.")


def _refused(why: str, advice: str = "") -> Refused:
    return Refused(HTTPStatus.CONFLICT, why, NOTHING, advice)
