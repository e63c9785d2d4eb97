"""Requests to the HTTP API, as API Gateway hands them over to ServeApi."""

import base64
import json
from typing import Any, cast
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

import serve_api
from tests.machine.deployer import STACK
from tests.machine.faults import acting
from tests.machine.invocation import Context

CALLER = "arn:aws:iam::123456789012:user/alice"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:ServeApiFunction"


def ask(
    method: str,
    path: str,
    body: str | None = None,
    *,
    query: str = "",
    encoded: bool = False,
    caller: str = CALLER,
    stack: str | None = STACK,
) -> tuple[int, Any]:
    """The status and the answer."""
    iam = {"accessKey": "A", "accountId": "123456789012", "userArn": caller, "userId": "U", "callerId": "C"}
    route = "/deployments/{id}" if path.count("/") > 1 else path
    event = {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "api"},
        "stageVariables": {"stack": stack} if stack is not None else None,
        "queryStringParameters": dict(parse_qsl(query, keep_blank_values=True)),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "authorizer": {"iam": iam},
            "domainName": "api",
            "domainPrefix": "api",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "t"},
            "requestId": "request-1",
            "routeKey": f"{method} {route}",
            "stage": "$default",
            "time": "05/Jan/2026:09:00:00 +0000",
            "timeEpoch": 1767603600000,
        },
        "body": _in_base64(body) if body is not None and encoded else body,
        "isBase64Encoded": encoded,
    }
    with acting("ServeApi"):
        answer = serve_api.handler(event, cast(LambdaContext, Context("ServeApiFunction", "$LATEST", ARN)))
    return answer["statusCode"], json.loads(answer["body"])


def _in_base64(body: str) -> str:
    """Surrogates of `surrogateescape` stand for bytes that are no text."""
    return base64.b64encode(body.encode(errors="surrogateescape")).decode()


def order(kind: str, deployment: str, *, caller: str = CALLER, **body: Any) -> tuple[int, Any]:
    """An order to a deployment: the status and the answer."""
    method, path = ("DELETE", "") if kind == "abort" else ("POST", f"/{kind}")
    return ask(method, f"/deployments/{deployment}{path}", json.dumps(body) if body else None, caller=caller)
