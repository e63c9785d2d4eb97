"""OpenDeployment checks the request, takes the lock and writes record and plan; it may change nothing else."""

import base64
import hashlib
import json
from typing import Any

import boto3
import pytest

from bluegreen.errors import (
    AwsUnavailable,
    DeploymentInProgress,
    DeploymentInterrupted,
    InvalidRequest,
    StillInProgress,
    UploadWaits,
)
from bluegreen.ledger import deployments, starts, waiting
from bluegreen.request.artifact import InLatest, Zip
from tests.handlers.desk import (
    Desk,
    Desks,
    another_user_points_the_alias,
    another_user_publishes,
    another_user_updates_the_code,
    aws_answers,
    just_before,
    put,
)
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TARGET, Deployer, alarm, place, zip_of

BLUE = GOOD % 1
LETS_THE_STACK_IN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
}


def digest_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def the_zip(desk: Desk) -> Zip:
    """The artifact of the plan."""
    artifact = desk.plan.artifact
    assert isinstance(artifact, Zip)
    return artifact


def brings(desk: Desk) -> str:
    """What the deployment brings, once it is open."""
    return str(desk.run("OpenDeployment")["deployment"]["brings"])


def refused(desk: Desk) -> str:
    """The refusal's text; nothing of AWS may be different afterwards."""
    before = desk.deployer.everything()
    with pytest.raises(InvalidRequest) as refusal:
        desk.run("OpenDeployment")
    assert desk.deployer.everything() == before
    return str(refusal.value)


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


class TestRetries:
    @pytest.mark.parametrize(
        ("operation", "skip", "when"),
        [
            *((operation, 0, "before") for operation in ("DescribeExecution", "Query", "ListTags", "GetObject")),
            *(("GetFunction", skip, "before") for skip in range(3)),
            *((operation, 0, "before") for operation in ("GetAlias", "GetItem")),
            *(("TransactWriteItems", skip, when) for skip in range(2) for when in ("before", "after")),
            *(("PutItem", 0, when) for when in ("before", "after")),
        ],
    )
    @pytest.mark.parametrize("code", ["ReadTimeout", "ServiceUnavailable"])
    def test_after_any_call_that_goes_unanswered_the_next_attempt_opens(
        self, desk: Desk, operation: str, skip: int, code: str, when: Any
    ) -> None:
        with desk.aws.fails(operation, code, times=None, skip=skip, when=when), pytest.raises(AwsUnavailable):
            desk.run("OpenDeployment")

        desk.run("OpenDeployment", retries=1)

        assert desk.state() == "open"
        assert desk.holder() == "first"
        assert desk.document["deployment"]["proof"] == desk.record()["proof"]

    def test_a_second_attempt_does_not_forget_what_the_first_found(self, desk: Desk) -> None:
        answer = desk.run("OpenDeployment")
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 3))

        assert desk.run("OpenDeployment", retries=1) == answer


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


class TestTheLock:
    def test_refuses_a_second_deployment_while_the_first_runs(self, desk: Desk, desks: Desks) -> None:
        desk.run("OpenDeployment")
        second = desks("second", GOOD % 3)

        with pytest.raises(DeploymentInProgress) as refusal:
            second.run("OpenDeployment")

        assert "is being deployed to by first" in str(refusal.value)
        assert desk.arn in str(refusal.value)
        assert f"`bluegreen watch first`), or abort it (`bluegreen abort {FUNCTION} --alias {ALIAS}`)" in str(
            refusal.value
        )
        assert second.record() == {}
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

        second = desks("second", GOOD % 3, alias="LIVE")
        with pytest.raises(DeploymentInProgress, match=r"first puts new code into \$LATEST .* alias PROD"):
            second.run("OpenDeployment")

        assert (second.record(), desk.state()) == ({}, "open")

    def test_of_latest_is_had_by_the_deployment_that_opened_first(self, desk: Desk, desks: Desks) -> None:
        """It is not the one that started first."""
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        second = desks("second", GOOD % 3, alias="LIVE").to("ShiftAlias")

        with pytest.raises(DeploymentInProgress, match=r"second puts new code into \$LATEST .* alias LIVE"):
            desk.run("OpenDeployment")

        second.failed().run("RollBack")
        desk.run("OpenDeployment", retries=1)
        assert (desk.state(), second.state()) == ("open", "RolledBack")

    def test_of_latest_is_not_taken_by_a_deployment_of_a_version(self, desk: Desk, desks: Desks) -> None:
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        another_user_publishes(GOOD % 2)
        second = desks("second", artifact={"version": "2"}, alias="LIVE")
        second.run("OpenDeployment")

        desk.run("OpenDeployment")
        second.failed().run("RollBack")

        assert (desk.state(), second.state()) == ("open", "RolledBack")

    @pytest.mark.parametrize("ended", ["end", "stop"])
    @pytest.mark.parametrize("alias", [ALIAS, "LIVE"])
    def test_of_an_execution_that_has_ended_is_not_taken_before_its_deployment_is_recovered(
        self, desk: Desk, desks: Desks, ended: str, alias: str
    ) -> None:
        """By the alias, and by $LATEST for another alias."""
        boto3.client("lambda").create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.to("ShiftAlias").run("ShiftAlias")
        getattr(desk, ended)()
        second = desks("second", GOOD % 3, alias=alias)
        before = desk.deployer.everything(), desk.record(), desk.steps(), desk.deployer.items("lock#")

        with pytest.raises(DeploymentInterrupted, match=f"first holds the lock of {FUNCTION}:{ALIAS}"):
            second.run("OpenDeployment")

        assert (desk.deployer.everything(), desk.record(), desk.steps(), desk.deployer.items("lock#")) == before
        assert second.record() == {}

    def test_of_an_execution_that_step_functions_does_not_show_is_not_taken(self, desk: Desk, desks: Desks) -> None:
        desk.to("ShiftAlias").run("ShiftAlias")
        second = desks("second", GOOD % 3)

        with (
            desk.aws.fails("DescribeExecution", "ExecutionDoesNotExist", skip=1),
            pytest.raises(DeploymentInterrupted),
        ):
            second.run("OpenDeployment")

        assert desk.deployer.alias() == ("1", {"2": 0.1})
        assert (desk.state(), desk.holder()) == ("open", "first")

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

        assert (desk.state(), second.holder()) == ("Rejected", "second")


