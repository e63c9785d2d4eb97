"""How often people are told of refused requests: a flood of them must not be a flood of messages."""

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.target import Target

QUIET_SECONDS = 3600


def may_tell(target: Target, deployment: str, kind: str = "told") -> bool:
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
