"""Telling people, over SNS."""

import os

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.text import plain, valid_text

LONGEST_SUBJECT = 100
LONGEST_MESSAGE = 60_000
"""Characters; SNS takes 256 KB."""


def tell(subject: str, text: str) -> bool:
    """
    Publish to the notifications topic. False if SNS refused or did not answer; that never fails a deployment.

    SNS takes a subject of ASCII only, and the name of an execution may have other letters.
    """
    in_ascii = plain(subject).encode("ascii", "replace").decode()[:LONGEST_SUBJECT]
    try:
        with in_our_words():
            client("sns").publish(
                TopicArn=os.environ["TOPIC_ARN"], Subject=in_ascii, Message=valid_text(text, LONGEST_MESSAGE)
            )
    except (AwsRefused, AwsUnavailable):
        return False
    return True
