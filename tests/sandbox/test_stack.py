"""A stack deployed by the ordinary `sam build` and `sam deploy` works as it would in AWS."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox import Sandbox
from sandbox.stack import deploy_stack
from sandbox.testing import Clients, eventually


@pytest.fixture(scope="module")
def stack(aws: Sandbox) -> Any:
    return deploy_stack(aws, Path(__file__).with_name("stack") / "template.yaml", "sample")


def get(url: str, key: str = "", secret: str = "") -> Any:
    request = AWSRequest("GET", url)
    if key:
        SigV4Auth(Credentials(key, secret), "execute-api", "eu-central-1").add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers))) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, None


def test_an_http_api_has_the_routes_of_its_functions_and_wants_a_signature(
    aws: Sandbox, stack: dict[str, str], client: Clients
) -> None:
    secret = aws.environment["AWS_SECRET_ACCESS_KEY"]
    user = client("iam").create_user(UserName="guest")["User"]["UserName"]
    key = client("iam").create_access_key(UserName=user)["AccessKey"]
    url = f"{stack['ApiUrl']}/greetings/anna"

    status, answer = get(url, "test", secret)
    assert (status, answer["path"]) == (200, "/greetings/anna")
    assert answer["arn"].endswith(":live")
    assert get(url)[0] == 403
    assert get(url, "test", "test")[0] == 403
    assert get(url, key["AccessKeyId"], key["SecretAccessKey"])[0] == 403
    assert get(url, key["AccessKeyId"], "wrong")[0] == 403
    assert get(f"{stack['ApiUrl']}/nowhere", "test", secret)[0] == 404


def test_an_upload_reaches_a_function_through_eventbridge_with_its_version_and_sequencer(
    stack: dict[str, str], client: Clients
) -> None:
    put = client("s3").put_object(Bucket=stack["Bucket"], Key="functions/shop/1.zip", Body=b"zip")

    row = eventually(
        lambda: client("dynamodb").get_item(TableName=stack["Table"], Key={"pk": {"S": "Object Created"}}).get("Item")
    )
    detail = json.loads(row["event"]["S"])["detail"]
    assert detail["bucket"]["name"] == stack["Bucket"]
    assert detail["object"]["key"] == "functions/shop/1.zip"
    assert detail["object"]["version-id"] == put["VersionId"]
    assert detail["object"]["etag"] == put["ETag"].strip('"')
    assert int(detail["object"]["sequencer"], 16) > 0
    assert detail["reason"] == "PutObject"


def test_a_machine_of_the_template_runs_with_its_substitutions_and_its_role(
    stack: dict[str, str], client: Clients
) -> None:
    states = client("stepfunctions")
    execution = states.start_execution(stateMachineArn=stack["Machine"], input="{}")["executionArn"]
    done = eventually(
        lambda: (found := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and found
    )
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"])["arn"].endswith(stack["Hello"])


def test_a_machine_s_log_and_its_metrics_tell_how_executions_ended(stack: dict[str, str], client: Clients) -> None:
    states, cloudwatch = client("stepfunctions"), client("cloudwatch")

    def total(namespace: str, metric: str, **dimensions: str) -> float:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        stat = {"Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": named}, "Period": 60}
        now = datetime.now(UTC)
        found = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {**stat, "Stat": "Sum"}}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
        )
        return float(sum(found["MetricDataResults"][0]["Values"]))

    execution = states.start_execution(stateMachineArn=stack["Machine"], input='{"wrong": 1}')["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=execution)["status"] == "FAILED")

    events = client("logs").filter_log_events(logGroupName=stack["MachineLogs"])["events"]
    lines = [json.loads(event["message"]) for event in events]
    mine = [line for line in lines if line["execution_arn"] == execution]
    assert [line["type"] for line in mine] == [
        "ExecutionStarted",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    assert mine[-1]["details"] == {"error": "WrongInput", "cause": "as asked for"}
    assert total("Sample", "Wrong") == 1
    assert total("AWS/States", "ExecutionsFailed", StateMachineArn=stack["Machine"]) == 1
    assert total("AWS/States", "ExecutionsAborted", StateMachineArn=stack["Machine"]) == 0


def test_the_table_has_its_index_and_its_recovery(stack: dict[str, str], client: Clients) -> None:
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=stack["Table"], Item={"pk": {"S": "a"}, "kind": {"S": "lock"}})
    found = dynamodb.query(
        TableName=stack["Table"],
        IndexName="ByKind",
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": {"S": "lock"}},
    )["Items"]
    assert [item["pk"]["S"] for item in found] == ["a"]
    backups = dynamodb.describe_continuous_backups(TableName=stack["Table"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_an_alarm_on_metric_math_goes_red_and_green_again_by_itself(stack: dict[str, str], client: Clients) -> None:
    cloudwatch = client("cloudwatch")

    def state() -> Any:
        return cloudwatch.describe_alarms(AlarmNames=[stack["Alarm"]])["MetricAlarms"][0]["StateValue"]

    eventually(lambda: state() == "OK")

    def is_red_while_requests_fail() -> bool:
        failing = [{"MetricName": "Errors", "Value": 3}, {"MetricName": "Invocations", "Value": 10}]
        cloudwatch.put_metric_data(Namespace="Sample", MetricData=failing)
        return bool(state() == "ALARM")

    eventually(is_red_while_requests_fail)
    eventually(lambda: state() == "OK")


def test_a_schedule_is_there_at_its_rate(stack: dict[str, str], client: Clients) -> None:
    rules = client("events").list_rules()["Rules"]
    assert [rule["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule] == ["rate(1 minute)"]


def test_deploying_again_changes_nothing(aws: Sandbox, stack: dict[str, str], client: Clients) -> None:
    template = Path(__file__).with_name("stack") / "template.yaml"
    assert deploy_stack(aws, template, "sample") == stack
