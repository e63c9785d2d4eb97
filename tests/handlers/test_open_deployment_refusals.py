"""OpenDeployment refuses what cannot be deployed, says what to write instead, and touches nothing."""

import hashlib

import boto3
import pytest

from bluegreen.errors import InvalidRequest, StillInProgress
from tests.handlers.desk import (
    Desk,
    Desks,
    another_user_points_the_alias,
    another_user_publishes,
    aws_answers,
    just_before,
    put,
)
from tests.handlers.opening import BLUE, digest_of, the_zip
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, alarm, place, zip_of


def refused(desk: Desk) -> str:
    """The refusal's text; nothing of AWS may be different afterwards."""
    before = desk.deployer.everything()
    with pytest.raises(InvalidRequest) as refusal:
        desk.run("OpenDeployment")
    assert desk.deployer.everything() == before
    return str(refusal.value)


class TestRefusals:
    def test_a_function_that_is_not_there(self, desks: Desks) -> None:
        assert refused(desks(function="Nothing", from_elsewhere=True)).startswith(
            "function: there is no function Nothing"
        )

    @pytest.mark.parametrize("tags", [{}, {"bluegreen:managed": "no"}])
    def test_a_function_that_has_not_opted_in(self, desks: Desks, tags: dict[str, str]) -> None:
        desks.deployer.aws.create_function("Private", BLUE, tags=tags)
        desk = desks(function="Private", from_elsewhere=True)

        with desk.aws.fails("GetFunction", "AccessDeniedException", times=None, state="OpenDeployment") as looks:
            said = refused(desk)

        assert said.startswith("function: Private has no tag bluegreen:managed = true")
        assert (looks.met, desk.record(), desk.deployer.items("lock#")) == (0, {}, [])

    def test_an_alias_that_is_not_there(self, desks: Desks) -> None:
        said = refused(desks(alias="LIVE"))

        assert said.startswith(f"alias: {FUNCTION} has no alias LIVE")
        assert f"bluegreen adopt {FUNCTION} --alias LIVE" in said

    def test_an_alias_that_is_split_already(self, desk: Desk) -> None:
        another_user_publishes(GOOD % 2)
        another_user_points_the_alias("1", {"2": 0.25})

        said = refused(desk)

        assert said.startswith(f"alias: {FUNCTION}:{ALIAS} is split already")
        assert "--function-version 1 --routing-config AdditionalVersionWeights={}" in said

    def test_an_alias_that_lambda_itself_splits_for_a_moment_is_waited_for(self, desk: Desk) -> None:
        another_user_publishes(GOOD % 2)
        another_user_points_the_alias("1", {"2": 0.25})

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(StillInProgress),
        ):
            desk.run("OpenDeployment")

    def test_a_split_of_lambdas_that_ends_while_it_is_looked_at_is_waited_for(self, desk: Desk) -> None:
        another_user_publishes(GOOD % 2)
        another_user_points_the_alias("1", {"2": 0.25})

        with (
            just_before("lambda", "GetProvisionedConcurrencyConfig", lambda: another_user_points_the_alias("2")),
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
            pytest.raises(StillInProgress, match="provisioned concurrency"),
        ):
            desk.run("OpenDeployment")

        assert desk.run("OpenDeployment", retries=1)["deployment"]["blue"] == "2"

    def test_an_alias_on_latest(self, desk: Desk) -> None:
        another_user_points_the_alias("$LATEST")

        assert refused(desk).startswith(f"alias: {FUNCTION}:{ALIAS} points to $LATEST")

    def test_an_object_that_is_not_there(self, desks: Desks) -> None:
        said = refused(desks(artifact={"bucket": BUCKET, "key": place("nothing.zip")}))

        assert said.startswith(f"artifact: there is no object s3://{BUCKET}/{place('nothing.zip')}")

    def test_a_bucket_that_is_not_there(self, desks: Desks) -> None:
        assert refused(desks(artifact="s3://another-bucket/new.zip", from_elsewhere=True)).startswith("artifact")

    @pytest.mark.parametrize("code", ["AccessDenied", "403"])
    def test_a_bucket_that_may_not_be_read(self, desk: Desk, code: str) -> None:
        with desk.aws.fails("GetObject", code):
            said = refused(desk)

        assert said.startswith("artifact.bucket: ")
        assert "this is the stack's own bucket" in said

    @pytest.mark.parametrize("code", ["NoSuchVersion", "InvalidArgument", "MethodNotAllowed"])
    def test_an_object_version_that_cannot_be_had(self, desk: Desk, code: str) -> None:
        with desk.aws.fails("GetObject", code):
            assert refused(desk).startswith("artifact: ")

    @pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"hello", "is not a zip")])
    def test_an_object_that_is_no_zip(self, desks: Desks, content: bytes, said: str) -> None:
        boto3.client("s3").put_object(Bucket=BUCKET, Key=place("odd.zip"), Body=content)

        assert refused(desks(artifact=f"s3://{BUCKET}/{place('odd.zip')}")).startswith(
            f"artifact: s3://{BUCKET}/{place('odd.zip')} {said}"
        )

    def test_another_digest_than_the_objects(self, desks: Desks) -> None:
        artifact = desks.deployer.upload(GOOD % 2) | {"sha256": "00" * 32}

        said = refused(desks(artifact=artifact))

        assert said.startswith("artifact.sha256: ")
        assert digest_of(zip_of(GOOD % 2)) in said

    @pytest.mark.parametrize("written", ["hexadecimal", "base64"])
    def test_the_right_digest_is_none(self, desks: Desks, written: str) -> None:
        content = zip_of(GOOD % 2)
        digest = hashlib.sha256(content).hexdigest() if written == "hexadecimal" else digest_of(content)

        desk = desks(artifact=desks.deployer.upload(GOOD % 2) | {"sha256": digest})

        desk.run("OpenDeployment")

        assert the_zip(desk).sha256 == digest_of(content)

    def test_a_version_that_is_not_there(self, desks: Desks) -> None:
        assert refused(desks(artifact={"version": "9"})).startswith(f"artifact.version: {FUNCTION} has no version 9")

    def test_an_image_for_a_function_of_a_zip(self, desks: Desks) -> None:
        image = {"image_uri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"}

        assert refused(desks(artifact=image)).startswith("artifact: ")

    def test_an_alarm_that_is_not_there(self, desks: Desks) -> None:
        alarm("known", "OK")

        said = refused(desks(health={"alarms": ["known", "unknown"]}))

        assert said == "health.alarms: there is no alarm unknown; correct the name or leave it out"

    def test_a_request_that_cannot_be_read(self, desks: Desks) -> None:
        assert refused(desks(trafic="AllAtOnce")) == "trafic: unknown field; did you mean traffic?"


class TestAName:
    def test_that_was_another_deployments_is_refused(self, desk: Desk) -> None:
        """Step Functions lets a name be used again after 90 days."""
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.failed().run("RollBack")
        put(desk.record() | {"started_at": "2025-10-05T09:00:00.000Z"})
        before = desk.record(), desk.steps()

        refusal = refused(desk)

        assert refusal.startswith(f"name: first was a deployment of {FUNCTION}:{ALIAS}, begun at 2025-10-05")
        assert (desk.record(), desk.steps()) == before
        assert desk.record()["state"] == "RolledBack"
