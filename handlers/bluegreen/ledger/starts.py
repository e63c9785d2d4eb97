"""
Who started an execution: what its trigger wrote down before it called StartExecution.

Only the roles of ServeApi and ReceiveUpload may write these items. The caller of StartExecution writes the whole input.
So what the input says of its author is a claim, and reads as one. DynamoDB deletes an item when Step Functions frees
the execution's name.
"""

import hashlib
import json
from typing import Any

from bluegreen import clock
from bluegreen.aws import table
from bluegreen.document import DIRECTLY
from bluegreen.errors import AwsRefused
from bluegreen.model import Frozen
from bluegreen.text import DEEPEST, comparable, is_deeper

KEPT_SECONDS = 90 * 24 * 3600
BY_API = "API by "
"""Before the ARN of the principal that signed the request."""
CLAIMED = "{}, as the request says"


class Author(Frozen):
    """Who started a deployment, in words. It is `proved` if a trigger wrote it down, and else a claim or nothing."""

    said: str
    proved: bool


def note(execution: str, author: str, request: Any) -> None:
    """
    Write down, before the start, who starts the execution of that name with this request. It may be repeated.

    Without the start the item means nothing. Raises AwsRefused if another author is written there.
    """
    learned = {"author": author, "forget_at": int(clock.now()) + KEPT_SECONDS}
    noted = {
        "Item": table.key(partition(execution), _digest(request)) | table.values(learned),
        "ConditionExpression": "attribute_not_exists(pk) OR author = :author",
        "ExpressionAttributeValues": table.values({":author": author}),
    }
    if not table.put(noted):
        raise AwsRefused(f"started_by: another author is noted for {execution} with this request; nothing was started")


def author(execution: str, document: Any, claim: str) -> Author:
    """
    Who started the execution of that name with this document as its input.

    `claim` is what the document says of it, "" if it says nothing. Then CloudTrail has the caller of StartExecution.
    """
    if found := noted(execution, document):
        return Author(said=found, proved=True)
    return Author(said=CLAIMED.format(claim) if claim else DIRECTLY, proved=False)


def noted(execution: str, document: Any) -> str:
    """The author that a trigger wrote down for the execution of that name with this very input; "" if none did."""
    digest = _digest(document)
    item = table.get(partition(execution), digest) if digest else None
    return str(item["author"]) if item else ""


def partition(execution: str) -> str:
    """The key of what is written about an execution's start; the sort key is the digest of its input."""
    return f"start#{execution}"


def _digest(document: Any) -> str:
    """SHA-256 of what the trigger and OpenDeployment see alike; "" for a document that is deeper than any request."""
    if is_deeper(document, DEEPEST):
        return ""
    return hashlib.sha256(json.dumps(_alike(document), sort_keys=True).encode()).hexdigest()


def _alike(value: Any) -> Any:
    """
    A value of JSON without what services write in different ways: half a character, a number's digits.

    An object comes with its number of keys, since two of them may be alike.
    """
    if isinstance(value, dict):
        return [len(value), {comparable(key): _alike(each) for key, each in value.items()}]
    if isinstance(value, list):
        return [_alike(each) for each in value]
    return comparable(value)
