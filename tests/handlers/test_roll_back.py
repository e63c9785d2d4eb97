"""RollBack puts blue back, whatever happened, and touches nothing that somebody else did."""

import base64
import json
import os
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
    RollbackImpossible,
    StillInProgress,
)
from tests.handlers.desk import (
    Desk,
    Desks,
    aws_answers,
    just_before,
    somebody_points_the_alias,
    somebody_updates_the_code,
)
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TABLE
from tests.machine.faults import HandlerKilled

ORDER = ["UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias"]


@pytest.fixture
def shifting(desk: Desk) -> Desk:
    """Green has its first share, and failed."""
    desk.to("ShiftAlias").run("ShiftAlias")
    return desk.failed()


def at_last(desk: Desk) -> tuple[dict[str, Any], int]:
    """What RollBack says once it is through, and how many attempts failed before."""
    for failed in range(60):
        with suppress(DeploymentError):
            return desk.run("RollBack", retries=failed + 1), failed
    raise AssertionError("RollBack is not through after half an hour")


def blue_is_back(desk: Desk) -> bool:
    latest = desk.document["plan"]["latest"]["sha256"]
    return desk.deployer.alias() == ("1", {}) and desk.deployer.digest() == latest


class TestWhateverWasReached:
    @pytest.mark.parametrize("reached", range(len(ORDER) + 1))
    def test_blue_serves_and_latest_has_its_code(self, desk: Desk, reached: int) -> None:
        desk.run("OpenDeployment")
        for state in ORDER[:reached]:
            desk.run(state)

        rollback = desk.failed().run("RollBack")

        assert blue_is_back(desk)
        assert rollback["serving"] == "1"
        assert (desk.state(), desk.holder()) == ("RolledBack", None)

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

    def test_a_version_that_existed_leaves_latest_alone(self, desks: Desks) -> None:
        boto3.client("lambda").update_function_code(
            FunctionName=FUNCTION, S3Bucket=BUCKET, S3Key=desks.deployer.upload(GOOD % 2)["key"], Publish=True
        )
        before = desks.deployer.digest()
        desk = desks(artifact={"version": "2"})
        desk.run("OpenDeployment")
        desk.document["green"] = {"version": "2"}
        desk.run("ShiftAlias")

        desk.failed().run("RollBack")

        assert desk.deployer.alias() == ("1", {})
        assert desk.deployer.digest() == before


class TestWhatIsSaid:
    def test_the_original_error_and_a_cause_that_people_read(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        assert rollback["error"] == "GreenUnhealthy"
        assert rollback["cause"].startswith("green failed 9 of 10. ")
        assert f"{FUNCTION}:{ALIAS} is back at version 1" in rollback["cause"]
        assert "$LATEST is put back" in rollback["cause"]
        assert "unwell" not in rollback["cause"]

    def test_the_record_says_the_same(self, shifting: Desk) -> None:
        rollback = shifting.run("RollBack")

        record = shifting.record() or {}
        assert [record[name] for name in ("state", "error", "cause", "serving")] == [
            "RolledBack",
            rollback["error"],
            rollback["cause"],
            "1",
        ]

    def test_people_are_told_who_serves(self, shifting: Desk) -> None:
        shifting.run("RollBack")

        assert shifting.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is at version 1"]

    def test_the_aliass_description_stays(self, shifting: Desk) -> None:
        boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, Description="what users call")

        shifting.run("RollBack")

        assert boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["Description"] == "what users call"


