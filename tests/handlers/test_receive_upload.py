"""ReceiveUpload turns an object created in the artifact bucket into one deployment."""

import json
from typing import Any

import boto3
import pytest

import receive_upload
from bluegreen.errors import AwsRefused, AwsUnavailable, InvalidRequest
from bluegreen.ledger import locks, starts, waiting
from bluegreen.ledger.waiting import Waiting
from bluegreen.request.artifact import Zip
from bluegreen.request.names import LONGEST_EXECUTION_NAME
from bluegreen.request.request import Request
from bluegreen.request.upload import Upload, next_name
from bluegreen.target import Target
from tests.handlers.desk import aws_answers, context_of, in_its_role, just_before, put
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, STACK, TARGET, Deployer, place

CONTEXT = context_of("ReceiveUploadFunction")
KEY = f"functions/{FUNCTION}/build-7.zip"
SEQUENCER = "0055AED6DCD90281E5"


@pytest.fixture(autouse=True)
def machine(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine that takes every request and does nothing with it."""
    arn: str = boto3.client("stepfunctions").create_state_machine(
        name="takes-all",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    monkeypatch.setenv("STATE_MACHINE_ARN", arn)
    monkeypatch.setattr(receive_upload, "handler", in_its_role(receive_upload.handler, "ReceiveUpload"))
    return arn


def event(key: str = KEY, version: str = "v1", sequencer: str = SEQUENCER, reason: str = "PutObject") -> dict[str, Any]:
    """As the stack's rule delivers it."""
    of_s3 = {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-01-05T09:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{BUCKET}"],
        "detail": {
            "version": "0",
            "bucket": {"name": BUCKET},
            "object": {"key": key, "size": 5, "etag": "e", "version-id": version, "sequencer": sequencer},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": reason,
        },
    }
    return {"stack": STACK, "event": of_s3}


def receive(told: dict[str, Any]) -> dict[str, Any]:
    """What the handler started: the execution's request."""
    arn = receive_upload.handler(told, CONTEXT)["execution"]
    request: dict[str, Any] = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    return request


def executions(machine: str) -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [execution["name"] for execution in found]


def settings(text: str | bytes) -> None:
    body = text.encode() if isinstance(text, str) else text
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"functions/{FUNCTION}/deployment.json", Body=body)


def test_the_function_of_its_key_is_deployed_with_that_object_version() -> None:
    request = receive(event())

    assert request["function"] == FUNCTION
    assert request["artifact"] == {"bucket": BUCKET, "key": KEY, "version_id": "v1", "sequencer": SEQUENCER}
    assert request["started_by"] == "upload by account 123456789012"
    Request.read(request)


def test_who_uploaded_it_is_written_down_for_that_very_request(deployer: Deployer) -> None:
    request = receive(event())

    (item,) = deployer.items("start#")
    assert starts.noted(item["pk"].removeprefix("start#"), request) == "upload by account 123456789012"


