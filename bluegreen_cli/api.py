"""
The stack's HTTP API, as commands call it: signed by the caller's credentials, so that the API knows who gives an order.

With AWS_ENDPOINT_URL set (the sandbox), a request goes there, and its header Host names the API.
"""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from bluegreen.text import plain
from bluegreen_cli.problems import (
    NOTHING_CHANGED,
    SIGN_IN,
    SIGN_IN_AGAIN,
    TRY_AGAIN,
    Denied,
    Refused,
    Unknown,
    signed_out,
)
from bluegreen_cli.stack import Stack

SECONDS = 35
"""How long an answer is waited for: API Gateway gives up after 30."""

MAYBE = "Whether the API did it is not known."


def ask(stack: Stack, method: str, path: str, body: Any = None) -> Any:
    """
    The API's answer, parsed. `path` is quoted already.

    Raises Refused with the API's own words for a 4xx; they say what was left untouched. Raises Denied if IAM does not
    allow the call, and Unknown if no answer came or AWS does not know the caller.
    A 403 of the API itself has its status in the body, one of IAM's has
    not.
    """
    doing = f"{method} {path}"
    answer = _sent(_signed(stack, method, path, body), doing)
    said = _said(answer)
    words = said.get("message") if isinstance(said, dict) else None
    if answer.status_code < 300:
        return said
    of_api = isinstance(said, dict) and said.get("statusCode") == answer.status_code
    if answer.status_code in (401, 403) and not of_api:
        if signed_out(str(words)):
            raise Unknown(f"{doing} did not work: {words}", NOTHING_CHANGED, SIGN_IN_AGAIN)
        raise Denied(f"{doing} is not allowed: {words or answer.status_code}", NOTHING_CHANGED, SIGN_IN)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Unknown(f"{doing} got the answer {answer.status_code}: {words or 'without words'}", MAYBE, TRY_AGAIN)
    if of_api and "what" in said:
        refused = Refused(said["what"], said["untouched"], said.get("advice", ""))
    else:
        refused = Refused(words or f"{doing} got the answer {answer.status_code}", "")
    refused.status = answer.status_code
    raise refused


def pages(stack: Stack, path: str) -> Iterator[Any]:
    """Every page of a list, asked for as it is wanted. `path` has no `next` yet."""
    following = ""
    while True:
        more = f"{'&' if '?' in path else '?'}next={quote(following, safe='')}" if following else ""
        page = ask(stack, "GET", f"{path}{more}")
        yield page
        following = page.get("next", "")
        if not following:
            return


def _signed(stack: Stack, method: str, path: str, body: Any) -> AWSRequest:
    session = boto3.DEFAULT_SESSION or boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise Unknown("there are no usable AWS credentials", NOTHING_CHANGED, SIGN_IN_AGAIN)
    url, host = _address(stack.api)
    content = json.dumps(body).encode() if body is not None else b""
    headers = {"host": host} | ({"content-type": "application/json"} if content else {})
    request = AWSRequest(method, f"{url}{path}", headers=headers, data=content)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", stack.region).add_auth(request)
    return request


def _sent(request: AWSRequest, doing: str) -> AWSResponse:
    bundle: Any = os.environ.get("AWS_CA_BUNDLE") or True
    sender = URLLib3Session(verify=bundle, proxies=get_environ_proxies(str(request.url)), timeout=SECONDS)
    try:
        return sender.send(request.prepare())
    except (HTTPClientError, BotoCoreError) as error:
        raise Unknown(f"{doing} got no answer: {error}", MAYBE, TRY_AGAIN) from error
    finally:
        sender.close()


def _address(api: str) -> tuple[str, str]:
    """Where requests go, and the host that they are signed for."""
    host, endpoint = urlsplit(api).netloc, os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return api, host
    return endpoint.rstrip("/"), f"{host.partition('.')[0]}.execute-api.localhost:{urlsplit(endpoint).port}"


def _said(answer: AWSResponse) -> Any:
    """The body as JSON; as plain text under "message" if it is none."""
    try:
        return json.loads(answer.content)
    except ValueError:
        return {"message": plain(answer.content.decode(errors="replace"), 300)}
