"""OpenDeployment writes record and plan, says what the next states need, and changes nothing else."""

import json
from typing import Any

import boto3
import pytest

from bluegreen.errors import AwsUnavailable, DeploymentInProgress, InvalidRequest
from bluegreen.ledger import deployments, starts
from bluegreen.request.artifact import InLatest
from tests.handlers.desk import Desk, Desks, another_user_publishes, another_user_updates_the_code
from tests.handlers.opening import BLUE, brings, digest_of, the_zip
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TARGET, Deployer, alarm, place, zip_of

LETS_THE_STACK_IN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
}


class TestThePlan:
    def test_says_what_serves_and_what_latest_has(self, desk: Desk) -> None:
        desk.run("OpenDeployment")

        lambda_ = boto3.client("lambda")
        alias = lambda_.get_alias(FunctionName=FUNCTION, Name=ALIAS)
        latest = lambda_.get_function(FunctionName=FUNCTION)["Configuration"]
        plan = desk.plan
        assert plan.blue.model_dump() == {
            "version": "1",
            "sha256": digest_of(zip_of(BLUE)),
            "revision": alias["RevisionId"],
            "log_group": f"/aws/lambda/{FUNCTION}",
        }
        assert plan.log_group == f"/aws/lambda/{FUNCTION}"
        assert plan.latest.sha256 == digest_of(zip_of(BLUE))
        assert plan.latest.revision == latest["RevisionId"]
        assert (plan.target, plan.id, plan.brings) == (TARGET, "first", "new_code")

    def test_pins_the_artifact_by_version_and_digest(self, desks: Desks) -> None:
        pinned = desks.deployer.upload(GOOD % 2)
        desk = desks(artifact={"bucket": BUCKET, "key": place("new.zip")})

        desk.run("OpenDeployment")

        assert the_zip(desk).version_id == pinned["version_id"]
        assert the_zip(desk).sha256 == digest_of(zip_of(GOOD % 2))

    def test_pins_the_digest_alone_in_a_bucket_without_versions(self, deployer: Deployer, desks: Desks) -> None:
        boto3.client("s3").create_bucket(Bucket="plain-bucket")
        boto3.client("s3").put_bucket_policy(Bucket="plain-bucket", Policy=json.dumps(LETS_THE_STACK_IN))
        boto3.client("s3").put_object(Bucket="plain-bucket", Key="new.zip", Body=zip_of(GOOD % 2))
        desk = desks(artifact="s3://plain-bucket/new.zip", from_elsewhere=True)

        desk.run("OpenDeployment")

        assert the_zip(desk).version_id is None
        assert the_zip(desk).sha256 == digest_of(zip_of(GOOD % 2))

    def test_takes_traffic_and_smoke_tests_from_the_settings_unless_the_request_says(self, desk: Desk) -> None:
        desk.run("OpenDeployment")

        assert desk.plan.schedule.name == "Canary10Percent5Minutes"
        assert [case.payload for case in desk.plan.smoke_tests] == [{}]

    def test_takes_traffic_and_smoke_tests_from_the_request(self, desks: Desks) -> None:
        desk = desks(traffic="AllAtOnce", smoke_tests="off", health={"delay_seconds": 0})

        desk.run("OpenDeployment")

        assert desk.plan.schedule.name == "AllAtOnce"
        assert desk.plan.smoke_tests == ()
        assert desk.plan.health.delay_seconds == 0

    @pytest.mark.parametrize("payload", [{"": 1}, 1.7e308, [0.1, 1e-200], {"a": {"b": [None, True, "x"]}}])
    def test_keeps_every_payload_of_a_smoke_test(self, desks: Desks, payload: Any) -> None:
        """DynamoDB takes neither an empty key nor every number."""
        desk = desks(smoke_tests=[{"name": "a", "payload": payload, "expect": payload}])

        desk.run("OpenDeployment")

        (case,) = desk.plan.smoke_tests
        assert (case.payload, case.expect) == (payload, payload)

    def test_keeps_no_setting_of_the_function(self, desks: Desks) -> None:
        boto3.client("lambda").update_function_configuration(
            FunctionName=FUNCTION, Environment={"Variables": {"TOKEN": "4711-secret"}}
        )
        desk = desks()

        desk.run("OpenDeployment")

        assert "4711-secret" not in json.dumps([desk.deployer.items(""), desk.document])

    def test_pardons_alarms_that_are_red_already(self, desks: Desks) -> None:
        alarm("red", "ALARM")
        alarm("green", "OK")
        desk = desks(health={"alarms": ["red", "green"]})

        answer = desk.run("OpenDeployment")

        assert desk.plan.red_alarms == ("red",)
        assert answer["bake"]["look"]["pardoned"] == ["red"]

    def test_changes_nothing_of_the_function(self, desk: Desk) -> None:
        before = desk.deployer.everything()

        desk.run("OpenDeployment")

        assert desk.deployer.everything() == before

    def test_of_a_version_that_is_published_needs_no_code(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        desk = desks(artifact={"version": "2"})

        desk.run("OpenDeployment")

        assert desk.plan.brings == "version"


class TestTheAnswer:
    def test_has_what_the_next_states_need_and_no_more(self, desks: Desks) -> None:
        desk = desks(smoke_tests=[{"name": "a", "payload": {"token": "4711-secret"}}])

        answer = desk.run("OpenDeployment")

        assert answer["deployment"] == {
            "id": "first",
            "proof": desk.record()["proof"],
            "target": TARGET.model_dump(),
            "blue": "1",
            "brings": "new_code",
            "old_versions": "keep",
        }
        assert answer["bake"]["shifts"] == []
        assert answer["bake"]["revision"] == desk.plan.blue.revision
        assert answer["bake"]["look"]["next_weight"] == 0.1
        assert answer["green"] is None
        assert sorted(answer) == ["bake", "deployment", "green"]

    def test_replaces_the_request(self, desks: Desks) -> None:
        desk = desks(smoke_tests=[{"name": "a", "payload": {"token": "4711-secret"}}])

        answer = desk.run("OpenDeployment")

        assert desk.document == answer
        assert "4711-secret" not in json.dumps(desk.document)

    def test_names_the_green_of_a_version_that_is_published(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)

        answer = desks(artifact={"version": "2"}).run("OpenDeployment")

        assert (answer["green"], answer["deployment"]["brings"]) == ({"version": "2"}, "version")

    def test_has_a_proof_that_no_log_and_no_audit_has(self, desks: Desks, caplog: pytest.LogCaptureFixture) -> None:
        first = desks("first")
        proof = first.run("OpenDeployment")["deployment"]["proof"]
        first.failed().run("RollBack")

        again = desks("second").run("OpenDeployment")["deployment"]["proof"]

        assert again != proof
        assert len(proof) > 40
        assert len(caplog.records) == 3
        assert proof not in json.dumps(first.steps()) + "".join(str(vars(each)) for each in caplog.records)


class TestTheRecord:
    def test_is_there_before_any_change_and_says_how_to_undo_it(self, desk: Desk) -> None:
        desk.run("OpenDeployment")

        record = desk.record()
        assert (record["state"], record["execution"]) == ("open", desk.arn)
        assert (record["blue"], record["new_code"]) == ("1", True)
        assert record["blue_sha256"] == record["latest_sha256"] == digest_of(zip_of(BLUE))
        assert record["code"] == digest_of(zip_of(GOOD % 2))
        assert {"green", "weights", "code_sent_at"}.isdisjoint(record)

    @pytest.mark.parametrize(
        ("said", "kept"), [({"started_by": "pipeline 7"}, "pipeline 7, as the request says"), ({}, "StartExecution")]
    )
    def test_says_who_started_it_and_with_what(self, desks: Desks, said: dict[str, str], kept: str) -> None:
        desk = desks(**said)
        desk.run("OpenDeployment")

        record = desk.record()
        assert (record["started_by"], record["artifact"]) == (kept, f"s3://{BUCKET}/{place('new.zip')}")
        assert record["started_at"] == desk.started_at

    def test_says_whom_a_trigger_proved(self, desks: Desks) -> None:
        desk = desks(started_by="upload by account 1")
        starts.note("first", "upload by account 1", desk.request)
        desk.run("OpenDeployment")

        assert (desk.record()["started_by"], desk.record()["started_by_proved"]) == ("upload by account 1", True)

    def test_has_the_step_with_its_evidence(self, desk: Desk) -> None:
        desk.run("OpenDeployment")

        assert desk.steps() == [
            (
                "OpenDeployment",
                {
                    "blue": "1",
                    "artifact": f"s3://{BUCKET}/{place('new.zip')}",
                    "traffic": "Canary10Percent5Minutes",
                    "watched": True,
                    "held_seconds": 0,
                    "brings": "new_code",
                    "changes": [],
                    "warnings": [],
                },
            )
        ]

    def test_knows_the_green_of_a_version_that_is_published(self, desks: Desks) -> None:
        another_user_publishes(GOOD % 2)
        desk = desks(artifact={"version": "2"})

        desk.run("OpenDeployment")

        assert (desk.record()["green"], desk.record().get("new_code", False)) == ("2", False)


class TestNothingToDeploy:
    @pytest.mark.parametrize("artifact", [None, {"version": "1"}])
    def test_is_what_blue_has_already(self, desks: Desks, artifact: Any) -> None:
        desk = desks(source=BLUE, artifact=artifact)

        answer = desk.run("OpenDeployment")

        assert answer["deployment"]["brings"] == "nothing"
        assert (desk.state(), desk.record()["serving"]) == ("NothingToDeploy", "1")
        assert desk.deployer.items("lock#") == []

    def test_is_no_news_to_people(self, desks: Desks) -> None:
        desk = desks(source=BLUE)

        desk.run("OpenDeployment")
        desk.run("OpenDeployment")

        assert "kind" not in desk.record()
        assert desk.deployer.messages() == []
        (event,) = desk.deployer.announced()
        assert (event["detail-type"], event["detail"]["state"]) == ("Deployment Ended", "NothingToDeploy")

    def test_is_no_news_that_a_deployment_waits_for(self, desks: Desks) -> None:
        desk = desks(source=BLUE)
        with desk.aws.fails("PutEvents", "InternalException", times=None):
            assert desk.run("OpenDeployment")["deployment"]["brings"] == "nothing"

        assert [each.id for each in deployments.untold()] == [desk.name]


class TestTheBeginning:
    def test_is_told_once_and_only_of_a_deployment_that_has_begun(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        desk.run("OpenDeployment")

        (event,) = desk.deployer.announced()
        assert (event["detail-type"], event["detail"]["deployment"]) == ("Deployment Started", desk.name)

    def test_is_not_told_of_a_request_that_is_refused(self, desks: Desks) -> None:
        with pytest.raises(InvalidRequest):
            desks(traffic="Fast").run("OpenDeployment")

        assert desks.deployer.announced() == []

    @pytest.mark.parametrize("operation", ["Publish", "PutEvents"])
    def test_waits_for_no_news(self, desk: Desk, operation: str) -> None:
        with desk.aws.fails(operation, "AccessDeniedException", times=None):
            assert desk.run("OpenDeployment")["deployment"]["id"] == desk.name

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

        answer = desk.run("OpenDeployment", retries=1)

        assert answer["deployment"]["brings"] == "nothing"
        assert desk.state() == "NothingToDeploy"
        assert desk.deployer.items("lock#") == []


class TestLatestAsTheArtifact:
    def test_keeps_code_for_another_alias_out_of_latest_meanwhile(self, desks: Desks) -> None:
        another_user_updates_the_code(desks.deployer, GOOD % 9)
        desks("first", artifact="$LATEST").run("OpenDeployment")

        with pytest.raises(DeploymentInProgress, match=r"a function has only one \$LATEST"):
            desks("second", GOOD % 3, alias="OTHER").run("OpenDeployment")

    def test_is_kept_in_the_plan_and_the_record(self, desks: Desks) -> None:
        theirs = another_user_updates_the_code(desks.deployer, GOOD % 9)
        desk = desks("first", artifact="$LATEST")

        assert brings(desk) == "latest"
        assert (desk.plan.artifact, desk.plan.digest) == (InLatest("$LATEST"), theirs)
        assert (desk.record()["artifact"], desk.record()["code"]) == ("$LATEST", theirs)