@pytest.mark.parametrize("operation", ["PutItem", "StartExecution"])
def test_who_uploaded_it_is_written_down_also_if_the_settings_change_before_the_next_attempt(
    deployer: Deployer, operation: str
) -> None:
    with deployer.aws.fails(operation, "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        receive_upload.handler(event(), CONTEXT)
    settings('{"traffic": "AllAtOnce"}')

    arn = receive_upload.handler(event(), CONTEXT)["execution"]

    asked = boto3.client("stepfunctions").describe_execution(executionArn=arn)
    assert starts.noted(asked["name"], json.loads(asked["input"])) == "upload by account 123456789012"


def test_the_settings_beside_it_are_the_rest_of_the_request() -> None:
    settings('{"traffic": "AllAtOnce", "smoke_tests": "off"}')

    request = receive(event())

    assert (request["traffic"], request["smoke_tests"]) == ("AllAtOnce", "off")


def test_an_event_delivered_twice_is_one_deployment(machine: str) -> None:
    first = receive_upload.handler(event(), CONTEXT)
    again = receive_upload.handler(event(), CONTEXT)

    assert first == again
    assert len(executions(machine)) == 1


def test_an_event_delivered_again_after_the_settings_changed_is_one_deployment(machine: str) -> None:
    first = receive_upload.handler(event(), CONTEXT)
    settings('{"traffic": "AllAtOnce"}')

    assert receive_upload.handler(event(), CONTEXT) == first
    assert len(executions(machine)) == 1


def test_a_lost_reply_is_one_deployment(deployer: Deployer, machine: str) -> None:
    with deployer.aws.fails("StartExecution", "ReadTimeout", when="after"):
        receive_upload.handler(event(), CONTEXT)

    assert len(executions(machine)) == 1


@pytest.mark.parametrize("other", [{"version": "v2"}, {"sequencer": "0055AED6DCD90281E6"}])
def test_another_upload_to_the_same_key_is_another_deployment(machine: str, other: dict[str, str]) -> None:
    receive_upload.handler(event(), CONTEXT)
    receive_upload.handler(event(**other), CONTEXT)

    assert len(executions(machine)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        (b"\xff\xfe\xfd", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("", "is not JSON"),
        (f'{{"x": "{"y" * 300_000}"}}', "has 300009 bytes; write 65536 at most"),
    ],
)
def test_settings_that_cannot_be_read_start_a_deployment_that_is_refused(text: str | bytes, said: str) -> None:
    settings(text)

    with pytest.raises(
        InvalidRequest, match=f"deployment_json: s3://{BUCKET}/functions/{FUNCTION}/deployment.json {said}"
    ):
        Request.read(receive(event()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"health": {"margin": NaN}}', " is not JSON: JSON has no NaN; write a number"),
        ('{"health": {"margin": -1e400}}', " is not JSON: it has a number beyond 1.8e308"),
        ('{"smoke_tests": ' + "[" * 900 + "]" * 900 + "}", ": it is nested more than 100 levels deep"),
    ],
    ids=["NaN", "too large a number", "deep"],
)
def test_settings_that_no_execution_could_be_started_with_are_answered_too(text: str, said: str) -> None:
    settings(text)

    request = receive(event())

    assert len(json.dumps(request, allow_nan=False)) < 10_000
    with pytest.raises(InvalidRequest, match=rf"^deployment_json: s3://\S*/deployment\.json{said}"):
        Request.read(request)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"smoke_tests": [{}]}', "smoke_tests.0.name: is required"),
        ('{"trafic": "AllAtOnce"}', "trafic: "),
        ('{"health": {"margin": "much"}}', "health.margin: "),
        ('{"upload": "4711"}', "upload: unknown field; leave it out$"),
        ('{"upload": {"token": "4711"}}', "upload: unknown field; leave it out$"),
        ('{"deployment_json": "4711"}', "deployment_json: unknown field; leave it out$"),
    ],
)
def test_a_wrong_field_is_told_with_the_file_that_has_it(text: str, said: str) -> None:
    settings(text)

    with pytest.raises(InvalidRequest, match=rf"^deployment_json: s3://\S*/deployment\.json: {said}"):
        Request.read(receive(event()))


def test_a_wrong_key_is_not_held_against_the_settings() -> None:
    settings('{"traffic": "AllAtOnce"}')

    with pytest.raises(InvalidRequest, match=r"^artifact\.key: "):
        Request.read(receive(event(f"functions/{FUNCTION}/../B/1.zip")))


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("functions/1.zip", "upload"),
        ("functions/../1.zip", "upload"),
        ("functions/A/build.tar.gz", "upload"),
        ("functions/A/../B/1.zip", "artifact.key"),
        ("functions/A/build.zip.part", "upload"),
        ("functions/A:PROD/1.zip", "upload"),
    ],
)
def test_a_key_in_the_wrong_place_starts_a_deployment_that_is_refused(key: str, field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"(^|; ){field}: ") as refusal:
        Request.read(receive(event(key)))

    assert field != "upload" or (key in str(refusal.value) and "functions/<Function>/<name>.zip" in str(refusal.value))


@pytest.mark.parametrize("name", ["build.jar", "BUILD.ZIP", "Build.Jar", "a/folder/build.zip"])
def test_every_package_of_lambda_is_one_in_any_case_of_letters(name: str) -> None:
    request = receive(event(f"functions/{FUNCTION}/{name}"))

    assert "upload" not in request
    assert Request.read(request).function == FUNCTION