class TestRepeated:
    def test_it_says_and_leaves_the_same(self, shifting: Desk) -> None:
        first = shifting.run("RollBack")

        second = shifting.run("RollBack", retries=1)

        assert {name: second[name] for name in ("error", "cause", "serving")} == {
            name: first[name] for name in ("error", "cause", "serving")
        }
        assert blue_is_back(shifting)
        assert len(shifting.deployer.notified()) == 1

    @pytest.mark.parametrize(
        "operation",
        ["UpdateAlias", "GetAlias", "UpdateFunctionCode", "GetFunction", "UpdateItem", "TransactWriteItems", "PutItem"],
    )
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_whichever_call_goes_unanswered_the_next_attempt_finishes(
        self, shifting: Desk, operation: str, when: Any
    ) -> None:
        with shifting.aws.fails(operation, "ReadTimeout", times=None, when=when), pytest.raises(DeploymentError):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)

        assert blue_is_back(shifting)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    @pytest.mark.parametrize("operation", ["UpdateAlias", "UpdateFunctionCode"])
    def test_one_lost_reply_is_found_out_by_reading(self, shifting: Desk, operation: str) -> None:
        with shifting.aws.fails(operation, "ReadTimeout", times=1, when="after"):
            try:
                shifting.run("RollBack")
            except DeploymentError:
                shifting.run("RollBack", retries=1)

        assert blue_is_back(shifting)

    def test_a_later_attempt_does_not_touch_what_the_next_deployment_did(self, shifting: Desk, desks: Desks) -> None:
        with shifting.aws.fails("PutItem", "ReadTimeout", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.holder() is None
        second = desks("second").to("ShiftAlias")
        second.run("ShiftAlias")
        assert second.deployer.alias() == ("1", {"2": 0.1})

        shifting.run("RollBack", retries=1)

        assert second.deployer.alias() == ("1", {"2": 0.1})
        assert second.holder() == "second"

    def test_a_deployment_that_was_complete_is_left_as_it_is(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("CompleteDeployment")

        with pytest.raises(RollbackImpossible, match="was complete"):
            desk.failed("Sandbox.Timedout").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
        assert (desk.state(), desk.holder()) == ("Deployed", None)


class TestSomebodyElse:
    @pytest.mark.parametrize(("version", "weights"), [("2", {}), ("1", {"2": 0.5}), ("2", {"1": 0.1})])
    def test_who_set_other_weights_is_not_overwritten(
        self, shifting: Desk, version: str, weights: dict[str, float]
    ) -> None:
        somebody_points_the_alias(version, weights)

        rollback = shifting.failed("AliasMoved", "Someone else moved it").run("RollBack")

        assert shifting.deployer.alias() == (version, weights)
        assert "Someone else moved" in rollback["cause"]
        assert "left as it is" in rollback["cause"]
        assert shifting.holder() is None

    def test_who_moved_the_alias_before_the_first_shift_is_named(self, desk: Desk) -> None:
        desk.to("ShiftAlias")
        somebody_points_the_alias("2")

        rollback = desk.failed("AliasMoved", "Someone else moved it").run("RollBack")

        assert desk.deployer.alias() == ("2", {})
        assert rollback["serving"] == "2"

    def test_who_moves_the_alias_right_before_us_is_not_overwritten(self, shifting: Desk) -> None:
        with just_before("lambda", "UpdateAlias", lambda: somebody_points_the_alias("2")):
            try:
                shifting.run("RollBack")
            except AwsRefused:
                shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("2", {})

    def test_who_gave_green_everybody_is_not_overwritten_while_lambda_moves_concurrency(self, shifting: Desk) -> None:
        """Lambda adds weights then, but it gives nobody everything."""
        somebody_points_the_alias("2")

        with aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}):
            rollback = shifting.run("RollBack")

        assert shifting.deployer.alias() == ("2", {})
        assert "Someone else moved" in rollback["cause"]

    def test_who_moves_it_to_green_once_blue_is_back_is_not_overwritten(self, shifting: Desk) -> None:
        shifting.run("ShiftAlias")
        with shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            shifting.run("RollBack")
        assert shifting.deployer.alias() == ("1", {})
        somebody_points_the_alias("2")

        rollback = shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("2", {})
        assert rollback["serving"] == "2"
        assert "then someone else moved it to version 2" in rollback["cause"]

    def test_who_put_other_code_into_latest_keeps_it(self, shifting: Desk) -> None:
        theirs = somebody_updates_the_code(shifting.deployer, GOOD % 9)

        rollback = shifting.run("RollBack")

        assert shifting.deployer.digest() == theirs
        assert shifting.deployer.alias() == ("1", {})
        assert "Someone else changed the code of $LATEST" in rollback["cause"]

    def test_who_puts_other_code_into_latest_right_before_us_keeps_it(self, shifting: Desk) -> None:
        theirs: list[str] = []

        def update() -> None:
            theirs.append(somebody_updates_the_code(shifting.deployer, GOOD % 9))

        with just_before("lambda", "UpdateFunctionCode", update):
            try:
                shifting.run("RollBack")
            except AwsRefused:
                shifting.run("RollBack", retries=1)

        assert [shifting.deployer.digest()] == theirs
        assert shifting.state() == "RolledBack"


