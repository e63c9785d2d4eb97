"""The way to AWS: a client for each service, region and role, and its errors under our names."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, ParamValidationError
from botocore.loaders import Loader

from bluegreen.aws import pacing
from bluegreen.errors import (
    AccessDenied,
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    NotFound,
    PreconditionFailed,
    StillInProgress,
)
from bluegreen.target import Target
from bluegreen.text import plain

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient

for _talkative in ("boto3", "botocore", "urllib3"):
    # Their debug logs have the bodies of requests and answers: payloads and replies of users, and items of the ledger.
    logging.getLogger(_talkative).setLevel(logging.INFO)

_CONTROL = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

LONGEST_ANSWER = 1_000
"""Characters of an error's text, so that there is room after it for what it means here and what to do."""

LONGEST_SESSION_NAME = 64
"""Characters, of a role's session (AssumeRole in the API reference of STS)."""

PROBE_SECONDS = 5
"""How long a probe waits for its answer."""

_INVOKING = {
    "invoke": Config(connect_timeout=3, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 1}),
    "probe": Config(
        connect_timeout=3, read_timeout=PROBE_SECONDS, retries={"mode": "standard", "total_max_attempts": 1}
    ),
}
"""Lambda for invoking functions that are not ours: never twice for one call."""

_TELLING = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
"""News and glances hold no handler up for longer: they are sent again, or can be missed."""

_PACING = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
"""A table that does not answer may hold up a rollback for no longer."""

_COPYING = _CONTROL.merge(Config(s3={"payload_signing_enabled": False}))
"""
S3 for what is read once, from another bucket. To sign a body takes reading it twice; TLS and a checksum guard it.
"""

_CONFIGS = _INVOKING | {"sns": _TELLING, "events": _TELLING, "glance": _TELLING, "pace": _PACING, "copies": _COPYING}
"""Of the services that are not asked as all the others."""

_NAMED = dict.fromkeys(_INVOKING, "lambda") | {"glance": "logs", "pace": "dynamodb", "copies": "s3"}
"""boto3's names of the services that have another one here."""

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
    "ConditionalRequestConflict": StillInProgress,
    "ResourceConflictException": StillInProgress,
    "ResourceNotReadyException": StillInProgress,
    "SnapStartNotReadyException": StillInProgress,
    "AccessDenied": AccessDenied,
    "AccessDeniedException": AccessDenied,
    "AuthorizationError": AccessDenied,
    "EC2AccessDeniedException": AccessDenied,
    "KMSAccessDeniedException": AccessDenied,
    "403": AccessDenied,
    "EFSMountFailureException": AwsRefused,
    "InvalidRuntimeException": AwsRefused,
    "InvalidSecurityGroupIDException": AwsRefused,
    "InvalidSubnetIDException": AwsRefused,
    "InvalidZipFileException": AwsRefused,
    "KMSDisabledException": AwsRefused,
    "KMSInvalidStateException": AwsRefused,
    "KMSNotFoundException": AwsRefused,
    "ResourceNotFoundException": NotFound,
    "ProvisionedConcurrencyConfigNotFoundException": NotFound,
    "NoSuchKey": NotFound,
    "NoSuchVersion": NotFound,
    "NoSuchBucket": NotFound,
    "ExecutionDoesNotExist": NotFound,
    "404": NotFound,
    "PreconditionFailed": PreconditionFailed,
    "PreconditionFailedException": PreconditionFailed,
}
"""
AWS's error codes, and what they mean to a deployment; any other 5xx is AwsUnavailable, any other code AwsRefused.

Lambda answers 502 for some of what repeating cannot mend, as when the function's KMS key is disabled.
"""


