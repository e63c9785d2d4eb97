"""Telling other systems, by events on EventBridge's default bus."""

import json
from typing import Any

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable

SOURCE = "bluegreen"
"""The source of every event. The roles of the stack may send no other."""


def put(detail_type: str, detail: dict[str, Any], resource: str) -> bool:
    """Send an event about that resource. False if EventBridge refused or did not answer."""
    text = json.dumps(detail, ensure_ascii=False)
    try:
        with in_our_words():
            answer = client("events").put_events(
                Entries=[{"Source": SOURCE, "DetailType": detail_type, "Detail": text, "Resources": [resource]}]
            )
            return answer["FailedEntryCount"] == 0
    except (AwsRefused, AwsUnavailable):
        return False
