"""UpdateCode puts the new code into $LATEST, once, and only over the code that was there."""

from typing import Any
from unittest import mock

import boto3
import pytest
from moto.awslambda.models import LambdaFunction

from bluegreen.aws import functions
from bluegreen.errors import AwsRefused, AwsUnavailable, DeploymentOver, LatestMoved, StillInProgress, UpdateFailed
from bluegreen.ledger import deployments
from bluegreen.target import Target
from tests.handlers.desk import Desk, Desks, another_user_updates_the_code, just_before
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, place, zip_of
from tests.machine.faults import HandlerKilled


@pytest.fixture
def at_update(desk: Desk) -> Desk:
    return desk.to("UpdateCode")


def revision() -> str:
    return str(boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["RevisionId"])


def has_the_artifact(desk: Desk) -> bool:
    record = desk.record()
    return desk.deployer.digest() == str(record["code"]) != str(record["latest_sha256"])


def test_latest_gets_the_code_of_the_artifact_and_the_alias_does_not(at_update: Desk) -> None:
    at_update.run("UpdateCode")

    assert has_the_artifact(at_update)
    assert at_update.deployer.alias() == ("1", {})
    assert at_update.deployer.versions() == ["1"]


def test_the_document_learns_nothing_and_the_audit_has_the_digest(at_update: Desk) -> None:
    before = at_update.document

    at_update.run("UpdateCode")

    assert at_update.document == before
    assert at_update.evidence("UpdateCode") == {"sha256": at_update.record()["code"]}


def test_the_record_knows_that_the_code_was_sent(at_update: Desk) -> None:
    with at_update.aws.fails("UpdateFunctionCode", "HandlerKilled"), pytest.raises(HandlerKilled):
        at_update.run("UpdateCode")

    assert at_update.record()["code_sent_at"]


def test_the_object_version_that_was_checked_is_the_one_that_is_taken(at_update: Desk) -> None:
    at_update.deployer.upload(GOOD % 9)

    at_update.run("UpdateCode")

    assert has_the_artifact(at_update)


def test_an_object_without_a_version_is_taken_as_it_is(desks: Desks) -> None:
    """The owner of the bucket has suspended its versioning."""
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=BUCKET, Key=place("new.zip"), Body=zip_of(GOOD % 2))
    desk = desks(artifact={"bucket": BUCKET, "key": place("new.zip")}).to("UpdateCode")

    desk.run("UpdateCode")

    assert desk.plan.artifact.version_id is None  # type: ignore[union-attr]
    assert has_the_artifact(desk)


def test_code_that_is_there_already_is_not_sent_again(at_update: Desk) -> None:
    at_update.run("UpdateCode")
    before = revision()

    at_update.run("UpdateCode", retries=1)

    assert revision() == before
    assert has_the_artifact(at_update)


@pytest.mark.parametrize("times", [1, None])
def test_a_reply_lost_on_the_way_is_not_taken_for_a_change_of_another_user(at_update: Desk, times: int | None) -> None:
    with at_update.aws.fails("UpdateFunctionCode", "ReadTimeout", times=times, when="after"):
        if times is None:
            with pytest.raises(AwsUnavailable):
                at_update.run("UpdateCode")
        else:
            at_update.run("UpdateCode")

    at_update.run("UpdateCode", retries=1)

    assert has_the_artifact(at_update)


def test_an_update_under_way_is_waited_for(at_update: Desk) -> None:
    with at_update.aws.fails("UpdateFunctionCode", "ResourceConflictException"), pytest.raises(StillInProgress):
        at_update.run("UpdateCode")


def test_code_that_another_user_put_there_is_left_alone(at_update: Desk) -> None:
    theirs = another_user_updates_the_code(at_update.deployer, GOOD % 9)

    with pytest.raises(LatestMoved):
        at_update.run("UpdateCode")

    assert at_update.deployer.digest() == theirs


def test_code_that_another_user_puts_there_right_before_the_handler_is_left_alone(at_update: Desk) -> None:
    theirs: list[str] = []

    with (
        just_before(
            "lambda",
            "UpdateFunctionCode",
            lambda: theirs.append(another_user_updates_the_code(at_update.deployer, GOOD % 9)),
        ),
        pytest.raises(LatestMoved),
    ):
        at_update.run("UpdateCode")

    assert [at_update.deployer.digest()] == theirs


def test_a_configuration_that_another_user_changed_is_noticed(at_update: Desk) -> None:
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=77)
    before = at_update.deployer.digest()

    with pytest.raises(LatestMoved):
        at_update.run("UpdateCode")

    assert at_update.deployer.digest() == before


