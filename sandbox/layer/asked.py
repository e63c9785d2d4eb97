"""
What IAM was asked for callers that act as a role, and what it said.

A call may ask for several actions, and a transaction asks for one of each part. Faults do not come here: what is
denied on purpose is answered before IAM is asked.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sandbox.layer import sessions

KEYS = ("dynamodb:leadingkeys", "dynamodb:attributes")
MOST = 50_000
"""Of different ones; more are not kept."""


@dataclass(frozen=True)
class Asked:
    """A question and its answer; `keys` and `attributes` are what a call names of a table."""

    role: str
    session: str
    action: str
    resource: str
    keys: tuple[str, ...]
    attributes: tuple[str, ...]
    allowed: bool


_asked: Counter[Asked] = Counter()
_lock = threading.Lock()


def enforce(original: Any) -> Any:
    """Every question passes here."""

    def _enforce(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        refusal = original(access_key, action, service, region, resource_arn, service_context)
        who = sessions.principal_of(access_key)
        if who.role:
            context = {name.lower(): value for name, value in (service_context or {}).items()}
            keys, attributes = (tuple(context.get(name) or ()) for name in KEYS)
            note(Asked(who.role, who.session, action, resource_arn, keys, attributes, refusal is None))
        return refusal

    return _enforce


def note(asked: Asked) -> None:
    """Count it."""
    with _lock:
        if asked in _asked or len(_asked) < MOST:
            _asked[asked] += 1


def all_asked() -> list[dict[str, Any]]:
    """Every question, and how often it came."""
    with _lock:
        return [vars(asked) | {"times": times} for asked, times in _asked.items()]