@overload
def client(service: Literal["lambda", "invoke", "probe"], target: Target) -> "LambdaClient": ...
@overload
def client(service: Literal["cloudwatch"], target: Target) -> "CloudWatchClient": ...
@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["logs", "glance"], target: Target) -> "CloudWatchLogsClient": ...
@overload
def client(service: Literal["copies"], target: Target) -> "S3Client": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["dynamodb", "pace"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["stepfunctions"]) -> "SFNClient": ...
@overload
def client(service: Literal["sns"]) -> "SNSClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
def client(service: str, target: Target | None = None) -> Any:
    """
    A client that outlives the invocation: of the stack's own account and region, or of a target's.

    `invoke` and `probe` are Lambda, with more and with less patience; `glance` is CloudWatch Logs with little, and so
    is `pace` DynamoDB. Calls of `lambda` wait for their turn (`pacing.py`). `copies` is S3, for the bucket of a target
    elsewhere.
    """
    return _client(service, target.region, target.role, target.place) if target else _client(service)


def patient(target: Target, seconds: int) -> "LambdaClient":
    """Lambda, for an invocation whose answer may take so many seconds; never twice for one call."""
    return _client("invoke", target.region, target.role, target.place, seconds)  # type: ignore[no-any-return]


@cache
def _client(service: str, region: str | None = None, role: str = "", place: str = "", read_seconds: int = 0) -> Any:
    config = _CONFIGS.get(service, _CONTROL)
    config = config.merge(Config(read_timeout=read_seconds)) if read_seconds else config
    make = _session(role, place).client if role else boto3.client
    made = make(_NAMED.get(service, service), region_name=region, config=config)  # type: ignore[call-overload]
    if service == "lambda":
        pacing.under(made, role.split(":")[4] if role else "", lambda: _client("pace"))
    return made


@cache
def _session(role: str, place: str) -> boto3.Session:
    """
    As that role, whose credentials botocore renews by itself. Its trust policy wants the stack's id.

    Raises AccessDenied outside of the stack's functions, which alone may assume it.
    """
    field, stack = f"targets.{place}.role", os.environ.get("STACK_ID", "")
    if not stack:
        raise AccessDenied(f"{field}: only the stack's own functions may assume {role}")
    own = boto3.Session(botocore_session=_beginning())
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(own.client, config=_CONTROL),
        source_credentials=own.get_credentials(),
        role_arn=role,
        extra_args={
            "RoleSessionName": f"bluegreen-{stack.split('/')[1]}"[:LONGEST_SESSION_NAME],
            "ExternalId": stack,
        },
    )

    def assume() -> Any:
        try:
            return fetcher.fetch_credentials()
        except ClientError as error:
            if not isinstance(refused := _named(error), AccessDenied):
                raise
            raise AccessDenied(
                f"{field}: the deployer may not assume {role} ({refused}); deploy target.yaml there with the outputs "
                "StackId and RolesForTargets of this stack, and name the role in its parameter TargetRoles "
                "(docs/targets.md)"
            ) from error

    session = _beginning()
    renewed = DeferredRefreshableCredentials(assume, "assume-role")
    session._credentials = renewed  # type: ignore[attr-defined]  # botocore has no public way to set these
    return boto3.Session(botocore_session=session)


@cache
def _descriptions() -> Loader:
    """One loader for all sessions, so that each description of an AWS service is read once, and not for each role."""
    return Loader()


def _beginning() -> botocore.session.Session:
    """A session without credentials of its own."""
    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    return session


@contextmanager
def in_our_words() -> Iterator[None]:
    """
    Turns each error of boto3 into one of `bluegreen.errors`.

    An adapter reads the answer within it, too: if a field is missing, or is of another kind, that is an AwsRefused.
    """
    try:
        yield
    except ClientError as error:
        raise _named(error) from error
    except NoCredentialsError as error:
        raise AccessDenied(str(error)) from error
    except (ParamValidationError, UnicodeError) as error:
        raise AwsRefused(str(error)) from error
    except (HTTPClientError, BotoCoreError) as error:
        raise AwsUnavailable(f"{type(error).__name__}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise AwsRefused(f"AWS's answer cannot be read ({type(error).__name__})") from error


def _named(error: ClientError) -> DeploymentError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    name = _NAMES.get(code) or (AwsUnavailable if status >= 500 else AwsRefused)
    return name(plain(error, LONGEST_ANSWER))