@pytest.mark.parametrize("name", ["deployment.json", "", "builds/", "by-request/1.zip", "by-request/a/b\n.txt"])
def test_what_lies_beside_the_packages_starts_nothing(machine: str, name: str) -> None:
    assert receive_upload.handler(event(f"functions/{FUNCTION}/{name}"), CONTEXT) == {}

    assert executions(machine) == []


@pytest.mark.parametrize("key", ["releases/by-request/friday.json", "releases/by-request/", "releases/"])
def test_a_document_that_a_request_will_name_starts_no_release(machine: str, key: str) -> None:
    assert receive_upload.handler(event(key), CONTEXT) == {}

    assert executions(machine) == []


@pytest.mark.parametrize("key", ["functions/deployment.json", f"functions/{FUNCTION}/builds/deployment.json"])
def test_settings_that_nothing_reads_are_refused_with_the_place_that_is_read(key: str) -> None:
    with pytest.raises(InvalidRequest, match=r"upload them to functions/<Function>/deployment\.json") as refusal:
        Request.read(receive(event(key)))

    assert key in str(refusal.value)


def test_settings_of_another_folder_are_never_read(deployer: Deployer) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="functions/../deployment.json", Body=b'{"traffic": "AllAtOnce"}')

    assert "traffic" not in receive(event("functions/../1.zip"))


