"""
The door: what is refused before anything is done.

A browser on this machine reaches the sandbox as any program does, and sends what the page in it wants. So a request
with the marks of a page is refused, and so is a Host that is not ours, because a page's domain may lead to this machine
after the page is loaded (DNS rebinding). Every other request needs a signature by a secret that this sandbox issued;
the server's own paths need the root's secret itself.
"""

from __future__ import annotations

import contextvars
import hmac
import os
import re
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator, responses
from ministack.services import lambda_svc

from sandbox.layer import links, permissions
from sandbox.layer.answers import Response

SECRET = "x-sandbox-secret"  # noqa: S105  the name of a header
"""The header with the root's secret."""

OWN = "/_"
"""What the server's own paths begin with; no bucket's name begins so."""

OF_APIS = ("/_aws/execute-api/", "/_aws/lambda-url/")
"""Where an API or a function's URL is reached without a Host of its own."""

BY_TOKEN = ("/_ministack/cfn-response/", "/_ministack/cfn-signal/")
"""Where custom resources and wait conditions answer; CloudFormation drew a token for each path."""

HERE = re.compile(r"(127\.0\.0\.1|\[::1\]|([a-z0-9_-]+\.)*localhost):(\d+)", re.IGNORECASE)
AWS = re.compile(
    r"[a-z0-9._-]+\.(execute-api|lambda-url|s3)(\.[a-z0-9-]+)?\.(amazonaws\.com|on\.aws)(:(\d+))?", re.IGNORECASE
)


@dataclass(frozen=True)
class Request:
    """A request as it arrived, without its body."""

    scope: dict[str, Any]

    @cached_property
    def headers(self) -> dict[str, str]:
        """By name in lower case."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.scope["headers"]}

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """What stands after the question mark."""
        return parse_qs(self.scope["query_string"].decode(errors="replace"), keep_blank_values=True)

    @property
    def method(self) -> str:
        """GET, POST and so on; of a WebSocket, its protocol."""
        return str(self.scope.get("method", "websocket"))

    @property
    def path(self) -> str:
        """Without escapes."""
        return str(self.scope["path"])

    @property
    def is_of_the_server(self) -> bool:
        """Whether it asks the server itself, under whatever Host, and no AWS service."""
        return self.path.startswith(OWN) and not self.path.startswith(OF_APIS)

    @cached_property
    def api(self) -> tuple[str, str, str] | None:
        """The API that it invokes, with stage and path."""
        found = app._parse_execute_api_url(self.headers.get("host", ""), self.path)
        return (found[0], *app._resolve_stage_and_path(*found)) if found else None

    @cached_property
    def url(self) -> str | None:
        """The id of the function's URL that it invokes."""
        found = app._parse_lambda_url(self.headers.get("host", ""), self.path)
        return str(found[0]) if found else None

    @property
    def needs_no_signature(self) -> bool:
        """Whether it invokes what asks for no signature of AWS: a route that says so, or a function's URL."""
        if self.api:
            api, stage, path = self.api
            return app._execute_api_authorization_type(api, stage, self.method, path) not in (None, "AWS_IAM")
        if self.url:
            _, about, _ = app._function_url_auth_target(self.url)
            return bool(about.get("lambda:FunctionUrlAuthType") == "NONE")
        return False


_verified: contextvars.ContextVar[bool] = contextvars.ContextVar("verified", default=False)

refusals: deque[dict[str, str]] = deque(maxlen=1000)
"""The last ones, for a developer who wonders."""


def refused(request: Request, port: int) -> str | None:
    """Why the request is refused for every caller; None if it is not."""
    why = of_a_page(request) or of_a_foreign_host(request, port)
    if why:
        refusals.append({"method": request.method, "path": request.path, "why": why})
    return why


def of_a_page(request: Request) -> str | None:
    """The mark that browsers set and pages cannot remove."""
    if "origin" in request.headers:
        return "the request has the header Origin, so a web page sent it; the sandbox serves programs only"
    if (site := request.headers.get("sec-fetch-site", "none")) not in ("none", "same-origin"):
        return (
            f"the request has the header Sec-Fetch-Site {site}, so a web page sent it; the sandbox serves programs only"
        )
    if request.method in ("OPTIONS", "websocket"):
        return "the request is a browser's preflight or opens a WebSocket; the sandbox serves programs only"
    return None


def of_a_foreign_host(request: Request, port: int) -> str | None:
    """A Host that does not lead here by itself."""
    hosts = [value.decode("latin-1") for name, value in request.scope["headers"] if name.lower() == b"host"]
    host = hosts[0] if len(hosts) == 1 else ""
    if (here := HERE.fullmatch(host)) and int(here[3]) == port:
        return None
    if (aws := AWS.fullmatch(host)) and int(aws[5] or port) == port:
        return None
    return f"the header Host names no address of this sandbox; use http://127.0.0.1:{port}"


def has_the_secret(request: Request) -> bool:
    """Whether the request to one of the server's own paths may pass."""
    given = request.headers.get(SECRET, "").encode()
    return (
        hmac.compare_digest(given, os.environ["AWS_SECRET_ACCESS_KEY"].encode())
        or request.path.startswith(BY_TOKEN)
        or links.holds(request.path, request.query)
    )


def without_credentials(request: Request, body: bytes, service: str, operation: str) -> Response | None:
    """The refusal of a request to AWS that is not signed, or wrongly."""
    _verified.set(False)
    if request.needs_no_signature:
        return None
    raw_path = request.scope["raw_path"].decode("latin-1")
    iam_evaluator.pin_signed_request(request.method, raw_path, request.query, request.scope["headers"])
    iam_evaluator.pin_signed_body(body)
    signed = iam_evaluator._signed_request.get()
    failure: Any = None
    if signed is None and f"{service}:{operation}" not in permissions.GIVES_CREDENTIALS:
        failure = iam_evaluator.AuthError("MissingAuthenticationToken", "Request is missing Authentication Token")
    elif signed is not None and signed.s3_scoped:  # S3 checks its presigned links itself
        failure = iam_evaluator._s3_scope_failure(service)
    elif signed is not None:
        responses.set_request_account_id(app._request_account_scope(signed.access_key_id))
        failure = iam_evaluator.authenticate(signed.access_key_id, responses.get_account_id())
        _verified.set(not isinstance(failure, iam_evaluator.AuthError))
    if not isinstance(failure, iam_evaluator.AuthError):
        return None
    if request.api or request.url:
        return 403, {"Content-Type": "application/json"}, b'{"message": "Forbidden"}'
    told: Response = app._credential_failure(service, "", lambda_svc.new_uuid(), failure, request.headers)
    return told


def pin_signed_request(original: Any) -> Any:
    """What MiniStack verifies when it judges the call: a signature that the door has not verified already."""

    def _pin_signed_request(*of_the_request: Any) -> None:
        if not _verified.get():
            original(*of_the_request)

    return _pin_signed_request
