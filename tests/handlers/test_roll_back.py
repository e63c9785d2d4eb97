"""RollBack puts blue back from every state of a deployment, and touches nothing that another user did."""

import base64
import json
import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any
from unittest import mock

import boto3
import pytest

from bluegreen.aws import functions
from bluegreen.errors import (
    AwsRefused,
    AwsUnavailable,
    DeploymentError,
    DeploymentOver,
    PreconditionFailed,
    RollbackImpossible,
    StillInProgress,
    Untagged,
)
from bluegreen.target import Target
from tests.handlers.desk import (
    Desk,
    Desks,
    alarms_in,
    another_user_points_the_alias,
    another_user_publishes,
    another_user_updates_the_code,
    aws_answers,
    just_before,
    put,
    told,
)
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TARGET, place, zip_of
from tests.machine.faults import Call, HandlerKilled

ORDER = ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"]


ANSWERS = [{"name": "answers"}]


@pytest.fixture
def shifting(desks: Desks) -> Desk:
    """Green has its first share, and failed. People wrote a smoke test."""
    desk = desks(smoke_tests=ANSWERS)
    desk.to("ShiftAlias").run("ShiftAlias")
    return desk.failed()


def at_last(desk: Desk) -> int:
    """RollBack is run until it is through; how many attempts failed before."""
    for failed in range(60):
        with suppress(DeploymentError):
            desk.run("RollBack", retries=failed + 1)
            return failed
    raise AssertionError("RollBack is not through after half an hour")


def blue_is_gone(desk: Desk) -> None:
    """Another user deleted it; Lambda allows that once green has all of the alias."""
    desk.run("ShiftAlias")
    boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")


def blue_is_back(desk: Desk) -> bool:
    latest = desk.record()["latest_sha256"]
    return desk.deployer.alias() == ("1", {}) and desk.deployer.digest() == str(latest)


def found(desk: Desk) -> dict[str, Any]:
    """What the audit says that RollBack found and did."""
    outcome: dict[str, Any] = desk.evidence("RollBack")["outcome"]
    return outcome


