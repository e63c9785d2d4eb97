"""RollBack puts the code back that $LATEST had, or says why it could not."""

import base64
from contextlib import suppress

import boto3
import pytest

from bluegreen.errors import AwsRefused, AwsUnavailable
from tests.handlers.desk import Desk, Desks, another_user_updates_the_code, put
from tests.handlers.rolling_back import at_last, blue_is_back, found
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, TARGET, place, zip_of
from tests.machine.faults import HandlerKilled


def revision_of_latest() -> str:
    return str(boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["RevisionId"])


def bytes_of(digest: str) -> bytes:
    return base64.b64decode(digest)


class TestTheCodeThatLatestHad:
    def deployed(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("CompleteDeployment")

    def test_is_taken_from_the_deployment_that_put_it_there(self, desks: Desks) -> None:
        first = desks("first", GOOD % 2)
        self.deployed(first)
        second = desks("second", GOOD % 3).to("ShiftAlias")

        second.failed().run("RollBack")

        assert second.deployer.digest() == first.record()["code"]
        assert found(second)["latest"] == {
            "kind": "put_back",
            "source": f"s3://{BUCKET}/{place('new.zip')}",
            "problem": "",
        }

    def test_is_taken_from_blue_where_that_artifact_is_gone(self, desks: Desks) -> None:
        pinned = desks.deployer.upload(GOOD % 2, "gone.zip")
        first = desks("first", artifact=pinned)
        self.deployed(first)
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=place("gone.zip"), VersionId=pinned["version_id"])
        second = desks("second", GOOD % 3).to("ShiftAlias")

        second.failed().run("RollBack")

        assert second.deployer.digest() == first.record()["code"]
        assert second.outcome() == ("never_moved", "put_back", "2")
        assert found(second)["latest"]["source"].startswith(f"s3://{BUCKET}/restored/")

    def test_is_taken_from_blue_where_the_handler_cannot_read_who_put_it_there(self, shifting: Desk) -> None:
        """As another stack version may have written it."""
        digest = str(shifting.record()["latest_sha256"])
        put({"pk": f"code#{TARGET.function_key}", "sk": digest, "artifact": {"a field": "of another version"}})

        shifting.run("RollBack")

        assert blue_is_back(shifting)

    def test_is_kept_where_it_starts_nothing_when_only_blue_has_it(self, shifting: Desk) -> None:
        shifting.run("RollBack")

        keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert [key for key in keys if key != place("new.zip")] == [
            f"restored/{TARGET.account}/{TARGET.region}/{FUNCTION}/{bytes_of(shifting.deployer.digest()).hex()}.zip"
        ]

    def test_is_taken_from_its_copy_if_it_was_never_published_or_deployed(self, desks: Desks) -> None:
        theirs = another_user_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks().to("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.deployer.digest() == theirs
        assert desk.outcome() == ("never_moved", "put_back", "1")
        assert found(desk)["latest"]["source"] == f"s3://{BUCKET}/{desk.record()['latest_kept']['key']}"

    @pytest.mark.parametrize("attack", ["overwrite", "delete"])
    def test_is_taken_from_its_copy_though_someone_writes_to_the_key_of_that(self, desks: Desks, attack: str) -> None:
        """With s3:PutObject or s3:DeleteObject on the bucket, and past its policy."""
        theirs = another_user_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks().to("ShiftAlias")
        s3, key = boto3.client("s3"), desk.record()["latest_kept"]["key"]
        if attack == "overwrite":
            s3.put_object(Bucket=BUCKET, Key=key, Body=zip_of(GOOD % 66))
        else:
            s3.delete_object(Bucket=BUCKET, Key=key)

        desk.failed().run("RollBack")

        assert desk.deployer.digest() == theirs
        assert desk.outcome() == ("never_moved", "put_back", "1")

    @pytest.mark.parametrize("change", [{"version_id": None}, {"sha256": "0" * 64}])
    def test_is_not_taken_from_a_copy_that_is_not_pinned_to_that_code(
        self, desks: Desks, change: dict[str, str | None]
    ) -> None:
        """As in a record of another stack version, or of a forger: nobody knows what lies at that key."""
        another_user_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks().to("ShiftAlias")
        changed = {**desk.record()["latest_kept"], **change}
        kept = {name: value for name, value in changed.items() if value is not None}
        put({**desk.record(), "latest_kept": kept})
        boto3.client("s3").put_object(Bucket=BUCKET, Key=kept["key"], Body=zip_of(GOOD % 66))

        desk.failed().run("RollBack")

        assert desk.deployer.digest() == desk.record()["code"]
        assert desk.outcome() == ("never_moved", "keeps_the_new", "1")

    def test_cannot_be_put_back_if_its_copy_is_gone_too(self, desks: Desks) -> None:
        another_user_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks().to("ShiftAlias")
        kept = desk.record()["latest_kept"]
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=kept["key"], VersionId=kept["version_id"])

        with suppress(AwsRefused):
            desk.failed().run("RollBack")
        at_last(desk)

        assert desk.deployer.digest() == desk.record()["code"]
        assert desk.outcome() == ("never_moved", "not_tried_again", "1")
        assert desk.state() == "RolledBack"

    def test_is_not_kept_in_a_record_of_a_stack_version_that_made_no_copies(self, desks: Desks) -> None:
        another_user_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks().to("ShiftAlias")
        put({name: value for name, value in desk.record().items() if name != "latest_kept"})

        desk.failed().run("RollBack")

        assert desk.deployer.digest() == desk.record()["code"]
        assert desk.outcome() == ("never_moved", "keeps_the_new", "1")

    def test_that_cannot_be_put_back_does_not_hold_the_deployment_up_for_ever(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "AccessDeniedException", times=None):
            with pytest.raises(AwsRefused):
                shifting.run("RollBack", retries=0)
            assert shifting.deployer.alias() == ("1", {})

            attempts = at_last(shifting)

        assert attempts == 8
        assert shifting.outcome() == ("back", "not_tried_again", "1")
        assert "AccessDenied" in found(shifting)["latest"]["problem"]
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_is_not_waited_for_if_the_bucket_that_it_must_go_through_is_gone(self, shifting: Desk) -> None:
        with shifting.aws.fails("PutObject", "NoSuchBucket", times=None):
            shifting.run("RollBack", retries=0)

        assert shifting.outcome() == ("back", "not_tried_again", "1")
        assert "NoSuchBucket" in found(shifting)["latest"]["problem"]
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_that_kills_the_handler_each_time_does_not_hold_the_deployment_up_for_ever(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "HandlerKilled", times=None):
            for killed in range(40):
                with suppress(HandlerKilled):
                    shifting.run("RollBack", retries=killed)
                    break

        assert (killed, shifting.state(), shifting.holder()) == (20, "RolledBack", None)
        assert shifting.outcome() == ("back", "not_tried_again", "1")

    def test_that_is_back_with_its_reply_lost_is_not_called_lost(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "ReadTimeout", times=None, when="after"):
            at_last(shifting)

        assert shifting.outcome() == ("back", "as_it_was", "1")
        assert blue_is_back(shifting)

    def test_that_cannot_be_seen_is_not_guessed(self, shifting: Desk) -> None:
        with shifting.aws.fails("GetFunction", "AccessDeniedException", times=None):
            at_last(shifting)

        assert shifting.outcome() == ("back", "unseen", "1")

    def test_is_not_given_up_for_what_kept_the_alias_waiting(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateAlias", "TooManyRequestsException", times=None):
            for number in range(11):
                with pytest.raises(AwsUnavailable):
                    shifting.run("RollBack", retries=number)

        with shifting.aws.fails("UpdateFunctionCode", "TooManyRequestsException", times=3):
            at_last(shifting)

        assert blue_is_back(shifting)

    def test_that_was_never_touched_is_not_written(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        before = revision_of_latest()

        desk.failed().run("RollBack")

        assert revision_of_latest() == before

    def test_stays_what_another_user_made_it_also_with_the_same_artifact(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        theirs = another_user_updates_the_code(desk.deployer, GOOD % 2)

        desk.failed("LatestMoved", "another user").run("RollBack")

        assert desk.deployer.digest() == theirs
        assert desk.outcome() == ("never_moved", "changed_by_others", "1")
