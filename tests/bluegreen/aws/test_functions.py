"""Lambda functions: what is compared of them, what is waited for, and what an invocation answers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

import boto3
import pytest

from bluegreen.aws import functions, refusals
from bluegreen.aws.client import client
from bluegreen.aws.functions import LATEST, PATIENCE_SECONDS, Function
from bluegreen.decisions.settings import SETTINGS, digests
from bluegreen.document import Latest
from bluegreen.errors import (
    AccessDenied,
    AwsUnavailable,
    NotFound,
    PreconditionFailed,
    StillInProgress,
    UpdateFailed,
)
from bluegreen.request.artifact import Image, Zip
from bluegreen.request.smoke_tests import Case
from tests.bluegreen.aws.answers import Asked, answered, asked
from tests.bluegreen.examples import DIGEST, IMAGE, IN_BASE64, SHOP
from tests.machine.deployer import BROKEN, FUNCTION, GOOD, TARGET, Deployer

on_aws = pytest.mark.usefixtures("deployer")

KEY = "the proof of the deployment"

CONFIGURATION: dict[str, Any] = {
    "FunctionName": "Shop",
    "Version": LATEST,
    "CodeSha256": IN_BASE64,
    "RevisionId": "r1",
    "Handler": "index.handler",
    "MemorySize": 512,
    "Environment": {"Variables": {"TOKEN": "abc"}},
}


def answer(**more: Any) -> dict[str, Any]:
    """Of GetFunction."""
    code = more.pop("Code", {})
    return {"Configuration": CONFIGURATION | more, "Code": code}


def shop(**more: Any) -> Function:
    """The function with that configuration."""
    return functions._function(answer(**more))  # type: ignore[arg-type]


def latest_of(function: Function, key: str = KEY) -> Latest:
    """As the plan keeps it."""
    return Latest(sha256=function.sha256, settings=digests(function.settings, key), revision=function.revision)


class TestSettings:
    def test_settings_are_compared_as_they_were(self) -> None:
        assert shop().has_settings_of(latest_of(shop()), KEY)
        assert not shop(Timeout=9).has_settings_of(latest_of(shop()), KEY)

    def test_a_digest_under_another_key_is_another_function_s(self) -> None:
        assert not shop().has_settings_of(latest_of(shop()), "another proof")

    def test_an_environment_that_cannot_be_read_is_not_compared_and_the_rest_is(self) -> None:
        secret = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt"}}
        unread = shop(Environment=secret)

        assert unread.has_settings_of(latest_of(shop()), KEY)
        assert shop().has_settings_of(latest_of(unread), KEY)
        assert not shop(Environment=secret, Timeout=9).has_settings_of(latest_of(shop()), KEY)

    @pytest.mark.parametrize("field", ["LastModified", "CodeSize", "RuntimeVersionConfig", "AFieldOfTomorrow"])
    def test_a_field_that_aws_changes_or_adds_is_no_setting(self, field: str) -> None:
        assert shop(**{field: "changed"}).is_as(latest_of(shop()), KEY)


class TestCode:
    def test_a_function_of_a_zip_holds_the_zip_of_its_digest(self) -> None:
        assert shop().holds(Zip(bucket="artifacts", key="any.zip", sha256=IN_BASE64))
        assert not shop().holds(Zip(bucket="artifacts", key="any.zip", sha256="0" * 64))

    def test_a_function_holds_no_zip_of_which_nothing_is_known(self) -> None:
        assert not shop().holds(Zip(bucket="artifacts", key="any.zip"))

    def test_a_function_of_an_image_holds_the_image_that_lambda_resolved(self) -> None:
        of_image = shop(PackageType="Image", Code={"ResolvedImageUri": IMAGE})

        assert of_image.holds(Image(image_uri=f"elsewhere/shop@sha256:{DIGEST.hex()}"))
        assert not of_image.holds(Image(image_uri=f"elsewhere/shop@sha256:{'0' * 64}"))

    @pytest.mark.parametrize("digest", [IN_BASE64, f"sha256:{DIGEST.hex()}"])
    def test_a_function_has_the_code_of_either_kind_of_digest(self, digest: str) -> None:
        assert shop(Code={"ResolvedImageUri": IMAGE}).has_code(digest)

    @pytest.mark.parametrize("digest", ["", "another"])
    def test_a_function_has_no_other_code(self, digest: str) -> None:
        assert not shop(Code={"ResolvedImageUri": IMAGE}).has_code(digest)

    def test_latest_is_as_it_was_with_the_same_code_and_settings(self) -> None:
        before = latest_of(shop())

        assert shop(RevisionId="r2").is_as(before, KEY)
        assert not shop(CodeSha256="another").is_as(before, KEY)
        assert not shop(Timeout=4).is_as(before, KEY)


class TestStates:
    @pytest.mark.parametrize(
        ("state", "update", "settled", "broken"),
        [
            ("Active", "Successful", True, False),
            ("Inactive", "Successful", True, False),
            ("Pending", "Successful", False, False),
            ("Active", "InProgress", False, False),
            ("Active", "Failed", True, True),
            ("Failed", "Successful", True, True),
        ],
    )
    def test_a_function_is_settled_and_well_or_not(self, state: str, update: str, settled: bool, broken: bool) -> None:
        function = shop(State=state, LastUpdateStatus=update)

        assert (function.settled, function.broken) == (settled, broken)

    def test_a_function_of_which_lambda_says_no_state_is_active(self) -> None:
        assert (shop().state, shop().updating, shop().package_type) == ("Active", "Successful", "Zip")


@on_aws
class TestReading:
    def test_a_function_is_described_with_what_lambda_says_of_it(self) -> None:
        latest, version = functions.describe(TARGET), functions.describe(TARGET, "1")

        assert (latest.name, latest.version, version.version) == (FUNCTION, LATEST, "1")
        assert latest.sha256 == version.sha256
        assert latest.settings["Runtime"] == "python3.14"
        assert list(latest.settings) == list(SETTINGS)
        assert latest.settings == version.settings

    @pytest.mark.parametrize("qualifier", [LATEST, "1"])
    def test_a_function_that_is_not_there_is_not_found(self, qualifier: str) -> None:
        with pytest.raises(NotFound):
            functions.describe(SHOP, qualifier)

    def test_a_version_that_is_not_there_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            functions.describe(TARGET, "9")

    def test_the_tags_are_those_of_the_function(self) -> None:
        assert refusals.tags(TARGET) == {"bluegreen:managed": "true"}

    def test_tags_tell_a_function_that_is_gone_from_one_that_has_none(self, deployer: Deployer) -> None:
        deployer.aws.create_function("Untagged", GOOD % 1, tags={})

        assert refusals.tags(TARGET.model_copy(update={"function": "Untagged"})) == {}
        with pytest.raises(NotFound):
            refusals.tags(SHOP)

    def test_tags_that_may_not_be_seen_are_a_missing_permission(self, deployer: Deployer) -> None:
        with deployer.aws.fails("ListTags", "AccessDeniedException"), pytest.raises(AccessDenied):
            refusals.tags(TARGET)


def described(answer_now: Callable[[], dict[str, Any]]) -> AbstractContextManager[Asked]:
    """What GetFunction says, anew at every call."""
    return answered(client("lambda", TARGET), "GetFunction", answer_now)


@on_aws
class TestWaiting:
    def test_a_function_that_settles_is_waited_for(self, deployer: Deployer) -> None:
        def settle() -> None:
            states["LastUpdateStatus"] = "Successful"

        states: dict[str, Any] = {"LastUpdateStatus": "InProgress"}
        deployer.aws.after(10, settle)
        begun = deployer.aws.clock.now()

        with described(lambda: answer(**states)):
            assert functions.when_settled(TARGET).settled

        assert 10 <= deployer.aws.clock.now() - begun <= 11

    def test_a_function_that_does_not_settle_is_left_to_the_machine(self, deployer: Deployer) -> None:
        begun = deployer.aws.clock.now()

        with described(lambda: answer(State="Pending")), pytest.raises(StillInProgress, match="is Pending"):
            functions.when_settled(TARGET)

        assert deployer.aws.clock.now() - begun == PATIENCE_SECONDS

    def test_a_function_that_is_broken_is_not_waited_for(self) -> None:
        broken = answer(LastUpdateStatus="Failed", LastUpdateStatusReason="The image is not there")

        with described(lambda: broken), pytest.raises(UpdateFailed, match="its update Failed: The image is not there"):
            functions.when_ready(TARGET)

    def test_a_function_of_a_failed_update_can_be_changed(self) -> None:
        with described(lambda: answer(LastUpdateStatus="Failed")):
            assert functions.when_settled(TARGET).broken

    def test_a_version_that_sleeps_is_woken_by_one_call(self, deployer: Deployer) -> None:
        with (
            asked(client("probe", TARGET), "Invoke") as calls,
            described(lambda: answer(State="Active" if calls else "Inactive")),
        ):
            functions.when_awake(TARGET, "1")

        assert [call["Qualifier"] for call in calls] == ["1"]

    def test_a_version_that_sleeps_on_is_left_to_the_machine(self) -> None:
        with described(lambda: answer(State="Inactive")), pytest.raises(StillInProgress, match="is activating it"):
            functions.when_awake(TARGET, "1")

    def test_a_version_that_is_awake_is_not_called(self) -> None:
        with asked(client("probe", TARGET), "Invoke") as calls:
            functions.when_awake(TARGET, "1")

        assert calls == []


def put_there(deployer: Deployer, source: str) -> str:
    """Someone puts other code into $LATEST; its digest."""
    artifact = deployer.upload(source, "theirs.zip")
    boto3.client("lambda").update_function_code(
        FunctionName=FUNCTION, S3Bucket=artifact["bucket"], S3Key=artifact["key"]
    )
    return deployer.digest()


@on_aws
class TestChanging:
    def test_code_is_put_into_latest_of_that_revision(self, deployer: Deployer) -> None:
        before = functions.describe(TARGET)

        functions.update(TARGET, Zip.model_validate(deployer.upload(GOOD % 2)), before.revision)

        after = functions.describe(TARGET)
        assert after.sha256 != before.sha256
        assert after.revision != before.revision

    def test_code_is_not_put_into_latest_that_someone_else_changed(self, deployer: Deployer) -> None:
        before = functions.describe(TARGET)
        theirs = put_there(deployer, GOOD % 9)

        with pytest.raises(PreconditionFailed):
            functions.update(TARGET, Zip.model_validate(deployer.upload(GOOD % 2)), before.revision)

        assert deployer.digest() == theirs

    def test_the_object_version_of_the_artifact_is_what_is_sent(self, deployer: Deployer) -> None:
        artifact = Zip.model_validate(deployer.upload(GOOD % 2))
        deployer.upload(GOOD % 3)

        functions.update(TARGET, artifact, functions.describe(TARGET).revision)
        of_version = deployer.digest()
        functions.update(TARGET, artifact.model_copy(update={"version_id": None}), functions.describe(TARGET).revision)

        assert deployer.digest() != of_version

    def test_the_same_code_is_published_as_the_same_version(self, deployer: Deployer) -> None:
        put_there(deployer, GOOD % 2)
        latest = functions.describe(TARGET)

        version = functions.publish(TARGET, latest, "bluegreen first")
        again = functions.publish(TARGET, functions.describe(TARGET), "bluegreen second")

        assert (version, again) == ("2", "2")
        assert deployer.versions() == ["1", "2"]

    def test_latest_that_someone_else_changed_is_not_published(self, deployer: Deployer) -> None:
        latest = functions.describe(TARGET)
        put_there(deployer, GOOD % 2)

        with pytest.raises(PreconditionFailed):
            functions.publish(TARGET, latest, "bluegreen first")

        assert deployer.versions() == ["1"]


@on_aws
class TestInvoking:
    @pytest.mark.parametrize("payload", [{"user": 1}, {}, None, [1e300, {"": "größer"}], "text", 5])
    def test_a_function_gets_the_payload_that_the_case_has(self, deployer: Deployer, payload: Any) -> None:
        deployer.aws.create_function("Echo", "def handler(event, context): return event")
        echo = TARGET.model_copy(update={"function": "Echo"})

        reply = functions.invoke(echo, LATEST, Case(name="a", payload=payload))

        assert (reply.payload, reply.error, reply.answered) == (payload, None, True)

    def test_a_reply_says_which_version_answered(self) -> None:
        assert functions.invoke(TARGET, "1", Case(name="a")).version == "1"
        assert functions.invoke(TARGET, LATEST, Case(name="a")).version == LATEST

    def test_an_error_of_the_function_is_an_answer(self, deployer: Deployer) -> None:
        put_there(deployer, BROKEN)

        reply = functions.invoke(TARGET, LATEST, Case(name="a"))

        assert (reply.error, reply.error_message, reply.answered) == ("RuntimeError", "broken", True)

    @pytest.mark.parametrize(
        ("body", "error", "message"),
        [
            (b'{"errorType": "KeyError", "errorMessage": "x"}', "KeyError", "x"),
            (b'{"errorMessage": "Task timed out"}', "Unhandled", "Task timed out"),
            (b'"just text"', "Unhandled", '"just text"'),
            (b"no JSON \xff", "Unhandled", "no JSON \N{REPLACEMENT CHARACTER}"),
            (b"", "Unhandled", ""),
        ],
    )
    def test_an_error_is_read_as_far_as_lambda_says_it(self, body: bytes, error: str, message: str) -> None:
        said = {"FunctionError": "Unhandled", "Payload": BytesIO(body)}

        with answered(client("invoke", TARGET), "Invoke", lambda: said):
            reply = functions.invoke(TARGET, LATEST, Case(name="a"))

        assert (reply.error, reply.error_message) == (error, message)

    def test_a_function_that_hangs_is_no_answer_after_as_long_as_was_waited(self, deployer: Deployer) -> None:
        with deployer.aws.fails("Invoke", "ReadTimeout", times=None):
            reply = functions.probe(TARGET, "1", Case(name="a"))

        assert (reply.answered, reply.error, reply.payload, reply.version) == (False, "NoAnswer", None, "1")
        assert reply.error_message == "nothing came within 0 seconds"

    def test_a_reply_that_is_no_json_is_its_text(self) -> None:
        with answered(client("invoke", TARGET), "Invoke", lambda: {"Payload": BytesIO(b"hello")}):
            reply = functions.invoke(TARGET, LATEST, Case(name="a"))

        assert (reply.payload, reply.error, reply.version) == ("hello", None, LATEST)

    @pytest.mark.parametrize("code", ["ServiceException", "TooManyRequestsException", "ConnectTimeout"])
    def test_a_lambda_that_is_busy_is_no_answer_of_the_function(self, deployer: Deployer, code: str) -> None:
        with deployer.aws.fails("Invoke", code, times=None), pytest.raises(AwsUnavailable):
            functions.invoke(TARGET, "1", Case(name="a"))


def test_what_a_deployment_must_know_beforehand_is_read_with_the_function() -> None:
    configuration = CONFIGURATION | {"Role": "r", "Timeout": 900, "DeadLetterConfig": {"TargetArn": "q"}}
    switched_off = {"Configuration": configuration, "Code": {}, "Concurrency": {"ReservedConcurrentExecutions": 0}}

    found = functions._function(switched_off)  # type: ignore[arg-type]

    assert (found.role, found.timeout_seconds, found.dead_letters, found.reserved_concurrency) == ("r", 900, "q", 0)
    assert shop().reserved_concurrency is None
