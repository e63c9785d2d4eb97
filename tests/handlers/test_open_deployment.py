"""OpenDeployment decides everything, takes the lock and writes the record, before anything is changed."""

import base64
import hashlib
import json
from contextlib import suppress
from typing import Any

import boto3
import pytest

from bluegreen.errors import AwsUnavailable, DeploymentInProgress, InvalidRequest
from tests.handlers.desk import (
    Desk,
    Desks,
    aws_answers,
    just_before,
    somebody_points_the_alias,
    the_lock_is_still_there,
)
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TABLE, Deployer, zip_of

BLUE = GOOD % 1


def digest_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def refused(desk: Desk) -> str:
    """The refusal's text; nothing of AWS may be different afterwards."""
    before = desk.deployer.everything()
    with pytest.raises(InvalidRequest) as refusal:
        desk.run("OpenDeployment")
    assert desk.deployer.everything() == before
    return str(refusal.value)


class TestThePlan:
    def test_says_what_serves_and_what_latest_has(self, desk: Desk) -> None:
        plan = desk.run("OpenDeployment")

        lambda_ = boto3.client("lambda")
        alias = lambda_.get_alias(FunctionName=FUNCTION, Name=ALIAS)
        latest = lambda_.get_function(FunctionName=FUNCTION)["Configuration"]
        assert plan["blue"] == {"version": "1", "sha256": digest_of(zip_of(BLUE)), "revision": alias["RevisionId"]}
        assert plan["latest"]["sha256"] == digest_of(zip_of(BLUE))
        assert plan["latest"]["revision"] == latest["RevisionId"]
        assert (plan["function"], plan["alias"], plan["deployment"]) == (FUNCTION, ALIAS, "first")

    def test_pins_the_artifact_by_version_and_digest(self, desks: Desks) -> None:
        pinned = desks.deployer.upload(GOOD % 2)
        desk = desks(artifact={"bucket": BUCKET, "key": "new.zip"})

        artifact = desk.run("OpenDeployment")["artifact"]

        assert artifact["version_id"] == pinned["version_id"]
        assert artifact["sha256"] == digest_of(zip_of(GOOD % 2))

    def test_takes_traffic_and_smoke_tests_from_the_settings_unless_the_request_says(self, desk: Desk) -> None:
        plan = desk.run("OpenDeployment")

        assert plan["schedule"]["name"] == "Canary10Percent5Minutes"
        assert [case["payload"] for case in plan["smoke_tests"]] == [{}]

    def test_takes_traffic_and_smoke_tests_from_the_request(self, desks: Desks) -> None:
        plan = desks(traffic="AllAtOnce", smoke_tests="off", health={"delay_seconds": 0}).run("OpenDeployment")

        assert plan["schedule"]["name"] == "AllAtOnce"
        assert plan["smoke_tests"] == []
        assert plan["health"]["delay_seconds"] == 0

    def test_changes_nothing_of_the_function(self, desk: Desk) -> None:
        before = desk.deployer.everything()

        desk.run("OpenDeployment")

        assert desk.deployer.everything() == before

    def test_a_version_that_exists_needs_no_code(self, desks: Desks) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)

        plan = desks(artifact={"version": "2"}).run("OpenDeployment")

        assert (plan["new_code"], plan["anything_to_deploy"]) == (False, True)


class TestTheRecord:
    def test_is_there_before_any_change_and_says_how_to_undo_it(self, desk: Desk) -> None:
        plan = desk.run("OpenDeployment")

        record = desk.record()
        assert record is not None
        assert record["state"] == "open"
        assert record["execution"] == desk.arn
        assert json.loads(record["plan"]) == plan

    @pytest.mark.parametrize(("said", "kept"), [({"started_by": "pipeline 7"}, "pipeline 7"), ({}, "StartExecution")])
    def test_says_who_started_it_and_with_what(self, desks: Desks, said: dict[str, str], kept: str) -> None:
        desk = desks(**said)
        desk.run("OpenDeployment")

        record = desk.record()
        assert record is not None
        assert (record["started_by"], record["artifact"]) == (kept, f"s3://{BUCKET}/new.zip")
        assert record["started_at"] == "2026-01-05T09:00:00.000Z"

    def test_has_the_step_with_its_evidence(self, desk: Desk) -> None:
        plan = desk.run("OpenDeployment")

        assert desk.steps() == [("OpenDeployment", plan)]

    def test_knows_the_green_of_a_version_that_exists(self, desks: Desks) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
        desk = desks(artifact={"version": "2"})

        desk.run("OpenDeployment")

        assert (desk.record() or {})["green"] == "2"


