"""Temporary credentials of roles: each caller in the sandbox has a principal, found by its access key."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config
from ministack.core import iam_evaluator, router
from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from sandbox.layer.answers import Response

ONE_ATTEMPT = Config(
    parameter_validation=False,
    inject_host_prefix=False,
    retries={"total_max_attempts": 1, "mode": "standard"},
    read_timeout=3600,
    max_pool_connections=64,
)


@dataclass(frozen=True)
class Session:
    """Credentials that act as a role."""

    access_key: str
    secret_key: str
    token: str

    def environment(self) -> dict[str, str]:
        """The variables in which AWS's SDKs look for credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
        }


@dataclass(frozen=True)
class Principal:
    """Who makes a call: a role and the name of its session (a function's name, for a function), or neither for root."""

    role: str
    session: str


ROOT = Principal("", "")


def open_session(role_arn: str, name: str) -> Session:
    """Credentials that act as the role, under a session of this name."""
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    session = Session(f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(40))
    sts._sessions[session.access_key] = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name[:64]}",
        "UserId": f"AROA{hashlib.sha256(role.encode()).hexdigest()[:17].upper()}:{name[:64]}",
        "SecretAccessKey": session.secret_key,
        "SessionToken": session.token,
        "IssuedAt": time.time(),
    }
    return session


@lru_cache(256)
def client_of(service: str, region: str, role_arn: str, name: str) -> Any:
    """A client of this server that acts as the role, under a session of this name, and tries once."""
    session = open_session(role_arn, name)
    boto: Any = boto3.Session(
        aws_access_key_id=session.access_key,
        aws_secret_access_key=session.secret_key,
        aws_session_token=session.token,
        region_name=region,
    )
    return boto.client(service, endpoint_url=endpoint(), config=ONE_ATTEMPT)


def endpoint() -> str:
    """Where this server is."""
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"


def close_session(access_key: str) -> None:
    """Make the credentials worthless."""
    sts._sessions.pop(access_key, None)


def principal_of(access_key: str | None) -> Principal:
    """Whose key this is."""
    session = sts._sessions.get(access_key or "")
    if session is None or ":assumed-role/" not in session["Arn"]:
        return ROOT
    role, _, name = session["Arn"].partition(":assumed-role/")[2].partition("/")
    return Principal(role, name)


def is_root_access_key(original: Any) -> Any:
    """The root's key is one that is given: who gives none is nobody."""
    return lambda access_key_id: bool(access_key_id) and original(access_key_id)


def is_root_key(original: Any) -> Any:
    """MiniStack asks so whose signature it need not check. Here it checks the root's as everybody's."""
    return lambda access_key_id: False


def resolve_caller_identity(original: Any) -> Any:
    """Whom an API's event names as its caller; the root is one."""

    def _resolve_caller_identity(access_key_id: str) -> dict[str, Any] | None:
        if not iam_evaluator.is_root_access_key(access_key_id):
            found: dict[str, Any] | None = original(access_key_id)
            return found
        account = get_account_id()
        return {
            "accessKey": access_key_id,
            "accountId": account,
            "userArn": f"arn:aws:iam::{account}:root",
            "userId": account,
            "principalOrgId": iam_evaluator._principal_org_id(account),
            "session": None,
        }

    return _resolve_caller_identity


def execution_credentials(original: Any) -> Any:
    """For functions that MiniStack runs itself: credentials that nobody can compute from the function's name."""
    return lambda config: open_session(config["Role"], config["FunctionName"]).environment()


SHORTEST_SECONDS, OF_A_CHAIN_SECONDS = 900, 3600


def handle_request(original: Any) -> Any:
    """A session lasts 15 minutes at least. One that a role opens lasts an hour at most."""

    async def served(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Response:
        asked = {**query_params, **parse_qs(body.decode(errors="replace"))}
        if asked.get("Action") == ["AssumeRole"] and (seconds := asked.get("DurationSeconds")):
            key = router.extract_access_key_id(headers, query_params) or ""
            if refusal := duration_is_refused(int(seconds[0]), asked["RoleArn"][0], key):
                told: Response = sts._error(400, "ValidationError", refusal, ns="sts")
                return told
        answer: Response = await original(method, path, headers, body, query_params)
        return answer

    return served


def duration_is_refused(seconds: int, role_arn: str, access_key: str) -> str | None:
    """AWS's sentence for a session of that length; None for one that may be so long."""
    if seconds < SHORTEST_SECONDS:
        return (
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value greater than or equal to {SHORTEST_SECONDS}"
        )
    if seconds > OF_A_CHAIN_SECONDS and principal_of(access_key) != ROOT:
        return "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_arn.rpartition("/")[2]) or {}
    if role and seconds > int(role.get("MaxSessionDuration", OF_A_CHAIN_SECONDS)):
        return "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    return None
