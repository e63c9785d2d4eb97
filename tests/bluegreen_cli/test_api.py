"""Commands ask the stack's HTTP API, signed with the caller's credentials."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError

from bluegreen_cli import api
from bluegreen_cli.problems import Denied, Problem, Refused, Unknown
from bluegreen_cli.stack import Stack

STACK = Stack(
    name="bluegreen",
    machine="arn:aws:states:eu-central-1:123456789012:stateMachine:bluegreen-deploy",
    bucket="artifacts",
    table="deployments",
    api="https://api123.execute-api.eu-central-1.amazonaws.com",
    default_alias="PROD",
    default_traffic="AllAtOnce",
)


class Answer:
    def __init__(self, status: int, body: str) -> None:
        self.status_code, self.content = status, body.encode()


class Wire:
    """What was sent, and the answer to it."""

    def __init__(self) -> None:
        self.sent: list[AWSPreparedRequest] = []
        self.answer: Answer | Exception = Answer(200, '{"done": true}')

    def send(self, request: AWSPreparedRequest) -> Any:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        return


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr("bluegreen_cli.api.URLLib3Session", lambda **_: wire)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return wire


def test_a_request_is_signed_for_the_api_in_the_stacks_region(wire: Wire) -> None:
    assert api.ask(STACK, "POST", "/deployments/a%3Ab/pause", {"reason": "ä"}) == {"done": True}

    (sent,) = wire.sent
    assert (sent.method, sent.url) == ("POST", f"{STACK.api}/deployments/a%3Ab/pause")
    assert json.loads(cast(bytes, sent.body)) == {"reason": "ä"}
    signature = str(sent.headers["Authorization"])
    assert "/eu-central-1/execute-api/aws4_request" in signature
    assert "SignedHeaders=content-type;host;x-amz-date" in signature


def test_in_the_sandbox_it_goes_to_the_one_endpoint_and_names_the_api(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")

    api.ask(replace(STACK, api="https://api123.execute-api.us-east-1.amazonaws.com"), "DELETE", "/deployments/a")

    (sent,) = wire.sent
    assert sent.url == "http://127.0.0.1:4566/deployments/a"
    assert str(sent.headers["host"]) == "api123.execute-api.localhost:4566"


@pytest.mark.parametrize(
    ("status", "body", "kind", "exit_code"),
    [
        (400, '{"message": "seconds: write a number; nothing was changed"}', Refused, 2),
        (404, '{"message": "there is no deployment a"}', Refused, 2),
        (409, '{"message": "it is paused already"}', Refused, 2),
        (403, '{"message": "Forbidden"}', Denied, 2),
        (403, '{"message": "The security token included in the request is expired"}', Unknown, 4),
        (429, '{"message": "Too Many Requests"}', Unknown, 4),
        (503, '{"message": "AWS could not answer now"}', Unknown, 4),
        (502, "<html>", Unknown, 4),
    ],
)
def test_a_refusal_keeps_the_apis_words(
    wire: Wire, status: int, body: str, kind: type[Problem], exit_code: int
) -> None:
    wire.answer = Answer(status, body)

    with pytest.raises(kind) as problem:
        api.ask(STACK, "POST", "/deployments/a/pause", {})

    assert problem.value.exit_code == exit_code
    assert (json.loads(body)["message"] if body.startswith("{") else body) in problem.value.what


def test_without_an_answer_it_is_not_known_whether_it_was_done(wire: Wire) -> None:
    wire.answer = EndpointConnectionError(endpoint_url="https://api123")

    with pytest.raises(Unknown) as problem:
        api.ask(STACK, "DELETE", "/deployments/a")

    assert problem.value.untouched == "Whether the API did it is not known."


def test_without_credentials_nothing_is_sent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: None)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)

    with pytest.raises(Unknown, match="no usable AWS credentials"):
        api.ask(STACK, "DELETE", "/deployments/a")

    assert wire.sent == []