class TestNothingToDeploy:
    @pytest.mark.parametrize("artifact", [None, {"version": "1"}])
    def test_is_what_blue_has_already(self, desks: Desks, artifact: Any) -> None:
        desk = desks(source=BLUE, artifact=artifact)

        plan = desk.run("OpenDeployment")

        assert not plan["anything_to_deploy"]
        assert (desk.record() or {})["state"] == "NothingToDeploy"
        assert (desk.record() or {})["serving"] == "1"
        assert desk.holder() is None

    @pytest.mark.parametrize(
        ("operation", "skip"), [("PutItem", 0), ("TransactWriteItems", 1), ("TransactWriteItems", 2)]
    )
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_said_again_when_its_reply_was_lost(self, desks: Desks, operation: str, skip: int, when: Any) -> None:
        desk = desks(source=BLUE)
        with (
            desk.aws.fails(operation, "ServiceUnavailable", times=None, skip=skip, when=when),
            pytest.raises(AwsUnavailable),
        ):
            desk.run("OpenDeployment")

        plan = desk.run("OpenDeployment", retries=1)

        assert not plan["anything_to_deploy"]
        assert desk.state() == "NothingToDeploy"
        assert desk.holder() is None


class TestRefusals:
    def test_a_function_that_is_not_there(self, desk: Desk) -> None:
        desk.document["function"] = "Nothing"

        assert refused(desk).startswith("function: there is no function Nothing")

    def test_a_function_that_has_not_opted_in(self, desk: Desk) -> None:
        desk.aws.create_function("Private", BLUE, tags={"bluegreen:managed": "no"})
        desk.document["function"] = "Private"

        assert refused(desk).startswith("function: Private has no tag bluegreen:managed = true")

    def test_an_alias_that_is_not_there(self, desk: Desk) -> None:
        desk.document["alias"] = "LIVE"

        said = refused(desk)

        assert said.startswith(f"alias: {FUNCTION} has no alias LIVE")
        assert f"bluegreen adopt {FUNCTION} --alias LIVE" in said

    def test_an_alias_that_is_split_already(self, desk: Desk) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
        somebody_points_the_alias("1", {"2": 0.25})

        said = refused(desk)

        assert said.startswith(f"alias: {FUNCTION}:{ALIAS} is split already")
        assert "--function-version 1 --routing-config AdditionalVersionWeights={}" in said

    def test_an_alias_that_lambda_itself_splits_for_a_moment_is_waited_for(self, desk: Desk) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
        somebody_points_the_alias("1", {"2": 0.25})

        with (
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "IN_PROGRESS"}),
            pytest.raises(AwsUnavailable),
        ):
            desk.run("OpenDeployment")

    def test_a_split_of_lambdas_that_ends_while_it_is_looked_at_is_waited_for(self, desk: Desk) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
        somebody_points_the_alias("1", {"2": 0.25})

        with (
            just_before("lambda", "GetProvisionedConcurrencyConfig", lambda: somebody_points_the_alias("2")),
            aws_answers("lambda", "GetProvisionedConcurrencyConfig", {"Status": "READY"}),
            pytest.raises(AwsUnavailable, match="provisioned concurrency"),
        ):
            desk.run("OpenDeployment")

        assert desk.run("OpenDeployment", retries=1)["blue"]["version"] == "2"

    def test_an_alias_on_latest(self, desk: Desk) -> None:
        somebody_points_the_alias("$LATEST")

        assert refused(desk).startswith(f"alias: {FUNCTION}:{ALIAS} points to $LATEST")

    def test_an_object_that_is_not_there(self, desks: Desks) -> None:
        said = refused(desks(artifact={"bucket": BUCKET, "key": "nothing.zip"}))

        assert said.startswith(f"artifact: there is no object s3://{BUCKET}/nothing.zip")

    def test_a_bucket_that_is_not_there(self, desks: Desks) -> None:
        assert refused(desks(artifact="s3://nobodys/new.zip")).startswith("artifact")

    @pytest.mark.parametrize("code", ["AccessDenied", "403"])
    def test_a_bucket_that_may_not_be_read(self, desk: Desk, code: str) -> None:
        with desk.aws.fails("GetObject", code):
            said = refused(desk)

        assert said.startswith("artifact.bucket: ")
        assert f"upload to {BUCKET}" in said

    @pytest.mark.parametrize("code", ["NoSuchVersion", "InvalidArgument", "MethodNotAllowed"])
    def test_an_object_version_that_cannot_be_had(self, desk: Desk, code: str) -> None:
        with desk.aws.fails("GetObject", code):
            assert refused(desk).startswith("artifact: ")

    @pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"hello", "is not a zip")])
    def test_an_object_that_is_no_zip(self, desks: Desks, content: bytes, said: str) -> None:
        boto3.client("s3").put_object(Bucket=BUCKET, Key="odd.zip", Body=content)

        assert refused(desks(artifact=f"s3://{BUCKET}/odd.zip")).startswith(f"artifact: s3://{BUCKET}/odd.zip {said}")

    def test_another_digest_than_the_objects(self, desks: Desks) -> None:
        artifact = desks.deployer.upload(GOOD % 2) | {"sha256": "00" * 32}

        said = refused(desks(artifact=artifact))

        assert said.startswith("artifact.sha256: ")
        assert digest_of(zip_of(GOOD % 2)) in said

    @pytest.mark.parametrize("written", ["hexadecimal", "base64"])
    def test_the_right_digest_is_none(self, desks: Desks, written: str) -> None:
        content = zip_of(GOOD % 2)
        digest = hashlib.sha256(content).hexdigest() if written == "hexadecimal" else digest_of(content)

        plan = desks(artifact=desks.deployer.upload(GOOD % 2) | {"sha256": digest}).run("OpenDeployment")

        assert plan["artifact"]["sha256"] == digest_of(content)

    def test_a_version_that_is_not_there(self, desks: Desks) -> None:
        assert refused(desks(artifact={"version": "9"})).startswith(f"artifact.version: {FUNCTION} has no version 9")

    def test_an_image_for_a_function_of_a_zip(self, desks: Desks) -> None:
        image = {"image_uri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:{'0' * 64}"}

        assert refused(desks(artifact=image)).startswith("artifact: ")

    def test_a_request_that_cannot_be_read(self, desk: Desk) -> None:
        desk.document["trafic"] = "AllAtOnce"

        assert refused(desk) == "trafic: unknown field; did you mean traffic?"


