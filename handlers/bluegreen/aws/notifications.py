"""Telling people, over SNS."""

import os

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable

LONGEST_SUBJECT = 100


def tell(subject: str, text: str) -> bool:
    """Publish to the notifications topic. False if SNS refused or did not answer; that never fails a deployment."""
    try:
        with in_our_words():
            client("sns").publish(TopicArn=os.environ["TOPIC_ARN"], Subject=subject[:LONGEST_SUBJECT], Message=text)
    except (AwsRefused, AwsUnavailable):
        return False
    return True
