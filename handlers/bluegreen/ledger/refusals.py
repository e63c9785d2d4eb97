"""
How often people are told of refused requests: a flood of them must not be a flood of messages.

Of an execution without a record they are told once. Anyone who may invoke RecoverDeployments can repeat its event.
"""

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.ledger.starts import KEPT_SECONDS
from bluegreen.target import Target

QUIET_SECONDS = 3600

TOLD = "told"


def may_tell(target: Target, deployment: str, kind: str = TOLD) -> bool:
    """
    Whether people may be told of this refused request of the target's function now: of one of its kind in an hour.

    The item names the request that people were told of, and that request may be told of again if SNS did not take it.
    If two handlers ask at the same moment for two requests, only one of them may tell.
    """
    now = clock.now()
    told = {
        "Key": table.key(f"refusals#{target.function_key}", kind),
        "UpdateExpression": "SET told_at = :now, deployment = :me",
        "ConditionExpression": "attribute_not_exists(told_at) OR told_at <= :before OR deployment = :me",
        "ExpressionAttributeValues": table.values({":now": now, ":before": now - QUIET_SECONDS, ":me": deployment}),
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