class TestRetries:
    @pytest.mark.parametrize(
        ("operation", "skip"),
        [
            ("GetFunction", 0),
            ("GetObject", 0),
            ("TransactWriteItems", 0),
            ("GetAlias", 0),
            ("TransactWriteItems", 1),
            ("PutItem", 0),
            ("GetItem", 0),
            ("GetItem", 1),
        ],
    )
    @pytest.mark.parametrize("code", ["ReadTimeout", "ServiceUnavailable"])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_whichever_call_goes_unanswered_the_next_attempt_opens(
        self, desk: Desk, operation: str, skip: int, code: str, when: Any
    ) -> None:
        with desk.aws.fails(operation, code, times=None, skip=skip, when=when), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")

        desk.run("OpenDeployment", retries=1)

        assert desk.state() == "open"
        assert desk.holder() == "first"

    def test_a_second_attempt_does_not_forget_what_the_first_found(self, desk: Desk) -> None:
        plan = desk.run("OpenDeployment")
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 3))

        assert desk.run("OpenDeployment", retries=1) == plan


class TestAName:
    def test_that_was_another_deployments_is_refused(self, desk: Desk) -> None:
        """Step Functions lets a name be used again after 90 days."""
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.failed().run("RollBack")
        kept = desk.record()
        desk.started_at = "2026-04-05T09:00:00.000Z"

        refusal = refused(desk)

        assert refusal.startswith(f"name: first was a deployment of {FUNCTION}:{ALIAS}, begun at 2026-01-05")
        assert desk.failed("InvalidRequest", refusal).run("RejectDeployment")["told"]
        assert desk.deployer.notified()[-1] == f"Rejected: {FUNCTION}:{ALIAS} was not touched"
        after = desk.record() or {}
        assert (kept or {})["state"] == "RolledBack"
        assert after == kept


