"""Telling people, over SNS."""

import json
from typing import Any

import jsonschema_rs
import pytest

from bluegreen.aws import notifications
from bluegreen.aws.client import client
from tests.handlers.desk import told
from tests.machine.deployer import Deployer


def test_people_are_told(deployer: Deployer) -> None:
    assert notifications.tell("Deployed: Shop:PROD is at version 2", "It went from version 1.")

    assert deployer.notified() == ["Deployed: Shop:PROD is at version 2"]


def test_a_subject_that_sns_would_refuse_is_cut_short(deployer: Deployer) -> None:
    assert notifications.tell("x" * 500, "text")

    assert deployer.notified() == ["x" * 100]


def test_a_subject_is_what_sns_takes_whatever_an_executions_name_is(deployer: Deployer) -> None:
    assert notifications.tell("Rejected: Zürich\n\ud83d touched nothing", "text")

    assert deployer.notified() == ["Rejected: Z?rich ? touched nothing"]


def test_no_text_keeps_people_from_being_told(deployer: Deployer) -> None:
    assert notifications.tell("Deployed", "half a \ud83d character\n" + "ü" * 300_000)

    (text,) = told(deployer)
    assert text.startswith("half a \ufffd character\nü")
    assert len(text.encode()) < 256 * 1024


@pytest.mark.parametrize("code", ["InternalFailure", "AuthorizationError", "ReadTimeout", "InvalidParameter"])
def test_a_topic_that_does_not_take_it_is_told_by_the_answer(deployer: Deployer, code: str) -> None:
    with deployer.aws.fails("Publish", code, times=None):
        assert not notifications.tell("Deployed", "text")

    assert deployer.notified() == []


class TestInChat:
    """Amazon Q Developer in chat applications, which subscribes by HTTPS, shows its custom notifications in chats."""

    def test_subscribers_over_https_get_a_custom_notification_and_others_plain_text(self, deployer: Deployer) -> None:
        sent = sent_by(deployer, "Deployed: Shop:PROD", "It went well.", ("`bluegreen status Shop`", "Look."), "first")

        assert sent["default"] == "It went well.\n\n`bluegreen status Shop`\nLook."
        assert json.loads(sent["https"]) == {
            "version": "1.0",
            "source": "custom",
            "content": {
                "textType": "client-markdown",
                "title": "Deployed: Shop:PROD",
                "description": "It went well.",
                "nextSteps": ["`bluegreen status Shop`", "Look."],
            },
            "metadata": {"threadId": "first", "summary": "Deployed: Shop:PROD"},
        }

    @pytest.mark.parametrize("steps", [(), ("step",)])
    @pytest.mark.parametrize("deployment", ["", "first"])
    def test_it_has_the_form_that_aws_documents(
        self, deployer: Deployer, steps: tuple[str, ...], deployment: str
    ) -> None:
        sent = sent_by(deployer, "subject", "text", steps, deployment)

        jsonschema_rs.validate(CUSTOM_NOTIFICATION, json.loads(sent["https"]))

    def test_no_text_calls_a_whole_channel(self, deployer: Deployer) -> None:
        sent = sent_by(deployer, "<!here>", "<!channel> <at>everyone</at>", ("<@U1>",), "first")

        assert "<" not in sent["https"]
        assert "<!channel>" in sent["default"]

    def test_a_long_text_is_cut_short_and_both_forms_together_fit(self, deployer: Deployer) -> None:
        sent = sent_by(deployer, "subject", "\U0001f600" * 100_000, (), "first")

        assert len(json.loads(sent["https"])["content"]["description"]) < 3_000
        assert len(json.dumps(sent, ensure_ascii=False).encode()) < 256 * 1024


CUSTOM_NOTIFICATION = {
    "type": "object",
    "required": ["version", "source", "content"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "1.0"},
        "source": {"const": "custom"},
        "id": {"type": "string"},
        "content": {
            "type": "object",
            "required": ["description"],
            "additionalProperties": False,
            "properties": {
                "textType": {"const": "client-markdown"},
                "title": {"type": "string"},
                "description": {"type": "string"},
                "nextSteps": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "keywords": {"type": "array", "items": {"type": "string"}},
            },
        },
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "threadId": {"type": "string"},
                "summary": {"type": "string"},
                "eventType": {"type": "string"},
                "relatedResources": {"type": "array", "items": {"type": "string"}},
                "additionalContext": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
}
"""The event schema of custom notifications in the administrator guide of Amazon Q Developer in chat applications."""


def sent_by(deployer: Deployer, *message: Any) -> dict[str, str]:
    """What SNS is given for each kind of subscriber."""
    given: list[dict[str, Any]] = []
    told = client("sns").meta.events
    told.register("before-parameter-build.sns.Publish", lambda params, **_: given.append(params), "sent_by")
    assert notifications.tell(*message)
    told.unregister("before-parameter-build.sns.Publish", unique_id="sent_by")
    (publish,) = given
    assert publish["MessageStructure"] == "json"
    sent: dict[str, str] = json.loads(publish["Message"])
    return sent
