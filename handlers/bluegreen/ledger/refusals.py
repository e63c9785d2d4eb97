"""
How often people are told of refused requests: a flood of them must not be a flood of messages.

Of one function's refused requests, and of all refused releases together, they are told once an hour. What a freeze
refuses has an hour of its own, so that no other refusal hides it.

Of an execution without a record they are told once. Anyone who may invoke RecoverDeployments can repeat its event.
"""

from typing import Protocol

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.document import REJECTED
from bluegreen.errors import Aborted, UploadWaits
from bluegreen.ledger.starts import KEPT_SECONDS

QUIET_SECONDS = 3600

TOLD, FROZEN = "told", "frozen"


class Ended(Protocol):
    """The record of a deployment or of a release."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def state(self) -> str:
        """How it ended."""

    @property
    def error(self) -> str | None:
        """Why."""


def is_one(ended: Ended) -> bool:
    """Whether it was refused. An upload that waits was not, and an abort was not."""
    return ended.state == REJECTED and ended.error not in (UploadWaits.__name__, Aborted.__name__)


def may_tell_how(ended: Ended, of: str, *, frozen: bool) -> bool:
    """Whether people may be told now how it ended: of a refusal as `may_tell` says, of everything else always."""
    return not is_one(ended) or may_tell(of, ended.id, FROZEN if frozen else TOLD)


def may_tell(of: str, request: str, kind: str = TOLD) -> bool:
    """
    Whether people may be told of this refused request now: of one of its kind in an hour.

    `of` is the key of its function, or that of all releases.

    The item names the request that people were told of, and that request may be told of again if SNS did not take it.
    If two handlers ask at the same moment for two requests, only one of them may tell.
    """
    now = clock.now()
    told = {
        "Key": table.key(f"refusals#{of}", kind),
        "UpdateExpression": "SET told_at = :now, deployment = :me",
        "ConditionExpression": "attribute_not_exists(told_at) OR told_at <= :before OR deployment = :me",
        "ExpressionAttributeValues": table.values({":now": now, ":before": now - QUIET_SECONDS, ":me": request}),
    }
    return table.update(told) is not None


def may_tell_of_end(execution: str) -> bool:
    """Whether people do not know yet that the execution with this ARN, which has no record, has ended badly."""
    told = {
        "Key": table.key(f"refusals#{execution}", TOLD),
        "UpdateExpression": "SET forget_at = :later",
        "ConditionExpression": "attribute_not_exists(told_at)",
        "ExpressionAttributeValues": table.values({":later": int(clock.now()) + KEPT_SECONDS}),
    }
    return table.update(told) is not None


def learn_told_of_end(execution: str) -> None:
    """Write down that they know. DynamoDB forgets it when Step Functions forgets the execution."""
    now = clock.now()
    told = {
        "Key": table.key(f"refusals#{execution}", TOLD),
        "UpdateExpression": "SET told_at = :now, forget_at = :later",
        "ExpressionAttributeValues": table.values({":now": now, ":later": int(now) + KEPT_SECONDS}),
    }
    table.update(told)