class TestTheLock:
    def test_refuses_a_second_deployment_while_the_first_runs(self, desk: Desk, desks: Desks) -> None:
        desk.run("OpenDeployment")
        second = desks("second", GOOD % 3)

        with pytest.raises(DeploymentInProgress) as refusal:
            second.run("OpenDeployment")

        assert "is being deployed to by first" in str(refusal.value)
        assert desk.arn in str(refusal.value)
        assert second.record() is None
        assert desk.holder() == "first"

    def test_is_taken_by_another_alias_of_its_own(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.run("OpenDeployment")

        second = desks("second", artifact={"version": "1"}, alias="LIVE")
        second.run("OpenDeployment")

        assert second.state() == "NothingToDeploy"
        assert desk.state() == "open"

    def test_of_two_aliases_is_no_leave_for_two_to_change_latest(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.run("OpenDeployment")
        desk.aws.clock.sleep(1)

        second = desks("second", GOOD % 3, alias="LIVE")
        with pytest.raises(DeploymentInProgress, match=f"function: {FUNCTION} gets new code by first for PROD as well"):
            second.run("OpenDeployment")

        desk.stop()
        open_at_last(second)
        assert (desk.state(), second.state()) == ("RolledBack", "open")

    def test_of_latest_is_had_by_who_opened_first_and_not_by_who_started_first(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        second = desks("second", GOOD % 3, alias="LIVE").to("ShiftAlias")

        with pytest.raises(DeploymentInProgress, match="by second for LIVE as well"):
            desk.run("OpenDeployment")

        second.failed().run("RollBack")
        desk.run("OpenDeployment", retries=1)
        assert (desk.state(), second.state()) == ("open", "RolledBack")

    def test_of_latest_is_nobodys_who_deploys_a_version(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
        second = desks("second", artifact={"version": "2"}, alias="LIVE")
        second.run("OpenDeployment")

        desk.run("OpenDeployment")
        second.failed().run("RollBack")

        assert (desk.state(), second.state()) == ("open", "RolledBack")

    def test_of_the_dead_is_taken_over_although_latest_cannot_be_put_back(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.stop()
        second = desks("second", GOOD % 3)

        with desk.aws.fails("UpdateFunctionCode", "AccessDeniedException", times=None):
            for number in range(7):
                with suppress(AwsUnavailable):
                    second.run("OpenDeployment", retries=number)

        assert (desk.state(), second.state()) == ("RolledBack", "open")
        assert "$LATEST keeps the new code" in (desk.record() or {})["cause"]

    def test_that_is_contended_is_asked_for_again(self, desk: Desk) -> None:
        with desk.aws.fails("TransactWriteItems", "TransactionCanceledException"), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")

        desk.run("OpenDeployment", retries=1)

        assert desk.holder() == "first"

    def test_that_is_freed_while_it_is_asked_for_is_asked_for_again(self, desk: Desk, desks: Desks) -> None:
        desk.run("OpenDeployment")
        second = desks("second", GOOD % 3)

        def first_is_rejected() -> None:
            desk.failed().run("RejectDeployment")

        with just_before("dynamodb", "TransactWriteItems", first_is_rejected):
            second.run("OpenDeployment")

        assert second.holder() == "second"


def open_at_last(desk: Desk) -> dict[str, Any]:
    """As the machine does: again, as long as it is worth it."""
    for retries in range(6):
        try:
            return desk.run("OpenDeployment", retries=retries)
        except AwsUnavailable:
            continue
    raise AssertionError("it never opened")


class TestAnAttemptThatItsRetryOvertook:
    """Its reply was lost, and it reads what the deployment has changed since."""

    def test_does_not_write_another_plan(self, desk: Desk) -> None:
        def overtake() -> None:
            desk.run("OpenDeployment", retries=1)
            desk.run("UpdateCode")

        with just_before("lambda", "GetAlias", overtake):
            desk.run("OpenDeployment")

        assert json.loads((desk.record() or {})["plan"])["latest"]["sha256"] == digest_of(zip_of(BLUE))
        desk.failed().run("RollBack")
        assert desk.deployer.digest() == digest_of(zip_of(BLUE))

    def test_does_not_say_that_there_is_nothing_to_deploy(self, desks: Desks) -> None:
        desk = desks(traffic={"steps": [{"weight": 1.0, "bake_seconds": 600}]})

        def overtake() -> None:
            desk.to("ShiftAlias").run("ShiftAlias")
            assert desk.deployer.alias() == ("2", {})

        with just_before("lambda", "GetAlias", overtake):
            desk.run("OpenDeployment")

        assert (desk.state(), desk.holder()) == ("open", "first")
        desk.failed().run("RollBack")
        assert desk.deployer.alias() == ("1", {})


class TestOnlyNewer:
    """What an upload asks for: no step back to older code, however late its event comes."""

    def deployed(self, desks: Desks, key: str, **artifact: str) -> None:
        first = desks("first", artifact=desks.deployer.upload(GOOD % 2, key) | artifact)
        first.to("ShiftAlias")
        first.run("ShiftAlias")
        first.run("ShiftAlias")
        first.run("CompleteDeployment")
        first.end()

    def test_refuses_what_was_uploaded_to_the_key_before_in_the_same_second(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "0055AED6DCD9028"}
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")
        late = desks("late", artifact=older, only_newer=True)

        with pytest.raises(InvalidRequest, match=r"artifact: s3://artifacts/new.zip was uploaded at .* not after"):
            late.run("OpenDeployment")

        assert late.deployer.alias() == ("2", {})

    def test_refuses_what_was_uploaded_to_another_key_before(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3, "older.zip")
        desks.deployer.aws.clock.sleep(1)  # S3's own times are in seconds
        self.deployed(desks, "new.zip")
        late = desks("late", artifact=older, only_newer=True)

        with pytest.raises(InvalidRequest, match="if it is what you want all the same, deploy it by hand"):
            late.run("OpenDeployment")

    def test_refuses_it_although_the_index_is_behind(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        late = desks("late", artifact=older, only_newer=True)

        with (
            aws_answers("dynamodb", "Query", {"Items": [], "Count": 0}),
            pytest.raises(InvalidRequest, match="which deployment first took"),
        ):
            late.run("OpenDeployment")

    def test_refuses_what_is_older_than_an_upload_that_changed_nothing(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        same = desks("same", artifact=desks.deployer.upload(BLUE) | {"sequencer": "01"}, only_newer=True)
        assert not same.run("OpenDeployment")["anything_to_deploy"]

        with pytest.raises(InvalidRequest, match="which deployment same took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_refuses_what_is_older_than_the_newest_also_after_a_step_back_by_hand(self, desks: Desks) -> None:
        oldest, older = (desks.deployer.upload(GOOD % number) | {"sequencer": f"0{number}"} for number in (3, 4))
        self.deployed(desks, "new.zip", sequencer="05")
        back = desks("back", artifact=oldest)
        back.run("OpenDeployment")
        back.failed().run("RollBack")
        back.end()

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_takes_what_is_older_than_the_newest_of_another_alias(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="OTHER", FunctionVersion="1")

        assert desks("other", artifact=older, alias="OTHER", only_newer=True).run("OpenDeployment")["new_code"]

    @pytest.mark.parametrize("key", ["new.zip", "elsewhere.zip"])
    def test_refuses_what_was_uploaded_in_the_same_second_where_nobody_knows_the_order(
        self, desks: Desks, key: str
    ) -> None:
        artifact = desks.deployer.upload(GOOD % 3, key) | {"sequencer": "00"}
        self.deployed(desks, "new.zip")  # by hand: without a sequencer

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=artifact, only_newer=True).run("OpenDeployment")

    def test_knows_the_last_of_two_that_nobody_can_order(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3, "other.zip") | {"sequencer": "00"}
        newer = desks.deployer.upload(GOOD % 4, "other.zip") | {"sequencer": "01"}
        self.deployed(desks, "new.zip")
        hand = desks("hand", artifact=newer)
        hand.run("OpenDeployment")
        hand.failed().run("RejectDeployment")

        with pytest.raises(InvalidRequest, match="which deployment hand took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_takes_the_newest_again(self, desks: Desks) -> None:
        same = desks.deployer.upload(GOOD % 2)
        first = desks("first", artifact=same)
        first.run("OpenDeployment")
        first.failed().run("RejectDeployment")

        again = desks("again", artifact=same | {"sequencer": "01"}, only_newer=True)

        assert again.run("OpenDeployment")["anything_to_deploy"]

    def test_reads_what_a_newer_release_wrote_about_it(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        table = boto3.resource("dynamodb").Table(TABLE)
        item: Any = table.get_item(Key={"pk": f"newest#{FUNCTION}:{ALIAS}", "sk": "newest"})["Item"]
        table.put_item(Item=item | {"artifact": json.dumps(json.loads(item["artifact"]) | {"a field": "of tomorrow"})})

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    def test_does_not_stand_in_the_way_where_nobody_can_read_it(self, desks: Desks) -> None:
        boto3.resource("dynamodb").Table(TABLE).put_item(
            Item={"pk": f"newest#{FUNCTION}:{ALIAS}", "sk": "newest", "artifact": "{}", "deployment": "odd"}
        )

        assert desks("next", only_newer=True).run("OpenDeployment")["anything_to_deploy"]

    def test_takes_what_is_newer(self, desks: Desks) -> None:
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")
        newer = desks.deployer.upload(GOOD % 3) | {"sequencer": "0055AED6DCD90281010A"}

        assert desks("next", artifact=newer, only_newer=True).run("OpenDeployment")["anything_to_deploy"]

    def test_is_not_asked_of_who_goes_back_by_hand(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")

        assert desks("back", artifact=older).run("OpenDeployment")["anything_to_deploy"]


class TestADeploymentWhoseExecutionHasEnded:
    @pytest.mark.parametrize("ended", ["end", "stop"])
    def test_is_recovered_before_the_next_goes_on(self, desk: Desk, desks: Desks, ended: str) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        getattr(desk, ended)()
        second = desks("second", GOOD % 3)

        plan = open_at_last(second)

        assert desk.deployer.alias() == ("1", {})
        assert desk.deployer.digest() == digest_of(zip_of(BLUE))
        assert (desk.record() or {})["state"] == "RolledBack"
        assert (desk.record() or {})["error"] == "DeploymentAbandoned"
        assert second.holder() == "second"
        assert plan["latest"]["sha256"] == digest_of(zip_of(BLUE))
        assert plan["blue"]["version"] == "1"

    def test_lets_the_next_be_deployed(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        desk.stop()
        second = desks("second", GOOD % 3)
        open_at_last(second)

        for state in ("UpdateCode", "SmokeTest", "PublishVersion", "SmokeTestGreen", "ShiftAlias", "ShiftAlias"):
            second.run(state)

        assert desk.deployer.alias() == ("3", {})

    def test_of_a_version_that_existed_is_put_back_too(self, desks: Desks) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 2), Publish=True)
        desk = desks(artifact={"version": "2"})
        desk.run("OpenDeployment")
        desk.document["green"] = {"version": "2"}
        desk.run("ShiftAlias")
        assert desk.deployer.alias() == ("1", {"2": 0.1})
        desk.stop()

        open_at_last(desks("second", GOOD % 3))

        assert desk.deployer.alias() == ("1", {})
        assert desk.state() == "RolledBack"

    def test_that_had_touched_nothing_is_closed(self, desk: Desk, desks: Desks) -> None:
        with desk.aws.fails("GetAlias", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")
        desk.stop()

        open_at_last(desks("second", GOOD % 3))

        assert desk.state() == "Rejected"

    def test_that_was_complete_is_not_undone(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("ShiftAlias")
        desk.run("CompleteDeployment")
        the_lock_is_still_there(desk)
        desk.stop()
        second = desks("second", GOOD % 3)

        plan = open_at_last(second)

        assert desk.deployer.alias() == ("2", {})
        assert desk.state() == "Deployed"
        assert plan["blue"]["version"] == "2"

    def test_that_step_functions_does_not_show_yet_is_not_taken_for_ended(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        second = desks("second", GOOD % 3)

        with desk.aws.fails("DescribeExecution", "ExecutionDoesNotExist"), pytest.raises(AwsUnavailable):
            second.run("OpenDeployment")

        assert desk.deployer.alias() == ("1", {"2": 0.1})
        assert desk.state() == "open"

    def test_that_step_functions_has_forgotten_is_recovered(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        second = desks("second", GOOD % 3)
        desk.aws.clock.sleep(100 * 24 * 3600)

        with desk.aws.fails("DescribeExecution", "ExecutionDoesNotExist", times=None):
            open_at_last(second)

        assert desk.deployer.alias() == ("1", {})
        assert desk.state() == "RolledBack"


def test_a_bucket_without_versions_will_do(deployer: Deployer, desks: Desks) -> None:
    boto3.client("s3").create_bucket(Bucket="plain-bucket")
    boto3.client("s3").put_object(Bucket="plain-bucket", Key="new.zip", Body=zip_of(GOOD % 2))

    plan = desks(artifact="s3://plain-bucket/new.zip").run("OpenDeployment")

    assert plan["artifact"]["version_id"] is None
    assert plan["artifact"]["sha256"] == digest_of(zip_of(GOOD % 2))