class TestAnAttemptThatItsRetryOvertook:
    """Its reply was lost, and it reads what the deployment has changed since."""

    def test_does_not_write_another_plan(self, desk: Desk) -> None:
        def overtake() -> None:
            desk.run("OpenDeployment", retries=1)
            desk.run("UpdateCode")

        with just_before("lambda", "GetAlias", overtake):
            desk.run("OpenDeployment")

        assert desk.plan.latest.sha256 == digest_of(zip_of(BLUE))
        assert desk.document["deployment"]["proof"] == desk.record()["proof"]
        desk.failed().run("RollBack")
        assert desk.deployer.digest() == digest_of(zip_of(BLUE))

    def test_does_not_say_that_there_is_nothing_to_deploy(self, desks: Desks) -> None:
        desk = desks(traffic={"steps": [{"weight": 1.0, "bake_seconds": 600}], "keep_control": 0})

        def overtake() -> None:
            desk.to("ShiftAlias").run("ShiftAlias")
            assert desk.deployer.alias() == ("2", {})

        with just_before("lambda", "GetAlias", overtake):
            answer = desk.run("OpenDeployment")

        assert answer["deployment"]["brings"] == "new_code"
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

        with pytest.raises(InvalidRequest, match=r"artifact: s3://artifacts/\S+/new.zip was uploaded at .* not after"):
            late.run("OpenDeployment")

        assert late.deployer.alias() == ("2", {})

    def test_refuses_what_was_uploaded_to_another_key_before(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3, "older.zip")
        desks.deployer.aws.clock.sleep(1)  # S3's own times are in seconds
        self.deployed(desks, "new.zip")
        late = desks("late", artifact=older, only_newer=True)

        with pytest.raises(InvalidRequest, match=r"which deployment first took; .*deploy it by hand"):
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
        assert same.run("OpenDeployment")["deployment"]["brings"] == "nothing"

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

        assert brings(desks("other", artifact=older, alias="OTHER", only_newer=True)) == "new_code"

    @pytest.mark.parametrize("key", ["new.zip", "elsewhere.zip"])
    def test_refuses_what_was_uploaded_in_the_same_second_without_a_known_order(self, desks: Desks, key: str) -> None:
        artifact = desks.deployer.upload(GOOD % 3, key) | {"sequencer": "00"}
        self.deployed(desks, "new.zip")  # by hand: without a sequencer

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=artifact, only_newer=True).run("OpenDeployment")

    def test_knows_the_last_of_two_uploads_without_a_known_order(self, desks: Desks) -> None:
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

        assert brings(desks("again", artifact=same | {"sequencer": "01"}, only_newer=True)) == "new_code"

    def test_reads_what_a_newer_stack_version_wrote_about_it(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="01")
        (item,) = desks.deployer.items(f"newest#{TARGET.key}")
        put(item | {"artifact": item["artifact"] | {"a field": "of tomorrow"}, "another field": "of tomorrow"})

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

    @pytest.mark.parametrize("artifact", [{}, "{}"])
    def test_does_not_stand_in_the_way_if_the_handler_cannot_read_it(self, desks: Desks, artifact: Any) -> None:
        put({"pk": f"newest#{TARGET.key}", "sk": "newest", "artifact": artifact, "deployment": "odd"})

        assert brings(desks("next", only_newer=True)) == "new_code"

    def test_takes_what_is_newer(self, desks: Desks) -> None:
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")
        newer = desks.deployer.upload(GOOD % 3) | {"sequencer": "0055AED6DCD90281010A"}

        assert brings(desks("next", artifact=newer, only_newer=True)) == "new_code"

    def test_is_not_asked_of_an_operator_who_goes_back_by_hand(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        self.deployed(desks, "new.zip", sequencer="0055AED6DCD9028101")

        assert brings(desks("back", artifact=older)) == "new_code"


class TestAnUploadWhileAnotherDeploymentRuns:
    @pytest.fixture(autouse=True)
    def running(self, desk: Desk) -> None:
        desk.run("OpenDeployment")
        desk.aws.clock.sleep(1)  # S3's own times are in seconds

    def upload(self, desks: Desks, name: str, sequencer: str, **request: Any) -> Desk:
        artifact = desks.deployer.upload(GOOD % 3, "later.zip") | {"sequencer": sequencer}
        return desks(name, artifact=artifact, only_newer=True, **request)

    def refusal(self, desk: Desk) -> str:
        with pytest.raises(DeploymentInProgress) as refused:
            desk.run("OpenDeployment")
        return type(refused.value).__name__

    def test_waits(self, desks: Desks) -> None:
        later = self.upload(desks, "later", "05")

        assert self.refusal(later) == "UploadWaits"

        kept = waiting.of(TARGET)
        assert kept is not None
        assert (kept.deployment, kept.execution, kept.artifact.sequencer) == ("later", later.arn, "05")
        assert later.record() == {}

    def test_waits_once_however_often_the_state_is_retried(self, desks: Desks) -> None:
        later = self.upload(desks, "later", "05")
        with desks.deployer.aws.fails("PutItem", "ReadTimeout", when="after"):
            assert self.refusal(later) == "UploadWaits"

        assert self.refusal(later) == "UploadWaits"
        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["later"]

    def test_waits_in_the_place_of_an_older_one(self, desks: Desks) -> None:
        self.refusal(self.upload(desks, "older", "05"))

        with pytest.raises(UploadWaits, match=r"in the place of s3://artifacts/\S+/later.zip, which is not deployed"):
            self.upload(desks, "newer", "06").run("OpenDeployment")

        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["newer"]

    def test_does_not_wait_behind_a_newer_one(self, desks: Desks) -> None:
        self.refusal(self.upload(desks, "newer", "06"))

        with pytest.raises(InvalidRequest, match="uploaded later, waits"):
            self.upload(desks, "older", "05").run("OpenDeployment")

        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["newer"]

    def test_does_not_wait_if_it_is_older_than_what_is_deployed(self, desks: Desks) -> None:
        older = desks.deployer.upload(GOOD % 3) | {"sequencer": "00"}
        newest = {"bucket": older["bucket"], "key": older["key"], "sequencer": "01"}
        put({"pk": f"newest#{TARGET.key}", "sk": "newest", "artifact": newest, "deployment": "first"})

        with pytest.raises(InvalidRequest, match="which deployment first took"):
            desks("late", artifact=older, only_newer=True).run("OpenDeployment")

        assert desks.deployer.items("waiting#") == []

    def test_waits_behind_the_last_of_several_that_come_at_once(self, desks: Desks) -> None:
        self.refusal(self.upload(desks, "older", "05"))
        newer = self.upload(desks, "newer", "07")
        between = self.upload(desks, "between", "06")

        with just_before("dynamodb", "PutItem", lambda: self.refusal(between)):
            assert self.refusal(newer) == "UploadWaits"

        assert [item["deployment"] for item in desks.deployer.items("waiting#")] == ["newer"]

    def test_is_told_each_time(self, desks: Desks) -> None:
        for name, sequencer in (("one", "05"), ("two", "06")):
            desk = self.upload(desks, name, sequencer)
            with pytest.raises(UploadWaits) as why:
                desk.run("OpenDeployment")
            desk.failed("UploadWaits", str(why.value)).run("RejectDeployment")

        assert desks.deployer.notified() == [f"Waits: s3://{BUCKET}/{place('later.zip')} for {FUNCTION}"] * 2

    def test_by_hand_does_not_wait(self, desks: Desks) -> None:
        assert self.refusal(desks("hand", GOOD % 3)) == "DeploymentInProgress"

        assert desks.deployer.items("waiting#") == []


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
