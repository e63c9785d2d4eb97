"""A stack deployed by the ordinary `sam build` and `sam deploy` works as it would in AWS."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.stack import deploy_stack
from sandbox.testing import eventually


@pytest.fixture(scope="module")
def stack(aws):
    return deploy_stack(aws, Path(__file__).with_name("stack") / "template.yaml", "sample")


def get(url, key=None, secret="test"):
    request = AWSRequest("GET", url)
    if key:
        SigV4Auth(Credentials(key, secret), "execute-api", "eu-central-1").add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers))) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, None


def test_an_http_api_has_the_routes_of_its_functions_and_wants_a_signature(stack, client):
    user = client("iam").create_user(UserName="guest")["User"]["UserName"]
    key = client("iam").create_access_key(UserName=user)["AccessKey"]
    url = f"{stack['ApiUrl']}/greetings/anna"

    status, answer = get(url, "test")
    assert (status, answer["path"]) == (200, "/greetings/anna")
    assert answer["arn"].endswith(":live")
    assert get(url)[0] == 403
    assert get(url, key["AccessKeyId"], key["SecretAccessKey"])[0] == 403
    assert get(url, key["AccessKeyId"], "wrong")[0] == 403
    assert get(f"{stack['ApiUrl']}/nowhere", "test")[0] == 404


def test_an_upload_reaches_a_function_through_eventbridge_with_its_version_and_sequencer(stack, client):
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


def test_a_machine_of_the_template_runs_with_its_substitutions_and_its_role(stack, client):
    states = client("stepfunctions")
    execution = states.start_execution(stateMachineArn=stack["Machine"], input="{}")["executionArn"]
    done = eventually(
        lambda: (found := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and found
    )
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"])["arn"].endswith(stack["Hello"])


def test_the_table_has_its_index_and_its_recovery(stack, client):
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


def test_an_alarm_on_metric_math_goes_red_and_green_again_by_itself(stack, client):
    cloudwatch = client("cloudwatch")

    def state():
        return cloudwatch.describe_alarms(AlarmNames=[stack["Alarm"]])["MetricAlarms"][0]["StateValue"]

    eventually(lambda: state() == "OK")
    for metric, value in [("Errors", 3), ("Invocations", 10)]:
        cloudwatch.put_metric_data(Namespace="Sample", MetricData=[{"MetricName": metric, "Value": value}])
    eventually(lambda: state() == "ALARM")
    eventually(lambda: state() == "OK")


def test_a_schedule_is_there_at_its_rate(stack, client):
    rules = client("events").list_rules()["Rules"]
    assert [rule["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule] == ["rate(1 minute)"]


def test_deploying_again_changes_nothing(aws, stack, client):
    began = time.monotonic()
    template = Path(__file__).with_name("stack") / "template.yaml"
    assert deploy_stack(aws, template, "sample") == stack
    assert time.monotonic() - began < 60