class TestFromAnyStateThatWasReached:
    @pytest.mark.parametrize("reached", range(len(ORDER) + 1))
    def test_blue_serves_and_latest_has_its_code(self, desk: Desk, reached: int) -> None:
        desk.run("OpenDeployment")
        for state in ORDER[:reached]:
            desk.run(state)

        desk.failed().run("RollBack")

        assert blue_is_back(desk)
        assert desk.outcome() == (
            "back" if "ShiftAlias" in ORDER[:reached] else "never_moved",
            "put_back" if "UpdateCode" in ORDER[:reached] else "as_it_was",
            "1",
        )
        assert (desk.state(), desk.deployer.items("lock#")) == ("RolledBack", [])

    def test_also_when_green_had_everything(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        assert shifting.deployer.alias() == ("2", {})

        shifting.run("RollBack")

        assert blue_is_back(shifting)

    def test_also_when_the_shift_worked_and_its_reply_was_lost(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() == ("1", {"2": 0.1})

        desk.failed().run("RollBack")

        assert blue_is_back(desk)

    def test_latest_is_left_alone_if_the_version_was_published_before(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        before = desks.deployer.everything()[1]
        desk = desks(artifact={"version": "2"})
        desk.run("OpenDeployment")
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.deployer.alias() == ("1", {})
        assert desk.deployer.everything()[1] == before
        assert desk.outcome() == ("back", "not_part", "1")


class TestWhatIsSaid:
    def test_is_the_first_error_and_a_cause_that_people_read(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        assert sorted(rollback) == ["cause", "error"]
        assert rollback["error"] == "GreenUnhealthy"
        assert rollback["cause"].startswith("green failed 9 of 10. ")
        assert f"{FUNCTION}:{ALIAS} is back at version 1" in rollback["cause"]

    def test_is_the_same_in_the_record(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        record = shifting.record()
        assert [record[name] for name in ("state", "error", "cause")] == [
            "RolledBack",
            rollback["error"],
            rollback["cause"],
        ]
        assert record["doubts"] == ""

    def test_is_fact_by_fact_in_the_audit(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        evidence = shifting.evidence("RollBack")
        assert (evidence["error"], evidence["cause"], evidence["told"]) == (*rollback.values(), True)
        assert (found(shifting)["alias"], found(shifting)["serving"]) == ({"kind": "back"}, "1")
        assert found(shifting)["latest"]["kind"] == "put_back"
        assert found(shifting)["doubts"] == ""

    def test_is_the_first_reason_also_if_a_later_attempt_has_another(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateAlias", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")

        rollback = shifting.failed("States.Timeout", "another reason").run("RollBack", retries=1)

        assert rollback["error"] == shifting.record()["error"] == "GreenUnhealthy"
        assert rollback["cause"] == shifting.record()["cause"]
        assert rollback["cause"].startswith("green failed 9 of 10. ")
        assert "another reason" not in rollback["cause"]

    def test_tells_people_who_serves(self, shifting: Desk) -> None:
        shifting.run("RollBack")

        assert shifting.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]

    def test_leaves_the_description_of_the_alias(self, shifting: Desk) -> None:
        boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, Description="what users call")

        shifting.run("RollBack")

        assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["Description"] == "what users call"


class TestRepeated:
    def test_it_says_and_leaves_the_same(self, shifting: Desk) -> None:
        first = shifting.run("RollBack")
        record = shifting.record()

        assert shifting.run("RollBack", retries=1) == first
        assert shifting.record() == record
        assert blue_is_back(shifting)
        assert len(shifting.deployer.notified()) == 1

    @pytest.mark.parametrize(
        "operation",
        [
            "UpdateAlias",
            "GetAlias",
            "UpdateFunctionCode",
            "GetFunction",
            "GetItem",
            "UpdateItem",
            "TransactWriteItems",
            "PutItem",
        ],
    )
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_it_finishes_after_any_call_that_went_unanswered(self, shifting: Desk, operation: str, when: Any) -> None:
        with shifting.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(DeploymentError):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("operation", ["UpdateAlias", "UpdateFunctionCode"])
    def test_it_finds_out_by_reading_what_a_lost_reply_did(self, shifting: Desk, operation: str) -> None:
        with shifting.aws.fails(operation, "ReadTimeout", times=1, when="after"):
            try:
                shifting.run("RollBack")
            except DeploymentError:
                shifting.run("RollBack", retries=1)

        assert blue_is_back(shifting)

    def test_it_does_not_touch_what_the_next_deployment_did(self, shifting: Desk, desks: Desks) -> None:
        with shifting.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.holder() is None
        second = desks("second").to("ShiftAlias")
        second.run("ShiftAlias")
        assert second.deployer.alias() == ("1", {"2": 0.1})

        shifting.run("RollBack", retries=1)

        assert second.deployer.alias() == ("1", {"2": 0.1})
        assert second.holder() == "second"

    def test_it_leaves_a_deployment_that_was_complete(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("CompleteDeployment")

        with pytest.raises(RollbackImpossible, match="was complete"):
            desk.failed("Sandbox.Timedout").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
        assert (desk.state(), desk.holder()) == ("Deployed", None)


class TestAnotherUser:
    @pytest.mark.parametrize(
        ("version", "weights", "serving"),
        [
            ("2", {}, "2"),
            ("1", {"2": 0.5}, {"1": 0.5, "2": 0.5}),
            ("1", {"2": 0.3}, {"1": 0.7, "2": 0.3}),
            ("2", {"1": 0.1}, {"2": 0.9, "1": 0.1}),
        ],
    )
    def test_weights_that_another_user_set_are_not_overwritten(
        self, shifting: Desk, version: str, weights: dict[str, float], serving: Any
    ) -> None:
        another_user_points_the_alias(version, weights)

        shifting.failed("AliasMoved", "Someone else moved it").run("RollBack")

        assert shifting.deployer.alias() == (version, weights)
        assert shifting.outcome() == ("changed_by_others", "put_back", serving)
        assert shifting.holder() is None

    def test_who_moved_the_alias_before_the_first_shift_is_not_overwritten(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        another_user_points_the_alias("2")

        desk.failed("AliasMoved", "Someone else moved it").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
        assert desk.outcome() == ("never_moved", "put_back", "2")

    def test_who_moves_the_alias_right_before_the_handler_is_not_overwritten(self, shifting: Desk) -> None:
        with (
            just_before("lambda", "UpdateAlias", lambda: another_user_points_the_alias("2")),
            pytest.raises(PreconditionFailed),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("2", {})
        assert shifting.outcome() == ("changed_by_others", "put_back", "2")

    def test_an_alias_pointed_to_green_stays_while_lambda_moves_concurrency(self, shifting: Desk) -> None:
        """Lambda adds weights then, but it gives no version everything."""
        another_user_points_the_alias("2")

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("2", {})
        assert shifting.outcome() == ("changed_by_others", "put_back", "2")

    def test_who_moves_it_to_green_once_blue_is_back_is_not_overwritten(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        with shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})
        another_user_points_the_alias("2")

        shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("2", {})
        assert shifting.outcome() == ("moved_afterwards", "as_it_was", "2")

    def test_who_put_other_code_into_latest_keeps_it(self, shifting: Desk) -> None:
        theirs = another_user_updates_the_code(shifting.deployer, GOOD % 9)

        shifting.run("RollBack")

        assert shifting.deployer.digest() == theirs
        assert shifting.deployer.alias() == ("1", {})
        assert shifting.outcome() == ("back", "changed_by_others", "1")

    def test_who_puts_other_code_into_latest_right_before_the_handler_keeps_it(self, shifting: Desk) -> None:
        theirs: list[str] = []

        def update() -> None:
            theirs.append(another_user_updates_the_code(shifting.deployer, GOOD % 9))

        with just_before("lambda", "UpdateFunctionCode", update), pytest.raises(PreconditionFailed):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert [shifting.deployer.digest()] == theirs
        assert (shifting.state(), shifting.outcome()) == ("RolledBack", ("back", "changed_by_others", "1"))

    def test_who_changed_the_settings_of_latest_keeps_them(self, shifting: Desk) -> None:
        boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=512)

        shifting.run("RollBack")

        assert boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION)["MemorySize"] == 512
        assert blue_is_back(shifting)


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


class TestAHandlerThatHangs:
    """Its execution has been stopped or goes on without it, and the call that it was about to make comes late."""

    def test_does_not_put_the_new_code_into_latest_after_all(self, desk: Desk) -> None:
        desk.run("OpenDeployment")

        with (
            just_before("lambda", "UpdateFunctionCode", lambda: desk.failed().run("RollBack")),
            pytest.raises(StillInProgress),
        ):
            desk.run("UpdateCode")
        with pytest.raises(DeploymentOver):
            desk.run("UpdateCode", retries=1)

        assert blue_is_back(desk)

    def test_in_a_shift_is_waited_out_where_the_revision_does_not_change(self, desk: Desk) -> None:
        """It has written its weight down and not set it; the alias is at blue, and stays as it is when that is set."""
        desk.to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        unchanged: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        with aws_answers("lambda", "UpdateAlias", unchanged):
            with pytest.raises(StillInProgress):
                desk.failed().run("RollBack", retries=9)

            desk.run("RollBack", retries=10)

        assert (desk.state(), desk.deployer.alias()) == ("RolledBack", ("1", {}))

    def test_in_an_update_is_waited_out_where_the_revision_does_not_change(self, desk: Desk) -> None:
        desk.to("SmokeTest")
        unchanged: Any = boto3.client("lambda").get_function(FunctionName=FUNCTION)
        with aws_answers("lambda", "UpdateFunctionCode", {}), aws_answers("lambda", "GetFunction", unchanged):
            with pytest.raises(DeploymentError):
                desk.failed().run("RollBack", retries=3)

            at_last(desk)

        assert desk.state() == "RolledBack"
        assert desk.outcome() == ("never_moved", "not_tried_again", "1")
        assert found(desk)["latest"]["problem"]


class TestALookAtTheAlias:
    def test_that_is_stale_overwrites_nothing(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        stale: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        desk.run("ShiftAlias")

        with aws_answers("lambda", "GetAlias", stale), pytest.raises(PreconditionFailed):
            desk.failed().run("RollBack")
        assert desk.deployer.alias() == ("1", {"2": 0.1})

        desk.run("RollBack", retries=1)
        assert blue_is_back(desk)

    def test_that_shows_no_new_revision_after_the_write_is_not_believed(self, shifting: Desk) -> None:
        unchanged: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)

        with aws_answers("lambda", "UpdateAlias", unchanged), pytest.raises(StillInProgress):
            shifting.run("RollBack", retries=30)

        assert "alias_returned_at" not in shifting.record()

    def test_that_lambda_moves_on_meanwhile_is_not_believed(self, shifting: Desk) -> None:
        """Its move of provisioned concurrency to a bad green ends between two questions."""
        shifting.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.6})

        with (
            just_before("lambda", "GetProvisionedConcurrencyConfig", lambda: another_user_points_the_alias("2")),
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
            pytest.raises(StillInProgress, match="moved on while it was read"),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)

    def test_with_weights_that_lambda_sets_puts_it_back(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        another_user_points_the_alias("1", {"2": 0.6})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.outcome() == ("back", "put_back", "1")


def revision_of_latest() -> str:
    return str(boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["RevisionId"])


def bytes_of(digest: str) -> bytes:
    return base64.b64decode(digest)


class TestATableThatDoesNotAnswer:
    """The document's facts count then, since the execution is seen in this state with it."""

    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException", "ResourceNotFoundException"])
    def test_keeps_no_user_on_green(self, shifting: Desk, code: str) -> None:
        with (
            shifting.aws.fails("UpdateItem", code, times=None),
            shifting.aws.fails("GetItem", code, times=None),
            pytest.raises(DeploymentError),
        ):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})
        shifting.run("RollBack", retries=1)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException"])
    def test_to_writes_alone_keeps_no_user_on_green(self, shifting: Desk, code: str) -> None:
        """Reads and writes are throttled apart, and allowed apart."""
        with (
            shifting.aws.fails("UpdateItem", code, times=None),
            pytest.raises(AwsUnavailable, match=f"{FUNCTION}:{ALIAS} is back at version 1.*does not answer"),
        ):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})
        assert (shifting.state(), shifting.holder()) == ("open", "first")
        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_to_writes_alone_keeps_no_user_on_a_share_that_only_the_record_knows(self, desk: Desk) -> None:
        """The shift has not been answered, so the document has none; and by this error it would count for nothing."""
        desk.to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() == ("1", {"2": 0.1})

        with desk.aws.fails("UpdateItem", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.failed("GreenUnhealthy").run("RollBack")

        assert desk.deployer.alias() == ("1", {})

    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException"])
    def test_to_writes_alone_does_not_overwrite_an_alias_that_another_user_moved_afterwards(
        self, shifting: Desk, code: str
    ) -> None:
        """They give green the very share that it had, before the record is closed."""
        with shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})
        another_user_points_the_alias("1", {"2": 0.1})

        with shifting.aws.fails("UpdateItem", code, times=None), pytest.raises(DeploymentError):
            shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {"2": 0.1})
        shifting.run("RollBack", retries=2)
        assert shifting.outcome() == ("moved_afterwards", "as_it_was", {"1": 0.9, "2": 0.1})

    def test_is_said_with_what_was_done(self, shifting: Desk) -> None:
        with (
            shifting.aws.fails("GetItem", "ReadTimeout", times=None),
            pytest.raises(AwsUnavailable, match=f"{FUNCTION}:{ALIAS} is back at version 1.*does not answer"),
        ):
            shifting.run("RollBack")

    def test_from_the_first_attempt_on_keeps_no_user_on_a_share_of_green(self, shifting: Desk) -> None:
        with shifting.aws.fails("GetItem", "ReadTimeout", times=None):
            with (
                shifting.aws.fails("UpdateAlias", "TooManyRequestsException", times=None),
                pytest.raises(AwsUnavailable),
            ):
                shifting.run("RollBack")
            with pytest.raises(AwsUnavailable, match="is back at version 1"):
                shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {})

    def test_takes_everything_from_green_later_as_long_as_the_alias_is_where_the_last_shift_left_it(
        self, desks: Desks
    ) -> None:
        """The first attempt may have failed to see its execution. Users must not stay on green for that."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")

        with desk.aws.fails("GetItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable, match="is back at"):
            desk.failed().run("RollBack", retries=1)

        assert desk.deployer.alias() == ("1", {})

    def test_is_no_leave_to_take_everything_from_green_later(self, desks: Desks) -> None:
        """An earlier attempt may have closed the record, and another deployment of the same version be complete."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")
        another_user_points_the_alias("2")

        with (
            desk.aws.fails("GetItem", "ReadTimeout", times=None),
            pytest.raises(AwsUnavailable, match="by hand: `aws lambda update-alias"),
        ):
            desk.failed().run("RollBack", retries=1)

        assert desk.deployer.alias() == ("2", {})

    @pytest.mark.parametrize("error", ["GreenUnhealthy", "AliasMoved"])
    @pytest.mark.parametrize(("version", "weights"), [("2", {}), ("1", {"2": 0.3})])
    def test_is_no_leave_to_overwrite_another_user(
        self, shifting: Desk, error: str, version: str, weights: dict[str, float]
    ) -> None:
        """CheckHealth found it: no shift can be under way that may have given green its next share."""
        another_user_points_the_alias(version, weights)
        shifting.failed(error, "CheckHealth says so")

        with (
            shifting.aws.fails("GetItem", "AccessDeniedException", times=None),
            pytest.raises(AwsUnavailable, match="unclear who moved it"),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)
        assert shifting.record()["alias_outcome"] == "changed_by_others"
        assert shifting.deployer.alias() == (version, weights)

    @pytest.mark.parametrize("traffic", ["AllAtOnce", "Adaptive"])
    def test_keeps_no_user_on_a_green_that_a_shift_without_an_answer_gave_a_share(
        self, desks: Desks, traffic: str
    ) -> None:
        desk = desks(traffic=traffic).to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() != ("1", {})

        with desk.aws.fails("GetItem", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.failed("AwsUnavailable", "no answer").run("RollBack")

        assert desk.deployer.alias() == ("1", {})

    def test_that_refuses_one_write_is_no_leave_to_take_back_a_share_of_the_next_deployment(
        self, shifting: Desk, desks: Desks
    ) -> None:
        shifting.run("RollBack")
        second = desks("second").to("ShiftAlias")
        second.run("ShiftAlias")

        with (
            shifting.aws.fails("UpdateItem", "TransactionConflictException", times=None),
            suppress(DeploymentError),
        ):
            shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {"2": 0.1})

    def test_does_not_keep_blue_from_its_users_for_the_sake_of_its_doubts(self, shifting: Desk) -> None:
        with (
            shifting.aws.fails("Invoke", "AccessDeniedException", times=1),
            shifting.aws.fails("UpdateItem", "ProvisionedThroughputExceededException", skip=3, times=6) as untaken,
        ):
            shifting.run("RollBack")

        assert (untaken.met, "doubts" in shifting.record()) == (6, False)
        assert "Whether version 1 is well could not be seen" in found(shifting)["doubts"]
        assert blue_is_back(shifting)

    def test_leaves_a_green_that_every_look_found_healthy(self, desks: Desks) -> None:
        """CompleteDeployment may have closed the record, and its reply be lost: then the record says green."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")
        look = desk.document["bake"]["look"] | {"next": "complete"}
        desk.document = desk.document | {"bake": desk.document["bake"] | {"look": look}}

        with desk.aws.fails("GetItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            desk.failed("States.Timeout", "no answer").run("RollBack")

        assert desk.deployer.alias() == ("2", {})


class TestUsersFirst:
    def test_an_attempt_that_was_killed_while_it_asked_blue_is_the_last_that_asks(self, shifting: Desk) -> None:
        """Otherwise every attempt would be killed there, and the lock be held for ever."""
        with shifting.aws.fails("Invoke", "HandlerKilled", times=None) as killed, pytest.raises(HandlerKilled):
            shifting.run("RollBack")
        shifting.run("RollBack", retries=1)

        assert killed.met == 1
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)
        assert "Whether version 1 is well could not be seen" in shifting.record()["doubts"]

    def test_the_alias_is_put_back_before_latest_and_blue_are_looked_at(self, shifting: Desk) -> None:
        order: list[str] = []

        def watch(call: Call, attempt: Callable[[], Any]) -> Any:
            order.append(call.operation)
            return attempt()

        with shifting.aws.watched(watch):
            shifting.run("RollBack")

        first = [order.index(each) for each in ("UpdateAlias", "GetFunction", "UpdateFunctionCode", "Invoke")]
        assert first == sorted(first)

    @pytest.mark.parametrize("operation", ["GetFunction", "Invoke"])
    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException", "TooManyRequestsException"])
    def test_a_blue_that_cannot_be_asked_gets_its_users_back(self, shifting: Desk, operation: str, code: str) -> None:
        with shifting.aws.fails(operation, code, times=None), suppress(DeploymentError):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})

    def test_a_blue_that_hangs_is_asked_once(self, shifting: Desk) -> None:
        with shifting.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered:
            rollback = shifting.run("RollBack")

        assert unanswered.met == 1
        assert "it did not answer within 5 seconds" in shifting.record()["doubts"]
        assert f" {shifting.record()['doubts']} Green's log" in rollback["cause"]

    @pytest.mark.parametrize(
        ("operation", "code", "when"),
        [
            (None, "", "before"),
            ("UpdateAlias", "ReadTimeout", "after"),
            ("UpdateFunctionCode", "ServiceException", "before"),
            ("TransactWriteItems", "InternalServerError", "before"),
        ],
    )
    def test_a_blue_that_is_unwell_is_told_apart(
        self, desks: Desks, operation: str | None, code: str, when: Any
    ) -> None:
        """Also if the attempt that found it out could not finish, and blue has all traffic when the next one looks."""
        ill = "import os\ndef handler(event, context):\n    raise RuntimeError('the password is 4711-secret')"
        another_user_updates_the_code(desks.deployer, ill)
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        another_user_points_the_alias("2")
        desk = desks(source=GOOD % 3, smoke_tests=ANSWERS).to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.failed()

        with desk.aws.fails(operation, code, times=3, when=when) if operation else nullcontext():
            at_last(desk)

        assert desk.deployer.alias() == ("2", {})
        assert desk.record()["doubts"] == "But version 2 is unwell itself: it raised RuntimeError."
        assert "4711-secret" not in json.dumps(desk.record())

    def test_a_blue_that_is_unwell_is_asked_once(self, desks: Desks) -> None:
        asked = desks(smoke_tests=ANSWERS).to("ShiftAlias")
        asked.run("ShiftAlias")
        asked.failed()

        with (
            asked.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered,
            asked.aws.fails("TransactWriteItems", "InternalServerError", times=6),
        ):
            at_last(asked)

        assert unanswered.met == 1

    @pytest.mark.parametrize(
        "raised",
        ["RuntimeError('x' * 2_000)", "RuntimeError('x' * 450_000)", "type('X' * 2_000, (Exception,), {})()"],
        ids=["much", "very much", "a long name"],
    )
    def test_a_blue_that_says_much_when_it_fails_keeps_no_user_on_green(self, desks: Desks, raised: str) -> None:
        another_user_updates_the_code(desks.deployer, f"def handler(event, context):\n    raise {raised}")
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        another_user_points_the_alias("2")
        desk = desks(source=GOOD % 3, smoke_tests=ANSWERS).to("ShiftAlias")
        desk.run("ShiftAlias")

        cause = desk.failed().run("RollBack")["cause"]

        assert desk.deployer.alias() == ("2", {})
        assert "version 2 is unwell itself: it raised" in desk.record()["doubts"]
        assert len(cause) < 2_000

    def test_a_note_about_blue_that_the_handler_cannot_read_keeps_no_user_on_green(self, shifting: Desk) -> None:
        put({"pk": f"serving#{TARGET.key}", "sk": "version#0000000001", "a field": "of another version"})

        shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.state() == "RolledBack"

    def test_a_document_of_another_stack_version_keeps_no_user_on_green(self, shifting: Desk) -> None:
        document = json.loads(json.dumps(shifting.document))
        for section in (document, document["deployment"], document["bake"], document["bake"]["look"]):
            section["a field"] = "of a later version"
        del document["bake"]["look"]["probes"], document["bake"]["look"]["verdict"]
        shifting.document = document

        with shifting.aws.fails("GetItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)

    def test_a_plan_of_another_stack_version_keeps_no_user_on_green(self, shifting: Desk) -> None:
        """The record alone says how to undo it."""
        put({"pk": "deployment#first", "sk": "plan", "a field": "of another version"})

        shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.outcome() == ("back", "put_back", "1")

    def test_a_blue_that_fails_its_own_smoke_test_is_told_apart(self, desks: Desks) -> None:
        """It raises nothing; but it is not what it was when it was deployed."""
        blue = "import os\ndef handler(event, context): return {'statusCode': int(os.environ.get('STATUS', 200))}"
        first = desks("first", blue, traffic="AllAtOnce", smoke_tests=[{"name": "ok", "expect": {"statusCode": 200}}])
        first.to("ShiftAlias").run("ShiftAlias")
        first.run("CompleteDeployment")
        desk = desks("second", GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        with mock.patch.dict(os.environ, {"STATUS": "500"}):
            desk.failed().run("RollBack")

        assert desk.record()["doubts"].startswith("But version 2 is unwell itself: ")
        assert "reply.statusCode" in desk.record()["doubts"]

    def test_a_smoke_test_that_blue_did_not_come_with_is_not_its_own(self, desks: Desks) -> None:
        """One that rolled back, to this very version, asked for what blue never had."""
        failing = desks("failing", GOOD % 2, smoke_tests=[{"name": "new", "expect": {"bonus": 2}}]).to("SmokeTest")
        failing.failed("SmokeTestFailed", "no bonus").run("RollBack")
        put(failing.record() | {"green": "1"})
        desk = desks("next", GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.record()["doubts"] == ""

    def test_a_blue_that_slept_for_weeks_is_told_apart(self, shifting: Desk) -> None:
        """Lambda refuses the invocation that wakes it."""
        describe = functions.describe

        def asleep(target: Target, qualifier: str = functions.LATEST) -> functions.Function:
            seen = describe(target, qualifier)
            return seen.model_copy(update={"state": "Inactive"}) if qualifier == "1" else seen

        with (
            mock.patch.object(functions, "describe", asleep),
            shifting.aws.fails("Invoke", "ResourceConflictException", times=None),
        ):
            shifting.run("RollBack")

        assert "version 1 is unwell itself: it was Inactive; and more could not be seen" in shifting.record()["doubts"]
        assert shifting.deployer.alias() == ("1", {})

    def test_a_blue_that_lacks_what_green_was_tested_for_is_not_unwell(self, desks: Desks) -> None:
        desk = desks(smoke_tests=[{"name": "new bonus", "expect": {"bonus": 2}}]).to("ShiftAlias")
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.record()["doubts"] == ""

    def test_a_blue_whose_users_were_never_moved_is_not_asked(self, desk: Desk) -> None:
        desk.to("ShiftAlias").failed()

        with desk.aws.fails("Invoke", "ReadTimeout", times=None) as asked:
            desk.run("RollBack")

        assert (asked.met, found(desk)["doubts"]) == (0, "")


class TestWhatIsGone:
    @pytest.mark.parametrize("shifted", [False, True])
    def test_an_alias_is_said_to_be_and_ends_the_deployment(self, desk: Desk, shifted: bool) -> None:
        desk.to("ShiftAlias")
        if shifted:
            desk.run("ShiftAlias")
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)

        desk.failed().run("RollBack")

        assert desk.outcome() == ("gone", "put_back", None)
        assert (desk.state(), desk.holder()) == ("RolledBack", None)
        assert desk.deployer.notified() == [f"Stopped: {FUNCTION}:{ALIAS} is gone"]

    def test_a_function_is_said_to_be_and_ends_the_deployment(self, shifting: Desk) -> None:
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)
        boto3.client("lambda").delete_function(FunctionName=FUNCTION)

        shifting.run("RollBack")

        assert shifting.outcome() == ("function_gone", "gone", None)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)
        assert f"Someone else deleted {FUNCTION}, with its versions and aliases" in str(shifting.record()["cause"])
        assert "update-alias" not in str(shifting.record()["cause"])

    def test_a_blue_leaves_the_alias_at_green_and_says_what_there_is(self, shifting: Desk) -> None:
        blue_is_gone(shifting)

        with pytest.raises(
            RollbackImpossible, match=r"someone else deleted version 1, so .* stays at version 2"
        ) as why:
            shifting.run("RollBack")

        assert "update-alias" not in str(why.value)
        assert f"bluegreen rollback {FUNCTION} --alias {ALIAS} --to VERSION" in str(why.value)
        assert shifting.outcome() == ("blue_gone", "keeps_the_new", "2")
        assert shifting.record()["latest_attempts"] == 1
        assert (shifting.state(), shifting.holder()) == ("RollbackFailed", None)
        assert shifting.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} stays at version 2"]

    def test_a_blue_is_said_to_be_again_by_a_retry(self, shifting: Desk) -> None:
        blue_is_gone(shifting)
        with pytest.raises(RollbackImpossible) as first:
            shifting.run("RollBack")

        with pytest.raises(RollbackImpossible) as second:
            shifting.run("RollBack", retries=1)

        assert str(first.value) == str(second.value)
        assert len(shifting.deployer.notified()) == 1

    def test_a_blue_is_no_loss_while_the_alias_is_another_users(self, shifting: Desk) -> None:
        another_user_publishes(GOOD % 9)
        another_user_points_the_alias("3")
        boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")

        shifting.run("RollBack")

        assert shifting.outcome()[::2] == ("changed_by_others", "3")

    @pytest.mark.parametrize("operation", ["GetAlias", "UpdateAlias"])
    def test_a_permission_on_the_alias_says_the_command(self, shifting: Desk, operation: str) -> None:
        with (
            shifting.aws.fails(operation, "AccessDeniedException", times=None),
            pytest.raises(AwsRefused, match="--function-version 1 --routing-config"),
        ):
            shifting.run("RollBack")


class TestARefusalThatRepeatingDoesNotMend:
    def untag(self) -> None:
        boto3.client("lambda").untag_resource(Resource=TARGET.arn, TagKeys=["bluegreen:managed"])

    def test_names_the_tag_and_how_to_set_it_and_calls_an_operator_once(
        self, shifting: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.untag()

        for retries in range(3):
            with pytest.raises(Untagged, match="has lost its tag bluegreen:managed = true"):
                shifting.run("RollBack", retries=retries)

        (text,) = told(shifting.deployer)
        assert f"aws lambda tag-resource --resource {TARGET.arn} --tags bluegreen:managed=true" in text
        assert f"bluegreen adopt {FUNCTION}" in text
        assert "is not authorized to perform: lambda:GetAlias" in text
        assert alarms_in(caplog) == ["RollbackFailed"] * 3

    def test_is_over_once_the_tag_is_set_again(self, shifting: Desk) -> None:
        self.untag()
        with pytest.raises(Untagged):
            shifting.run("RollBack")

        boto3.client("lambda").tag_resource(Resource=TARGET.arn, Tags={"bluegreen:managed": "true"})

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("operation", ["GetAlias", "UpdateAlias"])
    def test_calls_an_operator_at_once_while_users_meet_green(self, shifting: Desk, operation: str) -> None:
        with shifting.aws.fails(operation, "AccessDeniedException", times=None), pytest.raises(AwsRefused):
            shifting.run("RollBack")

        assert shifting.deployer.notified() == [f"ROLLBACK FAILED: {FUNCTION}:{ALIAS} may be split"]

    def test_calls_no_operator_for_code_that_no_user_meets(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "AccessDeniedException", times=None), pytest.raises(AwsRefused):
            shifting.run("RollBack")

        assert shifting.deployer.notified() == []


class TestProvisionedConcurrency:
    """Lambda gives the version before a weight of 1 until it has moved it, and leaves that if it cannot."""

    def test_that_lambda_could_not_allocate_is_told_from_another_users_weight(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        another_user_points_the_alias("2", {"1": 1.0})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "FAILED"}):
            shifting.run("RollBack")

        assert blue_is_back(shifting)
        assert shifting.outcome() == ("back", "put_back", "1")

    def test_whose_weight_stays_on_green_is_taken_from_it(self, shifting: Desk) -> None:
        another_user_points_the_alias("1", {"2": 1.0})
        put(shifting.record() | {"weights": [0.1, 1]})

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "FAILED"}):
            shifting.run("RollBack")

        assert blue_is_back(shifting)

    def test_that_moves_back_to_blue_is_waited_for_and_not_begun_anew(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")

        moving = {
            "FunctionVersion": "1",
            "RoutingConfig": {"AdditionalVersionWeights": {"2": 1.0}},
            "RevisionId": "another",
        }
        with (
            aws_answers("lambda", "UpdateAlias", moving),
            pytest.raises(StillInProgress, match="was put back to version 1, and version 2 serves until"),
        ):
            shifting.run("RollBack")
        another_user_points_the_alias("1", {"2": 1.0})
        before = shifting.deployer.everything()[0]
        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(StillInProgress, match="was put back to version 1, and version 2 serves until"),
        ):
            shifting.run("RollBack", retries=1)
        assert shifting.deployer.everything()[0] == before
        another_user_points_the_alias("1")

        shifting.run("RollBack", retries=2)

        assert blue_is_back(shifting)


class TestBesideItself:
    def test_a_slower_one_does_not_touch_what_the_next_deployment_did(self, shifting: Desk, desks: Desks) -> None:
        """Two recoveries of one dead deployment; the quicker one's deployment has shifted the same version."""
        ended: list[dict[str, Any]] = []

        def quicker() -> None:
            ended.append(shifting.run("RollBack"))
            second = desks("second").to("ShiftAlias")
            second.run("ShiftAlias")

        with just_before("lambda", "GetAlias", quicker), pytest.raises(DeploymentOver):
            shifting.run("RollBack")

        assert ended
        assert shifting.deployer.alias() == ("1", {"2": 0.1})

    def test_a_slower_one_does_not_touch_what_another_user_did_after_the_quicker(self, shifting: Desk) -> None:
        """Another user gives green the very share that it had, before the record is closed."""

        def quicker() -> None:
            with (
                shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None),
                pytest.raises(AwsUnavailable),
            ):
                shifting.run("RollBack")
            another_user_points_the_alias("1", {"2": 0.1})

        with just_before("lambda", "GetAlias", quicker):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {"2": 0.1})
        assert shifting.outcome() == ("moved_afterwards", "as_it_was", {"1": 0.9, "2": 0.1})

    def test_a_slower_one_leaves_the_code_of_the_next_deployment(self, desk: Desk, desks: Desks) -> None:
        """The next deployment is of the same zip, so that $LATEST has what the dead one put there."""
        desk.to("SmokeTest").failed()

        def quicker() -> None:
            desk.run("RollBack")
            desks("second").to("SmokeTest")

        with just_before("lambda", "GetFunction", quicker), pytest.raises((DeploymentOver, AwsRefused)):
            desk.run("RollBack")

        assert desk.deployer.digest() == desk.record()["code"]

    def test_the_record_is_closed_once(self, shifting: Desk) -> None:
        with just_before("dynamodb", "TransactWriteItems", lambda: shifting.run("RollBack")):
            shifting.run("RollBack")

        assert len(shifting.deployer.notified()) == 1


@pytest.mark.parametrize("kind", [{}, {"kind": "untold"}, {"listed": f"deployments#{FUNCTION}"}])
def test_a_record_that_the_handler_cannot_read_is_in_no_other_deployments_way(
    shifting: Desk, kind: dict[str, str]
) -> None:
    put({"pk": "deployment#odd", "sk": "record", "function": FUNCTION, "started_at": "2026-01-06T09:00:00Z"} | kind)

    shifting.run("RollBack")

    assert blue_is_back(shifting)
    assert shifting.state() == "RolledBack"
