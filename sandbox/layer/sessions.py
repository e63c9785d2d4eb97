"""Temporary credentials of roles: each caller in the sandbox has a principal, found by its access key."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

from ministack.services import sts


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
