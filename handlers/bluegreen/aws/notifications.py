"""
Telling people, over SNS.

A message has two forms. Subscribers over HTTPS get the form that Amazon Q Developer in chat applications shows in Slack
and Microsoft Teams (its custom notification), all others get plain text.
"""

import json
import os
from typing import Any

from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.text import plain, valid_text

LONGEST_SUBJECT = 100
LONGEST_MESSAGE = 50_000
"""Characters of the plain text; SNS takes 256 KB for both forms together."""

LONGEST_IN_CHAT = 2_500
"""Characters; a part of a message in Slack has 3,000."""

NO_MENTIONS = str.maketrans("<>", "\u2039\u203a")
"""In chats `<` begins a mention or a link, as `<!channel>`; texts that are foreign in part must not call everybody."""


def tell(subject: str, text: str, steps: tuple[str, ...] = (), deployment: str = "") -> bool:
    """
    Publish to the notifications topic. False if SNS refused or did not answer; that never fails a deployment.

    `steps` are what the reader can do next. In chats the messages about one deployment are one thread. SNS takes a
    subject of ASCII only, and the name of an execution may have other letters.
    """
    in_ascii = plain(subject).encode("ascii", "replace").decode()[:LONGEST_SUBJECT]
    whole = "\n".join([f"{text}\n", *steps]) if steps else text
    message = {
        "default": valid_text(whole, LONGEST_MESSAGE),
        "https": json.dumps(in_chat(in_ascii, text, steps, deployment), ensure_ascii=False),
    }
    try:
        with in_our_words():
            client("sns").publish(
                TopicArn=os.environ["TOPIC_ARN"],
                Subject=in_ascii,
                Message=json.dumps(message, ensure_ascii=False),
                MessageStructure="json",
            )
    except (AwsRefused, AwsUnavailable):
        return False
    return True


def in_chat(subject: str, text: str, steps: tuple[str, ...], deployment: str) -> dict[str, Any]:
    """A custom notification of Amazon Q Developer in chat applications."""
    content: dict[str, Any] = {
        "textType": "client-markdown",
        "title": _shown(subject),
        "description": _shown(text),
    }
    if steps:
        content["nextSteps"] = [_shown(step) for step in steps]
    metadata = {"summary": _shown(subject)} | ({"threadId": plain(deployment)} if deployment else {})
    return {"version": "1.0", "source": "custom", "content": content, "metadata": metadata}


def _shown(text: str) -> str:
    return valid_text(text, LONGEST_IN_CHAT).translate(NO_MENTIONS)
