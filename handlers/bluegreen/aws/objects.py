"""Objects of the stack's own bucket that only its handlers write."""

import os

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import NotFound

INTERNAL = "internal/"
"""Where they lie. No policy for people allows a write there."""


def put(key: str, content: bytes) -> None:
    """Store the object in the place of the one before."""
    with in_our_words():
        client("s3").put_object(Bucket=os.environ["ARTIFACT_BUCKET"], Key=f"{INTERNAL}{key}", Body=content)


def get(key: str) -> bytes | None:
    """What the object has; None if there is none."""
    try:
        with in_our_words():
            answer = client("s3").get_object(Bucket=os.environ["ARTIFACT_BUCKET"], Key=f"{INTERNAL}{key}")
            return answer["Body"].read()
    except NotFound:
        return None
