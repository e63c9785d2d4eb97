"""What would be made anew in every world is made once, since the matrix has thousands of worlds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import boto3
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.sns.models import Subscription

from tests.machine.walk import REGION

_real_client: Any = boto3.client
_real_resource: Any = boto3.resource


@cache
def _client(service_name: str, region_name: str | None = None, **options: Any) -> Any:
    return _real_client(service_name, region_name, **options)


@cache
def _resource(service_name: str, **options: Any) -> Any:
    return _real_resource(service_name, **options)


@cache
def _signing_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _signed_by_one(_: Subscription) -> Any:
    """Moto makes a key for every subscription, which takes as long as ten calls."""
    return _signing_key()


@contextmanager
def nothing_is_made_twice() -> Iterator[None]:
    """All worlds share boto3's clients, and the key that signs notifications."""
    with (
        mock.patch.object(boto3, "client", _client),
        mock.patch.object(boto3, "resource", _resource),
        mock.patch.object(Subscription, "private_key", _signed_by_one),
        mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": REGION}),
    ):
        yield
