"""The command's own way to AWS: its session, its caller, and the services that no handler needs."""

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from bluegreen.aws.client import in_our_words
from bluegreen.errors import AwsRefused, AwsUnavailable
from bluegreen.target import Target
from bluegreen_cli.problems import NOTHING_CHANGED, Refused, Unknown

NOT_SIGNED_IN = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    TokenRetrievalError,
)

_PATIENT = Config(connect_timeout=5, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 5})
"""For uploads: S3 answers once it has the whole object."""


@dataclass(frozen=True)
class Account:
    """The region and account in which a command works, and its caller's ARN; "" if STS does not answer."""

    region: str
    number: str = ""
    caller: str = ""

    def target(self, function: str, alias: str) -> Target:
        """An alias in this account and region."""
        return Target(function=function, alias=alias, region=self.region, account=self.number)

    def __str__(self) -> str:
        return f"account {self.number}, region {self.region}" if self.number else f"region {self.region}"


def client(service: str) -> Any:
    """A client of the session that `sign_in` made."""
    return boto3.client(service, config=_PATIENT)  # type: ignore[call-overload]


def sign_in(region: str | None, profile: str | None) -> Account:
    """
    Make the command's session, and ask STS who the caller is.

    Raises Refused without a region or with an unknown profile, Unknown without valid credentials.
    """
    try:
        boto3.setup_default_session(region_name=region or os.environ.get("AWS_REGION"), profile_name=profile)
    except ProfileNotFound as error:
        raise Refused(str(error), NOTHING_CHANGED, "`aws configure list-profiles` lists the profiles.") from error
    where = boto3.DEFAULT_SESSION.region_name if boto3.DEFAULT_SESSION else None
    if not where:
        raise Refused("no AWS region is set", NOTHING_CHANGED, "Write --region, or set AWS_REGION.")
    try:
        with in_our_words():
            identity = _identity()
    except AwsUnavailable:
        return Account(region=where)
    except AwsRefused as error:
        raise Unknown(f"AWS does not accept these credentials: {error}", NOTHING_CHANGED, "Sign in again.") from error
    return Account(region=where, number=identity["Account"], caller=identity["Arn"])


def _identity() -> dict[str, str]:
    try:
        answer: dict[str, str] = client("sts").get_caller_identity()
    except NOT_SIGNED_IN as error:
        raise Unknown(
            f"there are no usable AWS credentials: {error}",
            NOTHING_CHANGED,
            "Sign in (`aws sso login`, `aws configure`), or name a --profile.",
        ) from error
    return answer
