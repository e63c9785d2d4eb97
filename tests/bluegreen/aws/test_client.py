"""AWS's errors under our names: the state machine retries by these."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from bluegreen.aws import functions
from bluegreen.aws.client import client, in_our_words
from bluegreen.errors import (
    AccessDenied,
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    NotFound,
    PreconditionFailed,
    StillInProgress,
)
from bluegreen.request.smoke_tests import Case
from tests.machine.deployer import Deployer


def answered(code: str, status: int = 400) -> ClientError:
    said = {"Error": {"Code": code, "Message": "the reason"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "Operation")  # type: ignore[arg-type]


def renamed(error: Exception) -> DeploymentError:
    with pytest.raises(DeploymentError) as caught, in_our_words():
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("TooManyRequestsException", AwsUnavailable),
        ("Throttling", AwsUnavailable),
        ("ThrottlingException", AwsUnavailable),
        ("ProvisionedThroughputExceededException", AwsUnavailable),
        ("RequestLimitExceeded", AwsUnavailable),
        ("SlowDown", AwsUnavailable),
        ("TransactionConflictException", AwsUnavailable),
        ("TransactionInProgressException", AwsUnavailable),
        ("RequestTimeout", AwsUnavailable),
        ("ResourceConflictException", StillInProgress),
        ("AccessDenied", AccessDenied),
        ("AccessDeniedException", AccessDenied),
        ("AuthorizationError", AccessDenied),
        ("ResourceNotFoundException", NotFound),
        ("ProvisionedConcurrencyConfigNotFoundException", NotFound),
        ("NoSuchKey", NotFound),
        ("NoSuchVersion", NotFound),
        ("NoSuchBucket", NotFound),
        ("ExecutionDoesNotExist", NotFound),
        ("PreconditionFailedException", PreconditionFailed),
        ("CodeVerificationFailedException", AwsRefused),
        ("InvalidParameterValueException", AwsRefused),
        ("ValidationException", AwsRefused),
        ("SomethingOfTomorrow", AwsRefused),
    ],
)
def test_an_answer_has_one_name(code: str, name: type[DeploymentError]) -> None:
    assert type(renamed(answered(code))) is name


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_whatever_is_aws_own_fault_is_worth_a_retry(status: int) -> None:
    assert type(renamed(answered("SomethingOfTomorrow", status))) is AwsUnavailable


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://aws"),
        ReadTimeoutError(endpoint_url="https://aws"),
        EndpointConnectionError(endpoint_url="https://aws"),
        ResponseStreamingError(error="cut"),
        BotoCoreError(),
    ],
)
def test_no_answer_is_worth_a_retry(error: Exception) -> None:
    assert type(renamed(error)) is AwsUnavailable


def test_a_call_that_can_never_be_made_is_not_worth_a_retry() -> None:
    assert type(renamed(ParamValidationError(report="no such parameter"))) is AwsRefused


def test_nobody_to_call_as_is_a_missing_permission() -> None:
    assert type(renamed(NoCredentialsError())) is AccessDenied


def test_the_text_is_awss_own() -> None:
    assert "the reason" in str(renamed(answered("AccessDenied")))


def test_what_is_ours_already_passes_as_it_is() -> None:
    mine = NotFound("mine")

    with pytest.raises(NotFound) as caught, in_our_words():
        raise mine

    assert caught.value is mine


def test_a_call_that_hangs_leaves_the_handler_time_to_say_so(deployer: Deployer) -> None:
    config: Any = client("lambda").meta.config

    with deployer.aws.fails("GetFunction", "ReadTimeout", times=None) as unanswered, pytest.raises(AwsUnavailable):
        functions.describe("Shop")

    assert unanswered.met * (config.connect_timeout + config.read_timeout) < 50


def test_a_users_function_that_hangs_leaves_the_handler_time_to_say_so(deployer: Deployer) -> None:
    with deployer.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered:
        reply = functions.invoke("Shop", "1", Case(name="a"))

    assert unanswered.met == 1
    assert reply.error == "NoAnswer"
