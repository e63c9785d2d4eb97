"""The way to AWS: one client a service, and its errors under our names."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, ParamValidationError

from bluegreen.errors import (
    AccessDenied,
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    NotFound,
    PreconditionFailed,
    StillInProgress,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient

_CONTROL = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

PROBE_SECONDS = 5
"""How long a probe waits for its answer."""

_INVOKING = {
    "invoke": Config(connect_timeout=3, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 1}),
    "probe": Config(
        connect_timeout=3, read_timeout=PROBE_SECONDS, retries={"mode": "standard", "total_max_attempts": 1}
    ),
}
"""Lambda for invoking functions that are not ours: never twice for one call."""

_NAMES: dict[str, type[DeploymentError]] = {
    "TooManyRequestsException": AwsUnavailable,
    "Throttling": AwsUnavailable,
    "ThrottlingException": AwsUnavailable,
    "ThrottledException": AwsUnavailable,
    "RequestLimitExceeded": AwsUnavailable,
    "RequestThrottled": AwsUnavailable,
    "SlowDown": AwsUnavailable,
    "ProvisionedThroughputExceededException": AwsUnavailable,
    "TransactionConflictException": AwsUnavailable,
    "TransactionInProgressException": AwsUnavailable,
    "RequestTimeout": AwsUnavailable,
    "RequestTimeoutException": AwsUnavailable,
    "ResourceConflictException": StillInProgress,
    "ResourceNotReadyException": StillInProgress,
    "SnapStartNotReadyException": StillInProgress,
    "AccessDenied": AccessDenied,
    "AccessDeniedException": AccessDenied,
    "AuthorizationError": AccessDenied,
    "403": AccessDenied,
    "ResourceNotFoundException": NotFound,
    "ProvisionedConcurrencyConfigNotFoundException": NotFound,
    "NoSuchKey": NotFound,
    "NoSuchVersion": NotFound,
    "NoSuchBucket": NotFound,
    "ExecutionDoesNotExist": NotFound,
    "404": NotFound,
    "PreconditionFailedException": PreconditionFailed,
}
"""AWS's error codes, and what they mean to a deployment; any other 5xx is AwsUnavailable, any other code AwsRefused."""


@overload
def client(service: Literal["lambda", "invoke", "probe"]) -> "LambdaClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@overload
def client(service: Literal["cloudwatch"]) -> "CloudWatchClient": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@cache
def client(service: str) -> Any:
    """A client that outlives the invocation; `invoke` and `probe` are Lambda, with more and with less patience."""
    if service in _INVOKING:
        return boto3.client("lambda", config=_INVOKING[service])
    return boto3.client(service, config=_CONTROL)  # type: ignore[call-overload]


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises what `bluegreen.errors` calls it, whatever boto3 raises."""
    try:
        yield
    except ClientError as error:
        raise _named(error) from error
    except NoCredentialsError as error:
        raise AccessDenied(str(error)) from error
    except ParamValidationError as error:
        raise AwsRefused(str(error)) from error
    except (HTTPClientError, BotoCoreError) as error:
        raise AwsUnavailable(f"{type(error).__name__}: {error}") from error


def _named(error: ClientError) -> DeploymentError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    name = _NAMES.get(code) or (AwsUnavailable if status >= 500 else AwsRefused)
    return name(str(error))