class TestTheCodeThatLatestHad:
    def test_is_taken_from_the_deployment_that_put_it_there(self, desks: Desks) -> None:
        first = desks("first", GOOD % 2).to("ShiftAlias")
        first.run("ShiftAlias")
        first.run("ShiftAlias")
        first.run("CompleteDeployment")
        second = desks("second", GOOD % 3).to("ShiftAlias")
        before = first.document["plan"]["artifact"]

        rollback = second.failed().run("RollBack")

        assert second.deployer.digest() == before["sha256"]
        assert f"s3://{BUCKET}/{before['key']}" in rollback["cause"]

    def test_is_taken_from_blue_where_that_artifact_is_gone(self, desks: Desks) -> None:
        first = desks("first", artifact=desks.deployer.upload(GOOD % 2, "gone.zip")).to("ShiftAlias")
        first.run("ShiftAlias")
        first.run("ShiftAlias")
        first.run("CompleteDeployment")
        gone = first.document["plan"]["artifact"]
        boto3.client("s3").delete_object(Bucket=BUCKET, Key="gone.zip", VersionId=gone["version_id"])
        second = desks("second", GOOD % 3).to("ShiftAlias")

        rollback = second.failed().run("RollBack")

        assert second.deployer.digest() == gone["sha256"]
        assert f"$LATEST is put back to s3://{BUCKET}/restored/" in rollback["cause"]

    def test_is_kept_where_it_starts_nothing_when_only_blue_has_it(self, shifting: Desk) -> None:
        shifting.run("RollBack")

        keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert [key for key in keys if key != "new.zip"] == [
            f"restored/{FUNCTION}/{bytes_of(shifting.deployer.digest()).hex()}.zip"
        ]

    def test_that_nobody_has_is_said_to_be_lost(self, desks: Desks) -> None:
        somebody_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks().to("ShiftAlias")

        rollback = desk.failed().run("RollBack")

        assert "$LATEST keeps the new code" in rollback["cause"]
        assert desk.deployer.alias() == ("1", {})
        assert desk.state() == "RolledBack"

    def test_that_cannot_be_put_back_holds_nothing_up_for_ever(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "AccessDeniedException", times=None):
            with pytest.raises(AwsRefused):
                shifting.run("RollBack", retries=0)
            assert shifting.deployer.alias() == ("1", {})

            rollback, attempts = at_last(shifting)

        assert attempts == 8
        assert "$LATEST keeps the new code. The last attempt to put it back failed" in rollback["cause"]
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_that_kills_whoever_puts_it_back_holds_nothing_up_for_ever(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "HandlerKilled", times=None):
            for killed in range(40):
                with suppress(HandlerKilled):
                    rollback = shifting.run("RollBack", retries=killed)
                    break

        assert (killed, shifting.state(), shifting.holder()) == (20, "RolledBack", None)
        assert (
            "$LATEST keeps the new code. After 20 attempts it was not tried again to put it back." in rollback["cause"]
        )

    def test_that_is_back_with_its_reply_lost_is_not_called_lost(self, shifting: Desk) -> None:
        with shifting.aws.fails("UpdateFunctionCode", "ReadTimeout", times=None, when="after"):
            rollback, _ = at_last(shifting)

        assert "$LATEST has the code it had" in rollback["cause"]
        assert blue_is_back(shifting)

    def test_that_cannot_be_seen_is_not_guessed(self, shifting: Desk) -> None:
        with shifting.aws.fails("GetFunction", "AccessDeniedException", times=None):
            rollback, _ = at_last(shifting)

        assert "Whether $LATEST has the new code or the old could not be seen" in rollback["cause"]

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

    def test_stays_what_somebody_else_made_it_also_with_our_artifact(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        theirs = somebody_updates_the_code(desk.deployer, GOOD % 2)

        rollback = desk.failed("LatestMoved", "somebody").run("RollBack")

        assert desk.deployer.digest() == theirs
        assert "Someone else changed the code of $LATEST" in rollback["cause"]


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

    def test_a_stale_look_at_the_alias_is_not_believed(self, shifting: Desk) -> None:
        stale: Any = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        with aws_answers("lambda", "GetAlias", stale), pytest.raises(StillInProgress):
            shifting.run("RollBack", retries=30)

    def test_in_an_update_is_waited_out_where_the_revision_does_not_change(self, desk: Desk) -> None:
        desk.to("SmokeTest")
        unchanged: Any = boto3.client("lambda").get_function(FunctionName=FUNCTION)
        with aws_answers("lambda", "UpdateFunctionCode", {}), aws_answers("lambda", "GetFunction", unchanged):
            with pytest.raises(DeploymentError):
                desk.failed().run("RollBack", retries=3)

            rollback, _ = at_last(desk)

        assert desk.state() == "RolledBack"
        assert "The last attempt to put it back failed" in rollback["cause"]


def revision_of_latest() -> str:
    return str(boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["RevisionId"])


def bytes_of(digest: str) -> bytes:
    return base64.b64decode(digest)


class TestUsersFirst:
    @pytest.mark.parametrize("code", ["ReadTimeout", "AccessDeniedException", "ResourceNotFoundException"])
    def test_a_table_that_does_not_answer_keeps_nobody_on_green(self, shifting: Desk, code: str) -> None:
        with (
            shifting.aws.fails("UpdateItem", code, times=None),
            shifting.aws.fails("GetItem", code, times=None),
            pytest.raises(DeploymentError),
        ):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})
        shifting.run("RollBack", retries=1)
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_a_table_that_is_away_from_the_first_attempt_on_keeps_nobody_on_a_share_of_green(
        self, shifting: Desk
    ) -> None:
        with shifting.aws.fails("UpdateItem", "ReadTimeout", times=None):
            with (
                shifting.aws.fails("UpdateAlias", "TooManyRequestsException", times=None),
                pytest.raises(AwsUnavailable),
            ):
                shifting.run("RollBack")
            with pytest.raises(AwsUnavailable, match="is back at version 1"):
                shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {})

    def test_a_table_that_is_away_is_no_leave_to_take_everything_from_green_later(self, desks: Desks) -> None:
        """An earlier attempt may have closed the record, and another deployment of the same version be complete."""
        desk = desks(traffic="AllAtOnce").to("ShiftAlias")
        desk.run("ShiftAlias")

        with (
            desk.aws.fails("UpdateItem", "ReadTimeout", times=None),
            pytest.raises(AwsUnavailable, match="By hand: `aws lambda update-alias"),
        ):
            desk.failed().run("RollBack", retries=1)

        assert desk.deployer.alias() == ("2", {})

    @pytest.mark.parametrize(("route", "weights"), [("2", {}), ("1", {"2": 0.3})])
    def test_a_table_that_does_not_answer_is_no_leave_to_overwrite(
        self, shifting: Desk, route: str, weights: dict[str, float]
    ) -> None:
        somebody_points_the_alias(route, weights)

        with (
            shifting.aws.fails("UpdateItem", "AccessDeniedException"),
            pytest.raises(AwsUnavailable, match="nobody knows who moved it"),
        ):
            shifting.run("RollBack")

        assert "Someone else moved" in shifting.run("RollBack", retries=1)["cause"]
        assert shifting.deployer.alias() == (route, weights)

    def test_lambda_that_has_just_moved_everybody_to_a_bad_green_is_not_believed(self, shifting: Desk) -> None:
        """Its move of provisioned concurrency ends between our look at the alias and our question about it."""
        shifting.run("ShiftAlias")
        somebody_points_the_alias("1", {"2": 0.6})

        with (
            just_before("lambda", "GetProvisionedConcurrencyConfig", lambda: somebody_points_the_alias("2")),
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
            pytest.raises(StillInProgress, match="moved on while it was looked at"),
        ):
            shifting.run("RollBack")

        shifting.run("RollBack", retries=1)
        assert blue_is_back(shifting)

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
        assert "it did not answer within 5 seconds" in rollback["cause"]

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
        """Also if what found it out could not finish, and blue has everybody when the next attempt looks."""
        ill = "import os\ndef handler(event, context):\n    raise RuntimeError('no database')"
        somebody_updates_the_code(desks.deployer, ill)
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        somebody_points_the_alias("2")
        desk = desks(source=GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.failed()

        with desk.aws.fails(operation, code, times=3, when=when) if operation else nullcontext():
            rollback, _ = at_last(desk)

        assert desk.deployer.alias() == ("2", {})
        assert "version 2 is unwell itself: it raised RuntimeError: no database" in rollback["cause"]

    @pytest.mark.parametrize("size", [2_000, 450_000])
    def test_a_blue_that_says_much_when_it_fails_keeps_nobody_on_green(self, desks: Desks, size: int) -> None:
        somebody_updates_the_code(desks.deployer, f"def handler(event, context):\n    raise RuntimeError('x' * {size})")
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        somebody_points_the_alias("2")
        desk = desks(source=GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        cause = desk.failed().run("RollBack")["cause"]

        assert desk.deployer.alias() == ("2", {})
        assert "it raised RuntimeError: xxx" in cause
        assert len(cause) < 2_000

    def test_a_table_that_does_not_take_the_doubts_keeps_nobody_on_green(self, shifting: Desk) -> None:
        with (
            shifting.aws.fails("GetFunction", "AccessDeniedException", times=1),
            shifting.aws.fails("UpdateItem", "ProvisionedThroughputExceededException", skip=1, times=3),
        ):
            rollback = shifting.run("RollBack")

        assert "Whether version 1 is well could not be seen" in rollback["cause"]
        assert blue_is_back(shifting)

    def test_a_record_that_cannot_be_read_keeps_nobody_on_green(self, shifting: Desk) -> None:
        item = (shifting.record() or {}) | {"pk": "deployment#older", "started_at": "2020"}
        del item["plan"], item["execution"]
        boto3.resource("dynamodb").Table(TABLE).put_item(Item=item)

        with suppress(Exception):
            shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {})

    @pytest.mark.parametrize("traffic", ["AllAtOnce", "Adaptive"])
    def test_a_shift_without_an_answer_is_undone_without_the_table_too(self, desks: Desks, traffic: str) -> None:
        desk = desks(traffic=traffic).to("ShiftAlias")
        with desk.aws.fails("UpdateAlias", "ReadTimeout", times=None, when="after"), pytest.raises(AwsUnavailable):
            desk.run("ShiftAlias")
        assert desk.deployer.alias() != ("1", {})

        with desk.aws.fails("UpdateItem", "ServiceUnavailable", times=None), suppress(DeploymentError):
            desk.failed("AwsUnavailable", "no answer").run("RollBack")

        assert desk.deployer.alias() == ("1", {})

    def test_a_shift_that_another_release_wrote_is_undone(self, shifting: Desk) -> None:
        del shifting.document["shift"]["silence_seconds"]
        shifting.document["plan"]["schedule"]["what a later release knows"] = 1

        shifting.run("RollBack")

        assert blue_is_back(shifting)

    def test_a_blue_that_fails_its_own_smoke_test_is_told_apart(self, desks: Desks) -> None:
        """It raises nothing; but it is not what it was when it was deployed."""
        blue = "import os\ndef handler(event, context): return {'statusCode': int(os.environ.get('STATUS', 200))}"
        desks.deployer.deploy(blue, traffic="AllAtOnce", smoke_tests=[{"name": "ok", "expect": {"statusCode": 200}}])
        desk = desks("second", GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        with mock.patch.dict(os.environ, {"STATUS": "500"}):
            rollback = desk.failed().run("RollBack")

        assert "version 2 is unwell itself: expected 200 at reply.statusCode, but 500 came" in rollback["cause"]

    def test_a_smoke_test_that_blue_did_not_come_with_is_not_its_own(self, desks: Desks) -> None:
        """One that rolled back, to this very version, asked for what blue never had."""
        failing = desks("failing", GOOD % 2, smoke_tests=[{"name": "new", "expect": {"bonus": 2}}]).to("SmokeTest")
        failing.failed("SmokeTestFailed", "no bonus").run("RollBack")
        item = (failing.record() or {}) | {"green": "1"}
        boto3.resource("dynamodb").Table(TABLE).put_item(Item=item)
        desk = desks("next", GOOD % 3).to("ShiftAlias")
        desk.run("ShiftAlias")

        assert "unwell" not in desk.failed().run("RollBack")["cause"]

    def test_a_blue_that_nobody_called_for_weeks_is_told_apart(self, shifting: Desk) -> None:
        """Lambda refuses the invocation that wakes it."""
        describe = functions.describe

        def asleep(function: str, qualifier: str = functions.LATEST) -> functions.Function:
            found = describe(function, qualifier)
            return found.model_copy(update={"state": "Inactive"}) if qualifier == "1" else found

        with (
            mock.patch.object(functions, "describe", asleep),
            shifting.aws.fails("Invoke", "ResourceConflictException", times=None),
        ):
            rollback = shifting.run("RollBack")

        assert "version 1 is unwell itself: it was Inactive; and more could not be seen" in rollback["cause"]
        assert shifting.deployer.alias() == ("1", {})

    def test_a_blue_that_lacks_what_green_was_tested_for_is_not_unwell(self, desks: Desks) -> None:
        desk = desks(smoke_tests=[{"name": "new bonus", "expect": {"bonus": 2}}]).to("ShiftAlias")
        desk.run("ShiftAlias")

        assert "unwell" not in desk.failed().run("RollBack")["cause"]

    @pytest.mark.parametrize("shifted", [False, True])
    def test_an_alias_that_is_gone_is_said_and_ends_the_deployment(self, desk: Desk, shifted: bool) -> None:
        desk.to("ShiftAlias")
        if shifted:
            desk.run("ShiftAlias")
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)

        rollback = desk.failed().run("RollBack")

        assert f"Someone else deleted {FUNCTION}:{ALIAS}; nothing serves by that name" in rollback["cause"]
        assert (desk.state(), desk.holder(), rollback["serving"]) == ("RolledBack", None, "none")
        assert desk.deployer.notified() == [f"Rolled back: {FUNCTION}:{ALIAS} is gone"]

    def test_a_function_that_is_gone_is_said_and_ends_the_deployment(self, shifting: Desk) -> None:
        boto3.client("lambda").delete_alias(FunctionName=FUNCTION, Name=ALIAS)
        boto3.client("lambda").delete_function(FunctionName=FUNCTION)

        assert f"Someone else deleted {FUNCTION}." in shifting.run("RollBack")["cause"]
        assert (shifting.state(), shifting.holder()) == ("RolledBack", None)

    def test_a_blue_that_is_gone_takes_a_person_and_says_the_command(self, shifting: Desk) -> None:
        somebody_points_the_alias("2")
        boto3.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="1")
        somebody_points_the_alias("2", {})
        table = boto3.resource("dynamodb").Table(TABLE)
        table.put_item(Item=(shifting.record() or {}) | {"weights": "[0.1, 1]"})

        with pytest.raises(RollbackImpossible, match="aws lambda update-alias --function-name BonusCalculatorLambda"):
            shifting.run("RollBack")

    @pytest.mark.parametrize("operation", ["GetAlias", "UpdateAlias"])
    def test_an_alias_that_cannot_be_read_or_written_says_the_command(self, shifting: Desk, operation: str) -> None:
        with (
            shifting.aws.fails(operation, "AccessDeniedException", times=None),
            pytest.raises(AwsRefused, match="--function-version 1 --routing-config"),
        ):
            shifting.run("RollBack")


