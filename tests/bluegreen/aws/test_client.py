"""AWS's errors under our names: the state machine retries by these."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import boto3
import pytest
from botocore.client import BaseClient
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
from botocore.loaders import JSONFileLoader
from moto import mock_aws

from bluegreen.aws import alarms, functions, refusals
from bluegreen.aws import client as aws_client
from bluegreen.aws.client import PROBE_SECONDS, client, in_our_words
from bluegreen.decisions.replies import Reply
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
from bluegreen.target import Target
from tests.bluegreen.examples import REGION, SHOP
from tests.machine.deployer import STACK, Deployer, zip_of

LONGEST = f"bluegreen-{'x' * 54}"
"""The longest name of a session that STS takes: 64 characters."""


def forget_clients() -> None:
    """Their credentials are those of another AWS."""
    aws_client._client.cache_clear()
    aws_client._session.cache_clear()


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
        ("ConditionalRequestConflict", StillInProgress),
        ("ResourceConflictException", StillInProgress),
        ("ResourceNotReadyException", StillInProgress),
        ("SnapStartNotReadyException", StillInProgress),
        ("AccessDenied", AccessDenied),
        ("AccessDeniedException", AccessDenied),
        ("AuthorizationError", AccessDenied),
        ("ResourceNotFoundException", NotFound),
        ("ProvisionedConcurrencyConfigNotFoundException", NotFound),
        ("NoSuchKey", NotFound),
        ("NoSuchVersion", NotFound),
        ("NoSuchBucket", NotFound),
        ("ExecutionDoesNotExist", NotFound),
        ("PreconditionFailed", PreconditionFailed),
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
def test_an_answer_that_is_aws_own_fault_is_worth_a_retry(status: int) -> None:
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


def test_a_call_without_credentials_is_a_missing_permission() -> None:
    assert type(renamed(NoCredentialsError())) is AccessDenied


def test_the_text_is_awss_own() -> None:
    assert "the reason" in str(renamed(answered("AccessDenied")))


def test_an_error_that_is_ours_already_passes_as_it_is() -> None:
    mine = NotFound("mine")

    with pytest.raises(NotFound) as caught, in_our_words():
        raise mine

    assert caught.value is mine


def test_a_call_that_hangs_leaves_the_handler_time_to_say_so(deployer: Deployer) -> None:
    config: Any = client("lambda", SHOP).meta.config

    with deployer.aws.fails("GetFunction", "ReadTimeout", times=None) as unanswered, pytest.raises(AwsUnavailable):
        functions.describe(SHOP)

    assert unanswered.met * (config.connect_timeout + config.read_timeout) < 50


@pytest.mark.parametrize("invoke", [functions.invoke, functions.probe])
def test_a_users_function_that_hangs_is_called_once_and_leaves_the_handler_time_to_say_so(
    deployer: Deployer, invoke: Callable[..., Reply]
) -> None:
    with deployer.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered:
        reply = invoke(SHOP, "1", Case(name="a"))

    assert unanswered.met == 1
    assert (reply.error, reply.answered) == ("NoAnswer", False)


def test_a_smoke_test_waits_longer_than_a_probe() -> None:
    waits = [client(service, SHOP).meta.config.read_timeout for service in ("invoke", "probe")]  # type: ignore[attr-defined]

    assert waits == [120, PROBE_SECONDS]


class Sent(NamedTuple):
    """What AWS sees of a call: where it goes, and who signed it."""

    url: str
    signed_by: str


def sent(clients: Any, service: str, call: Callable[[], object]) -> Sent:
    """What a call of one of our clients sends."""
    seen: list[Sent] = []

    def see(request: Any, **_: Any) -> None:
        signature = request.headers["Authorization"]
        text = signature.decode() if isinstance(signature, bytes) else signature
        seen.append(Sent(request.url, text.partition("Credential=")[2].partition("/")[0]))

    clients.meta.events.register_first(f"before-send.{service}", see)
    try:
        call()
    except NotFound:
        pass
    finally:
        clients.meta.events.unregister(f"before-send.{service}", see)
    return seen[0]


@pytest.fixture
def plain_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS whose calls are signed, as another account sees them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("STACK_ID", STACK)
    with mock_aws():
        forget_clients()
        yield
        forget_clients()


def elsewhere(region: str = "eu-west-1", account: str = "210987654321", role: str = "deployer") -> Target:
    """An alias of a function in another account."""
    arn = f"arn:aws:iam::{account}:role/{role}"
    return Target.at("eu", "Shop", "PROD", region=region, role=arn, bucket="artifacts-there")


def create_function(target: Target) -> None:
    """As the owner of that account does, by the same role."""
    role = boto3.client("sts").assume_role(RoleArn=target.role, RoleSessionName="owner")["Credentials"]
    session = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], target.region)
    trusted = session.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    session.client("lambda").create_function(
        FunctionName=target.function,
        Runtime="python3.14",
        Handler="index.handler",
        Role=trusted,
        Code={"ZipFile": zip_of("def handler(event, context): return 1")},
        Tags={"of": "the other account"},
    )


@contextmanager
def assuming(monkeypatch: pytest.MonkeyPatch, refusal: ClientError | None = None) -> Iterator[list[dict[str, Any]]]:
    """What STS is asked; it refuses, or every call after it finds nothing."""
    call = BaseClient._make_api_call  # type: ignore[attr-defined]
    asked: list[dict[str, Any]] = []

    def made(client: Any, operation: str, parameters: Any) -> Any:
        if operation == "AssumeRole":
            asked.append(parameters)
            if refusal:
                raise refusal
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", made)
    try:
        yield asked
    except NotFound:
        assert refusal is None


@pytest.mark.usefixtures("plain_aws")
class TestATarget:
    @pytest.mark.parametrize("service", ["lambda", "invoke", "probe", "cloudwatch"])
    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-northeast-1"])
    def test_a_target_is_called_in_its_own_region(self, service: Any, region: str) -> None:
        target = SHOP.model_copy(update={"region": region})

        assert client(service, target).meta.region_name == region

    def test_a_target_s_region_is_in_the_call(self) -> None:
        target = SHOP.model_copy(update={"region": "eu-west-1"})

        call = sent(client("lambda", target), "lambda", lambda: functions.describe(target))

        assert call.url.startswith("https://lambda.eu-west-1.amazonaws.com/")

    @pytest.mark.parametrize("service", ["s3", "dynamodb", "stepfunctions", "sns"])
    def test_the_stack_s_own_resources_are_called_in_its_own_region(self, service: Any) -> None:
        assert client(service).meta.region_name == REGION

    def test_a_target_without_a_role_is_called_as_the_deployer_itself(self) -> None:
        own = boto3.Session().get_credentials()
        assert own is not None

        call = sent(client("lambda", SHOP), "lambda", lambda: functions.describe(SHOP))

        assert call.signed_by == own.access_key

    def test_a_target_with_a_role_is_called_as_that_role(self) -> None:
        target = elsewhere()
        own = boto3.Session().get_credentials()
        assert own is not None

        call = sent(client("lambda", target), "lambda", lambda: functions.describe(target))

        assert call.signed_by.startswith("ASIA")
        assert call.signed_by != own.access_key
        assert call.url.startswith("https://lambda.eu-west-1.amazonaws.com/")

    def test_a_function_of_another_account_is_reached_by_its_role_and_without_it_is_not(self) -> None:
        target = elsewhere()
        create_function(target)

        assert refusals.tags(target) == {"of": "the other account"}
        with pytest.raises(NotFound):
            refusals.tags(target.model_copy(update={"role": ""}))

    def test_every_role_has_a_client_of_its_own_which_outlives_the_invocation(self) -> None:
        one, other = elsewhere(), elsewhere(account="345678901234")

        assert client("lambda", one) is client("lambda", elsewhere())
        assert client("lambda", one) is client("lambda", one.model_copy(update={"function": "Other", "alias": "LIVE"}))
        assert len({id(client("lambda", each)) for each in (one, other, SHOP, elsewhere("eu-central-1"))}) == 4

    def test_a_second_role_reads_no_description_of_a_service_again(self) -> None:
        """Each takes a tenth of a second of a whole processor, and a handler may reach a hundred targets."""
        client("lambda", elsewhere(role="first"))

        with mock.patch.object(JSONFileLoader, "load_file") as read:
            client("lambda", elsewhere(role="second"))

        assert read.mock_calls == []

    def test_a_role_is_assumed_at_the_first_call_and_kept_for_the_next(self) -> None:
        target = elsewhere()
        client("lambda", target)

        first = sent(client("lambda", target), "lambda", lambda: functions.describe(target))
        second = sent(client("cloudwatch", target), "cloudwatch", lambda: alarms.states(target, ("sales",)))
        third = sent(client("lambda", target), "lambda", lambda: functions.describe(target))

        assert first.signed_by.startswith("ASIA")
        assert {call.signed_by for call in (first, second, third)} == {first.signed_by}

    @pytest.mark.parametrize(
        ("stack", "session"), [(STACK, "bluegreen-bluegreen"), (STACK.replace("/bluegreen/", f"/{'x' * 99}/"), LONGEST)]
    )
    def test_a_role_is_assumed_with_the_stack_s_id_in_a_session_that_is_called_after_it(
        self, monkeypatch: pytest.MonkeyPatch, stack: str, session: str
    ) -> None:
        monkeypatch.setenv("STACK_ID", stack)
        target = elsewhere()

        with assuming(monkeypatch) as asked:
            functions.describe(target)

        assert asked == [{"RoleArn": target.role, "ExternalId": stack, "RoleSessionName": session}]

    def test_no_one_but_the_stack_assumes_a_role(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("STACK_ID")

        with pytest.raises(
            AccessDenied, match=r"^targets\.eu\.role: only the stack's own functions may assume arn:aws:iam"
        ):
            functions.describe(elsewhere())

    @pytest.mark.parametrize(("code", "name"), [("AccessDenied", AccessDenied), ("Throttling", AwsUnavailable)])
    def test_a_role_that_cannot_be_assumed_has_our_word_for_it(
        self, monkeypatch: pytest.MonkeyPatch, code: str, name: type[DeploymentError]
    ) -> None:
        with assuming(monkeypatch, answered(code)), pytest.raises(name, match="the reason"):
            functions.describe(elsewhere(role="forbidden"))

    def test_a_role_that_the_stack_may_not_assume_is_named_with_its_field_and_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with assuming(monkeypatch, answered("AccessDenied")), pytest.raises(AccessDenied) as refused:
            functions.describe(elsewhere(role="forbidden"))

        assert str(refused.value) == (
            "targets.eu.role: the deployer may not assume arn:aws:iam::210987654321:role/forbidden (An error occurred "
            "(AccessDenied) when calling the Operation operation: the reason); deploy target.yaml there with the "
            "outputs StackId and RolesForTargets of this stack, and name the role in its parameter TargetRoles "
            "(docs/targets.md)"
        )

    def test_a_role_that_may_be_assumed_at_last_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        target = elsewhere()
        create_function(target)
        with monkeypatch.context() as first, assuming(first, answered("AccessDenied")), pytest.raises(AccessDenied):
            refusals.tags(target)

        assert refusals.tags(target) == {"of": "the other account"}


@pytest.mark.parametrize(
    "error",
    [KeyError("RevisionId"), TypeError("x"), ValueError("x"), AttributeError("x"), IndexError(), OverflowError()],
)
def test_an_answer_that_cannot_be_read_is_aws_s_refusal_and_shows_none_of_its_values(error: Exception) -> None:
    with pytest.raises(AwsRefused) as refused, in_our_words():
        raise error

    assert str(refused.value) == f"AWS's answer cannot be read ({type(error).__name__})"