@pytest.mark.parametrize("operation", ["GetObject", "StartExecution"])
def test_aws_out_of_order_is_for_eventbridge_to_repeat(deployer: Deployer, machine: str, operation: str) -> None:
    with deployer.aws.fails(operation, "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        receive_upload.handler(event(), CONTEXT)

    assert executions(machine) == []


def test_settings_that_may_not_be_read_are_not_taken_for_none(deployer: Deployer) -> None:
    with deployer.aws.fails("GetObject", "AccessDenied"):
        request = receive(event())

    with pytest.raises(InvalidRequest, match=r"^deployment_json: .*AccessDenied"):
        Request.read(request)


class TestAnObjectThatNobodyUploaded:
    def refusal(self, told: dict[str, Any]) -> str:
        request = receive(told)
        assert "traffic" not in request, "its settings do not count"
        with pytest.raises(InvalidRequest) as refused:
            Request.read(request)
        return str(refused.value)

    def copied(self, deployer: Deployer, **how: Any) -> str:
        """The key, copied onto itself; the new version."""
        source: Any = {"Bucket": BUCKET, "Key": KEY} | ({"VersionId": how.pop("of")} if "of" in how else {})
        copy = boto3.client("s3").copy_object(
            Bucket=BUCKET, Key=KEY, CopySource=source, MetadataDirective="REPLACE", **how
        )
        return str(copy["VersionId"])

    def test_is_a_copy_onto_its_own_key(self, deployer: Deployer) -> None:
        settings('{"traffic": "AllAtOnce"}')
        deployer.upload(GOOD % 2, KEY)
        copy = self.copied(deployer)

        assert "was copied onto itself" in self.refusal(event(version=copy, reason="CopyObject"))

    def test_is_a_copy_of_an_older_version_of_its_key(self, deployer: Deployer) -> None:
        """As S3's own advice for restoring a version."""
        older = deployer.upload(GOOD % 2, KEY)["version_id"]
        deployer.upload(GOOD % 3, KEY)
        copy = self.copied(deployer, of=older)

        assert "was copied onto itself" in self.refusal(event(version=copy, reason="CopyObject"))

    def test_is_a_copy_whose_etag_encryption_has_changed(self, deployer: Deployer) -> None:
        version = deployer.upload(GOOD % 2, KEY)["version_id"]
        copy = self.copied(deployer)
        entries = [
            {"Key": KEY, "VersionId": copy, "Size": 9, "ETag": '"1"', "IsLatest": True},
            {"Key": KEY, "VersionId": version, "Size": 9, "ETag": '"2"', "IsLatest": False},
        ]

        with aws_answers("s3", "ListObjectVersions", {"Versions": entries}):
            assert "was copied onto itself" in self.refusal(event(version=copy, reason="CopyObject"))

    def test_is_a_replica(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2, KEY)

        with aws_answers("s3", "HeadObject", {"ReplicationStatus": "REPLICA"}):
            assert "was replicated by S3" in self.refusal(event())

    def test_is_not_a_copy_from_elsewhere(self, deployer: Deployer) -> None:
        """As a pipeline promotes a build from its own bucket."""
        deployer.upload(GOOD % 2, KEY)
        deployer.upload(GOOD % 3, "builds/3.zip")
        copy = boto3.client("s3").copy_object(
            Bucket=BUCKET, Key=KEY, CopySource={"Bucket": BUCKET, "Key": place("builds/3.zip")}
        )

        Request.read(receive(event(version=copy["VersionId"], reason="CopyObject")))

    def test_is_not_an_older_build_that_somebody_uploads_anew(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2, KEY)
        deployer.upload(GOOD % 3, KEY)
        anew = deployer.upload(GOOD % 2, KEY)

        Request.read(receive(event(version=anew["version_id"])))

    @pytest.mark.parametrize("code", ["AccessDenied", "400", "KMS.DisabledException"])
    @pytest.mark.parametrize("operation", ["HeadObject", "ListObjectVersions"])
    def test_is_not_one_that_s3_does_not_show(self, deployer: Deployer, operation: str, code: str) -> None:
        """OpenDeployment reads it, and says what is wrong."""
        deployer.upload(GOOD % 2, KEY)
        copy = self.copied(deployer)

        with deployer.aws.fails(operation, code, times=None):
            Request.read(receive(event(version=copy, reason="CopyObject")))


class TestAnUploadThatWaits:
    REQUEST = {"function": FUNCTION, "artifact": f"s3://{BUCKET}/{place('new.zip')}", "only_newer": True}

    def waits(self, machine: str, name: str = "first", target: Target = TARGET) -> Waiting:
        """Its execution was refused, and it was kept."""
        arn = self.is_started(machine, name, self.REQUEST)
        new = Waiting(target=target, artifact=Zip(bucket=BUCKET, key="new.zip"), deployment=name, execution=arn)
        assert waiting.wait(new, instead_of=waiting.of(target))
        return new

    def is_started(self, machine: str, name: str, request: dict[str, Any]) -> str:
        started = boto3.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(request)
        )
        return str(started["executionArn"])

    def turn(self) -> list[str]:
        """What is started when an execution has ended."""
        ended = {
            "source": "aws.states",
            "id": "1",
            "detail-type": "Step Functions Execution Status Change",
            "detail": {},
        }
        return [arn.rpartition(":")[2] for arn in receive_upload.handler(ended, CONTEXT)["started"]]

    def test_is_started_with_the_same_request_under_the_next_name(self, machine: str) -> None:
        self.waits(machine)

        assert self.turn() == ["first-2"]
        described = boto3.client("stepfunctions").describe_execution(
            executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:first-2"
        )
        assert json.loads(described["input"]) == self.REQUEST
        assert (waiting.of(TARGET), self.turn()) == (None, [])

    @pytest.mark.parametrize("author", ["upload by account 123456789012", ""], ids=["proved", "a claim"])
    def test_has_the_author_that_was_proved_before_and_no_other(self, machine: str, author: str) -> None:
        """Anybody may start an execution that comes to wait."""
        if author:
            starts.note("first", author, self.REQUEST)
        self.waits(machine)

        assert self.turn() == ["first-2"]
        assert starts.noted("first-2", self.REQUEST) == author

    @pytest.mark.parametrize("qualifier", [TARGET.alias, "$LATEST"])
    def test_goes_on_waiting_while_a_lock_is_held(self, machine: str, qualifier: str) -> None:
        kept = self.waits(machine)
        lock = {**TARGET.model_dump(), "held_by": "arn", "deployment": "another", "kind": "lock"}
        put({"pk": locks.key(TARGET, qualifier), "sk": "lock"} | lock)

        assert self.turn() == []
        assert waiting.of(TARGET) == kept

    def test_is_started_once_if_the_handler_dies_before_that_is_noted(self, machine: str, deployer: Deployer) -> None:
        self.waits(machine)
        with deployer.aws.fails("DeleteItem", "AccessDeniedException"), pytest.raises(AwsRefused):
            self.turn()

        assert self.turn() == ["first-2"]
        assert sorted(executions(machine)) == ["first", "first-2"]

    def test_is_not_taken_for_an_execution_that_somebody_else_named_so(self, machine: str) -> None:
        self.waits(machine, "release-41")
        self.is_started(machine, "release-42", {"function": "Another"})

        assert self.turn() == ["release-43"]

    def test_has_a_turn_whatever_the_length_of_its_name(self, machine: str) -> None:
        self.waits(machine, "r" * LONGEST_EXECUTION_NAME)

        (turn,) = self.turn()
        assert len(turn) <= LONGEST_EXECUTION_NAME

    def test_that_cannot_be_started_keeps_no_other_waiting(self, machine: str, deployer: Deployer) -> None:
        self.waits(machine)
        self.waits(machine, "other", TARGET.model_copy(update={"function": "Other"}))

        with deployer.aws.fails("StartExecution", "ExecutionLimitExceeded"), pytest.raises(AwsRefused):
            self.turn()

        assert len([name for name in executions(machine) if name.endswith("-2")]) == 1
        assert len(self.turn()) == 1

    def test_waits_for_another_of_its_function_that_is_started_now(self, machine: str) -> None:
        """Two deployments of new code would meet at $LATEST."""
        self.waits(machine)
        self.waits(machine, "second", TARGET.model_copy(update={"alias": "TEST"}))

        assert (len(self.turn()), len(self.turn()), self.turn()) == (1, 1, [])

    def test_that_came_meanwhile_goes_on_waiting(self, machine: str) -> None:
        self.waits(machine)

        with just_before("dynamodb", "DeleteItem", lambda: self.waits(machine, "second")):
            assert self.turn() == ["first-2"]

        assert self.turn() == ["second-2"]

    def test_is_given_up_when_its_request_is_forgotten(self, machine: str) -> None:
        new = self.waits(machine)
        gone = new.model_copy(update={"execution": f"{new.execution}-gone"})
        assert waiting.wait(gone, instead_of=new)

        assert (self.turn(), waiting.of(TARGET)) == ([], None)

    def test_is_not_what_stands_in_the_index_under_another_key(self, machine: str) -> None:
        """A role that may add entries to the audit could put one there."""
        new = self.waits(machine)
        assert waiting.done(new)
        put({"pk": "waiting#elsewhere", "sk": "waiting", "kind": "waiting"} | new.model_dump(mode="json"))

        assert self.turn() == []