class TestBesideItself:
    def test_a_slower_one_does_not_touch_what_the_next_deployment_did(self, shifting: Desk, desks: Desks) -> None:
        """Two recoveries of one dead deployment; the quicker one's deployment has shifted the same version."""
        ended: list[dict[str, Any]] = []

        def quicker() -> None:
            ended.append(shifting.run("RollBack"))
            second = desks("second").to("ShiftAlias")
            second.run("ShiftAlias")

        with just_before("lambda", "GetAlias", quicker), suppress(DeploymentOver, AwsRefused):
            shifting.run("RollBack")

        assert ended
        assert shifting.deployer.alias() == ("1", {"2": 0.1})

    def test_a_slower_one_does_not_touch_what_somebody_did_after_the_quicker(self, shifting: Desk) -> None:
        """Somebody gives green the very share that it had, before the record is closed."""

        def quicker() -> None:
            with (
                shifting.aws.fails("TransactWriteItems", "ServiceUnavailable", times=None),
                pytest.raises(AwsUnavailable),
            ):
                shifting.run("RollBack")
            somebody_points_the_alias("1", {"2": 0.1})

        with just_before("lambda", "GetAlias", quicker):
            rollback = shifting.run("RollBack")

        assert shifting.deployer.alias() == ("1", {"2": 0.1})
        assert "then someone else moved it to version" in rollback["cause"]

    def test_one_refused_write_is_no_leave_to_take_back_a_share_of_the_next_deployment(
        self, shifting: Desk, desks: Desks
    ) -> None:
        shifting.run("RollBack")
        second = desks("second").to("ShiftAlias")
        second.run("ShiftAlias")

        with shifting.aws.fails("UpdateItem", "TransactionConflictException", times=None):
            shifting.run("RollBack", retries=1)

        assert shifting.deployer.alias() == ("1", {"2": 0.1})

    def test_the_code_of_the_next_deployment_stays(self, desk: Desk, desks: Desks) -> None:
        """The next deployment is of the same zip, so that $LATEST has what the dead one put there."""
        desk.to("SmokeTest").failed()

        def quicker() -> None:
            desk.run("RollBack")
            desks("second").to("SmokeTest")

        with just_before("lambda", "GetFunction", quicker), suppress(DeploymentOver, AwsRefused):
            desk.run("RollBack")

        assert desk.deployer.digest() == desk.document["plan"]["artifact"]["sha256"]

    def test_the_record_is_closed_once(self, shifting: Desk) -> None:
        with just_before("dynamodb", "TransactWriteItems", lambda: shifting.run("RollBack")):
            shifting.run("RollBack")

        assert len(shifting.deployer.notified()) == 1


def test_a_record_that_nobody_can_read_is_in_nobodys_way(shifting: Desk) -> None:
    boto3.resource("dynamodb").Table(TABLE).put_item(
        Item={
            "pk": "deployment#odd",
            "sk": "record",
            "function": FUNCTION,
            "alias": ALIAS,
            "started_at": "2026-01-06T09:00:00.000Z",
        }
    )

    shifting.run("RollBack")

    assert blue_is_back(shifting)
    assert shifting.state() == "RolledBack"


def test_a_record_of_another_release_is_in_nobodys_way(shifting: Desk) -> None:
    boto3.resource("dynamodb").Table(TABLE).put_item(
        Item={
            "pk": "deployment#old",
            "sk": "record",
            "id": "old",
            "function": FUNCTION,
            "alias": ALIAS,
            "state": "Deployed",
            "execution": "arn:old",
            "started_at": "2025-01-05T09:00:00.000Z",
            "started_by": "",
            "artifact": "s3://artifacts/old.zip",
            "plan": json.dumps({"a field": "of old"}),
        }
    )

    shifting.run("RollBack")

    assert blue_is_back(shifting)