@pytest.mark.parametrize("when", ["at the opening", "now"])
def test_an_environment_that_lambda_cannot_decrypt_is_not_taken_for_a_change(desk: Desk, when: str) -> None:
    describe = functions.describe

    def undecrypted(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
        found = describe(target, qualifier)
        read = {name: value for name, value in found.settings.items() if name != "Environment"}
        return found.model_copy(update={"settings": read})

    with mock.patch.object(functions, "describe", undecrypted if when == "at the opening" else describe):
        desk.run("OpenDeployment")
    with mock.patch.object(functions, "describe", undecrypted if when == "now" else describe):
        desk.run("UpdateCode")

    assert has_the_artifact(desk)


def test_code_that_lambda_cannot_make_ready_is_a_failure_with_lambdas_reason(
    at_update: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, after=True, LastUpdateStatus="Failed", LastUpdateStatusReason="the key is gone")

    with pytest.raises(UpdateFailed, match="the key is gone"):
        at_update.run("UpdateCode")


@pytest.mark.parametrize(
    "state",
    [{"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "the key is gone"}, {"State": "Inactive"}],
    ids=["failed", "inactive"],
)
def test_new_code_mends_and_wakes_what_was_there(
    at_update: Desk, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    says(monkeypatch, after=False, **state)

    at_update.run("UpdateCode")

    assert has_the_artifact(at_update)


@pytest.mark.parametrize(
    "state", [{"LastUpdateStatus": "InProgress"}, {"State": "Pending"}], ids=["update", "creation"]
)
def test_what_takes_longer_than_a_handler_waits_is_looked_at_again(
    at_update: Desk, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    says(monkeypatch, after=False, **state)

    with pytest.raises(StillInProgress):
        at_update.run("UpdateCode")


@pytest.mark.parametrize("code", ["CodeVerificationFailedException", "CodeStorageExceededException"])
def test_what_lambda_refuses_is_said_in_lambdas_words(at_update: Desk, code: str) -> None:
    before = at_update.deployer.digest()

    with at_update.aws.fails("UpdateFunctionCode", code), pytest.raises(AwsRefused, match=code):
        at_update.run("UpdateCode")

    assert at_update.deployer.digest() == before


def test_a_handler_that_outlives_its_execution_changes_nothing(at_update: Desk) -> None:
    before = at_update.deployer.digest()
    at_update.failed().run("RollBack")

    with pytest.raises(DeploymentOver):
        at_update.run("UpdateCode")

    assert at_update.deployer.digest() == before


@pytest.mark.parametrize("state", ["UpdateCode", "MendLatest"])
def test_code_that_another_user_puts_back_once_green_is_published_is_left_alone(desk: Desk, state: str) -> None:
    """By an event with the proof, or by an attempt that comes late."""
    desk.to("ShiftAlias").run("ShiftAlias")
    before = desk.record()
    assert another_user_updates_the_code(desk.deployer, GOOD % 1) == before["latest_sha256"]
    theirs = revision()

    desk.run(state)

    assert (revision(), desk.record()) == (theirs, before)
    assert desk.evidence(state) == {"published": "2"}


def test_code_is_not_sent_once_a_retry_has_published_green_meanwhile(at_update: Desk) -> None:
    before = revision()

    with (
        just_before("dynamodb", "UpdateItem", lambda: deployments.learn_green("first", "2")),
        pytest.raises(DeploymentOver, match="a later attempt overtook this one; nothing was changed"),
    ):
        at_update.run("UpdateCode")

    assert revision() == before
    assert "code_sent_at" not in at_update.record()


class TestCodeThatOnlyLatestHas:
    @pytest.fixture
    def unpublished(self, desks: Desks) -> Desk:
        another_user_updates_the_code(desks.deployer, GOOD % 9)
        return desks().to("UpdateCode")

    def copies(self) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="restored/")
        return [item["Key"] for item in listed.get("Contents", [])]

    def test_is_copied_before_it_is_replaced(self, unpublished: Desk) -> None:
        with unpublished.aws.fails("UpdateFunctionCode", "HandlerKilled"), pytest.raises(HandlerKilled):
            unpublished.run("UpdateCode")

        kept = unpublished.record()["latest_kept"]
        assert self.copies() == [kept["key"]]
        assert kept["sha256"] == unpublished.record()["latest_sha256"]

    @pytest.mark.parametrize("operation", ["PutObject", "UpdateItem", "UpdateFunctionCode"])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_not_lost_if_the_handler_dies_on_the_way(self, unpublished: Desk, operation: str, when: Any) -> None:
        with unpublished.aws.fails(operation, "HandlerKilled", when=when), pytest.raises(HandlerKilled):
            unpublished.run("UpdateCode")

        unpublished.run("UpdateCode", retries=1)

        assert has_the_artifact(unpublished)
        assert self.copies() == [unpublished.record()["latest_kept"]["key"]]
        unpublished.failed().run("RollBack")
        assert unpublished.deployer.digest() == unpublished.record()["latest_sha256"]

    def test_stays_where_it_is_while_no_copy_can_be_made(self, unpublished: Desk) -> None:
        before = revision()

        with (
            unpublished.aws.fails("PutObject", "ServiceUnavailable", times=None),
            pytest.raises(AwsUnavailable, match=r"\$LATEST of BonusCalculatorLambda was not touched: "),
        ):
            unpublished.run("UpdateCode")

        assert revision() == before
        assert "code_sent_at" not in unpublished.record()

    def test_of_an_image_needs_no_copy_and_its_place_is_noted(self, desk: Desk) -> None:
        image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"
        desk.to("UpdateCode")
        describe = functions.describe

        def of_an_image(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
            return describe(target, qualifier).model_copy(update={"image_uri": image})

        with mock.patch.object(functions, "describe", of_an_image):
            desk.run("UpdateCode")

        assert desk.record()["latest_kept"] == {"image_uri": image}
        assert self.copies() == []


def says(monkeypatch: pytest.MonkeyPatch, *, after: bool, **state: str) -> None:
    """Lambda says this of $LATEST, from the handler's update on or until it."""
    tell = LambdaFunction.get_configuration
    before = boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["CodeSha256"]

    def get_configuration(function: Any, on_create: bool = False) -> dict[str, Any]:
        told: dict[str, Any] = tell(function, on_create)
        if told["Version"] == "$LATEST" and (told["CodeSha256"] != before) == after:
            return told | state
        return told

    monkeypatch.setattr(LambdaFunction, "get_configuration", get_configuration)
