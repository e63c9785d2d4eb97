"""
boto3's clients, made once for all tests: to read a service's models again takes longer than most tests.

A client is made anew for other settings, for another default session, and where the environment says something else of
AWS. Each world begins with all the retries that boto3 allows itself.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock
from weakref import WeakSet

import boto3
from botocore.retries.quota import RetryQuota

_made: dict[Any, Any] = {}
_quotas: WeakSet[RetryQuota] = WeakSet()


@contextmanager
def made_once() -> Iterator[None]:
    """Clients, resources and default sessions, for as long as the block lasts."""
    for quota in _quotas:
        quota.release(RetryQuota.INITIAL_CAPACITY)
    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(boto3, "client", _once(_client)))
        patches.enter_context(mock.patch.object(boto3, "resource", _once(_resource)))
        patches.enter_context(mock.patch.object(boto3, "setup_default_session", _set_up_default_session))
        patches.enter_context(mock.patch.object(RetryQuota, "__init__", _remembered))
        yield


_client, _resource, _session = boto3.client, boto3.resource, boto3.Session
_begin_quota = RetryQuota.__init__


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(*arguments: Any, **named: Any) -> Any:
        session = boto3.DEFAULT_SESSION
        where = (session.profile_name, session.region_name) if session else None
        key = make, where, arguments, tuple(named.items()), _environment()
        if key not in _made:
            _made[key] = make(*arguments, **named)
        return _made[key]

    return made


def _environment() -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))


def _set_up_default_session(**named: Any) -> None:
    boto3.DEFAULT_SESSION = _once(_session)(**named)


def _remembered(quota: RetryQuota, *arguments: Any, **named: Any) -> None:
    _begin_quota(quota, *arguments, **named)
    _quotas.add(quota)