@pytest.mark.parametrize(
    ("name", "following"), [("F-0a1b", "F-0a1b-2"), ("F-0a1b-2", "F-0a1b-3"), ("F-0a1b-9", "F-0a1b-10"), ("F", "F-2")]
)
def test_every_turn_has_a_name_of_its_own(name: str, following: str) -> None:
    assert next_name(name) == following


def test_the_name_of_a_turn_is_never_too_long() -> None:
    name = Upload.read(event(f"functions/{'F' * 64}/1.zip")["event"]["detail"]).execution_name
    for _ in range(1_000):
        name = next_name(name)

    assert len(name) <= LONGEST_EXECUTION_NAME


def test_a_real_upload_can_be_deployed(deployer: Deployer) -> None:
    artifact = deployer.upload(GOOD % 2, KEY)

    request = receive(event(version=artifact["version_id"]))

    found = boto3.client("s3").get_object(
        Bucket=request["artifact"]["bucket"],
        Key=request["artifact"]["key"],
        VersionId=request["artifact"]["version_id"],
    )
    assert found["VersionId"] == artifact["version_id"]


@pytest.mark.parametrize("sent", [None, [], {}, {"source": 5}, {"source": "aws.events"}], ids=repr)
def test_any_other_event_gives_those_who_wait_their_turn(sent: Any) -> None:
    assert receive_upload.handler(sent, CONTEXT) == {"started": []}


@pytest.mark.parametrize("detail", [None, [], {"object": {"key": KEY}}], ids=repr)
def test_an_event_of_s3_that_names_no_object_is_refused(machine: str, detail: Any) -> None:
    sent = event()
    sent["event"]["detail"] = detail

    with pytest.raises(InvalidRequest, match="nothing was started; upload the object again"):
        receive_upload.handler(sent, CONTEXT)

    assert executions(machine) == []
