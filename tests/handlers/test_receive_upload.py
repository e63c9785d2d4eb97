"""ReceiveUpload turns an object created in the artifact bucket into one deployment."""

import json
from typing import Any

import boto3
import pytest

import receive_upload
from bluegreen.errors import AwsRefused, AwsUnavailable, InvalidRequest
from bluegreen.request.request import Request
from tests.handlers.desk import context_of
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, Deployer

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
    return arn


def event(key: str = KEY, version: str = "v1", sequencer: str = SEQUENCER) -> dict[str, Any]:
    """As EventBridge delivers it."""
    return {
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
            "reason": "PutObject",
        },
    }


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
    assert request["started_by"] == "upload by 123456789012"
    Request.read(request)


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
    [("{", "is not JSON"), (b"\xff\xfe\xfd", "is not JSON"), ("[]", "is not a JSON object"), ("", "is not JSON")],
)
def test_settings_that_cannot_be_read_start_a_deployment_that_is_refused(text: str | bytes, said: str) -> None:
    settings(text)

    with pytest.raises(
        InvalidRequest, match=f"deployment_json: s3://{BUCKET}/functions/{FUNCTION}/deployment.json {said}"
    ):
        Request.read(receive(event()))


@pytest.mark.parametrize(
    ("key", "field"),
    [("functions/1.zip", "function"), ("functions/../1.zip", "function"), ("functions/A/../B/1.zip", "artifact.key")],
)
def test_a_key_that_names_no_function_starts_a_deployment_that_is_refused(key: str, field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"(^|; ){field}: "):
        Request.read(receive(event(key)))


def test_settings_of_another_folder_are_never_read(deployer: Deployer) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="functions/../deployment.json", Body=b'{"traffic": "AllAtOnce"}')

    assert "traffic" not in receive(event("functions/../1.zip"))


@pytest.mark.parametrize("operation", ["GetObject", "StartExecution"])
def test_aws_out_of_order_is_for_eventbridge_to_repeat(deployer: Deployer, machine: str, operation: str) -> None:
    with deployer.aws.fails(operation, "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        receive_upload.handler(event(), CONTEXT)

    assert executions(machine) == []


def test_settings_that_may_not_be_read_are_not_taken_for_none(deployer: Deployer, machine: str) -> None:
    with deployer.aws.fails("GetObject", "AccessDenied"), pytest.raises(AwsRefused):
        receive_upload.handler(event(), CONTEXT)

    assert executions(machine) == []


def test_a_real_upload_can_be_deployed(deployer: Deployer) -> None:
    artifact = deployer.upload(GOOD % 2, KEY)

    request = receive(event(version=artifact["version_id"]))

    found = boto3.client("s3").get_object(
        Bucket=request["artifact"]["bucket"],
        Key=request["artifact"]["key"],
        VersionId=request["artifact"]["version_id"],
    )
    assert found["VersionId"] == artifact["version_id"]
